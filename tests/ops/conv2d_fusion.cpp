// SPDX-License-Identifier: MIT
#include <support/catch.hpp>
#include <tacet/autograd/backward.hpp>
#include <tacet/autograd/gradcheck.hpp>
#include <tacet/core/buffer.hpp>
#include <tacet/ops/conv2d.hpp>
#include <tacet/ops/loss.hpp>
#include <tacet/tensor/factory.hpp>
#include <cstring>
#include <limits>
#include <vector>

namespace conv2d_fusion_test {
// What follows a convolution and what stands before it, computed with it, must be what it is by itself.
using namespace tacet;

namespace {
template <class T> using Images = Variable<T, 4>;
template <class T> Images<T> drawn(Shape<4> const& shape, Rng& rng, bool requires_grad = true) {
    return Images<T>(Tensor<T, 4>(uniform<T>(shape, rng) - T(0.5)), requires_grad);
}
/// The same memory, as a variable of its own.
template <class T, int R> Variable<T, R> twin(Variable<T, R> const& x) { return Variable<T, R>(x.value(), true); }

template <class T, int R> bool same_bits(Tensor<T, R> const& a, Tensor<T, R> const& b) {
    return a.shape() == b.shape() && std::memcmp(a.data(), b.data(), static_cast<std::size_t>(a.size()) * sizeof(T)) == 0;
}
template <class T, int R> double distance(Tensor<T, R> const& a, Tensor<T, R> const& b) {
    REQUIRE(a.shape() == b.shape());
    double difference = 0, norm = 1e-30;
    for (Index i = 0; i < a.size(); ++i) {
        auto const x = static_cast<double>(a.data()[i]), y = static_cast<double>(b.data()[i]);
        difference += (x - y) * (x - y), norm += y * y;
    }
    return std::sqrt(difference / norm);
}

/// A convolution's operands.
template <class T> struct Operands {
    Images<T> x, skip, w;
    Variable<T, 1> b;
    Conv2dOptions options;

    Operands(Shape<4> const& xs, Shape<4> const& ss, Index out, Conv2dOptions const& o, Rng& rng)
        : x(drawn<T>(xs, rng)), skip(drawn<T>(ss, rng)), w(drawn<T>({{out, xs[3] + ss[3], 3, 3}}, rng)),
          b(Tensor<T, 1>(uniform<T>(Shape{out}, rng) - T(0.5)), true), options(o) {}
    Operands(Operands const& o) : x(twin(o.x)), skip(twin(o.skip)), w(twin(o.w)), b(twin(o.b)), options(o.options) {}
};

/// The fused result against the one whose every step has a name: the same bits, and gradients that differ by rounding only.
template <class T> void compare(Operands<T> const& operands, auto const& run_fused, auto const& run_named) {
    Operands<T> const fused(operands), named(operands);
    Images<T> const y = run_fused(fused), expected = run_named(named);
    CHECK(same_bits(y.value(), expected.value()));
    Rng rng(5);
    auto const gy = Tensor<T, 4>(uniform<T>(y.shape(), rng) - T(0.5));
    backward(y, gy), backward(expected, gy);
    double const tolerance = sizeof(T) == 4 ? 2e-6 : 1e-14;
    CHECK(distance(fused.x.grad(), named.x.grad()) < tolerance);
    CHECK(fused.skip.has_grad() == named.skip.has_grad());
    if (named.skip.has_grad()) CHECK(distance(fused.skip.grad(), named.skip.grad()) < tolerance);
    CHECK(distance(fused.w.grad(), named.w.grad()) < tolerance);
    CHECK(distance(fused.b.grad(), named.b.grad()) < tolerance);
}

template <class T> void compare_epilogues(Shape<4> const& xs, Index out, Conv2dOptions const& o) {
    INFO("x " << to_string(xs) << ", " << out << " outputs, " << sizeof(T) << " bytes");
    Rng rng(3);
    Shape<4> none = xs;
    none[3] = 0;
    Operands<T> const operands(xs, none, out, o, rng);
    auto const conv = [](Operands<T> const& p) { return conv2d(p.x, p.w, p.b, p.options); };
    auto const each = [&](auto const& activation) {
        compare(operands, [&](auto const& p) { return activation(conv(p)); }, [&](auto const& p) {
            auto const y = conv(p);
            return Images<T>(activation(y));
        });
        compare(operands, [&](auto const& p) { return max_pool2d(activation(conv(p)), 2); }, [&](auto const& p) {
            auto const y = conv(p);
            Images<T> const z = activation(y);
            return max_pool2d(z, 2);
        });
    };
    each([](auto&& y) { return relu(std::forward<decltype(y)>(y)); });
    each([](auto&& y) { return leaky_relu(std::forward<decltype(y)>(y), 0.1); });
    each([](auto&& y) { return leaky_relu(std::forward<decltype(y)>(y), 1.5); });
    compare(operands, [&](auto const& p) { return max_pool2d(conv(p), 2, 2, 0); }, [&](auto const& p) {
        Images<T> const y = conv(p);
        return max_pool2d(y, 2);
    });
}

/// A convolution of x, of which each pixel is seen f x f times, beside skip, in both orders; and of x alone.
template <class T> void compare_loaders(Index h, Index w, Index c, Index f, Index beside, Index out, Conv2dOptions const& o) {
    INFO(h << " x " << w << " x " << c << ", magnified " << f << ", beside " << beside << ", " << out << " outputs");
    Rng rng(4);
    Operands<T> const p(Shape{2, h, w, c}, Shape{2, h * f, w * f, beside}, out, o, rng);
    auto const convolved = [](auto const& q, auto&& x) { return conv2d(std::forward<decltype(x)>(x), q.w, q.b, q.options); };
    compare(p, [&](auto const& q) { return convolved(q, concat(upsample_nearest(q.x, f), q.skip)); }, [&](auto const& q) {
        Images<T> const large = upsample_nearest(q.x, f);
        Images<T> const both = concat(large, q.skip);
        return convolved(q, both);
    });
    compare(p, [&](auto const& q) { return relu(convolved(q, concat(q.skip, upsample_nearest(q.x, f)))); }, [&](auto const& q) {
        Images<T> const large = upsample_nearest(q.x, f), both = concat(q.skip, large), y = convolved(q, both);
        return Images<T>(relu(y));
    });
    Operands<T> const alone(Shape{2, h, w, c}, Shape{2, h * f, w * f, 0}, out, o, rng);
    compare(alone, [&](auto const& q) { return convolved(q, upsample_nearest(q.x, f)); }, [&](auto const& q) {
        Images<T> const large = upsample_nearest(q.x, f);
        return convolved(q, large);
    });
}
}  // namespace

TEST_CASE("Activations and pooling of a convolution, fused and by themselves") {
    for (Index out : {16, 33, 48}) compare_epilogues<float>(Shape{2, 9, 14, 20}, out, {.padding = 1});
    compare_epilogues<float>(Shape{1, 8, 7, 64}, 64, {.padding = 1});
    compare_epilogues<float>(Shape{1, 5, 6, 16}, 16, {.padding = 2, .padding_mode = PaddingMode::Reflect});
    compare_epilogues<float>(Shape{1, 11, 12, 3}, 48, {.padding = 1});  // dense
    compare_epilogues<float>(Shape{1, 11, 12, 32}, 3, {.padding = 1});  // narrow
    compare_epilogues<float>(Shape{1, 11, 12, 24}, 16, {.stride = 2});
    compare_epilogues<double>(Shape{1, 6, 9, 18}, 17, {.padding = 1});
    DirectConvolutions const direct;
    compare_epilogues<float>(Shape{1, 6, 9, 18}, 17, {.padding = 1});
}

TEST_CASE("A depthwise convolution is activated, too") {
    Rng rng(6);
    auto const x = drawn<float>(Shape{1, 9, 10, 37}, rng), w = drawn<float>(Shape{37, 1, 3, 3}, rng);
    Conv2dOptions const o{.padding = 1, .groups = 37};
    Images<float> const y = conv2d(x, w, o), fused = leaky_relu(conv2d(x, w, o), 0.2);
    CHECK(same_bits(fused.value(), Tensor<float, 4>(leaky_relu(y.value(), 0.2))));
}

TEST_CASE("Upsampled and concatenated images as a convolution's input, fused and in memory") {
    compare_loaders<float>(4, 6, 32, 2, 16, 24, {.padding = 1});
    compare_loaders<float>(5, 4, 32, 2, 3, 16, {.padding = 1});
    compare_loaders<float>(5, 4, 19, 3, 7, 16, {.padding = 1});
    compare_loaders<float>(3, 4, 16, 1, 48, 40, {.padding = 1});
    compare_loaders<float>(4, 4, 32, 2, 32, 16, {.padding = 1, .padding_mode = PaddingMode::Reflect});
    compare_loaders<float>(6, 5, 5, 2, 4, 2, {.padding = 1});
    compare_loaders<float>(6, 5, 40, 2, 20, 2, {.stride = 2});
    compare_loaders<float>(20, 18, 96, 2, 48, 96, {.padding = 1});  // several slices of the weights' gradient
    compare_loaders<double>(3, 4, 10, 2, 6, 9, {.padding = 1});
}

TEST_CASE("Groups of a convolution may lie across two images") {
    Rng rng(8);
    auto const x = drawn<float>(Shape{1, 4, 5, 20}, rng), skip = drawn<float>(Shape{1, 8, 10, 28}, rng), w = drawn<float>(Shape{32, 24, 3, 3}, rng);
    Conv2dOptions const o{.padding = 1, .groups = 2};
    Images<float> const large = upsample_nearest(x, 2), both = concat(large, skip), y = conv2d(both, w, o);
    Images<float> const fused = conv2d(concat(upsample_nearest(x, 2), skip), w, o);
    CHECK(same_bits(fused.value(), y.value()));
}

TEST_CASE("Gradients of fused convolutions against differences") {
    Rng rng(9);
    auto const x = drawn<double>(Shape{1, 2, 3, 2}, rng), skip = drawn<double>(Shape{1, 4, 6, 1}, rng), w = drawn<double>(Shape{3, 3, 3, 3}, rng);
    auto const b = Variable<double, 1>(uniform<double>(Shape{3}, rng), true);
    auto const f = [](auto const& x_, auto const& skip_, auto const& w_, auto const& b_) {
        return max_pool2d(leaky_relu(conv2d(concat(upsample_nearest(x_, 2), skip_), w_, b_, {.padding = 1}), 0.2), 2);
    };
    CHECK(gradcheck(f, x, skip, w, b));
}

TEST_CASE("Not a number and infinity pass a fused activation and pooling as they pass them by themselves") {
    Rng rng(10);
    auto const x = drawn<float>(Shape{1, 8, 8, 16}, rng), w = drawn<float>(Shape{16, 16, 3, 3}, rng);
    auto const b = Variable<float, 1>(zeros<float>(Shape{16}), true);
    float const special[] = {std::numeric_limits<float>::quiet_NaN(), std::numeric_limits<float>::infinity(), -std::numeric_limits<float>::infinity()};
    for (int k = 0; k < 3; ++k) b.value().data()[k] = special[k];
    Images<float> const y = conv2d(x, w, b, {.padding = 1}), activated = relu(y);
    Images<float> const fused = relu(conv2d(x, w, b, {.padding = 1})), pooled = max_pool2d(relu(conv2d(x, w, b, {.padding = 1})), 2);
    CHECK(same_bits(fused.value(), activated.value()));
    CHECK(same_bits(pooled.value(), max_pool2d(activated, 2).value()));
    CHECK(std::isnan(fused.value()(0, 0, 0, 0)));
    CHECK(fused.value()(0, 0, 0, 2) == 0);
}

TEST_CASE("What has a name is computed once, as it stands") {
    Rng rng(11);
    auto const x = drawn<float>(Shape{1, 8, 8, 16}, rng), w = drawn<float>(Shape{16, 16, 3, 3}, rng);
    auto const y = conv2d(x, w, {.padding = 1});
    CHECK(y.shape() == Shape{1, 8, 8, 16});
    Images<float> const positive = relu(y), sum = y + positive;
    float const* const memory = y.value().data();
    CHECK(y.value().data() == memory);
    auto const copy = y;
    CHECK(copy.value().data() == memory);
    CHECK(same_bits(sum.value(), Tensor<float, 4>(y.value() + relu(y.value()))));
    auto z = conv2d(x, w, {.padding = 1});
    z = relu(z);
    CHECK(same_bits(z.value(), positive.value()));
    z = conv2d(z, w, {.padding = 1});
    auto const again = conv2d(positive, w, {.padding = 1});
    CHECK(same_bits(z.value(), again.value()));
    z = again;
    CHECK(z.value().data() == again.value().data());
}

TEST_CASE("A deferred convolution is what it would have been at once") {
    Rng rng(12);
    auto const x = drawn<float>(Shape{1, 8, 8, 16}, rng), w = drawn<float>(Shape{16, 16, 3, 3}, rng);
    auto const unrecorded = [&] {
        NoGrad const guard;
        return conv2d(x, w, {.padding = 1});
    };
    CHECK_FALSE(unrecorded().requires_grad());
    CHECK_FALSE(relu(unrecorded()).requires_grad());
    CHECK_FALSE(max_pool2d(unrecorded(), 2).requires_grad());
    auto const recorded = conv2d(x, w, {.padding = 1});
    {
        NoGrad const guard;
        CHECK(recorded.requires_grad());
        CHECK_FALSE(Images<float>(relu(conv2d(x, w))).requires_grad());
    }
    auto const precise = [&] {
        DirectConvolutions const guard;
        return conv2d(x, w, {.padding = 1});
    };
    auto const late = precise();
    DirectConvolutions const guard;
    Images<float> const at_once = conv2d(x, w, {.padding = 1});
    CHECK(same_bits(late.value(), at_once.value()));
}

TEST_CASE("Errors are told where they are made, not where the result is used") {
    Rng rng(13);
    auto const x = drawn<float>(Shape{1, 8, 8, 4}, rng), w = drawn<float>(Shape{4, 4, 3, 3}, rng);
    CHECK_THROWS_WITH(conv2d(x, drawn<float>(Shape{4, 5, 3, 3}, rng)), test::contains("takes 5"));
    CHECK_THROWS_WITH(concat(upsample_nearest(x, 2), x), test::contains("differ in more than dimension 3"));
    CHECK_THROWS_WITH(leaky_relu(conv2d(x, w), -1), test::contains("is negative"));
    CHECK_THROWS_WITH(max_pool2d(conv2d(x, w), 7), test::contains("does not fit"));
    CHECK_THROWS_WITH(upsample_nearest(x, 0), test::contains("is not positive"));
}

TEST_CASE("A build without cuDNN says so when it is wanted") {
    if (CudnnConvolutions::built) CHECK_NOTHROW(CudnnConvolutions());
    else CHECK_THROWS_WITH(CudnnConvolutions(), test::contains("has no cuDNN"));
    CHECK_NOTHROW(CudnnConvolutions(false));
    CHECK_FALSE(CudnnConvolutions::wanted());
}

TEST_CASE("Fused images are never in memory") {
    Rng rng(14);
    NoGrad const guard;
    auto const x = drawn<float>(Shape{1, 64, 64, 48}, rng, false), skip = drawn<float>(Shape{1, 128, 128, 48}, rng, false),
               w = drawn<float>(Shape{16, 96, 3, 3}, rng, false);
    release_cached_memory();
    std::size_t const before = memory_statistics().limit;
    set_memory_limit(memory_statistics().live + (std::size_t(1) << 20));  // put together, they are 6 MB
    CHECK_NOTHROW(max_pool2d(relu(conv2d(concat(upsample_nearest(x, 2), skip), w, {.padding = 1})), 2).value());
    set_memory_limit(before);
}

TEST_CASE("Results too large for the caches are the same") {
    Rng rng(15);
    NoGrad const guard;
    auto const x = drawn<float>(Shape{1, 330, 420, 16}, rng, false), w = drawn<float>(Shape{32, 16, 3, 3}, rng, false);
    Images<float> const y = conv2d(x, w, {.padding = 1});
    CHECK(y.size() * 4 > Index(1) << 24);
    auto const strip = [&](Index from, Index rows) {
        Tensor<float, 4> part(Shape{1, rows, 420, 16});
        std::copy_n(x.value().data() + from * 420 * 16, part.size(), part.data());
        return Images<float>(conv2d(Images<float>(part), w, {.padding = 1}));
    };
    Images<float> const middle = strip(96, 40);  // its tiles are those of the whole
    for (Index i = 4; i < 36; ++i)
        CHECK(std::memcmp(&middle.value()(0, i, 0, 0), &y.value()(0, 96 + i, 0, 0), 420 * 32 * sizeof(float)) == 0);
}
}  // namespace conv2d_fusion_test
