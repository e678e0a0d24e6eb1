// SPDX-License-Identifier: MIT
#pragma once
#include <tacet/optim/parameter_list.hpp>

namespace tacet {

/// The decay of a moving average after its first so many updates: a young one forgets faster, or the random start would linger in it.
constexpr double young_decay(double decay, double updates) {
    double const young = updates / (updates + 10);
    return young < decay ? young : decay;
}

namespace detail {
/// Moves an average by this share of its distance towards the values.
template <class T, Device D> void follow(Tensor<T, 1, D> const& average, Tensor<T, 1, D> const& values, T share) {
    average.assign(average + share * (values - average));
}
}  // namespace detail

/// An exponential moving average of a module's parameters: average = decay average + (1 - decay) parameter, after each step.
template <class T = float, Device D = Cpu> class Ema {
public:
    template <Module M> Ema(M& module, double decay) : decay_(decay), parameters_(flat_parameters<T, D>(module)) {
        check(decay >= 0 && decay < 1, "the decay of a moving average lies in [0, 1), not at ", decay);
        for (auto const& p : parameters_) p.part_of(average_).assign(p.value);
    }
    double decay() const { return decay_; }
    /// The average of all parameters (see FlatParameter::part_of), for optimizers that update it in the pass that moves them.
    Tensor<T, 1, D> const& average() const { return average_; }

    void update() {
        T const share = static_cast<T>(1 - decay_);
        for (auto const& p : parameters_) detail::follow(p.part_of(average_), p.value, share);
    }
    /// Exchanges the module's parameters with the average; a second call restores them.
    void swap() {
        for (auto const& p : parameters_) {
            auto const average = p.part_of(average_), mine = average.clone();
            average.assign(p.value);
            p.value.assign(mine);
        }
    }

private:
    double decay_;
    std::vector<FlatParameter<T, D>> parameters_;
    Tensor<T, 1, D> average_ = detail::zeros_for(parameters_);
};

}  // namespace tacet
