// SPDX-License-Identifier: MIT
#include <tacet/io/deflate.hpp>
#include <tacet/io/stb.hpp>
#include <support/catch.hpp>
#include <support/image_bytes.hpp>
#include <numeric>

using namespace tacet;
using namespace tacet::detail;

namespace {

/// Whether the stream is whole and decompresses to these bytes.
bool comes_back(Bytes const& bytes, Bytes const& stream) {
    Bytes back(bytes.size() + 1);
    if (zlib_decompress(stream, back) != std::ssize(bytes)) return false;
    back.pop_back();
    return back == bytes && big32(stream.data() + stream.size() - 4) == adler32(bytes) && big16(stream.data()) % 31 == 0;
}

Bytes random_bytes(std::size_t n, Index values, std::uint64_t seed = 3) {
    Rng rng(seed);
    Bytes bytes(n);
    for (auto& byte : bytes) byte = static_cast<std::uint8_t>(rng.below(values));
    return bytes;
}

}  // namespace

TEST_CASE("what is compressed comes back", "[deflate]") {
    for (std::size_t const n : {0u, 1u, 2u, 3u, 4u, 5u, 100u, 65535u, 65536u, 100000u}) {
        CHECK(comes_back(Bytes(n), zlib_compress(Bytes(n))));
        auto const noise = random_bytes(n, 256), letters = random_bytes(n, 5);
        CHECK(comes_back(noise, zlib_compress(noise)));
        CHECK(comes_back(letters, zlib_compress(letters)));
    }
}

TEST_CASE("every length of a match and distances up to the window come back", "[deflate]") {
    Bytes bytes;
    auto const separators = random_bytes(2000, 256);
    for (std::size_t run = 1; run < 600; ++run) {
        bytes.insert(bytes.end(), run, static_cast<std::uint8_t>(run));
        bytes.push_back(separators[run]), bytes.push_back(separators[run + 600]);
    }
    CHECK(comes_back(bytes, zlib_compress(bytes)));
    constexpr std::size_t distances[] = {1, 2, 3, 4, 5, 7, 8, 9, 12, 13, 100, 1000, 5000, 24576, 24577, 32766, 32767, 32768, 32769, 40000};
    for (auto const distance : distances) {
        auto far = random_bytes(distance, 256);
        auto const once = far;
        for (int i = 0; i < 3; ++i) far.insert(far.end(), once.begin(), once.end());
        auto const stream = zlib_compress(far);
        CHECK(comes_back(far, stream));
        if (distance >= 1000 && distance < 32768) CHECK(stream.size() < far.size() / 3);  // the repetitions were found
    }
}

TEST_CASE("compression compresses, and never adds much", "[deflate]") {
    CHECK(zlib_compress(Bytes(3'000'000)).size() < 5000);
    auto const letters = random_bytes(1'000'000, 4);  // two bits each
    CHECK(zlib_compress(letters).size() < 300'000);
    auto const noise = random_bytes(1'000'000, 256);
    CHECK(zlib_compress(noise).size() < noise.size() + 300);
}

TEST_CASE("long inputs are compressed in parts, the same for any number of threads", "[deflate]") {
    auto bytes = random_bytes(3'500'000, 7);
    auto const threads = num_threads();
    set_num_threads(1);
    auto const one = zlib_compress(bytes);
    set_num_threads(4);
    auto const four = zlib_compress(bytes);
    set_num_threads(threads);
    CHECK(one == four);
    CHECK(comes_back(bytes, one));
}

TEST_CASE("codes of very unequal counts keep their longest length and fill the code space", "[deflate]") {
    std::vector<std::uint32_t> fibonacci{1, 1};
    while (fibonacci.size() < 40) fibonacci.push_back(fibonacci[fibonacci.size() - 1] + fibonacci[fibonacci.size() - 2]);
    auto const depths = huffman_depths(fibonacci);
    CHECK(*std::max_element(depths.begin(), depths.end()) == 39);  // what the limit is there for
    for (int const longest : {7, 15, 16}) {
        auto const lengths = huffman_lengths(fibonacci, longest);
        double space = 0;
        for (auto const length : lengths) {
            CHECK((length >= 1 && length <= longest));
            space += std::ldexp(1.0, -length);
        }
        CHECK(space == 1.0);
    }
}

TEST_CASE("a code of few symbols still has two", "[deflate]") {
    CHECK(huffman_lengths({0, 0, 0, 0}, 15) == std::vector<std::uint8_t>{1, 1, 0, 0});
    CHECK(huffman_lengths({0, 0, 9, 0}, 15) == std::vector<std::uint8_t>{1, 0, 1, 0});
    CHECK(huffman_lengths({5, 0, 9, 0}, 15) == std::vector<std::uint8_t>{1, 0, 1, 0});
}

TEST_CASE("Huffman's example and canonical codes are as RFC 1951 has them", "[deflate]") {
    CHECK(huffman_depths({45, 13, 12, 16, 9, 5}) == std::vector<std::uint8_t>{1, 3, 3, 3, 4, 4});
    CHECK(canonical_codes({3, 3, 3, 3, 3, 2, 4, 4}) == std::vector<std::uint32_t>{2, 3, 4, 5, 6, 0, 14, 15});  // 3.2.2
}

TEST_CASE("lengths and distances take the symbols of RFC 1951, 3.2.5", "[deflate]") {
    auto const length = [](std::uint32_t n) {
        auto const s = length_symbol(n);
        return std::array{static_cast<int>(s.symbol), static_cast<int>(s.extra), s.extra_bits};
    };
    CHECK(length(3) == std::array{257, 0, 0});
    CHECK(length(10) == std::array{264, 0, 0});
    CHECK(length(11) == std::array{265, 0, 1});
    CHECK(length(34) == std::array{272, 3, 2});
    CHECK(length(257) == std::array{284, 30, 5});
    CHECK(length(258) == std::array{285, 0, 0});
    auto const distance = [](std::uint32_t n) {
        auto const s = distance_symbol(n);
        return std::array{static_cast<int>(s.symbol), static_cast<int>(s.extra), s.extra_bits};
    };
    CHECK(distance(1) == std::array{0, 0, 0});
    CHECK(distance(4) == std::array{3, 0, 0});
    CHECK(distance(5) == std::array{4, 0, 1});
    CHECK(distance(24577) == std::array{29, 0, 13});
    CHECK(distance(32768) == std::array{29, 8191, 13});
}
