// SPDX-License-Identifier: MIT
#pragma once
#include <tacet/optim/parameter_list.hpp>

namespace tacet {

/// What all optimizers share: the parameters of a module, the options, of which `rate` follows a schedule, and the count of steps. An
/// optimizer adds its moments and step(), which moves every parameter that has a gradient and clears the gradients. Rate and count lie on
/// the parameters' device, so that a recorded step (see Replay) goes by what holds when it is launched.
template <class T, Device D, class Options> class Optimizer {
public:
    /// Clears the gradients without moving: for steps that are skipped.
    void skip() {
        for (auto const& p : parameters_) p.zero_grad();
    }
    /// Sets the learning rate of the steps to come.
    void set_rate(double rate) { rate_.assign(Constant<double, 0, D>{Shape<0>{}, options_.rate = rate}); }
    double rate() const { return options_.rate; }
    /// How many steps were made; skipped ones do not count. On a GPU the host waits for those under way.
    Index steps() const { return item(steps_); }
    /// Sets that number: when a run continues.
    void set_steps(Index steps) { steps_.assign(Constant<Index, 0, D>{Shape<0>{}, steps}); }

    /// The sum of the squares of all gradients.
    Tensor<double, 0, D> gradient_squares() const {
        Tensor<double, 0, D> squares{Shape<0>{}};
        GradientSquares<D>::run(detail::parameter_runs(parameters_), squares);
        return squares;
    }

protected:
    template <Module M> Optimizer(M& module, Options const& options) : options_(options), parameters_(flat_parameters<T, D>(module)) {
        set_rate(options.rate), set_steps(0);
    }
    ~Optimizer() = default;

    /// A moment of all parameters: zeros.
    Tensor<T, 1, D> moment() const { return detail::zeros_for(parameters_); }
    /// Calls visit("kind.name of the parameter", tensor of rank 1) for each parameter's part of a moment.
    void for_each_moment(std::string const& kind, Tensor<T, 1, D> const& moment, auto&& visit) {
        for (auto const& p : parameters_) visit(kind + "." + p.name, p.part_of(moment));
    }

    Options options_;
    std::vector<FlatParameter<T, D>> parameters_;
    Tensor<double, 0, D> rate_{Shape<0>{}};
    Tensor<Index, 0, D> steps_{Shape<0>{}};
};

}  // namespace tacet
