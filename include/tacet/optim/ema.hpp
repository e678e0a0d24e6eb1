// SPDX-License-Identifier: MIT
#pragma once
#include <tacet/optim/parameter_list.hpp>

namespace tacet {

/// An exponential moving average of a module's parameters: average = decay average + (1 - decay) parameter, after each step.
template <class T = float, Device D = Cpu> class Ema {
public:
    template <Module M> Ema(M& module, double decay) : decay_(decay), parameters_(flat_parameters<T, D>(module)) {
        check(decay >= 0 && decay < 1, "the decay of a moving average lies in [0, 1), not at ", decay);
        for (auto const& p : parameters_) average_.push_back(p.value.clone());
    }
    void update() { update(decay_); }
    /// The same with another decay, such as a lower one while the average is young.
    void update(double decay) {
        T const share = static_cast<T>(1 - decay);
        for (std::size_t i = 0; i < average_.size(); ++i) average_[i].assign(average_[i] + share * (parameters_[i].value - average_[i]));
    }
    /// Exchanges the module's parameters with the average; a second call restores them.
    void swap() {
        for (std::size_t i = 0; i < average_.size(); ++i) {
            auto const mine = average_[i].clone();
            average_[i].assign(parameters_[i].value);
            parameters_[i].value.assign(mine);
        }
    }

private:
    double decay_;
    std::vector<FlatParameter<T, D>> parameters_;
    std::vector<Tensor<T, 1, D>> average_;
};

}  // namespace tacet
