// SPDX-License-Identifier: MIT
#pragma once
#include <tacet/denoise/denoise.hpp>
#include <tacet/io/json.hpp>
#include <tacet/io/plot.hpp>
#include <algorithm>
#include <chrono>
#include <filesystem>

#include "works.hpp"

namespace tacet::bench {

inline double seconds() { return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count(); }

/// The median time of `body` in seconds, after one call that is not counted, because it may work in memory that was never touched: at
/// least 3 calls and 0.3 s of them; or one, where a call takes more than 2 s.
inline double median_time(auto&& body) {
    auto const timed = [&] {
        double const start = seconds();
        body();
        return seconds() - start;
    };
    if (timed() > 2) return timed();
    std::vector<double> times;
    for (double total = 0; (times.size() < 3 || total < 0.3) && total < 4; total += times.back()) times.push_back(timed());
    std::nth_element(times.begin(), times.begin() + static_cast<std::ptrdiff_t>(times.size() / 2), times.end());
    return times[times.size() / 2];
}

/// Nanoseconds per pixel: of a 3x3 convolution of (size, size, 64); of the U-Net's denoise() on a picture of size x size; or of its
/// training step on `size` patches of 64 x 64.
inline double cost(std::string const& what, Index size) {
    check(size >= 1, "cost: the size ", size, " is not positive");
    Rng rng(0);
    double const square = static_cast<double>(size * size);
    if (what == "conv3x3") {
        NoGrad const guard;
        Variable<float, 4> const x(uniform(Shape{Index(1), size, size, Index(64)}, rng)), w(uniform(Shape{64, 64, 3, 3}, rng));
        return 1e9 * median_time([&] { conv2d(x, w, {.padding = 1}).value(); }) / square;
    }
    if (what == "training") {
        Training<UNet<>> training(unet_inputs({size, 64, 64, 3}));
        return 1e9 * median_time([&] { training.step(); }) / static_cast<double>(size * 64 * 64);
    }
    check(what == "inference", "cost: conv3x3, inference or training, and a size");
    Noise2NoiseUNet<> const model(3, 3, rng);
    auto const image = uniform(Shape{size, size, Index(3)}, rng);
    return 1e9 * median_time([&] { denoise(model, image); }) / square;
}

/// Draws a plot: {"title", "x_label", "y_label", "series": [{"name", "x": [...], "y": [...]}]}, both axes logarithmic.
inline void plot(std::filesystem::path const& data, std::filesystem::path const& svg) {
    Json const json = read_json(data);
    LinePlot plot{.title = json.at("title").string(), .x_label = json.at("x_label").string(), .y_label = json.at("y_label").string()};
    plot.log_x = plot.log_y = true;
    auto const numbers = [](Json const& items) {
        std::vector<double> values;
        for (Json const& item : items.items()) values.push_back(item.number());
        return values;
    };
    for (Json const& s : json.at("series").items())
        plot.series.push_back({.name = s.at("name").string(), .x = numbers(s.at("x")), .y = numbers(s.at("y"))});
    std::string const text = plot.svg();
    write_file_atomically(svg, std::as_bytes(std::span(text)), true);
}

}  // namespace tacet::bench
