// SPDX-License-Identifier: MIT
// Convolutions with what they do besides, and the ways that products take, on the device.
#include "beside_cpu.hpp"
#include <tacet/ops/conv2d.hpp>
#include <tacet/ops/conv_transpose2d.hpp>
#include <tacet/ops/linear.hpp>
#include <tacet/ops/matmul.hpp>
#include <limits>

namespace product_kernels_test {
using namespace tacet;
using namespace tacet::test;

namespace {

/// A rectified and pooled convolution of x, magnified, and z side by side: at once, and with a name for every step.
auto const at_once = [](auto const& x, auto const& z, auto const& w, auto const& b, Index factor, Conv2dOptions const& o, double slope) {
    return Variable(max_pool2d(leaky_relu(conv2d(concat(upsample_nearest(x, factor), z), w, b, o), slope), 2));
};
auto const step_by_step = [](auto const& x, auto const& z, auto const& w, auto const& b, Index factor, Conv2dOptions const& o, double slope) {
    Variable const large = upsample_nearest(x, factor), both = concat(large, z), y = conv2d(both, w, b, o), active = leaky_relu(y, slope);
    return Variable(max_pool2d(active, 2));
};
struct Fusion {
    Index h, w, channels, factor, more, out;
    Conv2dOptions options = {.padding = 1};

