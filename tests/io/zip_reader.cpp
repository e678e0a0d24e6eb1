// SPDX-License-Identifier: MIT
#include <tacet/io/zip_reader.hpp>
#include <support/catch.hpp>
#include <support/checkpoint_bytes.hpp>

namespace zip_reader_test {
using namespace tacet;
using namespace tacet::test;

namespace {

std::string text_of(ZipEntry const* entry) { return entry ? std::string(entry->data.begin(), entry->data.end()) : "(none)"; }
void read(std::string const& archive) {
    auto const bytes = to_bytes(archive);
    ZipReader const reader(bytes);
}
std::string with(ZipFile file) { return zip_archive({{"a", "first"}, std::move(file)}); }

}  // namespace

TEST_CASE("ZipReader finds stored files by name, in zip and zip64", "[zip]") {
    for (bool const zip64 : {false, true}) {
        auto const bytes =
            to_bytes(zip_archive({{"b/x", "content of x"}, {"a", ""}, {"b/y", std::string(300, 'y')}}, zip64, zip64 ? "PK" : ""));
        ZipReader const reader(bytes);
        REQUIRE(reader.entries().size() == 3);
        CHECK(reader.entries()[0].name == "a");
        CHECK(reader.entries()[2].name == "b/y");
        CHECK(text_of(reader.find("b/x")) == "content of x");
        CHECK(text_of(reader.find("a")).empty());
        CHECK(text_of(reader.find("b/y")) == std::string(300, 'y'));
        CHECK(reader.find("b/z") == nullptr);
        CHECK(reader.find("") == nullptr);
    }
}

TEST_CASE("ZipReader reads an empty archive", "[zip]") {
    auto const bytes = to_bytes(zip_archive({}));
    CHECK(ZipReader(bytes).entries().empty());
}

TEST_CASE("ZipReader takes sizes from the zip64 extra field", "[zip]") {
    std::string const extra = little_endians(std::uint16_t{0x4246}, std::uint16_t{2}, std::uint16_t{0}) +
                              little_endians(std::uint16_t{1}, std::uint16_t{16}, std::uint64_t{7}, std::uint64_t{7});
    auto const bytes = to_bytes(with({.name = "big", .data = "content", .size = 0xffffffff, .extra = extra}));
    CHECK(text_of(ZipReader(bytes).find("big")) == "content");
    auto const cut = extra.substr(0, extra.size() - 8);
    CHECK_THROWS_AS(read(with({.name = "big", .data = "content", .size = 0xffffffff, .extra = cut})), Error);
}

TEST_CASE("ZipReader refuses compressed and encrypted files", "[zip]") {
    CHECK_THROWS_WITH(read(with({.name = "z", .data = "x", .method = 8})),
                      contains("zip: entry \"z\" is compressed (method 8); checkpoints store their entries as they are"));
    CHECK_THROWS_WITH(read(with({.name = "z", .data = "x", .flags = 1})), contains("zip: entry \"z\" is encrypted"));
    CHECK_THROWS_WITH(read(with({.name = "z", .data = "x", .flags = 0x40})), contains("zip: entry \"z\" is encrypted"));
}

TEST_CASE("ZipReader refuses duplicate names and overlapping files", "[zip]") {
    CHECK_THROWS_WITH(read(with({.name = "a", .data = "second"})), contains("zip: two entries are named \"a\""));
    // Two directory entries for one local header: the classic way to multiply content.
    std::string const one = zip_archive({{"a", std::string(100, 'x')}, {.name = "b", .data = "", .header = 0, .local_name = "b"}});
    CHECK_THROWS_WITH(read(one), contains("zip: local header and directory disagree about entry \"b\""));
    std::string inner = zip_archive({{"b", "inner"}});
    inner.resize(30 + 1 + 5);  // a local header inside the content of another file
    std::string const nested = zip_archive({{"a", inner}, {.name = "b", .data = "", .crc = slow_crc32("inner"), .size = 5, .header = 31}});
    CHECK_THROWS_WITH(read(nested), contains("zip: entries overlap at offset 31"));
}

TEST_CASE("ZipReader checks checksums; 0 stands for none", "[zip]") {
    CHECK_THROWS_WITH(read(with({.name = "z", .data = "content", .crc = 1})), contains("zip: entry \"z\" is damaged: wrong checksum"));
    CHECK_NOTHROW(read(with({.name = "z", .data = "content", .crc = 0})));
}

TEST_CASE("ZipReader refuses directories that contradict themselves", "[zip]") {
    CHECK_THROWS_WITH(read(with({.name = "z", .data = "x", .size = 1000})), contains("reaches into the central directory"));
    CHECK_THROWS_WITH(read(with({.name = "z", .data = "x", .disk = 1})), contains("zip: archives over several disks are not supported"));
    CHECK_THROWS_WITH(read(with({.name = "z", .data = "x", .header = 3})), contains("zip: no local header at offset 3"));
    CHECK_THROWS_WITH(read(with({.name = "z", .data = "x", .header = 0xfffffff0})), contains("beyond the end of the file"));
    CHECK_THROWS_WITH(read(with({.name = "z", .data = "x", .local_name = "y"})), contains("disagree about entry \"z\""));

    std::string const good = with({.name = "z", .data = "x"});
    auto const patched = [&](std::size_t from_end, std::string const& bytes) {
        std::string bad = good;
        bad.replace(bad.size() - from_end, bytes.size(), bytes);
        return bad;
    };
    CHECK_THROWS_WITH(read(patched(14, little_endians(std::uint16_t{1}, std::uint16_t{1}))), contains("more than its 1 entries"));
    CHECK_THROWS_WITH(read(patched(14, little_endians(std::uint16_t{3}, std::uint16_t{3}))),
                      contains("3 entries do not fit a directory of 94 bytes"));
    CHECK_THROWS_WITH(read(patched(14, little_endians(std::uint16_t{2}, std::uint16_t{1}))), contains("several disks"));
    CHECK_THROWS_WITH(read(patched(10, little_endian(std::uint32_t{1}))), contains("does not end where its end record begins"));
    CHECK_THROWS_WITH(read(patched(6, little_endian(std::uint32_t{0xffffff}))), contains("does not end where its end record begins"));
    CHECK_THROWS_WITH(read(patched(2, little_endian(std::uint16_t{9}))), contains("zip: no end of central directory"));
}

TEST_CASE("ZipReader checks the records of zip64", "[zip]") {
    std::string const good = zip_archive({{"a", "first"}}, true);
    auto const patched = [&](std::size_t from_end, std::string const& bytes) {
        std::string bad = good;
        bad.replace(bad.size() - from_end, bytes.size(), bytes);
        return bad;
    };
    std::size_t const locator = 22 + 20, record = locator + 56;
    CHECK_NOTHROW(read(good));
    CHECK_THROWS_WITH(read(patched(locator - 8, little_endian(std::uint64_t{5}))), contains("zip: no zip64 end record at offset 5"));
    CHECK_THROWS_WITH(read(patched(locator - 8, little_endian(~std::uint64_t{0}))), contains("beyond the end"));
    CHECK_THROWS_WITH(read(patched(locator - 16, little_endian(std::uint32_t{2}))), contains("several disks"));
    CHECK_THROWS_WITH(read(patched(record - 4, little_endian(std::uint64_t{45}))), contains("the zip64 end record has a wrong length"));
    CHECK_THROWS_WITH(read(patched(record - 24, little_endians(~std::uint64_t{0}, ~std::uint64_t{0}))), contains("entries do not fit"));
    CHECK_THROWS_WITH(read(patched(record - 40, little_endian(~std::uint64_t{0}))), contains("does not end where"));
}

TEST_CASE("ZipReader: an archive cut anywhere is an Error", "[zip]") {
    for (bool const zip64 : {false, true}) {
        auto const whole = to_bytes(zip_archive({{"folder/a", "first"}, {"b", "second"}}, zip64));
        for (std::size_t n = 0; n < whole.size(); ++n) {
            std::vector<std::uint8_t> const part(whole.begin(), whole.begin() + static_cast<std::ptrdiff_t>(n));
            CHECK_THROWS_AS(ZipReader(part), Error);
        }
    }
}
}  // namespace zip_reader_test
