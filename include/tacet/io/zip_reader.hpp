// SPDX-License-Identifier: MIT
#pragma once
#include <tacet/core/error.hpp>
#include <tacet/io/byte_reader.hpp>
#include <tacet/io/crc32.hpp>
#include <tacet/io/text.hpp>
#include <algorithm>
#include <array>
#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

namespace tacet {

/// One file inside a zip archive; both members point into the archive's bytes.
struct ZipEntry {
    std::string_view name;
    std::span<std::uint8_t const> data;
};

/// The entries of a zip or zip64 archive whose files are stored without compression, as PyTorch writes it; the bytes must outlive it.
///
/// An Error refuses what can hide or multiply content: compression, encryption, several disks, an incomplete or contradictory directory,
/// duplicate names, overlapping entries, wrong checksums. Names are never used as paths. Source: PKWARE's APPNOTE.TXT 6.3.
class ZipReader {
public:
    explicit ZipReader(std::span<std::uint8_t const> bytes) : bytes_(bytes) {
        auto found = read_directory(find_directory());
        refuse_overlaps(found);
        refuse_damage(found);
        for (Located const& l : found) entries_.push_back(l.entry);
        std::sort(entries_.begin(), entries_.end(), [](ZipEntry const& a, ZipEntry const& b) { return a.name < b.name; });
        refuse_duplicates();
    }

    /// All entries, ordered by name.
    std::vector<ZipEntry> const& entries() const { return entries_; }

    /// The entry of this name, or nullptr; logarithmic in the number of entries.
    ZipEntry const* find(std::string_view name) const {
        auto const it = std::lower_bound(entries_.begin(), entries_.end(), name,
                                         [](ZipEntry const& entry, std::string_view wanted) { return entry.name < wanted; });
        return it == entries_.end() || it->name != name ? nullptr : &*it;
    }

private:
    struct Directory {
        std::uint64_t begin, size, count, end;  // `end`: where the record after it begins
    };
    struct Located {
        ZipEntry entry;
        std::uint64_t begin, end;
        std::uint32_t crc;
    };
    static constexpr std::uint64_t end_bytes = 22, locator_bytes = 20, header_bytes = 46, max_entries = 250'000;

    ByteReader reader(std::uint64_t at) const { return ByteReader(bytes_, "zip", at); }

    // The end record lies at the end of the file, followed by its comment of at most 65535 bytes.
    std::uint64_t find_end_record() const {
        std::uint64_t const size = bytes_.size();
        for (std::uint64_t comment = 0; comment <= 0xffff && comment + end_bytes <= size; ++comment) {
            auto r = reader(size - end_bytes - comment);
            if (r.take_number<std::uint32_t>() != 0x06054b50) continue;
            r.take(end_bytes - 6);
            if (r.take_number<std::uint16_t>() == comment) return size - end_bytes - comment;
        }
        throw Error("zip: no end of central directory; is the file truncated?");
    }

    Directory find_directory() const {
        std::uint64_t const end = find_end_record();
        if (end >= locator_bytes && reader(end - locator_bytes).take_number<std::uint32_t>() == 0x07064b50)
            return find_directory64(end - locator_bytes);
        auto r = reader(end + 4);
        auto const disk = r.take_number<std::uint16_t>(), first_disk = r.take_number<std::uint16_t>();
        auto const here = r.take_number<std::uint16_t>(), count = r.take_number<std::uint16_t>();
        auto const size = r.take_number<std::uint32_t>(), begin = r.take_number<std::uint32_t>();
        check(disk == 0 && first_disk == 0 && here == count, "zip: archives over several disks are not supported");
        return {begin, size, count, end};
    }

    Directory find_directory64(std::uint64_t locator) const {
        auto r = reader(locator + 4);
        auto const disk = r.take_number<std::uint32_t>();
        auto const at = r.take_number<std::uint64_t>();
        auto const disks = r.take_number<std::uint32_t>();
        check(disk == 0 && disks <= 1, "zip: archives over several disks are not supported");
        r.seek(at);
        check(r.take_number<std::uint32_t>() == 0x06064b50, "zip: no zip64 end record at offset ", at);
        auto const length = r.take_number<std::uint64_t>();
        check(length >= 44 && at < locator && length == locator - at - 12, "zip: the zip64 end record has a wrong length");
        r.take(4);
        auto const this_disk = r.take_number<std::uint32_t>(), first_disk = r.take_number<std::uint32_t>();
        auto const here = r.take_number<std::uint64_t>(), count = r.take_number<std::uint64_t>();
        auto const size = r.take_number<std::uint64_t>(), begin = r.take_number<std::uint64_t>();
        check(this_disk == 0 && first_disk == 0 && here == count, "zip: archives over several disks are not supported");
        return {begin, size, count, at};
    }

