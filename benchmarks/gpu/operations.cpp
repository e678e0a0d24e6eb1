// SPDX-License-Identifier: MIT
#include "works.hpp"

#include "../peers/operations.hpp"

// Single operations as graphs of one node or two: what is timed is the kernel, not the host's part.
namespace tacet::bench {
namespace {

using T = BFloat16;
using Images = Leaf<4, T, Cuda>;

Work conv_forward(Checkpoint const& inputs) {
    Images const x(inputs, "x", false);
    Leaf<4, float, Cuda> const w(inputs, "w", false);
    Leaf<1, float, Cuda> const b(inputs, "b", false);
    return replayed([=] { return Variable(conv2d(x.x, w.x, b.x, {.padding = 1})).value(); }, "y");
}
Work conv_weight_gradient(Checkpoint const& inputs) {
    auto const x = tensor<4, T, Cuda>(inputs, "x"), gy = tensor<4, T, Cuda>(inputs, "gy"), none = Tensor<T, 4, Cuda>();
    Leaf<4, float, Cuda> const w(inputs, "w", false);
    auto const geometry = detail::conv2d_geometry(x.shape(), w.x.shape(), {.padding = 1});
    return replayed([=] {
        Tensor<float, 4, Cuda> gw(w.x.shape());
        Conv2dKernel<Cuda>::weight_gradient<T>(geometry, detail::images_of(geometry, x, 1, none, 1), gy.data(), gw.data());
        return gw;
    }, "gw");
}
Work attention_forward(Checkpoint const& inputs) {
    Images const x(inputs, "x", false);
    Leaf<2, float, Cuda> const w(inputs, "w", false);
    auto const keep = seen_tokens<Cuda>(inputs);
    return replayed([=] { return window_attention(x.x, w.x, attention_options, keep).value(); }, "y");
}
Work attention_backward(Checkpoint const& inputs) {
    auto const x = tensor<4, T, Cuda>(inputs, "x"), gy = tensor<4, T, Cuda>(inputs, "gy");
    auto const w = tensor<2, float, Cuda>(inputs, "w");
    auto const keep = seen_tokens<Cuda>(inputs);
    auto const grid = detail::window_grid(x.shape(), w.shape(), attention_options);
    return replayed([=] {
        std::pair const g(Tensor<T, 4, Cuda>(x.shape()), Tensor<float, 2, Cuda>(w.shape()));
        WindowAttentionKernel<Cuda>::backward(g.first, g.second, gy, x, w, keep, grid);
        return g;
    }, [](auto const& g) { return Tensors{named_tensor("gx", g.first), named_tensor("gw", g.second)}; });
}
Work unshuffle(Checkpoint const& inputs) {
    Leaf<4, float, Cuda> const x(inputs, "x", false);
    return replayed([=] { return pixel_unshuffle(x.x, 5).value(); }, "y");
}

}  // namespace

Works operation_works() {
    return {{"conv_forward", {conv_inputs<T>, conv_forward}},
            {"conv_weight_gradient", {conv_inputs<T>, conv_weight_gradient}},
            {"window_attention_forward", {window_attention_inputs<T>, attention_forward}},
            {"window_attention_backward", {window_attention_inputs<T>, attention_backward}},
            {"pixel_unshuffle", {unshuffle_inputs, unshuffle}}};
}

}  // namespace tacet::bench
