// SPDX-License-Identifier: MIT
#pragma once
#include <tacet/io/png_chunks.hpp>
#if TACET_WITH_PNG
#include <csetjmp>
#include <png.h>
#endif

namespace tacet::detail {

/// Decodes with stb_image, which does not look at checksums: we do.
inline void decode_png_by_stb(ByteSpan bytes, PngFile const& png, Raster& raster) {
    verify_png_image_data(png);
    stb_decode(bytes, raster);
}

#if TACET_WITH_PNG
/// What libpng's callbacks need: the unread bytes, and room for the first complaint.
struct LibpngState {
    ByteSpan unread;
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

}  // namespace tacet::detail
