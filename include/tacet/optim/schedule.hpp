// SPDX-License-Identifier: MIT
#pragma once
#include <tacet/core/error.hpp>
#include <tacet/core/limits.hpp>
#include <tacet/core/shape.hpp>
#include <algorithm>
#include <cmath>
#include <limits>
#include <numbers>
#include <string>
#include <vector>

// Learning-rate schedules: factors on the base rate as functions of the step (0 before the first), so that resuming needs no state; only
// Plateau has some.
namespace tacet {

/// gamma^k after k of the milestones (in steps) have been reached.
inline double multi_step_factor(Index step, std::vector<Index> const& milestones, double gamma) {
    return std::pow(gamma, static_cast<double>(std::count_if(milestones.begin(), milestones.end(), [&](Index m) { return step >= m; })));
}

/// From 1 down to `floor` along half a cosine over `total` steps (Loshchilov & Hutter, 2017, without restarts).
inline double cosine_factor(Index step, Index total, double floor = 0) {
    double const t = std::min(1.0, static_cast<double>(step) / static_cast<double>(std::max<Index>(total, 1)));
    return floor + (1 - floor) * 0.5 * (1 + std::cos(std::numbers::pi * t));
}

/// Noise2Noise's ramp: 1, then (0.5 + cos(pi t) / 2)^2 over the last `fraction` of `total` steps (Lehtinen et al., 2018, released code).
inline double ramp_down_factor(Index step, Index total, double fraction = 0.3) {
    double const start = static_cast<double>(total) * (1 - fraction), length = static_cast<double>(total) * fraction;
    if (static_cast<double>(step) < start || length <= 0) return 1;
    double const t = std::min(1.0, (static_cast<double>(step) - start) / length), c = 0.5 + 0.5 * std::cos(std::numbers::pi * t);
    return c * c;
}

/// PyTorch's ReduceLROnPlateau (mode min, relative threshold): the factor is multiplied by `gamma` when the loss has not improved
/// for more than `patience` observations.
class Plateau {
public:
    explicit Plateau(double gamma = 0.5, double patience = 10, double threshold = 1e-4)
        : gamma_(gamma), patience_(patience), threshold_(threshold) {}
    /// The factor after this observation.
    double observe(double loss) {
        if (loss < best_ * (1 - threshold_) || (std::isinf(best_) && std::isfinite(loss))) best_ = loss, waited_ = 0;
        else if (static_cast<double>(++waited_) > patience_) factor_ *= gamma_, waited_ = 0;
        return factor_;
    }
    double factor() const { return factor_; }
    /// Calls visit(name, number) for what a checkpoint must hold.
    void for_each_state(auto&& visit) { visit("best", best_), visit("factor", factor_), visit("waited", waited_); }

private:
    double gamma_, patience_, threshold_;
    double best_ = std::numeric_limits<double>::infinity(), factor_ = 1;
    Index waited_ = 0;
};

/// A schedule chosen by name: "constant", "multi_step", "cosine", "ramp_down", or, where validations are observed, "plateau".
struct ScheduleOptions {
    std::string kind = "ramp_down";
    std::vector<Index> milestones = {};
    double gamma = 0.5, floor = 0, fraction = 0.3;
    Index patience = 5;
    static void fields(auto& self, auto&& field) {
        constexpr detail::Limits share{.low = 0, .high = 1};
        field("kind", self.kind, "the learning rate over the run",
              detail::Words{{"constant", "multi_step", "cosine", "ramp_down", "plateau"}});
        field("milestones", self.milestones, "multi_step: where the rate falls, in steps");
        field("gamma", self.gamma, "multi_step, plateau: factor each time the rate falls",
              detail::Limits{.low = 0, .high = 1, .low_open = true});
        field("floor", self.floor, "cosine: the last factor", share);
        field("fraction", self.fraction, "ramp_down: share of the steps at the end that ramp", share);
        field("patience", self.patience, "plateau: validations without improvement that are borne before the rate falls",
              detail::LowLimit{0});
    }
};

/// The factor of a schedule at a step, of `total` steps. Throws Error for an unknown kind, and for "plateau" (see Plateau).
inline double schedule_factor(ScheduleOptions const& o, Index step, Index total) {
    if (o.kind == "constant") return 1;
    if (o.kind == "multi_step") return multi_step_factor(step, o.milestones, o.gamma);
    if (o.kind == "cosine") return cosine_factor(step, total, o.floor);
    if (o.kind == "ramp_down") return ramp_down_factor(step, total, o.fraction);
    check(o.kind != "plateau", "the schedule \"plateau\" is no function of the step: it follows what a Plateau observes");
    throw Error("unknown schedule \"" + o.kind + "\": constant, multi_step, cosine, ramp_down and plateau are known");
}

}  // namespace tacet