    template <class X> Results on_device(auto const& op) const {
        return results<X, Cuda>([&](auto const&... in) { return op(in..., factor, options, 0); }, images(Shape{2, h, w, channels}),
                                images(Shape{2, h * factor, w * factor, more}),
                                weights(Shape{out, (channels + more) / options.groups, 3, 3}), weights(Shape{out}));
    }
    void check_on_cpu() const {
        compare<float>(1e-11, [&](auto const&... in) { return at_once(in..., factor, options, 0.1); }, images(Shape{2, h, w, channels}),
                       images(Shape{2, h * factor, w * factor, more}), weights(Shape{out, (channels + more) / options.groups, 3, 3}),
                       weights(Shape{out}));
    }
};
/// With a slope of 0, before which it is all the same whether a sum has been rounded. Many results are equal then.
template <class X> void check_bits(Fusion const& f) {
    Results const fused = f.on_device<X>(at_once), named = f.on_device<X>(step_by_step);
    CHECK(fused[0] == named[0]);
    for (std::size_t k = 1; k < fused.size(); ++k) CHECK(relative_square(fused[k], named[k]) < 1e-12);
}
Fusion const fusions[] = {{4, 5, 8, 2, 8, 12},       {3, 3, 5, 3, 2, 3},
                          {4, 4, 12, 1, 3, 70},      {9, 7, 16, 1, 4, 16, {.stride = 2}},
                          {3, 4, 26, 2, 6, 7},       {4, 5, 40, 1, 32, 8, {.padding = 1, .groups = 2}},  // sums in parts
                          {4, 4, 72, 1, 71, 5, {.stride = 2, .padding = 1}},  // of which the last has nothing left
                          {4, 3, 6, 2, 6, 8, {.padding = 1, .groups = 2}}, {5, 6, 8, 1, 8, 8, {.padding = 2, .padding_mode = PaddingMode::Reflect}}};

}  // namespace

TEST_CASE("What a convolution does besides is what it would be by itself",
          "[conv2d][conv2d_activation][conv2d_images][conv2d_weights]") {
    for (Fusion const& f : fusions) {
        INFO(f.h << " x " << f.w << " x " << f.channels << " and " << f.more << ", magnified by " << f.factor << ", to " << f.out);
        f.check_on_cpu();
        check_bits<float>(f);
        check_bits<BFloat16>(f);
        check_bits<Half>(f);
    }
}
TEST_CASE("Of equal results, the first one in the window wins", "[conv2d]") {
    auto const x = Variable<BFloat16, 4, Cuda>(ones<BFloat16, Cuda>(Shape{1, 5, 4, 3}), true);
    auto const w = Variable<float, 4, Cuda>(ones<float, Cuda>(Shape{5, 3, 1, 1}));
    backward(Variable(max_pool2d(conv2d(x, w), 2)), ones<BFloat16, Cuda>(Shape{1, 2, 2, 5}));
    auto const gx = to<Cpu>(x.grad());
    for (Index i = 0; i < 5; ++i)
        for (Index j = 0; j < 4; ++j) CHECK(static_cast<float>(gx(0, i, j, 0)) == (i < 4 && i % 2 == 0 && j % 2 == 0 ? 5 : 0));
}
TEST_CASE("Not a number wins over all others", "[conv2d]") {
    auto const image = zeros<float>(Shape{1, 4, 4, 1});
    image(0, 1, 0, 0) = std::numeric_limits<float>::quiet_NaN(), image(0, 2, 2, 0) = std::numeric_limits<float>::infinity();
    auto const w = ones<float, Cuda>(Shape{1, 1, 1, 1});
    auto const y = to<Cpu>(max_pool2d(relu(conv2d(Variable(to<Cuda>(image)), Variable(w))), 2).value());
    CHECK(std::isnan(y(0, 0, 0, 0)));
    CHECK(y(0, 1, 1, 0) == image(0, 2, 2, 0));
    CHECK(y(0, 0, 1, 0) == 0);
}
TEST_CASE("What is fused is never in memory", "[conv2d][conv2d_images]") {
    NoGrad const guard;
    auto const x = Variable(values<float, Cuda>(Shape{1, 16, 16, 8}, 1)), skip = Variable(values<float, Cuda>(Shape{1, 32, 32, 8}, 2));
    auto const w = Variable(values<float, Cuda>(Shape{8, 16, 3, 3}, 3));
    release_cached_memory();
    set_memory_limit<Cuda>(memory_statistics<Cuda>().live + 24 * 1024);  // put together, they are 64 KB; the full-size result is 32 KB
    CHECK_NOTHROW(max_pool2d(relu(conv2d(concat(upsample_nearest(x, 2), skip), w, {.padding = 1})), 2).value());
    set_memory_limit<Cuda>(std::numeric_limits<std::size_t>::max());
}
namespace {
template <class X> void check_gelu() {
    auto const x = images(Shape{70, 37});
    auto const w = weights(Shape{67, 37});
    auto const b = weights(Shape{67});
    auto const joined = [](auto const& v, auto const&... layer) { return Variable(gelu(linear(v, layer...))); };
    auto const apart = [](auto const& v, auto const&... layer) {
        Variable const sums = linear(v, layer...);
        return Variable(gelu(sums));
    };
    CHECK(results<X, Cuda>(joined, x, w, b) == results<X, Cuda>(apart, x, w, b));
    Results const fused = results<X, Cuda>(joined, x, w), named = results<X, Cuda>(apart, x, w);  // by cuBLAS, the sums
    for (std::size_t k = 0; k < fused.size(); ++k) CHECK(relative_square(fused[k], named[k]) < (is_16_bit<X> ? 1e-5 : 1e-12));
}
}  // namespace
TEST_CASE("A GELU that follows a linear layer has the same bits as by itself", "[linear]") {
    check_gelu<float>();
    check_gelu<double>();
    check_gelu<BFloat16>();
    check_gelu<Half>();
}
TEST_CASE("The sums before a GELU are in memory only where its gradient is wanted", "[linear]") {
    auto const x = values<float, Cuda>(Shape{256, 16}, 1);
    auto const w = Variable(values<float, Cuda>(Shape{256, 16}, 2));
    auto const b = Variable(values<float, Cuda>(Shape{256}, 3));
    release_cached_memory();
    set_memory_limit<Cuda>(memory_statistics<Cuda>().live + 300 * 1024);  // the result is 256 KB
    CHECK_NOTHROW(gelu(linear(Variable(x), w, b)).value());
    CHECK_THROWS_AS(gelu(linear(Variable(x, true), w, b)).value(), OutOfMemory);
    set_memory_limit<Cuda>(std::numeric_limits<std::size_t>::max());
}

namespace {
/// The squared errors of results that were computed by `op` and its pull, relative to the squares of what double gives. cuBLAS may round, but
/// need not.
template <bool must_round = true, class F, class... In> void check_rounded(F const& op, In const&... in) {
    auto const expected = results<double, Cpu>(op, in...), precise = results<float, Cuda>(op, in...);
    auto const rounded = [&] {
        TensorFloat32 const guard;
        return results<float, Cuda>(op, in...);
    }();
    CHECK(results<float, Cuda>(op, in...) == precise);
    for (std::size_t k = 0; k < expected.size(); ++k) {
        INFO((k ? concat_text("gradient of input ", k - 1) : std::string("result")));
        CHECK(relative_square(precise[k], expected[k]) < 1e-12);
        CHECK(relative_square(rounded[k], expected[k]) < 1e-6);
    }
    if (emulated || must_round) CHECK(relative_square(rounded[0], expected[0]) > 1e-10);
}
/// Numbers that TF32 does not hold.
auto const thirds = [](auto const& x) { return Variable(x / 3); };
}  // namespace

TEST_CASE("Floats are rounded to TF32 where that is wanted, and not otherwise", "[conv2d][conv2d_images][linear][gemm]") {
    auto const conv = [](Conv2dOptions const& o) {
        return [o](auto const& x, auto const& w, auto const& b) { return conv2d(thirds(x), thirds(w), b, o); };
    };
    check_rounded(conv({.padding = 1}), images(Shape{1, 6, 7, 5}), weights(Shape{6, 5, 3, 3}), weights(Shape{6}));
    check_rounded(conv({.padding = 1}), images(Shape{2, 9, 11, 24}), weights(Shape{68, 24, 3, 3}), weights(Shape{68}));
    check_rounded(conv({.stride = 2, .padding = 1, .groups = 2}), images(Shape{1, 8, 9, 8}), weights(Shape{6, 4, 3, 3}), weights(Shape{6}));
    check_rounded([](auto const& x, auto const& w, auto const& b) {
        return conv_transpose2d(thirds(x), thirds(w), b, {.stride = 2, .padding = 1});
    }, images(Shape{1, 5, 4, 6}), weights(Shape{6, 5, 3, 3}), weights(Shape{5}));
    check_rounded([](auto const& x, auto const& w, auto const& b) { return linear(thirds(x), thirds(w), b); }, images(Shape{70, 37}),
                  weights(Shape{68, 37}), weights(Shape{68}));
    check_rounded<false>([](auto const& a, auto const& b) { return matmul(thirds(a), thirds(b)); }, images(Shape{2, 9, 20}),
                         images(Shape{2, 20, 33}));
}

namespace {
/// A batch of products of every transposition, by cuBLAS and by our kernels, into numbers of type S.
template <class T, class S> void check_products(double limit) {
    using enum Transposition;
    Index const batch = 2, m = 9, n = 33, k = 20;
    for (auto const ta : {None, Transpose})
        for (auto const tb : {None, Transpose}) {
            auto const a = values<T, Cuda>(Shape{batch, m * k}, 1), b = values<T, Cuda>(Shape{batch, k * n}, 2);
            Tensor<S, 2, Cuda> const by_cublas(Shape{batch, m * n}), by_us(Shape{batch, m * n});
            detail::gemm("product", ta, tb, batch, m, n, k, a.data(), b.data(), by_cublas.data());
            detail::Gemm<T, S>{ta, tb, batch, m, n, k, a.data(), b.data(), by_us.data()}.run("product");
            INFO((ta == None) << (tb == None) << sizeof(T) << sizeof(S));
            CHECK(relative_square(to<Cpu>(by_us), to<Cpu>(by_cublas)) < limit);
        }
}
}  // namespace

TEST_CASE("Products by cuBLAS are those of our kernels", "[gemm]") {
    check_products<float, float>(1e-13), check_products<double, double>(1e-28);
    check_products<BFloat16, BFloat16>(1e-5), check_products<BFloat16, float>(1e-13);
    check_products<Half, Half>(1e-7), check_products<Half, float>(1e-13);
}
TEST_CASE("A product of nothing is zero", "[gemm]") {
    auto const c = matmul(Variable(zeros<float, Cuda>(Shape{3, 0})), Variable(zeros<float, Cuda>(Shape{0, 4})));
    CHECK(relative_square(to<Cpu>(c.value()), zeros<float>(Shape{3, 4})) == 0);
}
TEST_CASE("What cuBLAS refuses is told with its extents", "[gemm]") {
    float* const none = nullptr;
    CHECK_THROWS_WITH((detail::Gemm<float, float>{Transposition::None, Transposition::None, 1, 2, 3, -1, none, none, none}.run_cublas("product")),
                      contains("product of (1, 2, -1) (1, -1, 3): CUBLAS_STATUS_INVALID_VALUE"));
}

namespace {
/// A convolution beside the CPU; the emulated cuDNN shows by other last digits than ours that it computes it (tests/emulation/cudnn.cpp).
template <class X> void check_cudnn(double limit, bool takes, auto const& op, auto const&... in) {
    auto const ours = results<X, Cuda>(op, in...);
    CudnnConvolutions const guard;
    compare<X>(limit, op, in...);
    if (emulated) CHECK((results<X, Cuda>(op, in...) == ours) == !takes);
}
}  // namespace

TEST_CASE("Convolutions by cuDNN where that is wanted", "[conv2d][conv2d_activation][conv2d_cudnn][conv2d_weights]") {
    if (!CudnnConvolutions::built) return skip("this build has no cuDNN");
    auto const conv = [](Conv2dOptions const& o) {
        return [o](auto const& x, auto const& w, auto const& b) { return conv2d(thirds(x), thirds(w), b, o); };
    };
    for (Conv2dOptions const& o : {Conv2dOptions{.padding = 1}, Conv2dOptions{.stride = 2, .padding = 1, .dilation = 2, .groups = 2}}) {
        check_cudnn<float>(1e-11, true, conv(o), images(Shape{2, 9, 7, 8}), weights(Shape{6, 8 / o.groups, 3, 2}), weights(Shape{6}));
        check_cudnn<double>(1e-26, true, conv(o), images(Shape{2, 9, 7, 8}), weights(Shape{6, 8 / o.groups, 3, 2}), weights(Shape{6}));
        check_cudnn<BFloat16>(1e-4, true, conv(o), images(Shape{2, 9, 7, 8}), weights(Shape{6, 8 / o.groups, 3, 2}), weights(Shape{6}));
    }
    check_cudnn<float>(1e-11, true, [](auto const& x, auto const& w) {
        return Variable(leaky_relu(conv2d(thirds(x), thirds(w), {.padding = 1}), 0.1));
    }, images(Shape{1, 6, 7, 12}), weights(Shape{5, 12, 3, 3}));
    check_cudnn<float>(1e-11, true, [](auto const& x, auto const& w, auto const& b) {
        return conv_transpose2d(thirds(x), thirds(w), b, {.stride = 2, .padding = 1});
    }, images(Shape{1, 5, 4, 6}), weights(Shape{6, 5, 3, 3}), weights(Shape{5}));
}
TEST_CASE("Convolutions that cuDNN cannot do are ours", "[conv2d][conv2d_cudnn]") {
    if (!CudnnConvolutions::built) return skip("this build has no cuDNN");
    CudnnConvolutions const guard;
    for (Fusion const& f : fusions) f.check_on_cpu();
    auto const x = Variable(values<float, Cuda>(Shape{1, 6, 7, 12}, 1)), w = Variable(values<float, Cuda>(Shape{5, 12, 3, 3}, 2));
    Conv2dOptions const reflect{.padding = 1, .padding_mode = PaddingMode::Reflect};
    auto const by_cudnn = to<Cpu>(conv2d(thirds(x), thirds(w), reflect).value());
    CudnnConvolutions const ours(false);
    CHECK(relative_square(by_cudnn, to<Cpu>(conv2d(thirds(x), thirds(w), reflect).value())) == 0);
}
}  // namespace product_kernels_test