    std::vector<Located> read_directory(Directory const& d) const {
        check(d.begin <= d.end && d.size == d.end - d.begin, "zip: the central directory does not end where its end record begins");
        check(d.count <= d.size / header_bytes, "zip: ", d.count, " entries do not fit a directory of ", d.size, " bytes");
        check(d.count <= max_entries, "zip: ", d.count, " entries; ", max_entries, " are the most");
        auto r = reader(d.begin);
        std::vector<Located> found;
        for (std::uint64_t i = 0; i < d.count; ++i) found.push_back(read_header(r, d.begin));
        check(r.position() == d.end, "zip: the central directory holds more than its ", d.count, " entries");
        return found;
    }

    Located read_header(ByteReader& r, std::uint64_t directory) const {
        std::uint64_t const at = r.position();
        check(r.take_number<std::uint32_t>() == 0x02014b50, "zip: no directory entry at offset ", at);
        r.take(4);
        auto const flags = r.take_number<std::uint16_t>(), method = r.take_number<std::uint16_t>();
        r.take(4);
        auto const crc = r.take_number<std::uint32_t>();
        std::uint64_t stored = r.take_number<std::uint32_t>(), size = r.take_number<std::uint32_t>();
        auto const name_bytes = r.take_number<std::uint16_t>(), extra_bytes = r.take_number<std::uint16_t>(),
                   comment_bytes = r.take_number<std::uint16_t>(), disk = r.take_number<std::uint16_t>();
        r.take(6);
        std::uint64_t header = r.take_number<std::uint32_t>();
        auto const name = r.take_text(name_bytes);
        read_extra(r.position(), extra_bytes, {&size, &stored, &header});
        r.take(extra_bytes + std::uint64_t{comment_bytes});
        if ((flags & 0x2041) != 0) throw Error(concat_text("zip: entry ", quote_text(name), " is encrypted"));
        if (method != 0 || stored != size) {
            throw Error(concat_text("zip: entry ", quote_text(name), " is compressed (method ", method,
                                    "); checkpoints store their entries as they are"));
        }
        check(disk == 0, "zip: archives over several disks are not supported");
        return locate(name, header, size, directory, crc);
    }

    // A zip64 extra field holds, in this order, those of the three numbers that are all ones in the header itself.
    void read_extra(std::uint64_t at, std::uint64_t length, std::array<std::uint64_t*, 3> numbers) const {
        auto r = reader(at);
        auto fields = ByteReader(r.take(length), "zip extra field");
        while (fields.remaining() >= 4) {
            auto const id = fields.take_number<std::uint16_t>(), bytes = fields.take_number<std::uint16_t>();
            auto field = ByteReader(fields.take(bytes), "zip64 extra field");
            if (id != 1) continue;
            for (std::uint64_t* const number : numbers)
                if (*number == 0xffffffff) *number = field.take_number<std::uint64_t>();
            return;
        }
    }

    // PyTorch leaves sizes and checksum of the local header zero: the directory's are the ones that count.
    Located locate(std::string_view name, std::uint64_t header, std::uint64_t size, std::uint64_t directory, std::uint32_t crc) const {
        auto r = reader(header);
        check(r.take_number<std::uint32_t>() == 0x04034b50, "zip: no local header at offset ", header);
        r.take(2);
        auto const flags = r.take_number<std::uint16_t>(), method = r.take_number<std::uint16_t>();
        r.take(16);
        auto const name_bytes = r.take_number<std::uint16_t>(), extra_bytes = r.take_number<std::uint16_t>();
        bool const same = r.take_text(name_bytes) == name && method == 0 && (flags & 0x2041) == 0;
        if (!same) throw Error(concat_text("zip: local header and directory disagree about entry ", quote_text(name)));
        r.take(extra_bytes);
        std::uint64_t const begin = r.position();
        if (begin > directory || size > directory - begin)
            throw Error(concat_text("zip: entry ", quote_text(name), " reaches into the central directory; is the file truncated?"));
        return {{name, r.take(size)}, header, begin + size, crc};
    }

    static void refuse_overlaps(std::vector<Located>& found) {
        std::sort(found.begin(), found.end(), [](Located const& a, Located const& b) { return a.begin < b.begin; });
        for (std::size_t i = 1; i < found.size(); ++i)
            check(found[i].begin >= found[i - 1].end, "zip: entries overlap at offset ", found[i].begin);
    }

    // After the overlaps: each byte is then summed at most once. PyTorch can be told to leave checksums out; it writes 0 then.
    static void refuse_damage(std::vector<Located> const& found) {
        for (Located const& l : found)
            if (l.crc != 0 && crc32(l.entry.data) != l.crc)
                throw Error(concat_text("zip: entry ", quote_text(l.entry.name), " is damaged: wrong checksum"));
    }

    void refuse_duplicates() const {
        for (std::size_t i = 1; i < entries_.size(); ++i)
            if (entries_[i].name == entries_[i - 1].name)
                throw Error(concat_text("zip: two entries are named ", quote_text(entries_[i].name)));
    }

    std::span<std::uint8_t const> bytes_;
    std::vector<ZipEntry> entries_;
};

}  // namespace tacet
