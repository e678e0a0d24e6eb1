// SPDX-License-Identifier: MIT
#pragma once
#include <tacet/core/thread_pool.hpp>
#include <tacet/io/atomic_file.hpp>
#include <tacet/io/image_codec.hpp>
#include <tacet/tensor/tensor.hpp>
#include <algorithm>
#include <bit>
#include <cmath>
#include <cstring>
#include <filesystem>
#include <new>
#include <optional>
#include <span>
#include <string>
#include <vector>

namespace tacet {

/// A picture as it was read, with what is needed to write it back: upright, colours and alpha apart.
struct Image {
    Tensor<float, 3> pixels;                ///< (H, W, C), C 1 (grey) or 3 (RGB); in [0, 1], from float files anything
    std::optional<Tensor<float, 3>> alpha;  ///< (H, W, 1), carried through untouched
    int bit_depth = 8;                      ///< of the file: 8, 16, or 32 for floats
    bool premultiplied = false;             ///< the colours were multiplied by alpha (TIFF only)
    std::vector<std::uint8_t> icc_profile;  ///< empty: none, which is taken for sRGB

    Index height() const { return pixels.shape()[0]; }
    Index width() const { return pixels.shape()[1]; }
    Index channels() const { return pixels.shape()[2]; }
    bool is_float() const { return bit_depth == 32; }
};

/// How an image is written.
struct WriteOptions {
    int jpeg_quality = 95;   ///< 1 to 100
    bool overwrite = false;  ///< replace an existing file
    int bit_depth = 0;       ///< 8, 16 or 32; 0: the image's own, or what the format has that comes next
};

namespace detail {

/// v / 255.f for 8 bits, v / 65535.f for 16, floats as they are.
inline void samples_to_floats(std::uint8_t const* x, float* y, std::size_t n, int bit_depth) {
    if (bit_depth == 8)
        for (std::size_t i = 0; i < n; ++i) y[i] = static_cast<float>(x[i]) / 255.f;
    else if (bit_depth == 16)
        for (std::size_t i = 0; i < n; ++i) y[i] = static_cast<float>(little16(x + 2 * i)) / 65535.f;
    else
        std::memcpy(y, x, n * sizeof(float));
}

/// x * most, clamped to [0, most] (NaN to 0) and rounded to the nearest whole number, ties to even; `most` up to 65535.
inline std::uint32_t quantise(float x, float most) {
    float const clamped = x > 0.f ? (x < 1.f ? x : 1.f) : 0.f;
    float const scaled = std::fma(clamped, most, 0.f);  // a product that is rounded before the sum, on every machine
    return std::bit_cast<std::uint32_t>(scaled + 0x1p23f) & 0xffff;  // in [2^23, 2^24) floats are the whole numbers
}

inline void floats_to_samples(float const* x, std::uint8_t* y, std::size_t n, int bit_depth) {
    if (bit_depth == 8)
        for (std::size_t i = 0; i < n; ++i) y[i] = static_cast<std::uint8_t>(quantise(x[i], 255.f));
    else if (bit_depth == 16)
        for (std::size_t i = 0; i < n; ++i) {
            auto const v = static_cast<std::uint16_t>(quantise(x[i], 65535.f));
            std::memcpy(y + 2 * i, &v, 2);
        }
    else
        std::memcpy(y, x, n * sizeof(float));
}

inline Image to_image(Raster&& raster) {
    Index const width = raster.width, channels = raster.channels, colours = raster.colours();
    Image image;
    image.pixels = Tensor<float, 3>(Shape{raster.height, width, colours});
    if (raster.has_alpha()) image.alpha = Tensor<float, 3>(Shape{raster.height, width, Index{1}});
    image.bit_depth = raster.bit_depth, image.premultiplied = raster.premultiplied;
    image.icc_profile = std::move(raster.icc_profile);
    parallel_ranges(raster.height, 16, [&](Index begin, Index end) {
        std::vector<float> line(static_cast<std::size_t>(width * channels));
        for (Index y = begin; y < end; ++y) {
            samples_to_floats(raster.row(y), line.data(), line.size(), raster.bit_depth);
            for (Index x = 0; x < width; ++x) {
                auto const* const from = line.data() + x * channels;
                std::copy_n(from, colours, image.pixels.data() + (y * width + x) * colours);
                if (image.alpha) image.alpha->data()[y * width + x] = from[colours];
            }
        }
    });
    return image;
}

inline void check_bit_depth(int bits) { check(bits == 8 || bits == 16 || bits == 32, "a bit depth of ", bits, "; there are 8, 16 and 32"); }

inline void check_image(Image const& image) {
    auto const& shape = image.pixels.shape();
    check_shape(shape[0] > 0 && shape[1] > 0 && (shape[2] == 1 || shape[2] == 3), "an image is (H, W, 1) or (H, W, 3), not ", shape);
    if (image.alpha)
        check_shape(image.alpha->shape() == Shape{shape[0], shape[1], Index{1}}, "alpha ", image.alpha->shape(), " does not fit ", shape);
    check_bit_depth(image.bit_depth);
}

inline Raster to_raster(Image const& image, int bit_depth) {
    Index const width = image.width(), colours = image.channels(), channels = colours + (image.alpha ? 1 : 0);
    Raster raster;
    raster.height = image.height(), raster.width = width, raster.channels = static_cast<int>(channels), raster.bit_depth = bit_depth;
    raster.premultiplied = image.alpha && image.premultiplied;
    if (icc_fits(image.icc_profile, static_cast<int>(colours))) raster.icc_profile = image.icc_profile;
    raster.samples.resize(raster.row_bytes() * static_cast<std::size_t>(raster.height));
    parallel_ranges(raster.height, 16, [&](Index begin, Index end) {
        std::vector<float> line(static_cast<std::size_t>(width * channels));
        for (Index y = begin; y < end; ++y) {
            for (Index x = 0; x < width; ++x) {
                auto* const to = line.data() + x * channels;
                std::copy_n(image.pixels.data() + (y * width + x) * colours, colours, to);
                if (image.alpha) to[colours] = image.alpha->data()[y * width + x];
            }
            floats_to_samples(line.data(), raster.row(y), line.size(), bit_depth);
        }
    });
    return raster;
}

}  // namespace detail

#if TACET_WITH_COMPILED  // library tacet::compiled has them
namespace detail {
Image compiled_decode_image(std::span<std::uint8_t const> bytes, std::string const& name, ReadLimits const& limits, Cpu);
std::vector<std::uint8_t> compiled_encode_image(Image const& image, ImageFormat format, WriteOptions const& options, Cpu);
}  // namespace detail
#endif

/// Decodes an image file in memory; `name` appears in the messages. The format is told from the content. Throws Error, in one line, for
/// everything that is damaged, cut off, unsupported or beyond the limits.
inline Image decode_image(std::span<std::uint8_t const> bytes, std::string const& name, ReadLimits const& limits = {}) {
#if TACET_WITH_COMPILED
    return detail::compiled_decode_image(bytes, name, limits, Cpu{});
#else
    try {
        return detail::to_image(detail::decode_raster(bytes, limits));
    } catch (Error const& error) {
        throw Error(name + ": " + error.what());
    } catch (std::bad_alloc const&) {
        throw Error(name + ": not enough memory to decode it");
    }
#endif
}

/// Reads an image file; see decode_image.
inline Image read_image(std::filesystem::path const& path, ReadLimits const& limits = {}) {
    return decode_image(read_file(path, limits.max_file_bytes), path.string(), limits);
}

/// An image as the bytes of a file. Integer samples are clamped to [0, 1] and rounded to the nearest even; what was read in the same bit
/// depth comes out unchanged (JPEG excepted). The ICC profile goes into PNG, JPEG and TIFF. Throws Error for alpha that the format lacks.
inline std::vector<std::uint8_t> encode_image(Image const& image, ImageFormat format, WriteOptions const& options = {}) {
#if TACET_WITH_COMPILED
    return detail::compiled_encode_image(image, format, options, Cpu{});
#else
    detail::check_image(image);
    int const bit_depth = options.bit_depth ? options.bit_depth : detail::stored_bit_depth(format, image.bit_depth);
    detail::check_bit_depth(bit_depth);
    check(detail::stored_bit_depth(format, bit_depth) == bit_depth, to_string(format), " has no samples of ", bit_depth, " bits");
    return detail::encode_raster(detail::to_raster(image, bit_depth), format, options.jpeg_quality);
#endif
}

/// The format in which an image will be written to `path`. Throws Error when the suffix names none, one that this program cannot
/// write, or one that has no place for the image's alpha: to be asked before work is done on the image.
inline ImageFormat check_image_format(std::filesystem::path const& path, Image const& image) {
    auto const format = image_format_of(path);
    check(format.has_value(), path.string(), ": the suffix names no known image format; .png .jpg .bmp .pgm .ppm .pfm .tif do");
    try {
        if (*format == ImageFormat::tiff) detail::check_tiff();
        detail::check_alpha_fits(*format, image.alpha.has_value(), image.alpha && image.premultiplied);
    } catch (Error const& error) {
        throw Error(path.string() + ": " + error.what());
    }
    return *format;
}

/// Writes an image in the format that the path's suffix names, atomically (see AtomicFile); see encode_image.
inline void write_image(std::filesystem::path const& path, Image const& image, WriteOptions const& options = {}) {
    auto const format = check_image_format(path, image);
    check_output(path, options.overwrite);
    std::vector<std::uint8_t> bytes;
    try {
        bytes = encode_image(image, format, options);
    } catch (Error const& error) {
        throw Error(path.string() + ": " + error.what());
    }
    write_file_atomically(path, std::as_bytes(std::span(bytes)), options.overwrite);
}

/// (H, W, 1) or (H, W, 3) as RGB: grey is replicated.
inline Tensor<float, 3> to_rgb(Tensor<float, 3> const& pixels) {
    auto const& shape = pixels.shape();
    check_shape(shape[2] == 1 || shape[2] == 3, "to_rgb: expected (H, W, 1) or (H, W, 3), got ", shape);
    if (shape[2] == 3) return pixels;
    Tensor<float, 3> y(Shape{shape[0], shape[1], Index{3}});
    parallel_ranges(pixels.size(), 1 << 15, [&, x = pixels.data(), out = y.data()](Index begin, Index end) {
        for (Index i = begin; i < end; ++i) out[3 * i] = out[3 * i + 1] = out[3 * i + 2] = x[i];
    });
    return y;
}

/// (H, W, 1) or (H, W, 3) as grey: the mean of the three colours, so that to_grey(to_rgb(x)) is x exactly.
inline Tensor<float, 3> to_grey(Tensor<float, 3> const& pixels) {
    auto const& shape = pixels.shape();
    check_shape(shape[2] == 1 || shape[2] == 3, "to_grey: expected (H, W, 1) or (H, W, 3), got ", shape);
    if (shape[2] == 1) return pixels;
    Tensor<float, 3> y(Shape{shape[0], shape[1], Index{1}});
    parallel_ranges(y.size(), 1 << 15, [&, x = pixels.data(), out = y.data()](Index begin, Index end) {
        for (Index i = begin; i < end; ++i) out[i] = static_cast<float>((double{x[3 * i]} + x[3 * i + 1] + x[3 * i + 2]) / 3);
    });
    return y;
}

/// The image in RGB, all else unchanged.
inline Image to_rgb(Image image) {
    image.pixels = to_rgb(image.pixels);
    return image;
}
/// The image in grey, all else unchanged.
inline Image to_grey(Image image) {
    image.pixels = to_grey(image.pixels);
    return image;
}

}  // namespace tacet
