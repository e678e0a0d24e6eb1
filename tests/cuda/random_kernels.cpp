// SPDX-License-Identifier: MIT
// Random numbers drawn by kernels.
#include "../support/catch.hpp"
#include <support/values.hpp>
#include <tacet/core/launch.cuh>
#include <tacet/core/random.hpp>
#include <tacet/tensor/move.hpp>

namespace random_kernels_test {
using namespace tacet;

namespace {
/// One number of each distribution for an index; those that are whole as doubles, which hold them.
struct Draws {
    float *uniform, *normal;
    double *wide, *below, *few, *many;
    Stream stream;
    __host__ __device__ void operator()(Index k) const {
        auto const at = static_cast<std::uint64_t>(k);
        uniform[k] = uniform_at(stream, at), normal[k] = normal_at(stream, at);
        wide[k] = uniform_double_at(stream, at), below[k] = static_cast<double>(below_at(stream, at, 1'000'003));
        few[k] = static_cast<double>(poisson_at(stream, at, 3.7)), many[k] = static_cast<double>(poisson_at(stream, at, 1234.5));
    }
};
}  // namespace

TEST_CASE("Kernels draw the CPU's random numbers, bit for bit", "[random]") {
    Index const n = 4099;
    Stream const stream{.seed = 0x1234567890abcdef, .purpose = Purpose::noise, .image = 3, .epoch = 2};
    Tensor<float, 2, Cuda> const floats(Shape{Index(2), n});
    Tensor<double, 2, Cuda> const doubles(Shape{Index(4), n});
    auto* const f = floats.data();
    auto* const d = doubles.data();
    launch_each("draws", n, Draws{f, f + n, d, d + n, d + 2 * n, d + 3 * n, stream});

    Tensor<float, 2> const expected_floats(floats.shape());
    Tensor<double, 2> const expected_doubles(doubles.shape());
    auto* const g = expected_floats.data();
    auto* const e = expected_doubles.data();
    Draws const on_cpu{g, g + n, e, e + n, e + 2 * n, e + 3 * n, stream};
    for (Index k = 0; k < n; ++k) on_cpu(k);
    CHECK(test::same_bits(to<Cpu>(floats), expected_floats));
    CHECK(test::same_bits(to<Cpu>(doubles), expected_doubles));
}
}  // namespace random_kernels_test
