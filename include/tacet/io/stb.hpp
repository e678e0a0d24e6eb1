// SPDX-License-Identifier: MIT
#pragma once
#include <tacet/core/error.hpp>
#include <tacet/io/raster.hpp>
#include <assert.h>
#include <limits.h>
#include <limits>
#include <math.h>
#include <new>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#if defined(__SSE2__)
#include <emmintrin.h>
#elif defined(__ARM_NEON)
#include <arm_neon.h>
#endif

// stb_image and stb_image_write, for JPEG and PNG where libjpeg and libpng are absent, and for zlib streams. Formats that we do not need,
// or read more strictly ourselves, are left out. calloc: what a damaged file leaves unwritten is black, not somebody's old memory. Writing
// would go on where memory has ended, so its allocations throw. Everything is private to the unit, in a namespace of its own (the system
// headers it wants are included above, so that they stay outside), and its functions of C linkage have names of their own: they meet no
// other copy of stb, not even one in the same unit.
#pragma push_macro("STB_IMAGE_IMPLEMENTATION")
#pragma push_macro("STBI_INCLUDE_STB_IMAGE_H")
#pragma push_macro("STBIDEF")
#pragma push_macro("STB_IMAGE_WRITE_IMPLEMENTATION")
#pragma push_macro("INCLUDE_STB_IMAGE_WRITE_H")
#pragma push_macro("STBIWDEF")
#undef INCLUDE_STB_IMAGE_WRITE_H
#undef STB_IMAGE_WRITE_IMPLEMENTATION
#undef STBIWDEF
#undef STBIW_MALLOC
#undef STBIW_REALLOC
#undef STBIW_FREE
#undef STBI_INCLUDE_STB_IMAGE_H
#undef STB_IMAGE_IMPLEMENTATION
#undef STBIDEF
#define stbi_convert_iphone_png_to_rgb tacet_stbi_convert_iphone_png_to_rgb
#define stbi_convert_iphone_png_to_rgb_thread tacet_stbi_convert_iphone_png_to_rgb_thread
#define stbi_failure_reason tacet_stbi_failure_reason
#define stbi_hdr_to_ldr_gamma tacet_stbi_hdr_to_ldr_gamma
#define stbi_hdr_to_ldr_scale tacet_stbi_hdr_to_ldr_scale
#define stbi_image_free tacet_stbi_image_free
#define stbi_info_from_callbacks tacet_stbi_info_from_callbacks
#define stbi_info_from_memory tacet_stbi_info_from_memory
#define stbi_is_16_bit_from_callbacks tacet_stbi_is_16_bit_from_callbacks
#define stbi_is_16_bit_from_memory tacet_stbi_is_16_bit_from_memory
#define stbi_is_hdr_from_callbacks tacet_stbi_is_hdr_from_callbacks
#define stbi_is_hdr_from_memory tacet_stbi_is_hdr_from_memory
#define stbi_load_16_from_callbacks tacet_stbi_load_16_from_callbacks
#define stbi_load_16_from_memory tacet_stbi_load_16_from_memory
#define stbi_load_from_callbacks tacet_stbi_load_from_callbacks
#define stbi_load_from_memory tacet_stbi_load_from_memory
#define stbi_set_flip_vertically_on_load tacet_stbi_set_flip_vertically_on_load
#define stbi_set_flip_vertically_on_load_thread tacet_stbi_set_flip_vertically_on_load_thread
#define stbi_set_unpremultiply_on_load tacet_stbi_set_unpremultiply_on_load
#define stbi_set_unpremultiply_on_load_thread tacet_stbi_set_unpremultiply_on_load_thread
#define stbi_zlib_decode_buffer tacet_stbi_zlib_decode_buffer
#define stbi_zlib_decode_malloc tacet_stbi_zlib_decode_malloc
#define stbi_zlib_decode_malloc_guesssize tacet_stbi_zlib_decode_malloc_guesssize
#define stbi_zlib_decode_malloc_guesssize_headerflag tacet_stbi_zlib_decode_malloc_guesssize_headerflag
#define stbi_zlib_decode_noheader_buffer tacet_stbi_zlib_decode_noheader_buffer
#define stbi_zlib_decode_noheader_malloc tacet_stbi_zlib_decode_noheader_malloc
#define STB_IMAGE_IMPLEMENTATION
#define STB_IMAGE_STATIC
#define STBI_ONLY_JPEG
#define STBI_ONLY_PNG
#define STBI_NO_STDIO
#define STBI_NO_LINEAR
#define STBI_MALLOC(bytes) ::calloc(1, bytes)
#define STBI_REALLOC(memory, bytes) ::realloc(memory, bytes)
#define STBI_FREE(memory) ::free(memory)
#define STB_IMAGE_WRITE_IMPLEMENTATION
#define STB_IMAGE_WRITE_STATIC
#define STBI_WRITE_NO_STDIO
#define STBIW_MALLOC(bytes) resize_or_throw(nullptr, bytes)
#define STBIW_REALLOC(memory, bytes) resize_or_throw(memory, bytes)
#define STBIW_FREE(memory) ::free(memory)
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wunused-function"
#pragma GCC diagnostic ignored "-Wconversion"
#pragma GCC diagnostic ignored "-Wsign-conversion"
#pragma GCC diagnostic ignored "-Wshadow"
#pragma GCC diagnostic ignored "-Wold-style-cast"
#if defined(__clang__)  // damaged JPEGs: sums wrap and zeros are shifted too far, which changes nothing but the picture and stops fuzzers
#pragma clang attribute push(__attribute__((no_sanitize("shift", "signed-integer-overflow"))), apply_to = function)
#endif
namespace tacet::detail::stb {
/// realloc that throws instead of returning nothing.
inline void* resize_or_throw(void* memory, std::size_t bytes) {
    void* const resized = ::realloc(memory, bytes);
    if (!resized) throw std::bad_alloc();
    return resized;
}
using ::abs;  // tacet::abs, of expressions, would hide it
#if __has_include(<stb/stb_image.h>)
#include <stb/stb_image.h>
#else
#include <stb_image.h>
#endif
#if __has_include(<stb/stb_image_write.h>)
#include <stb/stb_image_write.h>
#else
#include <stb_image_write.h>
#endif
}  // namespace tacet::detail::stb
#if defined(__clang__)
#pragma clang attribute pop
#endif
#pragma GCC diagnostic pop
#undef stbi_convert_iphone_png_to_rgb
#undef stbi_convert_iphone_png_to_rgb_thread
#undef stbi_failure_reason
#undef stbi_hdr_to_ldr_gamma
#undef stbi_hdr_to_ldr_scale
#undef stbi_image_free
#undef stbi_info_from_callbacks
#undef stbi_info_from_memory
#undef stbi_is_16_bit_from_callbacks
#undef stbi_is_16_bit_from_memory
#undef stbi_is_hdr_from_callbacks
#undef stbi_is_hdr_from_memory
#undef stbi_load_16_from_callbacks
#undef stbi_load_16_from_memory
#undef stbi_load_from_callbacks
#undef stbi_load_from_memory
#undef stbi_set_flip_vertically_on_load
#undef stbi_set_flip_vertically_on_load_thread
#undef stbi_set_unpremultiply_on_load
#undef stbi_set_unpremultiply_on_load_thread
#undef stbi_zlib_decode_buffer
#undef stbi_zlib_decode_malloc
#undef stbi_zlib_decode_malloc_guesssize
#undef stbi_zlib_decode_malloc_guesssize_headerflag
#undef stbi_zlib_decode_noheader_buffer
#undef stbi_zlib_decode_noheader_malloc
#undef STB_IMAGE_STATIC
#undef STBI_ONLY_JPEG
#undef STBI_ONLY_PNG
#undef STBI_NO_STDIO
#undef STBI_NO_LINEAR
#undef STBI_NO_BMP
#undef STBI_NO_PSD
#undef STBI_NO_TGA
#undef STBI_NO_GIF
#undef STBI_NO_HDR
#undef STBI_NO_PIC
#undef STBI_NO_PNM
#undef STBI_MALLOC
#undef STBI_REALLOC
#undef STBI_REALLOC_SIZED
#undef STBI_FREE
#undef STB_IMAGE_WRITE_STATIC
#undef STBI_WRITE_NO_STDIO
#undef STBIW_MALLOC
#undef STBIW_REALLOC
#undef STBIW_REALLOC_SIZED
#undef STBIW_FREE
#undef STBIW_MEMMOVE
#undef STBIW_ASSERT
#undef STBIW_UCHAR
#undef stbi__err
#undef stbi__errpf
#undef stbi__errpuc
#pragma pop_macro("STBIWDEF")
#pragma pop_macro("INCLUDE_STB_IMAGE_WRITE_H")
#pragma pop_macro("STB_IMAGE_WRITE_IMPLEMENTATION")
#pragma pop_macro("STBIDEF")
#pragma pop_macro("STBI_INCLUDE_STB_IMAGE_H")
#pragma pop_macro("STB_IMAGE_IMPLEMENTATION")

