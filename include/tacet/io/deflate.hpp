// SPDX-License-Identifier: MIT
#pragma once
#include <tacet/core/thread_pool.hpp>
#include <tacet/io/crc32.hpp>
#include <tacet/io/huffman.hpp>
#include <tacet/io/raster.hpp>
#include <algorithm>
#include <bit>

/// A zlib encoder (RFC 1950, 1951): dynamic Huffman codes over lazily matched strings. The same bytes on every machine and for any
/// number of threads.
namespace tacet::detail {

/// Collects bits, the least significant first, as deflate wants them.
class BitWriter {
public:
    void put(std::uint32_t bits, int count) {
        pending_ |= std::uint64_t{bits} << filled_;
        filled_ += count;
        for (; filled_ >= 8; filled_ -= 8, pending_ >>= 8) put_byte(bytes_, static_cast<std::uint32_t>(pending_ & 0xff));
    }
    void align() { put(0, (8 - filled_) % 8); }
    /// The bytes so far; whole ones only.
    Bytes& bytes() { return bytes_; }

private:
    Bytes bytes_;
    std::uint64_t pending_ = 0;
    int filled_ = 0;
};

/// One Huffman code: for each symbol its number of bits (0: unused) and its bits, the first one lowest, as BitWriter wants them.
struct DeflateCode {
    std::vector<std::uint8_t> lengths;
    std::vector<std::uint32_t> bits;

    explicit DeflateCode(std::vector<std::uint32_t> const& counts, int longest = 15)
        : lengths(huffman_lengths(counts, longest)), bits(canonical_codes(lengths)) {
        for (std::size_t s = 0; s < bits.size(); ++s) {
            std::uint32_t reversed = 0;
            for (int bit = 0; bit < lengths[s]; ++bit) reversed = reversed << 1 | (bits[s] >> bit & 1);
            bits[s] = reversed;
        }
    }
    void put(BitWriter& out, std::size_t symbol) const { out.put(bits[symbol], lengths[symbol]); }
};

/// A symbol of deflate's alphabets with its extra bits.
struct DeflateSymbol {
    std::size_t symbol;
    std::uint32_t extra;
    int extra_bits;
};
inline DeflateSymbol length_symbol(std::uint32_t length) {  // 3 to 258
    std::uint32_t const x = length - 3;
    if (x < 4) return {257 + x, 0, 0};
    if (x == 255) return {285, 0, 0};
    int const n = static_cast<int>(std::bit_width(x)) - 1;
    return {257 + 4 * static_cast<std::size_t>(n - 1) + (x >> (n - 2) & 3), x & ((1u << (n - 2)) - 1), n - 2};
}
inline DeflateSymbol distance_symbol(std::uint32_t distance) {  // 1 to 32768
    std::uint32_t const x = distance - 1;
    if (x < 2) return {x, 0, 0};
    int const n = static_cast<int>(std::bit_width(x)) - 1;
    return {2 * static_cast<std::size_t>(n) + (x >> (n - 1) & 1), x & ((1u << (n - 1)) - 1), n - 1};
}

/// Compresses one stretch of bytes on its own: later stretches do not refer to it.
class Deflater {
public:
    explicit Deflater(ByteSpan x) : x_(x), head_(1 << hash_bits, -1), previous_(window, -1) {}

    /// Whole bytes of complete blocks; the last of them carries the stream's end mark when `last`.
    Bytes run(bool last) {
        Index const n = std::ssize(x_);
        for (Index at = 0; at < n;) {
            auto match = longest_match(at);
            insert(at);
            if (match.length > 0 && match.length < 64 && longest_match(at + 1).length > match.length) match = {};  // better one byte on
            tokens_.push_back(match.length ? match : Token{0, x_[static_cast<std::size_t>(at)]});
            for (Index const next = at + std::max<Index>(match.length, 1); ++at < next;) insert(at);
            if (tokens_.size() == block_tokens && at < n) put_block(at, false);
        }
        put_block(n, last);
        if (!last) put_stored(n, false);  // empty: its header ends on a byte
        out_.align();
        return std::move(out_.bytes());
    }

private:
    /// A string seen `value` bytes ago, or, when the length is 0, the byte `value`.
    struct Token {
        std::uint32_t length = 0, value = 0;
    };
    static constexpr int hash_bits = 15, longest_chain = 24;
    static constexpr Index window = 1 << 15, shortest = 4, longest = 258;
    static constexpr std::size_t block_tokens = 1 << 15;

    std::uint8_t at(Index i) const { return x_[static_cast<std::size_t>(i)]; }
    std::size_t hash(Index i) const {
        return little32(x_.data() + i) * 2654435761u >> (32 - hash_bits);
    }
    void insert(Index i) {
        if (i + shortest > std::ssize(x_)) return;
        auto& head = head_[hash(i)];
        previous_[static_cast<std::size_t>(i % window)] = std::exchange(head, i);
    }
    Token longest_match(Index i) const {
        Index const most = std::min(longest, std::ssize(x_) - i);
        if (most < shortest) return {};
        Index best = shortest - 1, distance = 0;
        Index candidate = head_[hash(i)];
        for (int chain = 0; chain < longest_chain && candidate >= 0 && i - candidate < window; ++chain) {
            if (at(candidate + best) == at(i + best)) {
                Index n = 0;
                while (n < most && at(candidate + n) == at(i + n)) ++n;
                if (n > best) best = n, distance = i - candidate;
                if (best == most) break;
            }
            Index const older = previous_[static_cast<std::size_t>(candidate % window)];
            candidate = older < candidate ? older : -1;
        }
        return distance ? Token{static_cast<std::uint32_t>(best), static_cast<std::uint32_t>(distance)} : Token{};
    }

