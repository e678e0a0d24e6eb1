// SPDX-License-Identifier: MIT
// Operations and networks on the device whose images are stored in 16 bits, beside the CPU in double: what the cases of tests/ops, all of
// which run in bfloat16, do not have, and what is too large for them.
#include "beside_cpu.hpp"
#include <nmse.hpp>
#include <support/values.hpp>
#include <tacet/autograd/cast.hpp>
#include <tacet/models/dncnn.hpp>
#include <tacet/models/masked_swinir.hpp>
#include <tacet/models/noise2noise.hpp>
#include <tacet/ops/loss.hpp>
#include <tacet/ops/matmul.hpp>
#include <tacet/tensor/move.hpp>

namespace sixteen_bit_kernels_test {
using namespace tacet;
using namespace tacet::test;

namespace {

/// With 8 significant bits.
template <class F, class... In> void compare_bfloat16(F const& op, In const&... in) { compare<BFloat16>(1e-4, op, in...); }
/// With 11, too: where the tensor cores have instructions of their own for them.
template <class F, class... In> void compare_both(F const& op, In const&... in) {
    compare_bfloat16(op, in...);
    compare<Half>(2e-6, op, in...);
}

}  // namespace

TEST_CASE("Expressions of 16-bit numbers", "[evaluator][pullback][reduce]") {
    Shape const s{2, 5, 7, 3};
    compare_bfloat16([](auto const& x, auto const& y, auto const& b) { return Variable(gelu(x * 0.5 + 1) * y + relu(x - b)); }, images(s),
                     images(s), images(Shape{3}));
    compare_bfloat16([](auto const& x, auto const& y) { return Variable(where(x < y, x * 2, sigmoid(y)) / 3); }, images(s), images(s));
    compare_bfloat16([](auto const& x) { return mean(square(x) + x); }, images(s));
    compare_bfloat16([](auto const& x) { return sum<1, 2>(x); }, images(s));
    compare_bfloat16([](auto const& x) { return max<3>(x); }, images(s));
    compare_bfloat16([](auto const& x) { return var<1>(x); }, images(s));
    compare_bfloat16([](auto const& x) {
        using T = typename std::remove_cvref_t<decltype(x)>::value_type;
        return Variable(cast<Wide<T>>(x) * 2);
    }, images(s));
}
TEST_CASE("Matrix products of 16-bit numbers", "[gemm][linear]") {
    auto const layer = [](auto const& x, auto const& w, auto const& b) { return linear(x, w, b); };
    compare_both(layer, images(Shape{3, 5, 7}), weights(Shape{9, 7}), weights(Shape{9}));
    compare_both(layer, images(Shape{70, 60}), weights(Shape{68, 60}), weights(Shape{68}));
    compare_both(layer, images(Shape{130, 40}), weights(Shape{72, 40}), weights(Shape{72}));
    compare_both([](auto const& a, auto const& b) { return matmul(a, b); }, images(Shape{2, 9, 20}), images(Shape{2, 20, 33}));
}
namespace {
/// A product of factors whose lines run along k or not, in tall tiles.
template <bool a_deep, bool b_deep> void check_tall() {
    INFO(a_deep << b_deep);
    Index const m = 130, n = 72, k = 40;
    auto const a = values<BFloat16, Cuda>(a_deep ? Shape{m, k} : Shape{k, m}, 1);
    auto const b = values<BFloat16, Cuda>(b_deep ? Shape{n, k} : Shape{k, n}, 2);
    Tensor<float, 2, Cuda> const y(Shape{m, n});
    detail::tensor_product<BFloat16, 4>("tall", gpu::ProductShape{m, n, k}, gpu::Factor<BFloat16, a_deep>{a.data(), 0, a.shape()[1]},
                                        gpu::Factor<BFloat16, b_deep>{b.data(), 0, b.shape()[1]},
                                        gpu::PlainResult<float>{y.data(), m, n});
    auto const left = to<Cpu>(a), right = to<Cpu>(b);
    auto const found = to<Cpu>(y);
    for (Index i = 0; i < m; ++i)
        for (Index j = 0; j < n; ++j) {
            double sum = 0;
            for (Index l = 0; l < k; ++l) sum += double(a_deep ? left(i, l) : left(l, i)) * double(b_deep ? right(j, l) : right(l, j));
            INFO("element " << i << ", " << j);
            REQUIRE(std::abs(double(found(i, j)) - sum) < 1e-4);
        }
}
}  // namespace

TEST_CASE("Tall tiles of products", "[gemm]") {
    check_tall<true, true>(), check_tall<true, false>();
    check_tall<false, true>(), check_tall<false, false>();
}
TEST_CASE("Convolutions of 16-bit images", "[conv2d]") {
    auto const conv = [](Conv2dOptions const& o) {
        return [o](auto const& x, auto const& w, auto const& b) { return conv2d(x, w, b, o); };
    };
    compare_bfloat16(conv({.padding = 1}), images(Shape{1, 6, 7, 5}), weights(Shape{6, 5, 3, 3}), weights(Shape{6}));
    compare_bfloat16(conv({.padding = 1}), images(Shape{2, 9, 11, 24}), weights(Shape{16, 24, 3, 3}), weights(Shape{16}));
    compare_bfloat16(conv({.padding = 1, .padding_mode = PaddingMode::Reflect}), images(Shape{1, 6, 5, 8}), weights(Shape{8, 8, 3, 3}),
                     weights(Shape{8}));
    compare_bfloat16(conv({.stride = 2, .padding = 1, .groups = 2}), images(Shape{1, 8, 9, 8}), weights(Shape{6, 4, 3, 3}),
                     weights(Shape{6}));
    compare_bfloat16(conv({.padding = 1, .groups = 8}), images(Shape{1, 6, 7, 8}), weights(Shape{8, 1, 3, 3}), weights(Shape{8}));
    compare_bfloat16([](auto const& x, auto const& z, auto const& w, auto const& b) {
        return Variable(leaky_relu(conv2d(concat(upsample_nearest(x, 2), z), w, b, {.padding = 1}), 0.1));
    }, images(Shape{1, 4, 3, 8}), images(Shape{1, 8, 6, 4}), weights(Shape{8, 12, 3, 3}), weights(Shape{8}));
    compare_bfloat16([](auto const& x, auto const& w, auto const& b) { return conv_transpose2d(x, w, b, {.stride = 2, .padding = 1}); },
                     images(Shape{1, 5, 4, 6}), weights(Shape{6, 5, 3, 3}), weights(Shape{5}));
}
namespace {
/// Attention of heads of so many channels beside the CPU, by beside_cpu(op, inputs...).
void check_attention(auto const& beside_cpu, Index depth, WindowAttentionOptions const& o) {
    INFO("heads of " << depth << " channels, windows of " << o.window);
    beside_cpu([&](auto const& qkv, auto const& table) {
        using D = typename std::remove_cvref_t<decltype(qkv)>::device_type;
        auto const keep = detail::filled<std::uint8_t, D>(Shape{Index(1), Index(9), Index(12)}, [](std::uint8_t* data, Index n) {
            for (Index k = 0; k < n; ++k) data[k] = k % 4 != 1;
        });
        return window_attention(qkv, table, o, keep);
    }, images(Shape{Index(1), Index(9), Index(12), 3 * o.heads * depth}), weights(Shape{(2 * o.window - 1) * (2 * o.window - 1), o.heads}));
}
}  // namespace

TEST_CASE("Window attention of 16-bit images",
          "[window_attention][window_attention_images][window_attention_tensor][window_partition]") {
    auto const check = [](Index depth, WindowAttentionOptions const& o) {
        check_attention([](auto const&... with) { compare_both(with...); }, depth, o);
    };
    for (Index const depth : {1, 10, 15, 30, 32, 60, 64}) check(depth, {.window = 4, .shift = 2, .heads = 2});
    for (Index const depth : {10, 30, 64}) check(depth, {.window = 8, .shift = 4, .heads = 1});  // as many tokens as the tensor cores take
    check(10, {.window = 9, .shift = 1, .heads = 1});                                            // more
    compare_bfloat16([](auto const& table) { return relative_position_bias(table, 4); }, weights(Shape{49, 2}));
}
TEST_CASE("Window attention in float, of windows as large as SwinIR's", "[window_attention][window_attention_rows]") {
    for (Index const depth : {30, 64})
        check_attention([](auto const&... with) { compare<float>(1e-10, with...); }, depth, {.window = 8, .shift = 4, .heads = 1});
}
TEST_CASE("Window attention's gradients are the same when a block has several windows", "[window_attention_tensor]") {
    detail::WindowGrid const grid{1, 9, 12, 4, 2, 2, 5};
    auto const qkv = values<BFloat16, Cuda>(Shape{1, 9, 12, 30}, 1), gy = values<BFloat16, Cuda>(Shape{1, 9, 12, 10}, 2);
    auto const table = values<float, Cuda>(Shape{49, 2}, 3);
    auto const gradients = [&](Index workers) {
        Tensor<BFloat16, 4, Cuda> const gqkv(qkv.shape());
        Tensor<float, 2, Cuda> const part(Shape{workers, 49 * 2});
        using Memory = gpu::WindowHeadGradients<BFloat16, 16>;
        launch("backward", Grid{workers * grid.heads, gpu::attention_threads, sizeof(Memory) + 49 * sizeof(float)},
               &gpu::window_attention_tensor_backward<BFloat16, 16>,
               gpu::AttentionGradients<BFloat16>{gqkv.data(), part.data(), gy.data()},
               gpu::AttentionImages<BFloat16>{qkv.data(), table.data(), nullptr, grid}, workers);
        Results all;
        add(all, gqkv);
        Tensor<float, 1, Cuda> const sums(Shape{49 * 2});
        sum_into(sums, part);
        add(all, sums);
        return all;
    };
    auto const one_each = gradients(grid.windows()), several = gradients(2);
    CHECK(several[0] == one_each[0]);
    CHECK(relative_square(several[1], one_each[1]) < 1e-12);
}
namespace {
/// The result of a network and the gradients of its weights, flat, computed in X on D.
template <class X, class D> Results trained(auto const& make, Shape<4> const& shape) {
    auto const model = make(D{});
    Variable<float, 4, D> const x(values<float, D>(shape, 5));
    Variable const y = model(x, computed_in<X>);
    backward(l2_loss(y, values<float, D>(y.shape(), 6)));
    Results all(2);
    test::append(all[0], y.value());
    for_each_parameter(model, [&](std::string const&, auto const& p) { test::append(all[1], p.grad()); });
    return all;
}
void check_network(std::string const& name, auto const& make, Shape<4> const& shape, double gradients = 1e-4) {
    auto const expected = trained<float, Cpu>(make, shape);
    auto const found = trained<BFloat16, Cuda>(make, shape);
    CHECK(test::record_nmse(name, "bfloat16", relative_square(found[0], expected[0]), 1e-4) < 1e-4);
    // Through a whole network and back.
    CHECK(test::record_nmse(name + ", gradients of weights", "bfloat16", relative_square(found[1], expected[1]), gradients) < gradients);
}
}  // namespace

TEST_CASE("Networks computed in bfloat16, with parameters in float", "[models]") {
    check_network("Noise2NoiseUNet", [](auto device) {
        Rng rng(1);
        return Noise2NoiseUNet<decltype(device)>(3, 3, rng, 8);
    }, Shape{1, 32, 32, 3}, 3e-4);  // five pools, of whose winners rounding decides some
    check_network("DnCnn", [](auto device) {
        Rng rng(1);
        return DnCnn<decltype(device)>(3, rng, {.layers = 4, .width = 8});
    }, Shape{1, 9, 11, 3});
    check_network("MaskedSwinIR", [](auto device) {
        Rng rng(1);
        SwinIROptions o;
        o.embed_dim = 12, o.depths = {2}, o.num_heads = {2}, o.window_size = 4, o.img_size = 16;
        return MaskedSwinIR<decltype(device)>(o, rng);
    }, Shape{1, 11, 9, 3});
}
}  // namespace sixteen_bit_kernels_test
