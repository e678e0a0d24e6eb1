// SPDX-License-Identifier: MIT
#include <every_header.hpp>

int threads_seen_by_second() { return tacet::num_threads(); }
bool recording_seen_by_second() { return tacet::detail::recording(); }
char const* isa_of_second() { return tacet::isa(); }

float sum_in_second(tacet::Tensor<float, 2> const& x) {
    float sum = 0;
    for (tacet::Index i = 0; i < x.shape()[0]; ++i)
        for (tacet::Index j = 0; j < x.shape()[1]; ++j) sum += x(i, j);
    return sum;
}
