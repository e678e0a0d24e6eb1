// SPDX-License-Identifier: MIT
#pragma once
#include <tacet/io/png_chunks.hpp>
#include <algorithm>
#include <cstdlib>
#include <span>
#if TACET_WITH_PNG
#include <csetjmp>
#include <cstring>
#include <exception>
#include <png.h>
#endif

/// PNG through libpng, or through stb where that is absent.
namespace tacet::detail {

/// Decodes with stb_image, which does not look at checksums: we do.
inline void decode_png_by_stb(ByteSpan bytes, PngFile const& png, Raster& raster) {
    verify_png_image_data(png);
    stb_decode(bytes, raster);
}

/// PNG's predictor of a byte from those to the left, above and above left (PNG 3rd edition, 9.4).
inline int paeth(int left, int above, int corner) {
    int const to_left = std::abs(above - corner), to_above = std::abs(left - corner), to_corner = std::abs(left + above - 2 * corner);
    if (to_left <= to_above && to_left <= to_corner) return left;
    return to_above <= to_corner ? above : corner;
}

/// All scanlines as the zlib stream wants them: behind their filter's type, 4, the differences from what Paeth predicts.
inline Bytes png_scanlines(Raster const& raster) {
    auto const row_bytes = raster.row_bytes(), pixel_bytes = static_cast<std::size_t>(raster.channels * raster.bit_depth / 8);
    Bytes out, line(pixel_bytes + row_bytes), above(line);  // behind a pixel of zeros
    out.reserve((row_bytes + 1) * static_cast<std::size_t>(raster.height));
    for (Index y = 0; y < raster.height; ++y) {
        std::swap(line, above);
        auto const samples = std::span(line).subspan(pixel_bytes);
        std::copy_n(raster.row(y), row_bytes, samples.begin());
        if (raster.bit_depth == 16) swap_sample_bytes(samples, 16);
        out.push_back(4);
        for (std::size_t i = pixel_bytes; i < line.size(); ++i)
            out.push_back(static_cast<std::uint8_t>(line[i] - paeth(line[i - pixel_bytes], above[i], above[i - pixel_bytes])));
    }
    return out;
}

/// Encodes with stb_image_write's compression; its own PNG has 8 bits only.
inline Bytes encode_png_by_stb(Raster const& raster) {
    Bytes out(png_signature.begin(), png_signature.end()), header;
    put_big32(header, static_cast<std::uint32_t>(raster.width)), put_big32(header, static_cast<std::uint32_t>(raster.height));
    put_byte(header, static_cast<std::uint32_t>(raster.bit_depth));
    put_byte(header, static_cast<std::uint32_t>(png_colour_type(raster.channels)));
    put_byte(header, 0), put_byte(header, 0), put_byte(header, 0);  // deflate, adaptive filters, not interlaced
    put_png_chunk(out, "IHDR", header);
    if (!raster.icc_profile.empty()) put_png_chunk(out, "iCCP", png_icc_chunk(raster.icc_profile));
    put_png_chunk(out, "IDAT", zlib_compress(png_scanlines(raster)));
    put_png_chunk(out, "IEND", {});
    return out;
}

#if TACET_WITH_PNG
/// What libpng's callbacks need: the unread bytes, those written, and room for the first complaint.
struct LibpngState {
    ByteSpan unread{};
    Bytes written{};
    char complaint[160] = {};

