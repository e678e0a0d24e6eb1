// SPDX-License-Identifier: MIT
// A kernel that reads one element behind the end of its memory: the address sanitizer ends the program.
#include <tacet/core/launch.cuh>
#include <tacet/tensor/tensor.hpp>

using namespace tacet;

namespace {
struct SumNeighbours {
    float* y;
    float const* x;
    void operator()(Index k) const { y[k] = x[k] + x[k + 1]; }
};
}  // namespace

int main() {
    Tensor<float, 1, Cuda> const x(Shape{100}), y(Shape{100});
    launch_each("sum_neighbours", x.size(), SumNeighbours{y.data(), x.data()});
}
