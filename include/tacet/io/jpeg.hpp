// SPDX-License-Identifier: MIT
#pragma once
#include <tacet/io/jpeg_metadata.hpp>
#include <tacet/io/stb.hpp>
#include <algorithm>
#include <cstring>
#include <string>
#if TACET_WITH_JPEG
#include <csetjmp>
#include <cstddef>
#include <cstdio>
#include <exception>
#include <jpeglib.h>
#include <jerror.h>
#endif

/// JPEG through libjpeg, or through stb where that is absent.
namespace tacet::detail {

/// Whether a JPEG file keeps colours at full resolution, or at half of it both ways (4:2:0).
enum class ChromaSampling { full, halved };

#if TACET_WITH_JPEG

/// What libjpeg's callbacks need, by way of its client_data: where to jump on an error, its text, and where written bytes go.
struct LibjpegState {
    jpeg_error_mgr errors{};
    std::jmp_buf escape{};
    char complaint[JMSG_LENGTH_MAX] = {};
    jpeg_destination_mgr destination{};
    Bytes* output = nullptr;

    explicit LibjpegState(Bytes* bytes = nullptr) : output(bytes) {
        jpeg_std_error(&errors);
        errors.error_exit = fail;
        errors.emit_message = warn;
        destination.init_destination = begin;
        destination.empty_output_buffer = grow;
        destination.term_destination = end;
    }
    LibjpegState(LibjpegState const&) = delete;
    LibjpegState& operator=(LibjpegState const&) = delete;

private:
    static LibjpegState& of(void* client_data) { return *static_cast<LibjpegState*>(client_data); }
    [[noreturn]] static void fail(j_common_ptr jpeg) {
        auto& state = of(jpeg->client_data);
        state.errors.format_message(jpeg, state.complaint);
        std::longjmp(state.escape, 1);
    }
    /// Warnings (level -1) are about damage, all but those of a label's version that is not known, and of padding: cameras fill files up.
    static void warn(j_common_ptr jpeg, int level) {
        int const code = jpeg->err->msg_code;
        bool const harmless =
            code == JWRN_JFIF_MAJOR || code == JWRN_ADOBE_XFORM || (code == JWRN_EXTRANEOUS_DATA && is_padding(jpeg));
        if (level < 0 && !harmless) fail(jpeg);
    }
    /// Whether the bytes that were skipped before the end marker are zeros.
    static bool is_padding(j_common_ptr jpeg) {
        auto const* const end = reinterpret_cast<j_decompress_ptr>(jpeg)->src->next_input_byte - 2;  // it stands behind the marker, ff d9
        int const skipped = jpeg->err->msg_parm.i[0], marker = jpeg->err->msg_parm.i[1];
        return marker == 0xd9 && std::all_of(end - skipped, end, [](int byte) { return byte == 0; });
    }
    static void begin(j_compress_ptr jpeg) { resize(jpeg, 1 << 16); }
    static boolean grow(j_compress_ptr jpeg) {
        resize(jpeg, 2 * of(jpeg->client_data).output->size());
        return TRUE;
    }
    static void end(j_compress_ptr jpeg) {
        auto& output = *of(jpeg->client_data).output;
        output.resize(output.size() - jpeg->dest->free_in_buffer);
    }
    /// Room behind the bytes written so far, all there are. No exception may pass through libjpeg, and no jump leave a handler.
    static void resize(j_compress_ptr jpeg, std::size_t size) {
        auto& output = *of(jpeg->client_data).output;
        std::size_t const written = output.size();
        bool resized = true;
        try {
            output.resize(size);
        } catch (std::exception const&) {
            resized = false;
        }
        if (!resized) ERREXIT1(jpeg, JERR_OUT_OF_MEMORY, 0);
        jpeg->dest->next_output_byte = output.data() + written;
        jpeg->dest->free_in_buffer = size - written;
    }
};

/// A line of CMYK as RGB. Adobe's programs store the inks upside down: 255 is none.
inline void cmyk_to_rgb(std::uint8_t const* x, std::uint8_t* y, std::size_t pixels, bool inverted) {
    for (std::size_t i = 0; i < pixels; ++i)
        for (std::size_t c = 0; c < 3; ++c) {
            int const light = inverted ? x[4 * i + c] : 255 - x[4 * i + c], black = inverted ? x[4 * i + 3] : 255 - x[4 * i + 3];
            y[3 * i + c] = static_cast<std::uint8_t>((light * black + 127) / 255);
        }
}

/// Decodes into `raster`; `line` has room for a line of CMYK. Errors jump to setjmp: nothing here may need a destructor.
inline bool libjpeg_decode(jpeg_decompress_struct& jpeg, LibjpegState& state, ByteSpan bytes, Raster& raster, std::uint8_t* line) {
    if (setjmp(state.escape)) return false;
    jpeg_create_decompress(&jpeg);
    jpeg_mem_src(&jpeg, bytes.data(), static_cast<unsigned long>(bytes.size()));
    jpeg_read_header(&jpeg, TRUE);
    bool const cmyk = jpeg.num_components == 4;
    bool const as_expected = jpeg.image_width == raster.width && jpeg.image_height == raster.height &&
                             (jpeg.num_components == 1) == (raster.channels == 1);
    if (!as_expected) {
        std::strcpy(state.complaint, "the header contradicts itself");
        return false;
    }
    jpeg.out_color_space = cmyk ? JCS_CMYK : raster.channels == 1 ? JCS_GRAYSCALE : JCS_RGB;
    jpeg_start_decompress(&jpeg);
    while (jpeg.output_scanline < jpeg.output_height) {
        std::uint8_t* const out = raster.row(jpeg.output_scanline);
        JSAMPROW row = cmyk ? line : out;
        jpeg_read_scanlines(&jpeg, &row, 1);
        if (cmyk) cmyk_to_rgb(line, out, jpeg.output_width, jpeg.saw_Adobe_marker);
    }
    jpeg_finish_decompress(&jpeg);
    return true;
}

inline void decode_jpeg_by_libjpeg(ByteSpan bytes, Raster& raster) {
    Bytes line(4 * static_cast<std::size_t>(raster.width));
    LibjpegState state;
    jpeg_decompress_struct jpeg{};
    jpeg.err = &state.errors, jpeg.client_data = &state;
    bool const decoded = libjpeg_decode(jpeg, state, bytes, raster, line.data());
    jpeg_destroy_decompress(&jpeg);
    check(decoded, "damaged: ", std::string(state.complaint));
}

/// Encodes a baseline file with Huffman codes made for the picture. Errors jump to setjmp, as in libjpeg_decode.
inline bool libjpeg_encode(jpeg_compress_struct& jpeg, LibjpegState& state, Raster const& raster, int quality, ChromaSampling sampling) {
    if (setjmp(state.escape)) return false;
    jpeg_create_compress(&jpeg);
    jpeg.dest = &state.destination;
    jpeg.image_width = static_cast<JDIMENSION>(raster.width), jpeg.image_height = static_cast<JDIMENSION>(raster.height);
    jpeg.input_components = raster.channels;
    jpeg.in_color_space = raster.channels == 1 ? JCS_GRAYSCALE : JCS_RGB;
    jpeg_set_defaults(&jpeg);
    jpeg_set_quality(&jpeg, quality, TRUE);
    jpeg.optimize_coding = TRUE;
    for (int c = 0; c < jpeg.num_components; ++c) jpeg.comp_info[c].h_samp_factor = jpeg.comp_info[c].v_samp_factor = 1;
    if (raster.channels == 3 && sampling == ChromaSampling::halved)  // brightness has twice the samples of the rest
        jpeg.comp_info[0].h_samp_factor = jpeg.comp_info[0].v_samp_factor = 2;
    jpeg_start_compress(&jpeg, TRUE);
    while (jpeg.next_scanline < jpeg.image_height) {
        auto row = const_cast<JSAMPROW>(raster.row(jpeg.next_scanline));  // which libjpeg only reads
        jpeg_write_scanlines(&jpeg, &row, 1);
    }
    jpeg_finish_compress(&jpeg);
    return true;
}

inline Bytes encode_jpeg_by_libjpeg(Raster const& raster, int quality, ChromaSampling sampling) {
    Bytes out;
    LibjpegState state(&out);
    jpeg_compress_struct jpeg{};
    jpeg.err = &state.errors, jpeg.client_data = &state;
    bool const encoded = libjpeg_encode(jpeg, state, raster, quality, sampling);
    jpeg_destroy_compress(&jpeg);
    check(encoded, "libjpeg: ", std::string(state.complaint));
    return out;
}

#endif

/// Decodes a baseline or progressive JPEG to 8 bits; CMYK becomes RGB. Throws Error when it is damaged or cut off.
inline Raster decode_jpeg(ByteSpan bytes, ReadLimits const& limits) {
    auto const jpeg = read_jpeg_segments(bytes);
    auto raster = make_raster(jpeg.width, jpeg.height, jpeg.components == 1 ? 1 : 3, 8, limits);
#if TACET_WITH_JPEG
    decode_jpeg_by_libjpeg(bytes, raster);
#else
    stb_decode(bytes, raster);
#endif
    raster.icc_profile = jpeg.icc_profile, raster.orientation = jpeg.orientation;
    return raster;
}

/// A raster of 8 bits and 1 or 3 channels as a JPEG file of the given quality (1 to 100), with its ICC profile. Without libjpeg a grey
/// picture is written as RGB, which its profile does not describe, and the quality decides about the sampling: up to 90 halves colours.
inline Bytes encode_jpeg(Raster const& raster, int quality, [[maybe_unused]] ChromaSampling sampling = ChromaSampling::full) {
    check(quality >= 1 && quality <= 100, "JPEG quality ", quality, " is not between 1 and 100");
    check(std::max(raster.width, raster.height) <= 65535, raster.width, " x ", raster.height, " pixels: JPEG has at most 65535 x 65535");
#if TACET_WITH_JPEG
    return with_jpeg_icc_profile(encode_jpeg_by_libjpeg(raster, quality, sampling), raster.icc_profile);
#else
    return with_jpeg_icc_profile(stb_encode_jpeg(raster, quality), raster.channels == 1 ? ByteSpan() : ByteSpan(raster.icc_profile));
#endif
}

}  // namespace tacet::detail
