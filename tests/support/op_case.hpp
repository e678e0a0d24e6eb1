// SPDX-License-Identifier: MIT
#pragma once
#include <support/op_run.hpp>

// The table of operations: one entry drives the comparison with a naive reference, the check of the gradients, float against
// double, and a benchmark. Every public function of ops/*.hpp and of expr/functions.hpp has at least one (tests/ops/coverage.cpp).
// Entries register themselves, in the test file of the operation:
//
//     #include <support/catch.hpp>
//     #include <support/op_case.hpp>
//     #include <tacet/ops/pool.hpp>
//     using namespace tacet;
//     using namespace tacet::test;
//
//     namespace {
//     Array reference(Arrays const& in) {                       // plain loops over doubles, nothing of the library
//         Array const& x = in[0];                               // (N, H, W, C)
//         Array y({x.extent(0), x.extent(3)});
//         double const pixels = double(x.extent(1) * x.extent(2));
//         for_each_index(x.shape, [&](Extents const& i) { y[{i[0], i[3]}] += x[i] / pixels; });
//         return y;
//     }
//     Case<4> const global_average({                            // <the ranks of the inputs>
//         .name = "global_average_pool",                        // the public function
//         .reference = reference,
//         .shapes = {{{1, 1, 1, 1}}, {{2, 3, 5, 1}}, ...},      // runs: a shape per input. At least five, one of size 1
//         .bench = {.shapes = {{8, 64, 64, 32}}, .flops = [](Shapes const& s) { return double(count(s[0])); }},
//     }, [](auto const& x) { return global_average_pool(x); }); // called with Variables of double and of float
//     }  // namespace
//
//     TEST_CASE("global_average_pool: values, gradients, float") { CHECK(failures_of("global_average_pool") == ""); }
//
// * Several parameters of one operation: write `Case<4, 4> conv_case(std::string variant, ConvOptions o, ...)`, a function with one
//   lambda that captures the options, and call it for each: the operation is then compiled once. Case copies, several may share a name.
// * `weights(R)` instead of R is an input that stays float where images are stored in 16 bits: Case<4, weights(4), weights(1)>. On devices
//   (tests/cuda) the same cases run in 16 bits, too: F must take those types.
// * Inputs are spread over [-2, 2]; `.inputs` changes that per input, and names those without a derivative (masks, indices).
// * To try a single file: `g++ ... tests/ops/pool.cpp tests/support/op_check.cpp tests/support/main.cpp`, then run it with the name
//   of a test.
// * Keep runs small: every element of every input costs two evaluations for the finite differences.
// * Nothing here uses Catch2. benchmarks/ops links the same objects.
namespace tacet::test {

/// Registers an operation on inputs of ranks R...: see the top of this file.
template <int... R> struct Case {
    template <class F> Case(OpCase op, F const& f) {
        op.f32 = detail::make_run<float, Cpu, R...>(f);
        op.f64 = detail::make_run<double, Cpu, R...>(f);
        op_cases().push_back(std::move(op));
    }
};

/// What is wrong with a public function by its cases: one line per failed run, or nothing. Too few cases are wrong, too.
std::string failures_of(std::string const& name);
bool has_case(std::string const& name);

}  // namespace tacet::test
