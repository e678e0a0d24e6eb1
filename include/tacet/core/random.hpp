// SPDX-License-Identifier: MIT
#pragma once
#include <tacet/core/config.hpp>
#include <tacet/core/error.hpp>
#include <tacet/core/random_transforms.hpp>
#include <tacet/core/shape.hpp>
#include <cstdint>
#include <span>

// Random numbers that depend on what they are for and on nothing else. A stream is named by (seed, purpose, image, epoch); its
// i-th value is a function of the stream and of i, so neither order nor threads nor ranks nor the device change it.
namespace tacet {

/// Four random words.
struct PhiloxBlock {
    std::uint32_t word[4];
    constexpr bool operator==(PhiloxBlock const&) const = default;
};

/// Philox4x32 with ten rounds: a keyed bijection of 128-bit counters.
/// Source: Salmon, Moraes, Dror and Shaw, Parallel random numbers: as easy as 1, 2, 3, 2011.
constexpr PhiloxBlock philox4x32(PhiloxBlock counter, std::uint32_t key0, std::uint32_t key1) {
    auto [x0, x1, x2, x3] = counter.word;
    for (int round = 0; round < 10; ++round) {
        std::uint64_t const p = std::uint64_t{0xD2511F53u} * x0, q = std::uint64_t{0xCD9E8D57u} * x2;
        x0 = static_cast<std::uint32_t>(q >> 32) ^ x1 ^ key0;
        x1 = static_cast<std::uint32_t>(q);
        x2 = static_cast<std::uint32_t>(p >> 32) ^ x3 ^ key1;
        x3 = static_cast<std::uint32_t>(p);
        key0 += 0x9E3779B9u;  // golden ratio
        key1 += 0xBB67AE85u;  // sqrt(3) - 1
    }
    return PhiloxBlock{{x0, x1, x2, x3}};
}

/// What random numbers are drawn for: streams of different purposes are independent. Programs may use any value from 1000 on.
enum class Purpose : std::uint16_t {
    general, initialise, shuffle, crop, augment, noise, target_noise, mask, dropout, dead_leaves, input, validation, attention_mask,
    own = 1000
};

/// The name of a stream of random values; images and epochs count from 0.
struct Stream {
    std::uint64_t seed = 0;
    Purpose purpose{};
    std::uint32_t image = 0, epoch = 0;
    constexpr bool operator==(Stream const&) const = default;
};

namespace detail {

/// Values of different kinds use different counters, so that mixing kinds at neighbouring positions cannot reuse a word.
enum class Draw : std::uint32_t { words = 0, normals = 1u << 30, wide = 2u << 30 };

/// Words per position are 1 for words and normals; a `wide` value has 64 blocks of its own, more than any rejection needs.
constexpr std::uint64_t wide_blocks = 64;

/// The counter's second word: the kind, the upper 14 of the block's 46 bits, the purpose.
constexpr std::uint32_t name_word(Stream const& s, Draw kind, std::uint64_t block) {
    std::uint32_t const high = static_cast<std::uint32_t>(block >> 32) & 0x3fffu;
    return static_cast<std::uint32_t>(kind) | high << 16 | static_cast<std::uint32_t>(s.purpose);
}
constexpr PhiloxBlock block_of(Stream const& s, Draw kind, std::uint64_t block) {
    auto const low = static_cast<std::uint32_t>(block), name = name_word(s, kind, block);
    auto const key0 = static_cast<std::uint32_t>(s.seed), key1 = static_cast<std::uint32_t>(s.seed >> 32);
    return philox4x32(PhiloxBlock{{low, name, s.image, s.epoch}}, key0, key1);
}

}  // namespace detail

/// The stream's 32 random bits at `index`.
constexpr std::uint32_t u32_at(Stream const& stream, std::uint64_t index) {
    return detail::block_of(stream, detail::Draw::words, index / 4).word[index % 4];
}
/// The stream's float at `index`, uniform in [0, 1) from 24 bits.
constexpr float uniform_at(Stream const& stream, std::uint64_t index) { return static_cast<float>(u32_at(stream, index) >> 8) * 0x1p-24f; }

/// The stream's double at `index`, uniform in [0, 1) from 53 bits.
constexpr double uniform_double_at(Stream const& stream, std::uint64_t index) {
    PhiloxBlock const b = detail::block_of(stream, detail::Draw::wide, index * detail::wide_blocks);
    return detail::unit_double(b.word[0], b.word[1]);
}
/// The stream's sample of N(0, 1) at `index`; its absolute value is at most 6.66.
constexpr float normal_at(Stream const& stream, std::uint64_t index) {
    PhiloxBlock const b = detail::block_of(stream, detail::Draw::normals, index / 4);
    auto const pair = index & 2 ? detail::normal_pair(b.word[2], b.word[3]) : detail::normal_pair(b.word[0], b.word[1]);
    return index & 1 ? pair.b : pair.a;
}
/// The stream's integer at `index`, uniform in [0, n) without bias; n > 0 is not checked.
/// Source: Lemire, Fast random integer generation in an interval, 2019.
constexpr std::uint64_t below_at(Stream const& stream, std::uint64_t index, std::uint64_t n) {
    std::uint64_t const reject = (0 - n) % n;  // 2^64 mod n: so many low products are too many
    for (std::uint64_t i = 0;; ++i) {
        PhiloxBlock const b = detail::block_of(stream, detail::Draw::wide, index * detail::wide_blocks + i);
        std::uint64_t const low = n & 0xffffffffu, high = n >> 32;
        // The 128-bit product of n and the 64-bit word (x1, x0), from four products of 32 bits.
        std::uint64_t const x0 = b.word[0], x1 = b.word[1];
        std::uint64_t const middle = (x0 * low >> 32) + (x1 * low & 0xffffffffu) + (x0 * high & 0xffffffffu);
        std::uint64_t const fraction = middle << 32 | (x0 * low & 0xffffffffu);
        if (fraction >= reject) return x1 * high + (x1 * low >> 32) + (x0 * high >> 32) + (middle >> 32);
    }
}
/// The stream's Poisson sample at `index`; 0 <= mean <= 1e12 is not checked.
constexpr std::int64_t poisson_at(Stream const& stream, std::uint64_t index, double mean) {
    if (!(mean > 0)) return 0;
    if (mean < 10) return detail::poisson_small(mean, uniform_double_at(stream, index));
    auto const method = detail::PoissonLarge::of(mean);
    for (std::uint64_t i = 0;; ++i) {
        PhiloxBlock const b = detail::block_of(stream, detail::Draw::wide, index * detail::wide_blocks + i);
        auto const k = method.attempt(detail::unit_double(b.word[0], b.word[1]), detail::unit_double(b.word[2], b.word[3]));
        if (k >= 0) return k;
    }
}

namespace detail {

/// Philox for `lanes` consecutive blocks, a lane each: loops that the compiler turns into vector code.
/// (Templates on the instruction set, so that units compiled for different ones do not share them.)
template <class I = instruction_set::Native> struct Lanes {
    static constexpr int lanes = 64;
    alignas(64) std::uint32_t x[4][lanes];

    /// Sets the words of the blocks from `first` on.
    void generate(Stream const& s, Draw kind, std::uint64_t first) {
        for (int l = 0; l < lanes; ++l) {
            std::uint64_t const block = first + static_cast<std::uint64_t>(l);
            x[0][l] = static_cast<std::uint32_t>(block);
            x[1][l] = name_word(s, kind, block);
            x[2][l] = s.image;
            x[3][l] = s.epoch;
        }
        for (int l = 0; l < lanes; ++l) {
            PhiloxBlock const b = philox4x32(PhiloxBlock{{x[0][l], x[1][l], x[2][l], x[3][l]}}, static_cast<std::uint32_t>(s.seed),
                                             static_cast<std::uint32_t>(s.seed >> 32));
            for (int j = 0; j < 4; ++j) x[j][l] = b.word[j];
        }
    }
    /// 4 `lanes` uniform values, in order.
    void uniforms(float* out) const {
        for (int l = 0; l < lanes; ++l)
            for (int j = 0; j < 4; ++j) out[4 * l + j] = static_cast<float>(x[j][l] >> 8) * 0x1p-24f;
    }
    /// 4 `lanes` normal values, in order.
    void normals(float* out) const {
        for (int l = 0; l < lanes; ++l) {
            NormalPair const p = normal_pair(x[0][l], x[1][l]), q = normal_pair(x[2][l], x[3][l]);
            out[4 * l] = p.a;
            out[4 * l + 1] = p.b;
            out[4 * l + 2] = q.a;
            out[4 * l + 3] = q.b;
        }
    }
};

/// Elements [index, index + n) of a stream into out: whole groups of lanes directly, the ends through a buffer.
template <class I, class F> void fill(Stream const& stream, Draw kind, std::uint64_t index, std::span<float> out, F transform) {
    constexpr std::uint64_t group = 4 * Lanes<I>::lanes;
    Lanes<I> words;
    alignas(64) float buffer[group];
    std::uint64_t const n = out.size();
    for (std::uint64_t done = 0; done < n;) {
        std::uint64_t const skip = (index + done) % 4, left = n - done;
        words.generate(stream, kind, (index + done) / 4);
        if (skip == 0 && left >= group) {
            transform(words, out.data() + done);
            done += group;
            continue;
        }
        transform(words, buffer);
        std::uint64_t const count = left < group - skip ? left : group - skip;
        for (std::uint64_t i = 0; i < count; ++i) out[done + i] = buffer[skip + i];
        done += count;
    }
}

}  // namespace detail

/// out[i] = uniform_at(stream, index + i): fast, and the same for any partition of a range.
template <class I = instruction_set::Native> void fill_uniform(Stream const& stream, std::uint64_t index, std::span<float> out) {
    detail::fill<I>(stream, detail::Draw::words, index, out, [](auto const& words, float* to) { words.uniforms(to); });
}
/// out[i] = normal_at(stream, index + i): fast, and the same for any partition of a range.
template <class I = instruction_set::Native> void fill_normal(Stream const& stream, std::uint64_t index, std::span<float> out) {
    detail::fill<I>(stream, detail::Draw::normals, index, out, [](auto const& words, float* to) { words.normals(to); });
}

/// A stream and a position in it. Every value drawn, of any kind, advances the position by one (limit 2^40);
/// to resume, restore the position.
class Rng {
public:
    constexpr explicit Rng(std::uint64_t seed, Purpose purpose = {}, std::uint32_t image = 0, std::uint32_t epoch = 0)
        : stream_{seed, purpose, image, epoch} {}
    constexpr explicit Rng(Stream const& stream, std::uint64_t position = 0) : stream_(stream), position_(position) {}

