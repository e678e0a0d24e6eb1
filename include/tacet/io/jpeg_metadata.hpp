// SPDX-License-Identifier: MIT
#pragma once
#include <tacet/io/image_format.hpp>
#include <tacet/io/raster.hpp>
#include <map>
#include <string_view>

/// JPEG's container (ITU-T T.81, annex B): what a file announces and carries beside the picture, and whether it is whole.
namespace tacet::detail {

inline constexpr std::string_view jpeg_icc_label("ICC_PROFILE\0", 12);  // ICC.1:2010, B.4
inline constexpr std::string_view jpeg_exif_label("Exif\0\0", 6);

struct JpegFile {
    std::uint32_t width = 0, height = 0;
    int components = 0;
    Bytes icc_profile;
    int orientation = 1;
};

/// A start-of-frame segment: precision, height, width, components.
inline void read_jpeg_frame(JpegFile& jpeg, int marker, ByteSpan data) {
    check(jpeg.components == 0, "damaged: a JPEG with two headers");
    check(marker <= 0xc2, "a lossless, hierarchical or arithmetically coded JPEG, which is not supported");
    check(data.size() >= 6, "damaged: the JPEG header is cut off");
    check(data[0] == 8, "a JPEG with ", static_cast<int>(data[0]), " bits per sample; only 8 are supported");
    jpeg.height = big16(data.data() + 1), jpeg.width = big16(data.data() + 3), jpeg.components = data[5];
    check(jpeg.components == 1 || jpeg.components == 3 || jpeg.components == 4, "damaged: a JPEG with ", jpeg.components, " components");
}

/// Checks the tables of a Huffman segment: stb_image 2.27 writes beyond its own tables when one has more than 256 symbols, and mistakes the
/// 256th for an escape. No table needs them: 176 are all that baseline and progressive pictures of 8 bits use.
inline void check_jpeg_huffman_tables(ByteSpan data) {
    while (!data.empty()) {
        check(data.size() >= 17, "damaged: a Huffman table is cut off");
        std::size_t symbols = 0;
        for (auto const count : data.subspan(1, 16)) symbols += count;
        check(symbols <= 255, "damaged: a Huffman table of ", symbols, " symbols");
        check(symbols + 17 <= data.size(), "damaged: a Huffman table is cut off");
        data = data.subspan(symbols + 17);
    }
}

/// The position of the next marker's second byte, from `at` on: 0xff, perhaps repeated, then a byte other than 0 (stuffing in coded data).
/// Throws Error at the end of the bytes.
inline std::size_t next_jpeg_marker(ByteSpan bytes, std::size_t at) {
    for (; at + 1 < bytes.size(); ++at)
        if (bytes[at] == 0xff && bytes[at + 1] != 0xff && bytes[at + 1] != 0) return at + 1;
    throw Error("truncated: the JPEG's end marker is missing");
}

/// Reads a file's segments up to its end marker. Throws Error when there is none (a truncated file) or no header.
inline JpegFile read_jpeg_segments(ByteSpan bytes) {
    check(bytes.size() >= 4 && bytes[0] == 0xff && bytes[1] == 0xd8, "damaged: no JPEG start marker");
    JpegFile jpeg;
    std::map<int, ByteSpan> icc_pieces;
    int icc_count = 0, scans = 0;
    for (std::size_t at = 2;;) {
        at = next_jpeg_marker(bytes, at);
        int const marker = bytes[at++];
        if (marker == 0xd9) break;                                           // the end
        if (marker == 0x01 || (marker >= 0xd0 && marker <= 0xd7)) continue;  // markers without a segment: restarts in coded data
        check(bytes.size() - at >= 2, "truncated: the JPEG's end marker is missing");
        std::size_t const size = big16(bytes.data() + at);
        check(size >= 2, "damaged: the JPEG segment at byte ", at, " has ", size, " bytes");
        check(size <= bytes.size() - at, "truncated: the JPEG segment at byte ", at, " ends beyond the file");
        auto const data = bytes.subspan(at + 2, size - 2);
        at += size;
        bool const frame = marker >= 0xc0 && marker <= 0xcf && marker != 0xc4 && marker != 0xc8 && marker != 0xcc;
        if (frame) read_jpeg_frame(jpeg, marker, data);
        if (marker == 0xc4) check_jpeg_huffman_tables(data);
        constexpr int most_scans = 200;  // each costs a pass over the picture, however few bytes it has
        if (marker == 0xda) check(++scans <= most_scans, "damaged: a JPEG of more than ", most_scans, " scans");
        if (marker == 0xe1 && begins_with(data, jpeg_exif_label)) jpeg.orientation = exif_orientation(data.subspan(jpeg_exif_label.size()));
        if (marker == 0xe2 && begins_with(data, jpeg_icc_label) && data.size() > 14) {
            icc_pieces[data[12]] = data.subspan(14);
            icc_count = data[13];
        }
    }
    check(jpeg.components > 0, "damaged: a JPEG without a header");
    for (auto const& [number, piece] : icc_pieces) put_bytes(jpeg.icc_profile, piece);  // in the order of their numbers
    bool const whole = std::ssize(icc_pieces) == icc_count;
    if (!whole || !icc_fits(jpeg.icc_profile, jpeg.components == 1 ? 1 : 3)) jpeg.icc_profile.clear();
    return jpeg;
}

inline void put_jpeg_segment(Bytes& out, std::uint32_t marker, ByteSpan data) {
    put_byte(out, 0xff), put_byte(out, marker);
    put_big16(out, static_cast<std::uint32_t>(data.size() + 2));
    put_bytes(out, data);
}

/// The file with the profile in APP2 segments behind its first one, JFIF's label; split where it exceeds one segment's 65533 bytes.
inline Bytes with_jpeg_icc_profile(Bytes jpeg, ByteSpan profile) {
    constexpr std::size_t piece = 65533 - 14;
    std::size_t const count = (profile.size() + piece - 1) / piece;
    if (count > 255) return jpeg;  // cannot be said in a JPEG
    Bytes segments;
    for (std::size_t i = 0; i < count; ++i) {
        Bytes data(jpeg_icc_label.begin(), jpeg_icc_label.end());
        put_byte(data, static_cast<std::uint32_t>(i + 1)), put_byte(data, static_cast<std::uint32_t>(count));
        put_bytes(data, profile.subspan(i * piece, std::min(piece, profile.size() - i * piece)));
        put_jpeg_segment(segments, 0xe2, data);
    }
    auto const behind_label = static_cast<Index>(4 + big16(jpeg.data() + 4));
    jpeg.insert(jpeg.begin() + behind_label, segments.begin(), segments.end());
    return jpeg;
}

}  // namespace tacet::detail
