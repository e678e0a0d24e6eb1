// SPDX-License-Identifier: MIT
#pragma once
#include <tacet/io/raster.hpp>
#if TACET_WITH_TIFF
#include <algorithm>
#include <cstdarg>
#include <cstdio>
#include <memory>
#include <new>
#include <tiffio.h>
#endif

/// TIFF through libtiff, in memory: pictures of one page, with 8 and 16 bits and 32-bit floats as they are, and everything else that
/// libtiff can turn into 8-bit RGB.
namespace tacet::detail {

#if TACET_WITH_TIFF

/// The file in memory that libtiff reads or writes, and its first complaint.
struct TiffMemory {
    ByteSpan input;
    Bytes output;
    bool writing = false;
    std::uint64_t at = 0;
    std::string complaint;

    std::uint64_t size() const { return writing ? output.size() : input.size(); }
    std::uint8_t const* data() const { return writing ? output.data() : input.data(); }

    // No exception may pass through libtiff.
    static tmsize_t read(thandle_t handle, void* out, tmsize_t count) {
        auto& self = *static_cast<TiffMemory*>(handle);
        if (self.at >= self.size() || count <= 0) return 0;
        auto const n = std::min(static_cast<std::uint64_t>(count), self.size() - self.at);
        std::memcpy(out, self.data() + self.at, n);
        self.at += n;
        return static_cast<tmsize_t>(n);
    }
    static tmsize_t write(thandle_t handle, void* bytes, tmsize_t count) {
        auto& self = *static_cast<TiffMemory*>(handle);
        if (!self.writing || count <= 0) return 0;
        try {
            self.output.resize(std::max(self.size(), self.at + static_cast<std::uint64_t>(count)));
        } catch (std::exception const&) {
            return 0;
        }
        std::memcpy(self.output.data() + self.at, bytes, static_cast<std::size_t>(count));
        self.at += static_cast<std::uint64_t>(count);
        return count;
    }
    static toff_t seek(thandle_t handle, toff_t offset, int from) {
        auto& self = *static_cast<TiffMemory*>(handle);
        return self.at = offset + (from == SEEK_CUR ? self.at : from == SEEK_END ? self.size() : 0);
    }
    static int close(thandle_t) { return 0; }
    static toff_t bytes(thandle_t handle) { return static_cast<TiffMemory*>(handle)->size(); }

    static int complain(TIFF*, void* memory, char const* /*module*/, char const* format, std::va_list arguments) {
        auto& complaint = static_cast<TiffMemory*>(memory)->complaint;
        char text[200];
        if (!complaint.empty() || std::vsnprintf(text, sizeof text, format, arguments) < 0) return 1;
        complaint = text;
        std::replace_if(complaint.begin(), complaint.end(), [](char c) { return c < ' ' || c > '~'; }, ' ');
        return 1;
    }
    static int ignore(TIFF*, void*, char const*, char const*, std::va_list) { return 1; }
};

struct CloseTiff {
    void operator()(TIFF* tiff) const { TIFFClose(tiff); }
};
using TiffHandle = std::unique_ptr<TIFF, CloseTiff>;

/// Throws Error with the first thing libtiff complained about, unless `ok`.
inline void check_tiff(bool ok, TiffMemory const& memory, char const* otherwise = "damaged: libtiff cannot decode it") {
    if (!ok) throw Error(memory.complaint.empty() ? std::string(otherwise) : "damaged: " + memory.complaint);
}

inline TiffHandle open_tiff(TiffMemory& memory, char const* mode, [[maybe_unused]] std::uint64_t most_bytes) {
    auto const open = [&](auto client_open, auto... options) {
        return TiffHandle(client_open("image", mode, &memory, &TiffMemory::read, &TiffMemory::write, &TiffMemory::seek, &TiffMemory::close,
                                      &TiffMemory::bytes, nullptr, nullptr, options...));
    };
#if defined(TIFFLIB_AT_LEAST)  // 4.5: handlers of one file, no longer of the whole process
    std::unique_ptr<TIFFOpenOptions, decltype(&TIFFOpenOptionsFree)> const options(TIFFOpenOptionsAlloc(), &TIFFOpenOptionsFree);
    check(options != nullptr, "libtiff is out of memory");
    TIFFOpenOptionsSetErrorHandlerExtR(options.get(), &TiffMemory::complain, &memory);
    TIFFOpenOptionsSetWarningHandlerExtR(options.get(), &TiffMemory::ignore, nullptr);
    TIFFOpenOptionsSetMaxSingleMemAlloc(options.get(), static_cast<tmsize_t>(most_bytes));
    auto tiff = open(&TIFFClientOpenExt, options.get());
#else
    auto tiff = open(&TIFFClientOpen);
#endif
    check_tiff(tiff != nullptr, memory, "damaged: libtiff cannot open it");
    return tiff;
}

/// The tags that say what the samples are.
struct TiffLayout {
    std::uint32_t width = 0, height = 0;
    std::uint16_t bits = 1, samples = 1, format = SAMPLEFORMAT_UINT, photometric = PHOTOMETRIC_MINISBLACK, planes = PLANARCONFIG_CONTIG,
                  orientation = 1, compression = COMPRESSION_NONE, extras = 0;
    std::uint16_t* extra_kinds = nullptr;