    /// The bytes from the last block's end to `end`, uncompressed, in blocks of at most 65535.
    void put_stored(Index end, bool last) {
        do {
            auto const n = static_cast<std::uint32_t>(std::min<Index>(end - begin_, 65535));
            out_.put(last && begin_ + n == end, 3);
            out_.align();
            put_little16(out_.bytes(), n), put_little16(out_.bytes(), ~n);
            put_bytes(out_.bytes(), x_.subspan(static_cast<std::size_t>(begin_), n));
            begin_ += n;
        } while (begin_ < end);
    }

    /// The tokens, which stand for the bytes up to `end`, as one block: with codes of its own, or stored when that is shorter.
    void put_block(Index end, bool last) {
        std::vector<std::uint32_t> counts(286), distance_counts(30);
        counts[256] = 1;  // the end of the block
        std::uint64_t extra_bits = 0;
        for (auto const& token : tokens_) {
            if (!token.length) { ++counts[token.value]; continue; }
            auto const length = length_symbol(token.length), distance = distance_symbol(token.value);
            ++counts[length.symbol], ++distance_counts[distance.symbol];
            extra_bits += static_cast<std::uint64_t>(length.extra_bits + distance.extra_bits);
        }
        DeflateCode const code(counts), distance_code(distance_counts);
        std::uint64_t bits = extra_bits;
        for (std::size_t s = 0; s < counts.size(); ++s) bits += std::uint64_t{counts[s]} * code.lengths[s];
        for (std::size_t s = 0; s < distance_counts.size(); ++s) bits += std::uint64_t{distance_counts[s]} * distance_code.lengths[s];
        if (bits / 8 >= static_cast<std::uint64_t>(end - begin_)) {
            put_stored(end, last);
        } else {
            out_.put(last | 2 << 1, 3);  // dynamic codes
            put_codes(code, distance_code);
            put_tokens(code, distance_code);
            begin_ = end;
        }
        tokens_.clear();
    }

    /// Both codes' lengths, themselves run-length and Huffman coded (RFC 1951, 3.2.7). Only runs of zeros are worth the trouble.
    void put_codes(DeflateCode const& code, DeflateCode const& distance_code) {
        auto lengths = code.lengths;
        lengths.insert(lengths.end(), distance_code.lengths.begin(), distance_code.lengths.end());
        std::vector<DeflateSymbol> symbols;
        for (std::size_t i = 0; i < lengths.size();) {
            std::size_t run = 0;
            while (i + run < lengths.size() && run < 138 && lengths[i + run] == 0) ++run;
            if (run >= 11) symbols.push_back({18, static_cast<std::uint32_t>(run - 11), 7});
            else if (run >= 3) symbols.push_back({17, static_cast<std::uint32_t>(run - 3), 3});
            else run = 1, symbols.push_back({lengths[i], 0, 0});
            i += run;
        }
        std::vector<std::uint32_t> counts(19);
        for (auto const& s : symbols) ++counts[s.symbol];
        DeflateCode const lengths_code(counts, 7);
        out_.put(286 - 257, 5), out_.put(30 - 1, 5), out_.put(19 - 4, 4);
        constexpr std::size_t order[] = {16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15};
        for (auto const s : order) out_.put(lengths_code.lengths[s], 3);
        for (auto const& s : symbols) lengths_code.put(out_, s.symbol), out_.put(s.extra, s.extra_bits);
    }
    void put_tokens(DeflateCode const& code, DeflateCode const& distance_code) {
        for (auto const& token : tokens_) {
            if (!token.length) { code.put(out_, token.value); continue; }
            auto const length = length_symbol(token.length), distance = distance_symbol(token.value);
            code.put(out_, length.symbol), out_.put(length.extra, length.extra_bits);
            distance_code.put(out_, distance.symbol), out_.put(distance.extra, distance.extra_bits);
        }
        code.put(out_, 256);
    }

    ByteSpan x_;
    std::vector<Index> head_, previous_;  // the newest position of each hash, and of each position the one before with its hash
    std::vector<Token> tokens_;
    Index begin_ = 0;  // of the current block
    BitWriter out_;
};

/// The bytes as a zlib stream, compressed in stretches of 1 MiB on all threads.
inline Bytes zlib_compress(ByteSpan bytes) {
    constexpr std::size_t stretch = std::size_t{1} << 20;
    std::size_t const stretches = std::max<std::size_t>(1, (bytes.size() + stretch - 1) / stretch);
    std::vector<Bytes> parts(stretches);
    parallel_for(static_cast<Index>(stretches), [&](Index task) {
        auto const i = static_cast<std::size_t>(task);
        auto const part = bytes.subspan(i * stretch, std::min(stretch, bytes.size() - i * stretch));
        parts[i] = Deflater(part).run(i + 1 == stretches);
    });
    Bytes out{0x78, 0x9c};  // deflate with a window of 32 KiB; the two bytes as a number are a multiple of 31
    for (auto const& part : parts) put_bytes(out, part);
    put_big32(out, adler32(bytes));
    return out;
}

}  // namespace tacet::detail
