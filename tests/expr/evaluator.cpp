// SPDX-License-Identifier: MIT
#include <support/catch.hpp>
#include <tacet/tensor/factory.hpp>
#include <tacet/tensor/tensor.hpp>

namespace evaluator_test {
using namespace tacet;

namespace {
struct Threads {
    int before = num_threads();
    ~Threads() { set_num_threads(before); }
};
/// x(i, j, k) = 100 i + 10 j + k, whatever the layout.
float mark(Index i, Index j, Index k) { return static_cast<float>(100 * i + 10 * j + k); }
}  // namespace

TEST_CASE("walks of all sizes visit every element once, flat or strided, for any number of threads") {
    Threads const restore;
    for (int threads : {1, 2, 4}) {
        set_num_threads(threads);
        // Around the lengths of a chunk (512) and of a task (16384 elements), and with rows of every kind.
        for (Shape<2> const shape : {Shape{1, 1}, Shape{1, 511}, Shape{1, 512}, Shape{1, 513}, Shape{16384, 1}, Shape{3, 5461},
                                     Shape{129, 127}, Shape{5, 20'001}, Shape{20'001, 3}}) {
            auto const x = iota(shape);
            auto const row = iota(Shape{shape[1]});
            auto const column = iota(Shape{shape[0], 1});
            Tensor const flat = x * 2 + 1, strided = x - row - column * static_cast<float>(shape[1]);
            Index wrong = 0;
            for (Index k = 0; k < x.size(); ++k) wrong += flat.data()[k] != 2 * static_cast<float>(k) + 1 || strided.data()[k] != 0;
            INFO(to_string(shape) << ", " << threads << " threads");
            CHECK(wrong == 0);
        }
    }
}

TEST_CASE("results have the same bits for any number of threads") {
    Threads const restore;
    Rng rng(1);
    for (Shape<2> const shape : {Shape{1, 1}, Shape{3, 7}, Shape{131, 257}, Shape{17, 70'001}}) {
        auto const x = randn(shape, rng);
        auto const w = randn(Shape{shape[1]}, rng);
        auto const bits = [&](int threads) {
            set_num_threads(threads);
            Tensor const y = gelu(x * w) + exp(x) / (1 + abs(w));
            return std::vector<float>(y.data(), y.data() + y.size());
        };
        auto const one = bits(1);
        CHECK(bits(2) == one);
        CHECK(bits(4) == one);
    }
}

TEST_CASE("an element has the same value wherever it stands in a row: vector code and its remainder agree") {
    Rng rng(2);
    auto const values = randn(Shape{37}, rng);
    for (Index shift = 0; shift < 19; ++shift) {
        Tensor<float, 1> const moved(Shape{37 + shift});
        moved.assign(0);
        std::copy(values.data(), values.data() + 37, moved.data() + shift);
        Tensor const y = tanh(exp(values) * erf(values)), z = tanh(exp(moved) * erf(moved));
        for (Index k = 0; k < 37; ++k) REQUIRE(y(k) == z(k + shift));
    }
}

TEST_CASE("transposed, reversed and repeated views are read at the right places") {
    std::vector<float> memory(2 * 3 * 4);
    for (Index i = 0; i < 2; ++i)
        for (Index j = 0; j < 3; ++j)
            for (Index k = 0; k < 4; ++k) memory[static_cast<std::size_t>(k * 6 + j * 2 + i)] = mark(i, j, k);
    auto const x = Tensor<float, 3>::over(memory.data(), Shape{2, 3, 4}, Shape{1, 2, 6});
    for (Index i = 0; i < 2; ++i)
        for (Index j = 0; j < 3; ++j)
            for (Index k = 0; k < 4; ++k) CHECK(x(i, j, k) == mark(i, j, k));
    auto const reversed = Tensor<float, 1>::over(memory.data() + 23, Shape{24}, Shape{-1});
    CHECK(reversed(0) == memory[23]);
    CHECK(reversed(23) == memory[0]);
    auto const repeated = Tensor<float, 2>::over(memory.data(), Shape{3, 2}, Shape{0, 1});
    CHECK(repeated(2, 1) == memory[1]);
}
}  // namespace evaluator_test
