// SPDX-License-Identifier: MIT
#pragma once
#include <tacet/io/raster.hpp>
#include <charconv>
#include <cmath>
#include <string_view>

/// PBM, PGM, PPM (P1 to P6, as netpbm's manual pages define them) and PFM (P. Debevec's float map).
namespace tacet::detail {

/// A position in a header or in samples written as text.
class NetpbmText {
public:
    explicit NetpbmText(ByteSpan bytes) : bytes_(bytes) {}

    ByteSpan rest() const { return bytes_.subspan(at_); }
    /// The next number; blanks and comments before it are skipped.
    std::uint32_t number(char const* name, std::uint32_t most) {
        auto const word = next_word();
        std::uint32_t value = 0;
        auto const [end, error] = std::from_chars(word.data(), word.data() + word.size(), value);
        check(!word.empty(), "truncated: the ", name, " is missing");
        check(error == std::errc{} && end == word.data() + word.size() && value <= most, "damaged: '", printable(word), "' is no ", name);
        return value;
    }
    /// The next word as a float that is neither 0 nor infinite.
    float scale() {
        auto const word = next_word();
        float value = 0;
        auto const [end, error] = std::from_chars(word.data(), word.data() + word.size(), value);
        bool const is_number = error == std::errc{} && end == word.data() + word.size();
        check(is_number && std::isfinite(value) && value != 0.f, "damaged: '", printable(word), "' is no PFM scale");
        return value;
    }
    /// The next digit alone: PBM's pixels need no blanks between them.
    bool bit() {
        skip_blanks();
        check(at_ < bytes_.size(), "truncated: pixels are missing");
        auto const digit = bytes_[at_++];
        check(digit == '0' || digit == '1', "damaged: a pixel that is neither 0 nor 1");
        return digit == '1';
    }
    /// The one blank between a header and its samples.
    void end_header() {
        check(at_ < bytes_.size() && is_blank(bytes_[at_]), "truncated: pixels are missing");
        ++at_;
    }

private:
    static bool is_blank(std::uint8_t c) { return c == ' ' || (c >= '\t' && c <= '\r'); }
    static std::string printable(std::string_view word) {
        std::string text(word.substr(0, 20));
        for (char& c : text)
            if (c < ' ' || c > '~') c = '?';
        return text;
    }
    void skip_blanks() {
        for (; at_ < bytes_.size() && (is_blank(bytes_[at_]) || bytes_[at_] == '#'); ++at_)
            if (bytes_[at_] == '#')
                while (at_ + 1 < bytes_.size() && bytes_[at_ + 1] != '\n' && bytes_[at_ + 1] != '\r') ++at_;
    }
    std::string_view next_word() {
        skip_blanks();
        auto const begin = at_;
        while (at_ < bytes_.size() && !is_blank(bytes_[at_]) && bytes_[at_] != '#') ++at_;
        return {reinterpret_cast<char const*>(bytes_.data()) + begin, at_ - begin};
    }

