// SPDX-License-Identifier: MIT
#pragma once
#include <tacet/data/noise_kinds.hpp>
#include <tacet/io/text.hpp>
#include <charconv>
#include <string>
#include <string_view>
#include <vector>

namespace tacet {

/// A kind of noise with its strength: `low` when both are equal, otherwise drawn uniformly from [low, high] for each image.
struct NoiseSpec {
    std::string kind = "gaussian";
    double low = 25, high = 25;
    NoiseKind const* own = nullptr;  ///< the kind itself, when it is none of noise_menu(): what parse_noise found in another menu
    bool operator==(NoiseSpec const&) const = default;
};

namespace detail {

inline NoiseKind const* find_noise(std::string_view name, NoiseMenu menu) {
    for (auto const& kind : menu)
        if (kind.name == name) return &kind;
    return nullptr;
}

/// "known are gaussian:SIGMA and poisson:CHI", with the nearest name first.
inline std::string noise_advice(std::string_view name, NoiseMenu menu) {
    std::vector<std::string> names;
    std::string known;
    for (std::size_t i = 0; i < menu.size(); ++i) {
        known += i == 0 ? "" : i + 1 < menu.size() ? ", " : " and ";
        known += concat_text(std::string(menu[i].name), ':', std::string(menu[i].level));
        names.emplace_back(menu[i].name);
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
    NoiseKind const* const kind = spec.own ? spec.own : find_noise(spec.kind, noise_menu());
    check(kind, "noise: there is no kind ", quote_text(spec.kind), "; ", noise_advice(spec.kind, noise_menu()));
    bool const inside = spec.low >= kind->min && spec.high <= kind->max;
    std::string const range = number_text(spec.low) + " to " + number_text(spec.high);
    check(inside, "noise ", quote_text(spec.kind), ": levels lie between ", number_text(kind->min), " and ", number_text(kind->max),
          ", not ", range);
    check(spec.low <= spec.high, "noise ", quote_text(spec.kind), ": the range ", range, " is empty");
    return *kind;
}

}  // namespace detail

/// Reads "gaussian:25", "gaussian:0-50", "poisson:30": a kind of the menu and its level, or a range of levels. The menu outlives the
/// result. Throws Error naming the known kinds.
inline NoiseSpec parse_noise(std::string_view text, NoiseMenu menu = noise_menu()) {
    auto const colon = text.find(':');
    std::string const name(text.substr(0, colon));
    NoiseKind const* const kind = detail::find_noise(name, menu);
    check(kind, "noise ", quote_text(text), ": there is no kind ", quote_text(name), "; ", detail::noise_advice(name, menu));
    check(colon != text.npos, "noise ", quote_text(text), ": the level is missing; ", detail::noise_advice("", menu));
    std::string_view rest = text.substr(colon + 1);
    NoiseSpec spec{name, 0, 0, detail::find_noise(name, noise_menu()) ? nullptr : kind};
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

/// One line per kind for --help: "gaussian:SIGMA - normal noise ...".
inline std::string noise_help(NoiseMenu menu = noise_menu()) {
    std::string text;
    for (auto const& kind : menu) {
        if (!text.empty()) text += '\n';
        text += concat_text(std::string(kind.name), ':', std::string(kind.level), " - ", std::string(kind.meaning));
    }
    return text;
}

/// The picture (H, W, C), values in [0, 1], with noise: float, neither clipped nor quantised. Takes one draw of rng for the level, then
/// those of the kind, one per element for most; the same bits for any number of threads and on every machine. Throws Error for an invalid
/// spec.
inline Tensor<float, 3> add_noise(Tensor<float, 3> const& image, NoiseSpec const& spec, Rng& rng) {
    auto const& kind = detail::checked_kind(spec);
    double const level = detail::fused(spec.high - spec.low, rng.uniform_double(), spec.low);
    Tensor<float, 3> noisy(image.shape());
    kind.apply(image, noisy, level, rng.stream(), rng.position());
    rng.set_position(rng.position() + static_cast<std::uint64_t>(kind.draws * image.size()));
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

/// The draws of the noise of picture `number` of a set: programs that add the same noise to it draw from this.
inline Rng image_noise_rng(std::uint64_t seed, std::uint32_t number) {
    return Rng(Stream{.seed = seed, .purpose = Purpose::noise, .image = number});
}

/// add_noise, then clipped to [0, 1] and rounded to 8 bits (ties to even): what add_noise stores in an 8-bit file.
template <int R, class G> Tensor<float, R> add_noise_8bit(Tensor<float, R> const& images, NoiseSpec const& spec, G&& rng) {
    return quantise_8bit(add_noise(images, spec, rng));
}

}  // namespace tacet
