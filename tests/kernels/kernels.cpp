// SPDX-License-Identifier: MIT
#include <tacet/tacet.hpp>

// The hot kernels, each called by a function of its own, for check.py to disassemble. The namespaces say what it demands of them:
// vectors    packed multiply-adds of the build's full width (Simd decides);
// loops      packed multiply-adds, as wide as the compiler likes best for this processor (it vectorises them);
// elements   none: these are the check's own test, which has to find them unfit.
// A function with integer template arguments needs at least as many multiply-adds as their product.
namespace kernels {

/// Says in its name which instruction set this file was compiled for.
template <class I> void compiled_for() {}
template void compiled_for<tacet::instruction_set::Native>();

namespace vectors {
using namespace tacet::detail::kernel;
using tacet::Index;
using V = tacet::Simd<float>;

/// The register tile of convolutions and matrix products.
template <int rows, int vectors> void register_tile(Walk const& walk, float const* a, float const* b, TileOutput<float> const& out) {
    run_tile<V, rows, vectors>(walk, a, b, out);
}
template void register_tile<tile_rows<V>(1), 1>(Walk const&, float const*, float const*, TileOutput<float> const&);
template void register_tile<tile_rows<V>(2), 2>(Walk const&, float const*, float const*, TileOutput<float> const&);
#if defined(__AVX512F__)
template void register_tile<tile_rows<V>(3), 3>(Walk const&, float const*, float const*, TileOutput<float> const&);
template void register_tile<tile_rows<V>(4), 4>(Walk const&, float const*, float const*, TileOutput<float> const&);
#endif

void window_transform(Plane<float> const& x, Index w, float* to, Index stride) { transform_plane<V>(x, w, 0, 0, to, stride); }

void product_transform(float const* from, Index stride, float const* bias, tacet::detail::Epilogue<float> const& e,
                       TileStore<float> const& to) {
    transform_products<V>(from, stride, bias, e, to);
}

void gradient_transform(Picture<float> const& gy, Index i, Index j, float* to, Index stride) {
    transform_gradient<V>(gy, i, j, to, stride);
}

void weight_transform(Dense<float> const& d, Index group, Index out, Index in, float* to, Index step) {
    transform_weights<V>(d, group, out, in, to, step);
}

using D = Dense<float>;
using W = Window<float>;

/// Sums with few output channels.
template <int positions, int outputs>
void narrow(D const& d, W const& x, float const* from, float const* w, float const* bias, float* y, Index step) {
    narrow_tile<V, positions, outputs>(d, x, from, w, bias, positions, y, step);
}
constexpr int narrow_positions = V::bytes == 64 ? 8 : 4;
template void narrow<narrow_positions, 1>(D const&, W const&, float const*, float const*, float const*, float*, Index);
template void narrow<narrow_positions, narrow_outputs>(D const&, W const&, float const*, float const*, float const*, float*, Index);

template <int positions>
void depthwise(D const& d, W const& x, float const* from, float const* w, Index stride, TileOutput<float> const& out) {
    depthwise_tile<V, positions>(d, x, from, w, stride, out);
}
template void depthwise<8>(D const&, W const&, float const*, float const*, Index, TileOutput<float> const&);

template <int taps>
void depthwise_gradient(Index high, Index wide, float const* x, Index pixel, float const* gy, Index gy_pixel, float* sum, Index stride) {
    add_depthwise<V, taps>(high, wide, x, 0, pixel, pixel, gy, 0, gy_pixel, sum, stride);
}
template void depthwise_gradient<3>(Index, Index, float const*, Index, float const*, Index, float*, Index);

void matrix_product(Index m, Index n, Index k, float const* a, float const* b, float* c) {
    tacet::GemmKernel<tacet::Cpu>::run(tacet::Transposition::None, tacet::Transposition::None, 1, m, n, k, a, b, c);
}

void adam(float* w, float const* g, float* m, float* v, Index n, tacet::detail::AdamFactors<float> const& f) {
    tacet::AdamKernel<tacet::Cpu>::move(w, g, m, v, n, f);
}
}  // namespace vectors

namespace loops {
using namespace tacet;

/// y = e(x), as the evaluator runs it over contiguous memory.
void evaluate(float* y, auto const& e, Index n) { Evaluator<Cpu>::run(y, Shape{n}, lower(e, Shape{n})); }

void exponential(float* y, Tensor<float, 1> const& x) { evaluate(y, exp(x), x.size()); }
void gelu(float* y, Tensor<float, 1> const& x) { evaluate(y, tacet::gelu(x), x.size()); }
void logarithm(float* y, Tensor<float, 1> const& x) { evaluate(y, log(x), x.size()); }
void hyperbolic_tangent(float* y, Tensor<float, 1> const& x) { evaluate(y, tanh(x), x.size()); }
void logistic(float* y, Tensor<float, 1> const& x) { evaluate(y, sigmoid(x), x.size()); }
void leaky_relu_of_product(float* y, Tensor<float, 1> const& x, Tensor<float, 1> const& w, Tensor<float, 1> const& b) {
    evaluate(y, leaky_relu(x * w + b, 0.1f), x.size());
}
void gelu_of_product(float* y, Tensor<float, 1> const& x, Tensor<float, 1> const& w, Tensor<float, 1> const& b) {
    evaluate(y, tacet::gelu(x * w + b), x.size());
}
/// The gradients of an expression with respect to its variables, in one pass.
void gradients(Variable<float, 1> const& x, Variable<float, 1> const& w, Variable<float, 1> const& b, Variable<float, 1> const& z) {
    backward(sum(Variable<float, 1>(tacet::gelu(x * w + b) * sigmoid(z))));
}

void layer_normalization(Tensor<float, 2> const& y, Tensor<float, 1> const& mean, Tensor<float, 2> const& x, Tensor<float, 1> const& w) {
    LayerNormKernel<Cpu>::run(y, mean, mean, x, w, w, 1e-5f);
}
void layer_normalization_gradient(Tensor<float, 2> const& gx, Tensor<float, 1> const& gw, Tensor<float, 2> const& x) {
    LayerNormKernel<Cpu>::backward(gx, gw, gw, x, x, gw, gw, gw);
}

void softmax(float* y, float const* x, Index rows, Index n) { SoftmaxKernel<Cpu>::run(y, x, rows, n); }
}  // namespace loops

namespace elements {
/// Every product waits for the one before: nothing here can be packed.
float horner(float const* c, tacet::Index n, float x) {
    float y = 0;
    for (tacet::Index k = 0; k < n; ++k) y = y * x + c[k];
    return y;
}
float no_product(float const* x) { return x[0] + x[1]; }
}  // namespace elements

}  // namespace kernels