    ByteSpan bytes_;
    std::size_t at_ = 2;  // behind the magic
};

inline constexpr std::uint32_t largest_netpbm_extent = (1u << 31) - 1;

/// A sample of 0 to `most` as one of `bit_depth` bits, so that `most` becomes white.
inline void put_netpbm_sample(Raster& raster, std::size_t i, std::uint64_t value, std::uint64_t most) {
    check(value <= most, "damaged: a sample of ", value, ", above the maximum of ", most);
    std::uint64_t const white = raster.bit_depth == 8 ? 255 : 65535, scaled = most == white ? value : (value * white + most / 2) / most;
    raster.samples[raster.bit_depth == 8 ? i : 2 * i] = static_cast<std::uint8_t>(scaled);
    if (raster.bit_depth == 16) raster.samples[2 * i + 1] = static_cast<std::uint8_t>(scaled >> 8);
}

/// P1 and P4: one bit per pixel, 1 is black; P4's rows begin on a byte.
inline void decode_pbm_pixels(NetpbmText text, bool is_text, Raster& raster) {
    if (!is_text) text.end_header();
    auto const packed = text.rest();
    auto const row_bytes = static_cast<std::size_t>(raster.width + 7) / 8;
    check(is_text || packed.size() >= row_bytes * static_cast<std::size_t>(raster.height), "truncated: pixels are missing");
    for (Index y = 0; y < raster.height; ++y)
        for (Index x = 0; x < raster.width; ++x) {
            auto const at = static_cast<std::size_t>(x);
            bool const black = is_text ? text.bit() : packed[static_cast<std::size_t>(y) * row_bytes + at / 8] >> (7 - at % 8) & 1;
            raster.row(y)[x] = black ? 0 : 255;
        }
}

/// Decodes P1 to P6 to 8 bits (a maximum of at most 255) or 16; other maxima than 255 and 65535 are scaled to them.
inline Raster decode_pnm(ByteSpan bytes, ReadLimits const& limits) {
    int const kind = bytes[1] - '0';
    bool const is_text = kind <= 3, bitmap = kind % 3 == 1;
    NetpbmText text(bytes);
    auto const width = text.number("width", largest_netpbm_extent), height = text.number("height", largest_netpbm_extent);
    auto const most = bitmap ? 1 : text.number("maximum", 65535);
    check(most > 0, "damaged: a maximum of 0");
    // Even text takes a byte for each sample: no small file makes much memory.
    auto const channels = static_cast<std::uint64_t>(kind % 3 == 0 ? 3 : 1), samples = std::uint64_t{width} * height * channels;
    int const bit_depth = most > 255 ? 16 : 8;
    check_extents(width, height, static_cast<int>(channels), limits);
    check(text.rest().size() >= samples * (is_text || bit_depth == 8 ? 1 : 2) / (kind == 4 ? 8 : 1), "truncated: ", width, " x ", height,
          " pixels do not fit the file");
    auto raster = make_raster(width, height, static_cast<int>(channels), bit_depth, limits);
    if (bitmap) {
        decode_pbm_pixels(text, is_text, raster);
        return raster;
    }
    if (!is_text) text.end_header();
    auto const data = text.rest();
    check(is_text || data.size() >= raster.samples.size(), "truncated: ", width, " x ", height, " pixels do not fit the file");
    for (std::size_t i = 0; i < samples; ++i) {
        auto const value = is_text ? text.number("sample", 65535) : bit_depth == 8 ? data[i] : big16(data.data() + 2 * i);
        put_netpbm_sample(raster, i, value, most);
    }
    return raster;
}

/// Decodes a PFM, grey (Pf) or colour (PF): raw floats, the lowest line first. The scale's sign tells the byte order, its size nothing.
inline Raster decode_pfm(ByteSpan bytes, ReadLimits const& limits) {
    NetpbmText text(bytes);
    auto const width = text.number("width", largest_netpbm_extent), height = text.number("height", largest_netpbm_extent);
    bool const big_endian = text.scale() > 0;
    text.end_header();
    int const channels = bytes[1] == 'F' ? 3 : 1;
    check_extents(width, height, channels, limits);
    auto const bytes_needed = std::uint64_t{width} * height * static_cast<unsigned>(channels) * sizeof(float);
    check(text.rest().size() >= bytes_needed, "truncated: ", width, " x ", height, " pixels do not fit the file");
    auto raster = make_raster(width, height, channels, 32, limits);
    auto const* line = text.rest().data();
    for (Index y = raster.height; y-- > 0; line += raster.row_bytes()) std::memcpy(raster.row(y), line, raster.row_bytes());
    if (big_endian) swap_sample_bytes(raster.samples, 32);
    return raster;
}

/// A raster of 8 or 16 bits without alpha as binary PGM (P5) or PPM (P6).
inline Bytes encode_pnm(Raster const& raster) {
    Bytes out;
    auto const most = raster.bit_depth == 8 ? 255 : 65535;
    put_text(out, concat_text(raster.channels == 1 ? "P5\n" : "P6\n", raster.width, ' ', raster.height, '\n', most, '\n'));
    auto const header_bytes = out.size();
    put_bytes(out, raster.samples);
    swap_sample_bytes(std::span(out).subspan(header_bytes), raster.bit_depth);
    return out;
}

/// A raster of floats without alpha as PFM, little endian.
inline Bytes encode_pfm(Raster const& raster) {
    Bytes out;
    put_text(out, concat_text(raster.channels == 1 ? "Pf\n" : "PF\n", raster.width, ' ', raster.height, "\n-1.0\n"));
    for (Index y = raster.height; y-- > 0;) put_bytes(out, {raster.row(y), raster.row_bytes()});
    return out;
}

}  // namespace tacet::detail