    void complain(char const* text) {
        for (std::size_t i = 0; i + 1 < sizeof complaint && text[i]; ++i) complaint[i] = text[i], complaint[i + 1] = 0;
    }
};
inline void libpng_read(png_structp png, png_bytep out, std::size_t size) {
    auto& unread = static_cast<LibpngState*>(png_get_io_ptr(png))->unread;
    if (size > unread.size()) png_error(png, "truncated");
    std::memcpy(out, unread.data(), size);
    unread = unread.subspan(size);
}
[[noreturn]] inline void libpng_error(png_structp png, png_const_charp text) {
    static_cast<LibpngState*>(png_get_error_ptr(png))->complain(text);
    png_longjmp(png, 1);
}
/// Most warnings are about colour profiles and dates, but a wrong checksum of the image data is one, too.
inline void libpng_warning(png_structp png, png_const_charp text) {
    if (std::strncmp(text, "IDAT", 4) == 0) static_cast<LibpngState*>(png_get_error_ptr(png))->complain(text);
}

/// Decodes into `rows`, each of `row_bytes`. Errors jump to setjmp: nothing here may need a destructor.
inline bool libpng_decode(png_structp png, png_infop info, png_bytepp rows, std::size_t row_bytes) {
    if (setjmp(png_jmpbuf(png))) return false;
    png_set_user_limits(png, PNG_UINT_31_MAX, PNG_UINT_31_MAX);  // ours were checked
    png_read_info(png, info);
    png_set_expand(png);
    png_set_swap(png);
    png_set_interlace_handling(png);
    png_read_update_info(png, info);
    if (png_get_rowbytes(png, info) != row_bytes) png_error(png, "the header contradicts itself");
    png_read_image(png, rows);
    png_read_end(png, nullptr);
    return true;
}

inline void decode_png_by_libpng(ByteSpan bytes, Raster& raster) {
    std::vector<png_bytep> rows(static_cast<std::size_t>(raster.height));
    for (std::size_t i = 0; i < rows.size(); ++i) rows[i] = raster.row(static_cast<Index>(i));
    LibpngState state{bytes};
    png_structp png = png_create_read_struct(PNG_LIBPNG_VER_STRING, &state, libpng_error, libpng_warning);
    png_infop info = png ? png_create_info_struct(png) : nullptr;
    if (png) png_set_read_fn(png, &state, libpng_read);
    bool const decoded = info && libpng_decode(png, info, rows.data(), raster.row_bytes());
    if (png) png_destroy_read_struct(&png, &info, nullptr);
    check(decoded && !state.complaint[0], "damaged: ", std::string(state.complaint));
}

/// No exception may pass through libpng, and no jump leave a handler.
inline void libpng_write(png_structp png, png_bytep data, std::size_t size) {
    bool written = true;
    try {
        put_bytes(static_cast<LibpngState*>(png_get_io_ptr(png))->written, {data, size});
    } catch (std::exception const&) {
        written = false;
    }
    if (!written) png_error(png, "not enough memory");
}

/// Encodes with this data of an iCCP chunk, if any: libpng's own way refuses profiles that it finds odd. Errors jump to setjmp, as above.
inline bool libpng_encode(png_structp png, png_infop info, Raster const& raster, ByteSpan icc_chunk) {
    if (setjmp(png_jmpbuf(png))) return false;
    png_set_user_limits(png, PNG_UINT_31_MAX, PNG_UINT_31_MAX);
    png_set_IHDR(png, info, static_cast<png_uint_32>(raster.width), static_cast<png_uint_32>(raster.height), raster.bit_depth,
                 png_colour_type(raster.channels), PNG_INTERLACE_NONE, PNG_COMPRESSION_TYPE_DEFAULT, PNG_FILTER_TYPE_DEFAULT);
    png_write_info(png, info);
    if (!icc_chunk.empty()) png_write_chunk(png, reinterpret_cast<png_const_bytep>("iCCP"), icc_chunk.data(), icc_chunk.size());
    png_set_swap(png);
    for (Index y = 0; y < raster.height; ++y) png_write_row(png, raster.row(y));
    png_write_end(png, info);
    return true;
}

inline Bytes encode_png_by_libpng(Raster const& raster) {
    auto const icc_chunk = raster.icc_profile.empty() ? Bytes() : png_icc_chunk(raster.icc_profile);
    LibpngState state;
    png_structp png = png_create_write_struct(PNG_LIBPNG_VER_STRING, &state, libpng_error, [](png_structp, png_const_charp) {});
    png_infop info = png ? png_create_info_struct(png) : nullptr;
    if (png) png_set_write_fn(png, &state, libpng_write, [](png_structp) {});
    bool const encoded = info && libpng_encode(png, info, raster, icc_chunk);
    if (png) png_destroy_write_struct(&png, &info);
    check(encoded, "libpng: ", std::string(state.complaint));
    return std::move(state.written);
}
#endif

/// Decodes a PNG of any kind to 8 or 16 bits: palettes become RGB, transparent colours alpha. Throws Error when anything is damaged.
inline Raster decode_png(ByteSpan bytes, ReadLimits const& limits) {
    auto const png = read_png_chunks(bytes);
    check_extents(png.width, png.height, png.channels(), limits);
    check_png_scanlines_fit(png);
    auto raster = make_raster(png.width, png.height, png.channels(), png.bit_depth == 16 ? 16 : 8, limits);
#if TACET_WITH_PNG
    decode_png_by_libpng(bytes, raster);
#else
    decode_png_by_stb(bytes, png, raster);
#endif
    raster.icc_profile = png.icc_profile, raster.orientation = png.orientation;
    return raster;
}

/// A raster of 8 or 16 bits as a PNG file, with its ICC profile.
inline Bytes encode_png(Raster const& raster) {
#if TACET_WITH_PNG
    return encode_png_by_libpng(raster);
#else
    return encode_png_by_stb(raster);
#endif
}

}  // namespace tacet::detail
