// expect: use of deleted function 'tacet::Parameter<float, 2>::Parameter(const tacet::Parameter<float, 2>&)'
// SPDX-License-Identifier: MIT
#include <tacet/nn/parameter.hpp>

using Weight = tacet::Parameter<float, 2>;

Weight take(Weight& weight) {
#ifdef MISTAKE
    return weight;
#endif
    return std::move(weight);
}
