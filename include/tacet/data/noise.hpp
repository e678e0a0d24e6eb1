// SPDX-License-Identifier: MIT
#pragma once
#include <tacet/core/random.hpp>
#include <tacet/core/thread_pool.hpp>
#include <tacet/io/text.hpp>
#include <tacet/metrics/levels.hpp>
#include <tacet/tensor/tensor.hpp>
#include <array>
#include <charconv>
#include <string>
#include <string_view>
#include <vector>

namespace tacet {

/// A kind of noise with its strength: `low` when both are equal, otherwise drawn uniformly from [low, high] for each image.
struct NoiseSpec {
    std::string kind = "gaussian";
    double low = 25, high = 25;
    bool operator==(NoiseSpec const&) const = default;
};

namespace detail {

/// One kind of noise. `apply` adds noise of strength `level` to one picture x (H, W, C), writing y, with as many draws of `stream`
/// from `at` on as the picture has elements. A new kind is a function and a line of `noise_kinds`; what it draws is part of its definition.
struct NoiseKind {
    using Picture = Tensor<float, 3>;
    std::string_view name, level, meaning;  ///< for messages and --help
    double min, max;                        ///< of the level
    void (*apply)(Picture const& x, Picture const& y, double level, Stream const& stream, std::uint64_t at);
};

/// Values per task of the loops below; part of no result.
inline constexpr Index noise_grain = 8192;

/// y = x + sigma / 255 n.
inline void apply_gaussian(Tensor<float, 3> const& x, Tensor<float, 3> const& y, double sigma, Stream const& stream, std::uint64_t at) {
    float const scale = static_cast<float>(sigma) / 255;
    parallel_ranges(x.size(), noise_grain, [&](Index begin, Index end) {
        std::span const part(y.data() + begin, static_cast<std::size_t>(end - begin));
        fill_normal(stream, at + static_cast<std::uint64_t>(begin), part);
        for (Index i = begin; i < end; ++i) y.data()[i] = fused(scale, y.data()[i], x.data()[i]);
    });
}

/// y = Poisson(chi x) / chi; negative values count as 0, NaN stays.
inline void apply_poisson(Tensor<float, 3> const& x, Tensor<float, 3> const& y, double chi, Stream const& stream, std::uint64_t at) {
    parallel_ranges(x.size(), noise_grain / 16, [&](Index begin, Index end) {
        for (Index i = begin; i < end; ++i) {
            float const v = x.data()[i];
            double const mean = fused(static_cast<double>(v), chi, 0.);
            bool const fits = mean < 1e12;  // false for NaN as well: such values pass as they are
            auto const photons = fits ? poisson_at(stream, at + static_cast<std::uint64_t>(i), mean) : 0;
            y.data()[i] = fits ? static_cast<float>(static_cast<double>(photons) / chi) : v;
        }
    });
}

/// The kinds, in the order in which messages name them.
inline constexpr std::array noise_kinds{
    NoiseKind{"gaussian", "SIGMA", "normal noise of standard deviation SIGMA on the scale of 0 to 255", 0, 10000, apply_gaussian},
    NoiseKind{"poisson", "CHI", "Poisson(CHI x) / CHI for x in [0, 1]: CHI is the photon count at white", 1e-6, 1e9, apply_poisson},
};

inline NoiseKind const* find_noise(std::string_view name) {
    for (auto const& kind : noise_kinds)
        if (kind.name == name) return &kind;
    return nullptr;
}

/// "known are gaussian:SIGMA and poisson:CHI", with the nearest name first.
inline std::string noise_advice(std::string_view name) {
    std::vector<std::string> names;
    std::string known;
    for (std::size_t i = 0; i < noise_kinds.size(); ++i) {
        known += i == 0 ? "" : i + 1 < noise_kinds.size() ? ", " : " and ";
        known += concat_text(std::string(noise_kinds[i].name), ':', std::string(noise_kinds[i].level));
        names.emplace_back(noise_kinds[i].name);
    }
    std::string const near = nearest_name(name, names);
    return near.empty() ? concat_text("known are ", known) : concat_text("did you mean ", near, "? known are ", known);
}

/// The number at the start of `text`, which it is cut from. Throws Error naming the whole `spec`.
inline double take_level(std::string_view& text, std::string_view spec) {
    double value = 0;
    auto const [end, error] = std::from_chars(text.data(), text.data() + text.size(), value, std::chars_format::general);
    check(error == std::errc{} && std::isfinite(value), "noise ", quote_text(spec), ": expected KIND:LEVEL or KIND:LOW-HIGH with numbers");
    text.remove_prefix(static_cast<std::size_t>(end - text.data()));
    return value;
}

/// The kind of a spec whose levels have been checked.
inline NoiseKind const& checked_kind(NoiseSpec const& spec) {
    NoiseKind const* const kind = find_noise(spec.kind);
    check(kind, "noise: there is no kind ", quote_text(spec.kind), "; ", noise_advice(spec.kind));
    bool const inside = spec.low >= kind->min && spec.high <= kind->max;
    std::string const range = number_text(spec.low) + " to " + number_text(spec.high);
    check(inside, "noise ", quote_text(spec.kind), ": levels lie between ", number_text(kind->min), " and ", number_text(kind->max),
          ", not ", range);
    check(spec.low <= spec.high, "noise ", quote_text(spec.kind), ": the range ", range, " is empty");
    return *kind;
}

}  // namespace detail

/// Reads "gaussian:25", "gaussian:0-50", "poisson:30": a kind and its level, or a range of levels. Throws Error naming the known kinds.
inline NoiseSpec parse_noise(std::string_view text) {
    auto const colon = text.find(':');
    std::string const name(text.substr(0, colon));
    check(detail::find_noise(name), "noise ", quote_text(text), ": there is no kind ", quote_text(name), "; ", detail::noise_advice(name));
    check(colon != text.npos, "noise ", quote_text(text), ": the level is missing; ", detail::noise_advice(""));
    std::string_view rest = text.substr(colon + 1);
    NoiseSpec spec{name, 0, 0};
    spec.low = spec.high = detail::take_level(rest, text);
    if (rest.starts_with('-')) {
        rest.remove_prefix(1);
        spec.high = detail::take_level(rest, text);
    }
    check(rest.empty(), "noise ", quote_text(text), ": ", quote_text(rest), " follows the level");
    detail::checked_kind(spec);
    return spec;
}

/// The text that parse_noise reads as this spec.
inline std::string to_string(NoiseSpec const& spec) {
    std::string const low = concat_text(spec.kind, ':', number_text(spec.low));
    return spec.low == spec.high ? low : concat_text(low, '-', number_text(spec.high));
}

/// One line per kind for --help: "gaussian:SIGMA  normal noise ...".
inline std::string noise_help() {
    std::string text;
    for (auto const& kind : detail::noise_kinds)
        text += concat_text(std::string(kind.name), ':', std::string(kind.level), "  ", std::string(kind.meaning), '\n');
    return text;
}

/// The picture (H, W, C), values in [0, 1], with noise: float, neither clipped nor quantised. Takes one draw of rng for the level, then
/// one per element; the same bits for any number of threads and on every machine. Throws Error for an invalid spec.
inline Tensor<float, 3> add_noise(Tensor<float, 3> const& image, NoiseSpec const& spec, Rng& rng) {
    auto const& kind = detail::checked_kind(spec);
    double const level = detail::fused(spec.high - spec.low, rng.uniform_double(), spec.low);
    Tensor<float, 3> noisy(image.shape());
    kind.apply(image, noisy, level, rng.stream(), rng.position());
    rng.set_position(rng.position() + static_cast<std::uint64_t>(image.size()));
    return noisy;
}
/// The pictures (N, H, W, C) with noise, each with a level of its own: as the pictures one after the other.
inline Tensor<float, 4> add_noise(Tensor<float, 4> const& images, NoiseSpec const& spec, Rng& rng) {
    auto const& s = images.shape();
    Shape<3> const one{s[1], s[2], s[3]};
    Tensor<float, 4> noisy(s);
    for (Index n = 0; n < s[0]; ++n) {
        auto const at = n * one.size();
        auto const picture = add_noise(Tensor<float, 3>::over(images.data() + at, one), spec, rng);
        std::copy_n(picture.data(), picture.size(), noisy.data() + at);
    }
    return noisy;
}

/// For a generator made on the spot: add_noise(image, spec, Rng(seed, Purpose::noise, image_number, epoch)).
template <int R> Tensor<float, R> add_noise(Tensor<float, R> const& images, NoiseSpec const& spec, Rng&& rng) {
    return add_noise(images, spec, rng);
}

/// add_noise, then clipped to [0, 1] and rounded to 8 bits (ties to even): what add_noise stores in an 8-bit file.
template <int R, class G> Tensor<float, R> add_noise_8bit(Tensor<float, R> const& images, NoiseSpec const& spec, G&& rng) {
    return quantise_8bit(add_noise(images, spec, rng));
}

}  // namespace tacet