namespace tacet::detail {

/// Throws Error with stb_image's reason, a few words such as "bad huffman code", unless `ok`.
inline void check_stb(bool ok) {
    if (ok) return;
    char const* const reason = stb::tacet_stbi_failure_reason();
    throw Error(std::string("damaged: ") + (reason ? reason : "no reason known"));
}

/// Decodes a JPEG or PNG that has passed our own checks (see jpeg.hpp, png.hpp) into `raster`, whose extents and bit depth (8 or 16) our
/// reading of the header gave. Throws Error when stb_image cannot, or reads the header otherwise.
inline void stb_decode(ByteSpan bytes, Raster& raster) {
    check(bytes.size() <= std::size_t{std::numeric_limits<int>::max()}, "larger than 2 GiB");
    auto const size = static_cast<int>(bytes.size());
    int width = 0, height = 0, channels = 0;
    void* decoded = nullptr;
    if (raster.bit_depth == 8) decoded = stb::tacet_stbi_load_from_memory(bytes.data(), size, &width, &height, &channels, 0);
    else decoded = stb::tacet_stbi_load_16_from_memory(bytes.data(), size, &width, &height, &channels, 0);
    check_stb(decoded != nullptr);
    bool const as_expected = width == raster.width && height == raster.height && channels == raster.channels;
    if (as_expected) std::memcpy(raster.samples.data(), decoded, raster.samples.size());
    stb::tacet_stbi_image_free(decoded);
    check(as_expected, "damaged: the header contradicts itself");
}

/// Decompresses a zlib stream (RFC 1950) into `out`; the number of bytes, or -1 when it is damaged or does not fit. The stream's own
/// checksum is not looked at.
inline std::ptrdiff_t zlib_decompress(ByteSpan bytes, std::span<std::uint8_t> out) {
    constexpr auto most = std::size_t{std::numeric_limits<int>::max()};
    if (bytes.size() > most || out.size() > most) return -1;
    return stb::tacet_stbi_zlib_decode_buffer(reinterpret_cast<char*>(out.data()), static_cast<int>(out.size()),
                                        reinterpret_cast<char const*>(bytes.data()), static_cast<int>(bytes.size()));
}

/// Compresses into a zlib stream. Throws Error for more than 1 GiB, with which stb_image_write cannot count.
inline Bytes zlib_compress(ByteSpan bytes) {
    if (bytes.empty()) return {0x78, 0x9c, 0x03, 0x00, 0x00, 0x00, 0x00, 0x01};  // stb_image_write forgets the end of a stream of nothing
    check(bytes.size() <= std::size_t{1} << 30, bytes.size(), " bytes are more than stb_image_write compresses");
    int size = 0;
    auto* const input = const_cast<unsigned char*>(bytes.data());  // which it only reads
    auto* const stream = stb::stbi_zlib_compress(input, static_cast<int>(bytes.size()), &size, stb::stbi_write_png_compression_level);
    Bytes const out(stream, stream + size);
    ::free(stream);
    return out;
}

/// Encodes 8 bits of grey or RGB as a JPEG of YCbCr, grey as well; up to quality 90 with half the resolution of colours.
inline Bytes stb_encode_jpeg(Raster const& raster, int quality) {
    check(raster.samples.size() <= std::size_t{std::numeric_limits<int>::max()}, "larger than 2 GiB");
    Bytes out;
    out.reserve(4096 + raster.samples.size() / 4);
    auto const put = [](void* bytes, void* data, int size) {
        put_bytes(*static_cast<Bytes*>(bytes), {static_cast<std::uint8_t const*>(data), static_cast<std::size_t>(size)});
    };
    stb::stbi_write_jpg_to_func(put, &out, static_cast<int>(raster.width), static_cast<int>(raster.height), raster.channels,
                                raster.samples.data(), quality);
    return out;
}

}  // namespace tacet::detail
