// SPDX-License-Identifier: MIT
#pragma once
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <vector>

/// Huffman codes of limited length, for PNG (deflate) and JPEG.
namespace tacet::detail {

/// Depths of the leaves of the Huffman tree over `counts`; 0 for counts of 0. At least two counts must not be 0.
inline std::vector<std::uint8_t> huffman_depths(std::vector<std::uint32_t> const& counts) {
    struct Node {
        std::uint64_t count;
        std::size_t parent;
    };
    std::vector<std::size_t> leaves;
    for (std::size_t s = 0; s < counts.size(); ++s)
        if (counts[s]) leaves.push_back(s);
    std::sort(leaves.begin(), leaves.end(), [&](auto a, auto b) { return counts[a] != counts[b] ? counts[a] < counts[b] : a < b; });
    std::vector<Node> nodes;
    for (auto const s : leaves) nodes.push_back({counts[s], 0});
    // Two queues, both in ascending order: the leaves, and the joined nodes behind them.
    std::size_t leaf = 0, joined = leaves.size();
    auto const smallest = [&] {
        bool const is_leaf = leaf < leaves.size() && (joined == nodes.size() || nodes[leaf].count <= nodes[joined].count);
        return is_leaf ? leaf++ : joined++;
    };
    while (nodes.size() + 1 < 2 * leaves.size()) {
        auto const a = smallest(), b = smallest();
        nodes[a].parent = nodes[b].parent = nodes.size();
        nodes.push_back({nodes[a].count + nodes[b].count, 0});
    }
    std::vector<std::uint8_t> depth(nodes.size()), depths(counts.size());
    for (std::size_t i = nodes.size() - 1; i-- > 0;) depth[i] = static_cast<std::uint8_t>(depth[nodes[i].parent] + 1);
    for (std::size_t i = 0; i < leaves.size(); ++i) depths[leaves[i]] = depth[i];
    return depths;
}

/// Bits of each symbol's code, at most `longest`; 0 for symbols that do not occur. At least two symbols get a code.
inline std::vector<std::uint8_t> huffman_lengths(std::vector<std::uint32_t> counts, int longest) {
    auto const unused = [&] { return std::count(counts.begin(), counts.end(), 0u); };
    for (auto count = counts.begin(); unused() + 2 > std::ssize(counts); ++count) *count = std::max(*count, 1u);
    auto lengths = huffman_depths(counts);
    while (*std::max_element(lengths.begin(), lengths.end()) > longest) {  // flatter counts, a flatter tree
        for (auto& count : counts) count = (count + 1) / 2;
        lengths = huffman_depths(counts);
    }
    return lengths;
}

/// The canonical code of these lengths (RFC 1951, 3.2.2; ITU-T T.81, annex C): by length, then by symbol; the first bit is the highest.
inline std::vector<std::uint32_t> canonical_codes(std::vector<std::uint8_t> const& lengths) {
    std::vector<std::uint32_t> codes(lengths.size());
    std::uint32_t next = 0;
    for (int length = 1; length <= 16; ++length, next <<= 1)
        for (std::size_t s = 0; s < lengths.size(); ++s)
            if (lengths[s] == length) codes[s] = next++;
    return codes;
}

}  // namespace tacet::detail
