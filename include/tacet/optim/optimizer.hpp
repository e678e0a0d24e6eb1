// SPDX-License-Identifier: MIT
#pragma once
#include <tacet/optim/parameter_list.hpp>

namespace tacet {

/// What all optimizers share: the parameters of a module, the options, of which `rate` follows a schedule, and the count of steps. An
/// optimizer adds its moments and step(), which moves every parameter that has a gradient and clears the gradients.
template <class T, Device D, class Options> class Optimizer {
public:
    /// Clears the gradients without moving: for steps that are skipped.
    void skip() {
        for (auto const& p : parameters_) p.zero_grad();
    }
    /// Sets the learning rate of the steps to come.
    void set_rate(double rate) { options_.rate = rate; }
    double rate() const { return options_.rate; }
    /// How many steps were made; skipped ones do not count.
    Index steps() const { return steps_; }
    /// Sets that number: when a run continues.
    void set_steps(Index steps) { steps_ = steps; }

protected:
    template <Module M> Optimizer(M& module, Options const& options) : options_(options), parameters_(flat_parameters<T, D>(module)) {}
    ~Optimizer() = default;

    /// A moment: zeros in the form of each parameter.
    std::vector<Tensor<T, 1, D>> zeros_like_parameters() const {
        std::vector<Tensor<T, 1, D>> list;
        for (auto const& p : parameters_) list.push_back(Tensor<T, 1, D>(Constant<T, 1, D>{p.value.shape(), T(0)}));
        return list;
    }
    /// Calls move(number of the parameter, its value (n), its gradient (n)) for each that has a gradient, and clears all gradients.
    void for_each_gradient(auto&& move) {
        for (std::size_t i = 0; i < parameters_.size(); ++i) {
            auto const& p = parameters_[i];
            if (auto const g = p.grad(); g.size() > 0) move(i, p.value, g);
            p.zero_grad();
        }
    }
    /// Calls visit("kind.name of the parameter", tensor) for each tensor of a moment.
    void for_each_moment(std::string const& kind, std::vector<Tensor<T, 1, D>>& moment, auto&& visit) {
        for (std::size_t i = 0; i < parameters_.size(); ++i) visit(kind + "." + parameters_[i].name, moment[i]);
    }

    Options options_;
    Index steps_ = 0;

private:
    std::vector<FlatParameter<T, D>> parameters_;
};

}  // namespace tacet