    explicit TiffLayout(TIFF* tiff) {
        bool const sized = TIFFGetField(tiff, TIFFTAG_IMAGEWIDTH, &width) && TIFFGetField(tiff, TIFFTAG_IMAGELENGTH, &height);
        check(sized, "damaged: a TIFF without a size");
        TIFFGetFieldDefaulted(tiff, TIFFTAG_BITSPERSAMPLE, &bits);
        TIFFGetFieldDefaulted(tiff, TIFFTAG_SAMPLESPERPIXEL, &samples);
        TIFFGetFieldDefaulted(tiff, TIFFTAG_SAMPLEFORMAT, &format);
        TIFFGetFieldDefaulted(tiff, TIFFTAG_PLANARCONFIG, &planes);
        TIFFGetFieldDefaulted(tiff, TIFFTAG_ORIENTATION, &orientation);
        TIFFGetFieldDefaulted(tiff, TIFFTAG_COMPRESSION, &compression);
        TIFFGetFieldDefaulted(tiff, TIFFTAG_EXTRASAMPLES, &extras, &extra_kinds);
        TIFFGetField(tiff, TIFFTAG_PHOTOMETRIC, &photometric);
    }
    bool is_grey() const { return photometric == PHOTOMETRIC_MINISBLACK || photometric == PHOTOMETRIC_MINISWHITE; }
    /// Whether the samples can be taken as they are.
    bool is_plain() const {
        bool const integer = (bits == 8 || bits == 16) && format == SAMPLEFORMAT_UINT, real = bits == 32 && format == SAMPLEFORMAT_IEEEFP;
        bool const grey = is_grey() && samples <= 2, colour = photometric == PHOTOMETRIC_RGB && (samples == 3 || samples == 4);
        return (integer || (real && photometric != PHOTOMETRIC_MINISWHITE)) && (grey || colour);
    }
    bool is_premultiplied() const { return samples % 2 == 0 && extras > 0 && extra_kinds[0] == EXTRASAMPLE_ASSOCALPHA; }
};

/// Copies `count` samples of `bytes` bytes each; `stride` samples lie between their places in `y`.
inline void spread_samples(std::uint8_t const* x, std::uint8_t* y, std::size_t count, std::size_t bytes, std::size_t stride) {
    if (stride == 1) std::memcpy(y, x, count * bytes);
    else
        for (std::size_t i = 0; i < count; ++i) std::memcpy(y + i * stride * bytes, x + i * bytes, bytes);
}

/// Samples stored in lines; separate planes are interleaved.
inline void read_tiff_lines(TIFF* tiff, TiffMemory const& memory, TiffLayout const& layout, Raster& raster) {
    auto const planes = static_cast<std::uint16_t>(layout.planes == PLANARCONFIG_SEPARATE ? layout.samples : 1);
    auto const bytes = static_cast<std::size_t>(raster.bit_depth) / 8, line_bytes = raster.row_bytes() / planes;
    check_tiff(static_cast<std::uint64_t>(TIFFScanlineSize64(tiff)) == line_bytes, memory, "damaged: lines of a wrong size");
    Bytes line(line_bytes);
    for (std::uint16_t plane = 0; plane < planes; ++plane)
        for (std::uint32_t y = 0; y < layout.height; ++y) {
            check_tiff(TIFFReadScanline(tiff, line.data(), y, plane) == 1, memory);
            spread_samples(line.data(), raster.row(y) + plane * bytes, line_bytes / bytes, bytes, planes);
        }
}

/// Samples stored in tiles; those at the right and lower edge reach beyond the picture.
inline void read_tiff_tiles(TIFF* tiff, TiffMemory const& memory, TiffLayout const& layout, Raster& raster) {
    auto const planes = static_cast<std::uint16_t>(layout.planes == PLANARCONFIG_SEPARATE ? layout.samples : 1);
    auto const bytes = static_cast<std::size_t>(raster.bit_depth) / 8, per_pixel = static_cast<std::size_t>(layout.samples / planes);
    std::uint32_t tile_width = 0, tile_height = 0;
    TIFFGetField(tiff, TIFFTAG_TILEWIDTH, &tile_width), TIFFGetField(tiff, TIFFTAG_TILELENGTH, &tile_height);
    std::uint64_t const size = TIFFTileSize64(tiff), row_bytes = std::uint64_t{tile_width} * per_pixel * bytes;
    check_tiff(row_bytes > 0 && tile_height > 0 && size / row_bytes == tile_height, memory, "damaged: tiles of a wrong size");
    check(size <= std::max<std::uint64_t>(4 * raster.samples.size(), 1 << 26), "damaged: tiles of ", size, " bytes");
    Bytes tile(size);
    for (std::uint16_t plane = 0; plane < planes; ++plane)
        for (std::uint32_t y = 0; y < layout.height; y += std::min(tile_height, layout.height - y))
            for (std::uint32_t x = 0; x < layout.width; x += std::min(tile_width, layout.width - x)) {
                check_tiff(TIFFReadTile(tiff, tile.data(), x, y, 0, plane) >= 0, memory);
                std::size_t const rows = std::min(tile_height, layout.height - y), columns = std::min(tile_width, layout.width - x);
                for (std::size_t row = 0; row < rows; ++row) {
                    auto* const to = raster.row(static_cast<Index>(y + row)) + (std::size_t{x} * layout.samples + plane) * bytes;
                    spread_samples(tile.data() + row * row_bytes, to, columns * per_pixel, bytes, planes);
                }
            }
}

/// Palettes, few bits, YCbCr, CMYK and others, as libtiff converts them: 8 bits, grey or RGB.
inline Raster read_tiff_converted(TIFF* tiff, TiffMemory const& memory, TiffLayout const& layout, ReadLimits const& limits) {
    char reason[1024] = {};
    check(TIFFRGBAImageOK(tiff, reason) == 1, "a kind of TIFF that is not supported: ", reason);
    check(layout.bits <= 16 && layout.format == SAMPLEFORMAT_UINT, "a TIFF with samples of ", layout.bits, " bits that is not supported");
    auto raster = make_raster(layout.width, layout.height, layout.is_grey() ? 1 : 3, 8, limits);
    TIFFSetField(tiff, TIFFTAG_ORIENTATION, ORIENTATION_TOPLEFT);  // all turning is ours
    std::vector<std::uint32_t> pixels(std::size_t{layout.width} * layout.height);
    check_tiff(TIFFReadRGBAImageOriented(tiff, layout.width, layout.height, pixels.data(), ORIENTATION_TOPLEFT, 1) == 1, memory);
    auto* sample = raster.samples.data();
    for (auto const pixel : pixels)
        for (int c = 0; c < raster.channels; ++c) *sample++ = static_cast<std::uint8_t>(pixel >> 8 * c & 0xff);
    return raster;
}

inline Raster read_tiff_plain(TIFF* tiff, TiffMemory const& memory, TiffLayout const& layout, ReadLimits const& limits) {
    auto raster = make_raster(layout.width, layout.height, layout.samples, layout.bits, limits);
    raster.premultiplied = layout.is_premultiplied();
    if (TIFFIsTiled(tiff)) read_tiff_tiles(tiff, memory, layout, raster);
    else read_tiff_lines(tiff, memory, layout, raster);
    if (layout.photometric == PHOTOMETRIC_MINISWHITE) {
        auto const bytes = static_cast<std::size_t>(raster.bit_depth / 8), pixel = bytes * layout.samples;
        for (std::size_t i = 0; i < raster.samples.size(); ++i)
            if (i % pixel < bytes) raster.samples[i] = static_cast<std::uint8_t>(~raster.samples[i]);
    }
    return raster;
}

/// Throws Error when more pages follow: denoising the first of a stack and losing the others would be a trap. Thumbnails are no pages.
inline void check_single_page(TIFF* tiff) {
    while (TIFFReadDirectory(tiff)) {
        std::uint32_t kind = 0;
        TIFFGetFieldDefaulted(tiff, TIFFTAG_SUBFILETYPE, &kind);
        check(kind & (FILETYPE_REDUCEDIMAGE | FILETYPE_MASK), "a TIFF of several pages; only single pages are supported: split it first");
    }
}

/// Decodes a TIFF; see above for what is kept. Throws Error when it is damaged or of an unsupported kind.
inline Raster decode_tiff(ByteSpan bytes, ReadLimits const& limits) {
    TiffMemory memory;
    memory.input = bytes;
    auto const tiff = open_tiff(memory, "r", limits.max_decoded_bytes);
    TiffLayout const layout(tiff.get());
    check_extents(layout.width, layout.height, std::max<int>(layout.samples, 1), limits);
    auto raster = layout.is_plain() ? read_tiff_plain(tiff.get(), memory, layout, limits)
                                    : read_tiff_converted(tiff.get(), memory, layout, limits);
    std::uint32_t profile_bytes = 0;
    void* profile = nullptr;
    if (TIFFGetField(tiff.get(), TIFFTAG_ICCPROFILE, &profile_bytes, &profile))
        raster.icc_profile.assign(static_cast<std::uint8_t*>(profile), static_cast<std::uint8_t*>(profile) + profile_bytes);
    if (!icc_fits(raster.icc_profile, raster.colours())) raster.icc_profile.clear();
    raster.orientation = layout.orientation >= 1 && layout.orientation <= 8 ? layout.orientation : 1;
    check_single_page(tiff.get());
    return raster;
}

/// Everything but the pixels.
inline void put_tiff_tags(TIFF* tiff, TiffMemory const& memory, Raster const& raster) {
    auto const set = [&](std::uint32_t tag, auto... values) {
        check_tiff(TIFFSetField(tiff, tag, values...) == 1, memory, "libtiff refuses a tag");
    };
    set(TIFFTAG_IMAGEWIDTH, static_cast<std::uint32_t>(raster.width)), set(TIFFTAG_IMAGELENGTH, static_cast<std::uint32_t>(raster.height));
    set(TIFFTAG_BITSPERSAMPLE, raster.bit_depth), set(TIFFTAG_SAMPLESPERPIXEL, raster.channels);
    set(TIFFTAG_SAMPLEFORMAT, raster.bit_depth == 32 ? SAMPLEFORMAT_IEEEFP : SAMPLEFORMAT_UINT);
    set(TIFFTAG_PHOTOMETRIC, raster.colours() == 3 ? PHOTOMETRIC_RGB : PHOTOMETRIC_MINISBLACK);
    set(TIFFTAG_PLANARCONFIG, PLANARCONFIG_CONTIG), set(TIFFTAG_ORIENTATION, ORIENTATION_TOPLEFT);
    bool const deflate = TIFFIsCODECConfigured(COMPRESSION_ADOBE_DEFLATE) == 1;
    set(TIFFTAG_COMPRESSION, deflate ? COMPRESSION_ADOBE_DEFLATE : COMPRESSION_LZW);
    set(TIFFTAG_PREDICTOR, raster.bit_depth == 32 ? PREDICTOR_FLOATINGPOINT : PREDICTOR_HORIZONTAL);
    set(TIFFTAG_ROWSPERSTRIP, static_cast<std::uint32_t>(std::max<std::size_t>(1, (1 << 18) / raster.row_bytes())));
    std::uint16_t const alpha = raster.premultiplied ? EXTRASAMPLE_ASSOCALPHA : EXTRASAMPLE_UNASSALPHA;
    if (raster.has_alpha()) set(TIFFTAG_EXTRASAMPLES, 1, &alpha);
    auto const& profile = raster.icc_profile;
    if (!profile.empty()) set(TIFFTAG_ICCPROFILE, static_cast<std::uint32_t>(profile.size()), profile.data());
}

/// A raster of any kind as TIFF, losslessly compressed, with its ICC profile.
inline Bytes encode_tiff(Raster const& raster) {
    TiffMemory memory;
    memory.writing = true;
    bool const big = raster.samples.size() > std::size_t{3} << 30;  // beyond 4 GiB only BigTIFF
    auto tiff = open_tiff(memory, big ? "w8" : "w", 0);
    put_tiff_tags(tiff.get(), memory, raster);
    Bytes line(raster.row_bytes());  // libtiff's predictor works in place
    for (Index y = 0; y < raster.height; ++y) {
        std::copy_n(raster.row(y), line.size(), line.begin());
        check_tiff(TIFFWriteScanline(tiff.get(), line.data(), static_cast<std::uint32_t>(y), 0) == 1, memory, "libtiff cannot encode it");
    }
    check_tiff(TIFFFlush(tiff.get()) == 1, memory, "libtiff cannot encode it");
    tiff.reset();
    return std::move(memory.output);
}

inline void check_tiff() {}

#else
inline constexpr char const* no_tiff = "TIFF needs libtiff, which this program was built without (Debian, Ubuntu: apt install libtiff-dev)";
/// Throws Error in a program that was built without libtiff.
inline void check_tiff() { throw Error(no_tiff); }
inline Raster decode_tiff(ByteSpan, ReadLimits const&) { throw Error(no_tiff); }
inline Bytes encode_tiff(Raster const&) { throw Error(no_tiff); }
#endif

}  // namespace tacet::detail
