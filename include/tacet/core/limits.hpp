// SPDX-License-Identifier: MIT
#pragma once
#include <string>
#include <vector>

// What the options of optimizers, schedules and networks may be. Their listings give these to the visitor like the attributes of
// io/option_field.hpp, but name no type of io: apply(traits) calls what the visitor's traits offer.
namespace tacet::detail {

/// Numbers greater than `low`.
struct AboveLimit {
    double low;
    void apply(auto& traits) const { traits.set_low(low, true); }
};
/// Numbers from `low` on.
struct LowLimit {
    double low;
    void apply(auto& traits) const { traits.set_low(low); }
};
/// Numbers from `low` to `high`; either end is excluded where it is open.
struct Limits {
    double low, high;
    bool low_open = false, high_open = false;
    void apply(auto& traits) const { traits.set_low(low, low_open), traits.set_high(high, high_open); }
};
/// The words that a text may be.
struct Words {
    std::vector<std::string> words;
    void apply(auto& traits) const { traits.set_names(words); }
};

}  // namespace tacet::detail
