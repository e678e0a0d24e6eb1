// SPDX-License-Identifier: MIT
#pragma once
#include <tacet/autograd/cast.hpp>
#include <tacet/core/precision.hpp>
#include <tacet/nn/conv.hpp>
#include <tacet/nn/layer_observer.hpp>
#include <tacet/nn/norm.hpp>
#include <string>
#include <vector>

namespace tacet {

/// The size of a DnCnn. The defaults are the paper's for one level of noise, without its normalisation.
struct DnCnnOptions {
    Index layers = 17;        ///< convolutions, 3 to 24; the paper's blind network and KAIR's have 20
    Index width = 64;         ///< channels between them
    bool batch_norm = false;  ///< normalise between the inner convolutions and their rectifiers, as in the paper
};

/// DnCNN (Zhang et al., Beyond a Gaussian denoiser, 2017): 3 x 3 convolutions with rectifiers between them estimate the noise, which is
/// taken away: x (N, H, W, C) in [0, 1] -> (N, H, W, C), any H and W. 557,443 parameters for 3 channels. Names are those of KAIR's files,
/// whose published weights have the normalisation merged into the convolutions.
template <class D = Cpu, class T = float> struct DnCnn {
    using device_type = D;
    static constexpr char const* name = "dncnn";
    static constexpr char const* landmark = "model.0.weight";
    static constexpr Index multiple = 1;
    static constexpr Index max_layers = 24;
    static constexpr Index context = 2 * max_layers;  // each convolution reaches one pixel; fast ones let last bits depend on two
    static constexpr float offset = 0;

    std::vector<Conv2d<D, T>> convolutions;
    std::vector<BatchNorm2d<D, T>> norms;  // none, or one behind each inner convolution

    explicit DnCnn(Index channels, Rng& rng, DnCnnOptions const& o = {}) {
        check(channels >= 1 && channels <= 64 && o.width >= 1 && o.width <= 1024 && o.layers >= 3 && o.layers <= max_layers,
              "dncnn: a network of ", o.layers, " convolutions of width ", o.width, " for ", channels, " channels");
        for (Index k = 0; k < o.layers; ++k) {
            bool const first = k == 0, last = k == o.layers - 1;
            convolutions.emplace_back(first ? channels : o.width, last ? channels : o.width, 3, rng, Conv2dOptions{.padding = 1},
                                      last ? 1. : 1.4142135623730951);
            if (o.batch_norm && !first && !last) norms.emplace_back(o.width, 0.9, 1e-4);  // KAIR's momentum and epsilon
        }
    }

    /// A network of the size that the shapes of its tensors tell, with random weights: `shapes(name)` is a weight's, `shapes.has(name)`
    /// whether there is one. Throws Error for the networks of KAIR that share its names.
    static DnCnn sized_by(auto const& shapes, Rng& rng) {
        bool const normed = shapes.has("model.3.weight");
        Index layers = 1;
        while (layers <= max_layers && shapes.has(convolution_name(layers, normed) + ".weight")) ++layers;
        Shape<4> const first = shapes(landmark), last = shapes(convolution_name(layers - 1, normed) + ".weight");
        check(first[1] == last[0], "these weights have the names of dncnn, but lead from ", first[1], " to ", last[0],
              " channels: those of FFDNet and FDnCNN do, which are not known here");
        check(layers != 7 || normed, "7 convolutions with the names of dncnn are those of IRCNN, which is not known here");
        return DnCnn(first[1], rng, {.layers = layers, .width = first[0], .batch_norm = normed});
    }

    /// `observe`, if there is one, is shown what each rectifier puts out, by the name of the convolution before it.
    Variable<T, 4, D> operator()(Variable<T, 4, D> const& x, LayerObserver<D, T> const& observe = {}) const;
    /// The same with images of type X between the layers.
    template <class X>
    Variable<T, 4, D> operator()(Variable<T, 4, D> const& x, ComputedIn<X>, LayerObserver<D, T> const& observe = {}) const;
    static void fields(auto& self, auto&& field) {
        bool const normed = !self.norms.empty();
        for (std::size_t k = 0; k < self.convolutions.size(); ++k) {
            field(convolution_name(static_cast<Index>(k), normed).c_str(), self.convolutions[k]);
            if (normed && k > 0 && k <= self.norms.size()) field(("model." + std::to_string(3 * k)).c_str(), self.norms[k - 1]);
        }
    }
    Index in_channels() const { return convolutions.front().weight.shape()[1]; }
    Index out_channels() const { return convolutions.back().weight.shape()[0]; }
    Index width() const { return convolutions.front().weight.shape()[0]; }
    /// Working memory of inference per pixel of the input: what goes into a layer and what comes out, with normalisations between.
    Index floats_per_pixel() const { return (norms.empty() ? 2 : 4) * width() + 5 * in_channels(); }

private:
    /// KAIR numbers the steps of a layer: convolution, normalisation where there is one, rectifier. The first layer has no normalisation.
    static std::string convolution_name(Index layer, bool normed) {
        return "model." + std::to_string(normed && layer > 0 ? 3 * layer - 1 : 2 * layer);
    }
};

template <class D, class T>
Variable<T, 4, D> DnCnn<D, T>::operator()(Variable<T, 4, D> const& x, LayerObserver<D, T> const& observe) const {
    return (*this)(x, computed_in<T>, observe);
}

template <class D, class T> template <class X>
Variable<T, 4, D> DnCnn<D, T>::operator()(Variable<T, 4, D> const& x, ComputedIn<X>, LayerObserver<D, T> const& observe) const {
    auto const show = [&](std::size_t k, Variable<X, 4, D> const& v) {
        if (observe) observe(convolution_name(static_cast<Index>(k), !norms.empty()), cast<T>(v).value());
    };
    Variable<X, 4, D> y(relu(convolutions.front()(cast<X>(x))));
    show(0, y);
    for (std::size_t k = 1; k + 1 < convolutions.size(); ++k) {
        if (norms.empty()) y = relu(convolutions[k](y));
        else y = relu(norms[k - 1](convolutions[k](y)));
        show(k, y);
    }
    return Variable<T, 4, D>(x - cast<T>(Variable<X, 4, D>(convolutions.back()(y))));
}

#if TACET_WITH_COMPILED  // library tacet::compiled has it
extern template Variable<float, 4> DnCnn<>::operator()(Variable<float, 4> const&, LayerObserver<Cpu, float> const&) const;
#if TACET_WITH_CUDA
extern template Variable<float, 4, Cuda> DnCnn<Cuda>::operator()(Variable<float, 4, Cuda> const&, LayerObserver<Cuda, float> const&) const;
extern template Variable<float, 4, Cuda> DnCnn<Cuda>::operator()(Variable<float, 4, Cuda> const&, ComputedIn<BFloat16>,
                                                                 LayerObserver<Cuda, float> const&) const;
extern template Variable<float, 4, Cuda> DnCnn<Cuda>::operator()(Variable<float, 4, Cuda> const&, ComputedIn<Half>,
                                                                 LayerObserver<Cuda, float> const&) const;
#endif
#endif

}  // namespace tacet
