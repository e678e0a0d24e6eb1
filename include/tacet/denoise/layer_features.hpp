// SPDX-License-Identifier: MIT
#pragma once
#include <tacet/denoise/any_denoiser.hpp>
#include <algorithm>
#include <string>
#include <utility>
#include <vector>

namespace tacet {

/// What a layer puts out at some pixels of a picture: a row (C) for each.
struct LayerFeatures {
    std::string layer;
    Tensor<float, 2> rows;  // (pixels, C)
};

/// The features of all layers at these pixels (numbers in rows of the image, (H, W, C)), or of one layer; for `note` see
/// AnyDenoiser::observe. Throws Error when no layers are known for the network, or none of this name, listing them.
inline std::vector<LayerFeatures> layer_features(AnyDenoiser const& network, Tensor<float, 3> const& image,
                                                 std::vector<Index> const& pixels, DrawOptions const& masks,
                                                 std::string const& only = "", NoteFunction const& note = {}) {
    std::vector<LayerFeatures> all;
    std::vector<std::string> names;
    auto const observer = [&](std::string const& layer, Tensor<float, 4> const& y) {
        names.push_back(layer);
        if (!only.empty() && layer != only) return;
        Index const channels = y.shape()[3];
        bool const fits = y.shape()[1] == image.shape()[0] && y.shape()[2] == image.shape()[1];
        check_shape(fits, "features of ", layer, ", ", y.shape(), ", do not lie on the pixels of the picture ", image.shape());
        Tensor<float, 2> rows(Shape{std::ssize(pixels), channels});
        for (std::size_t k = 0; k < pixels.size(); ++k)
            std::copy_n(y.data() + pixels[k] * channels, channels, rows.data() + static_cast<Index>(k) * channels);
        all.push_back({layer, std::move(rows)});
    };
    network.observe(image, observer, masks, note);
    std::string list;
    for (auto const& name : names) list += (list.empty() ? "" : ", ") + name;
    check(!all.empty(), network.description(), ": there is no layer ", quote_text(only), "; its layers are ", list);
    return all;
}

}  // namespace tacet
