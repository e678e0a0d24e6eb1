// SPDX-License-Identifier: MIT
#pragma once
#include <tacet/optim/parameter_list.hpp>

namespace tacet {

/// Stochastic gradient descent with momentum as PyTorch defines it: v = momentum v + g, w -= rate v (Nesterov: rate (g + momentum v)).
struct SgdOptions {
    double rate = 1e-2, momentum = 0, weight_decay = 0;
    bool nesterov = false;
    static void fields(auto& self, auto&& field) {
        field("rate", self.rate, "learning rate"), field("momentum", self.momentum, "share of the last step that is kept"),
            field("weight_decay", self.weight_decay, "added to the gradient, times the weight"),
            field("nesterov", self.nesterov, "look ahead along the momentum");
    }
};

template <class T = float, Device D = Cpu> class Sgd {
public:
    template <Module M>
    explicit Sgd(M& module, SgdOptions const& options = {}) : options_(options), parameters_(flat_parameters<T, D>(module)) {
        for (auto const& p : parameters_) velocity_.push_back(Tensor<T, 1, D>(Constant<T, 1, D>{p.value.shape(), T(0)}));
    }
    /// Moves every parameter that has a gradient, and clears the gradients.
    void step() {
        T const rate = static_cast<T>(options_.rate), momentum = static_cast<T>(options_.momentum),
                decay = static_cast<T>(options_.weight_decay);
        ++steps_;
        for (std::size_t i = 0; i < parameters_.size(); ++i) {
            auto const& p = parameters_[i];
            if (auto const g = p.grad(); g.size() > 0) {
                auto const full = g + decay * p.value;
                velocity_[i].assign(momentum * velocity_[i] + full);
                if (options_.nesterov) p.value.assign(p.value - rate * (full + momentum * velocity_[i]));
                else p.value.assign(p.value - rate * velocity_[i]);
            }
            p.zero_grad();
        }
    }
    /// Clears the gradients without moving: for steps that are skipped.
    void skip() {
        for (auto const& p : parameters_) p.zero_grad();
    }
    void set_rate(double rate) { options_.rate = rate; }
    double rate() const { return options_.rate; }
    Index steps() const { return steps_; }
    void set_steps(Index steps) { steps_ = steps; }
    void for_each_state(auto&& visit) {
        for (std::size_t i = 0; i < parameters_.size(); ++i) visit("momentum." + parameters_[i].name, velocity_[i]);
    }

private:
    SgdOptions options_;
    std::vector<FlatParameter<T, D>> parameters_;
    std::vector<Tensor<T, 1, D>> velocity_;
    Index steps_ = 0;
};

}  // namespace tacet
