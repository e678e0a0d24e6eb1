// SPDX-License-Identifier: MIT
#include <support/catch.hpp>
#include <tacet/autograd/backward.hpp>
#include <tacet/autograd/pullback.hpp>
#include <tacet/core/thread_pool.hpp>
#include <tacet/expr/functions.hpp>
#include <tacet/ops/layer_norm.hpp>
#include <tacet/ops/linear.hpp>
#include <tacet/ops/swin_block.hpp>
#include <tacet/tensor/factory.hpp>

namespace swin_block_test {
using namespace tacet;
using detail::SwinMatrix, detail::SwinVector;

namespace {
using Mask = Tensor<std::uint8_t, 4>;

struct Setting {
    Shape<4> shape;
    WindowAttentionOptions options;
    Index hidden;
    int percent;             // of tokens that are hidden; -1: no mask
    double bias = 1;         // standard deviation of the table
    bool factors = false;
};

template <class T> struct Block {
    Variable<T, 4> x;
    detail::SwinParameters<T, Cpu> p;
    Tensor<T, 4> gy;
    Mask keep;
    Tensor<float, 2> factors;
    WindowAttentionOptions options;

    /// The same numbers for both types.
    template <int R> static Variable<T, R> normal(Shape<R> const& shape, Rng& rng, double deviation, double mean = 0) {
        auto const x = randn<float>(shape, rng);
        return Variable<T, R>(Tensor<T, R>(cast<T>(x * static_cast<float>(deviation) + static_cast<float>(mean))), true);
    }
    static Block random(Setting const& s) {
        Rng rng(1);
        Index const c = s.shape[3], f = s.hidden, side = 2 * s.options.window - 1;
        double const w = 1 / std::sqrt(double(c));
        Block b{normal(s.shape, rng, 1, 0.2),
                {{normal(Shape{3 * c, c}, rng, 1.5 * w), normal(Shape{c, c}, rng, w), normal(Shape{f, c}, rng, w),
                  normal(Shape{c, f}, rng, w), normal(Shape{side * side, s.options.heads}, rng, s.bias)},
                 {normal(Shape{c}, rng, 0.2, 1), normal(Shape{c}, rng, 0.2), normal(Shape{3 * c}, rng, 0.5), normal(Shape{c}, rng, 0.2),
                  normal(Shape{c}, rng, 0.2, 1), normal(Shape{c}, rng, 0.2), normal(Shape{f}, rng, 0.2), normal(Shape{c}, rng, 0.2)}},
                normal(s.shape, rng, 1).value(), {}, {}, s.options};
        if (s.percent >= 0) {
            b.keep = Mask(Shape{s.shape[0], s.shape[1], s.shape[2], Index(1)});
            for (Index k = 0; k < b.keep.size(); ++k) b.keep.data()[k] = 100 * rng.uniform() >= static_cast<float>(s.percent);
        }
        if (s.factors) {
            b.factors = Tensor<float, 2>(Shape{Index(2), s.shape[0]});
            for (Index k = 0; k < b.factors.size(); ++k) b.factors.data()[k] = k % 3 == 1 ? 0.f : 1.25f;
        }
        return b;
    }

    Variable<T, 4> fused() const { return detail::swin_block(x, p, {.window = options, .keep = keep, .factors = factors}); }
    Variable<T, 4> branch(Variable<T, 4> const& y, Index number) const {
        if (!factors.data()) return y;
        Tensor<T, 4> const f(Shape{y.shape()[0], Index(1), Index(1), Index(1)});
        for (Index k = 0; k < f.size(); ++k) f.data()[k] = static_cast<T>(factors(number, k));
        return y * f;
    }
    Variable<T, 4> composed() const {
        auto const m = [&](std::size_t k) { return p.matrix[k]; };
        auto const v = [&](std::size_t k) { return p.vector[k]; };
        Variable<T, 4> z = layer_norm(x, v(SwinVector::norm1_weight), v(SwinVector::norm1_bias));
        if (keep.data()) z = z * cast<T>(keep);
        auto const qkv = linear(z, m(SwinMatrix::qkv), v(SwinVector::qkv));
        auto const attention = window_attention(qkv, m(SwinMatrix::table), options);
        Variable<T, 4> const y = x + branch(linear(attention, m(SwinMatrix::proj), v(SwinVector::proj)), 0);
        auto const z2 = layer_norm(y, v(SwinVector::norm2_weight), v(SwinVector::norm2_bias));
        Variable<T, 4> const h = gelu(linear(z2, m(SwinMatrix::fc1), v(SwinVector::fc1)));
        return y + branch(linear(h, m(SwinMatrix::fc2), v(SwinVector::fc2)), 1);
    }

    /// The result and the gradients of everything, flat.
    template <bool is_fused> std::vector<std::vector<double>> results() const {
        auto const y = [&] {
            if constexpr (is_fused) return fused();
            else return composed();
        }();
        backward(y, gy);
        std::vector<std::vector<double>> all;
        auto const add = [&](auto const& t) { all.emplace_back(t.data(), t.data() + t.size()); };
        add(y.value());
        auto const take = [&](auto const& leaf) { add(leaf.grad()), leaf.zero_grad(); };
        take(x);
        for (auto const& leaf : p.matrix) take(leaf);
        for (auto const& leaf : p.vector) take(leaf);
        return all;
    }
};

double distance(std::vector<double> const& a, std::vector<double> const& b) {
    double difference = 0, norm = 0;
    for (std::size_t k = 0; k < b.size(); ++k) difference += (a[k] - b[k]) * (a[k] - b[k]), norm += b[k] * b[k];
    return std::sqrt(difference / std::max(norm, 1.0));  // some gradients are 0 but for rounding: of the table where all tokens are hidden
}
/// The largest relative distance of all results, from those of the composition of elementary operations in double.
template <class T> double distance(Setting const& s) {
    auto const fused = Block<T>::random(s).template results<true>();
    auto const expected = Block<double>::random(s).results<false>();
    double largest = 0;
    for (std::size_t k = 0; k < expected.size(); ++k) {
        INFO("result " << k << ": y, x, qkv, proj, fc1, fc2, table, norm1, norm1, qkv, proj, norm2, norm2, fc1, fc2");
        CHECK(fused[k].size() == expected[k].size());
        largest = std::max(largest, distance(fused[k], expected[k]));
    }
    return largest;
}

std::vector<Setting> const settings{
    {{1, 8, 8, 12}, {.window = 4, .shift = 0, .heads = 2}, 24, -1},
    {{2, 8, 12, 12}, {.window = 4, .shift = 2, .heads = 3}, 17, -1},
    {{1, 6, 7, 10}, {.window = 4, .shift = 1, .heads = 2}, 20, -1},           // windows that end early
    {{1, 16, 16, 20}, {.window = 8, .shift = 4, .heads = 2}, 40, 75},
    {{2, 8, 16, 12}, {.window = 8, .shift = 0, .heads = 1}, 24, 50, 1, true},
    {{1, 8, 8, 12}, {.window = 4, .shift = 2, .heads = 2}, 24, 100},          // all hidden
    {{1, 9, 5, 12}, {.window = 3, .shift = 1, .heads = 2}, 24, 60},
    {{1, 16, 16, 60}, {.window = 8, .shift = 4, .heads = 6}, 120, 75},        // the released sizes
    {{1, 8, 8, 12}, {.window = 4, .shift = 2, .heads = 2}, 24, 60, 40},       // biases too different to share exponentials
};
}  // namespace

TEST_CASE("a fused Swin block gives what its operations give, one by one: values and gradients") {
    for (auto const& s : settings) {
        INFO("x " << concat_text(s.shape) << ", window " << s.options.window << ", shift " << s.options.shift << ", " << s.percent
                  << " % masked");
        CHECK(distance<double>(s) < 1e-12);
        CHECK(distance<float>(s) < (s.bias > 10 ? 1e-4 : 2e-6));
    }
}

TEST_CASE("a fused Swin block has the same bits for any number of threads") {
    Setting const s{{2, 24, 16, 12}, {.window = 4, .shift = 2, .heads = 2}, 24, 75};
    auto const block = Block<float>::random(s);
    int const before = num_threads();
    set_num_threads(1);
    auto const one = block.results<true>();
    for (int const threads : {2, 4}) {
        set_num_threads(threads);
        CHECK(block.results<true>() == one);
    }
    set_num_threads(before);
}

TEST_CASE("a fused Swin block: without recording nothing is kept, and the result is the same") {
    auto const block = Block<float>::random(settings[3]);
    auto const recorded = block.fused();
    NoGrad const guard;
    auto const plain = block.fused();
    CHECK(recorded.requires_grad());
    CHECK(!plain.requires_grad());
    CHECK(std::equal(plain.value().data(), plain.value().data() + plain.size(), recorded.value().data()));
}

TEST_CASE("a fused Swin block refuses what does not fit") {
    auto block = Block<float>::random(settings[0]);
    block.keep = Mask(Shape{1, 8, 7, 1});
    CHECK_THROWS_WITH(block.fused(), Catch::Matchers::ContainsSubstring("the mask (1, 8, 7, 1) does not fit x (1, 8, 8, 12)"));
    block.keep = {};
    block.p.matrix[SwinMatrix::proj] = Variable(zeros<float>(Shape{12, 11}));
    CHECK_THROWS_WITH(block.fused(), Catch::Matchers::ContainsSubstring("(12, 11) does not fit x (1, 8, 8, 12)"));
}
}  // namespace swin_block_test
