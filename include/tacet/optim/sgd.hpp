// SPDX-License-Identifier: MIT
#pragma once
#include <tacet/core/limits.hpp>
#include <tacet/optim/optimizer.hpp>

namespace tacet {

/// Stochastic gradient descent with momentum as PyTorch defines it: v = momentum v + g, w -= rate v (Nesterov: rate (g + momentum v)).
struct SgdOptions {
    double rate = 1e-2, momentum = 0, weight_decay = 0;
    bool nesterov = false;
    static void fields(auto& self, auto&& field) {
        field("rate", self.rate, "learning rate", detail::AboveLimit{0});
        field("momentum", self.momentum, "share of the last step that is kept", detail::Limits{.low = 0, .high = 1, .high_open = true});
        field("weight_decay", self.weight_decay, "added to the gradient, times the weight", detail::LowLimit{0});
        field("nesterov", self.nesterov, "look ahead along the momentum");
    }
};

/// SGD over the parameters of a module. T and D are those of the parameters.
template <class T = float, Device D = Cpu> class Sgd : public Optimizer<T, D, SgdOptions> {
public:
    template <Module M> explicit Sgd(M& module, SgdOptions const& options = {}) : Optimizer<T, D, SgdOptions>(module, options) {}

    /// Moves every parameter that has a gradient, and clears the gradients.
    void step() {
        auto const& o = this->options_;
        T const momentum = static_cast<T>(o.momentum), decay = static_cast<T>(o.weight_decay);
        Tensor<T, 0, D> const rate = cast<T>(this->rate_);
        this->steps_ += Index(1);
        for (auto const& p : this->parameters_) {
            auto const &w = p.value, g = p.grad(), v = p.part_of(velocity_);
            if (g.size() == 0) continue;
            auto const full = g + decay * w;
            v.assign(momentum * v + full);
            if (o.nesterov) w.assign(w - rate * (full + momentum * v));
            else w.assign(w - rate * v);
        }
        this->skip();
    }
    /// Calls visit(name, tensor of rank 1) for what a checkpoint must hold besides steps().
    void for_each_state(auto&& visit) { this->for_each_moment("momentum", velocity_, visit); }

private:
    Tensor<T, 1, D> velocity_ = this->moment();
};

}  // namespace tacet