    constexpr Stream const& stream() const { return stream_; }
    constexpr std::uint64_t position() const { return position_; }
    constexpr void set_position(std::uint64_t position) { position_ = position; }

    /// 32 random bits.
    constexpr std::uint32_t next_u32() { return u32_at(stream_, position_++); }
    /// A float in [0, 1) from 24 bits.
    constexpr float uniform() { return uniform_at(stream_, position_++); }
    /// A float in [low, high), or low when they are equal; rounding may reach high.
    constexpr float uniform(float low, float high) { return detail::fused(high - low, uniform(), low); }
    /// A double in [0, 1) from 53 bits.
    constexpr double uniform_double() { return uniform_double_at(stream_, position_++); }
    /// A sample of N(0, 1).
    constexpr float normal() { return normal_at(stream_, position_++); }
    /// An integer in [0, n), all equally likely; n > 0, else Error.
    Index below(Index n) {
        check(n > 0, "Rng::below: the bound ", n, " is not positive");
        return static_cast<Index>(below_at(stream_, position_++, static_cast<std::uint64_t>(n)));
    }
    /// A Poisson sample; Error unless 0 <= mean <= 1e12.
    std::int64_t poisson(double mean) {
        check(mean >= 0 && mean <= 1e12, "Rng::poisson: the mean ", mean, " is not between 0 and 1e12");
        return poisson_at(stream_, position_++, mean);
    }
    /// As many calls of uniform(), faster.
    void fill_uniform(std::span<float> out) {
        tacet::fill_uniform(stream_, position_, out);
        position_ += out.size();
    }
    /// As many calls of normal(), faster.
    void fill_normal(std::span<float> out) {
        tacet::fill_normal(stream_, position_, out);
        position_ += out.size();
    }
    void fill_uniform(float* out, Index n) { fill_uniform(std::span(out, static_cast<std::size_t>(n))); }
    void fill_normal(float* out, Index n) { fill_normal(std::span(out, static_cast<std::size_t>(n))); }

private:
    Stream stream_;
    std::uint64_t position_ = 0;
};

}  // namespace tacet
