// expect: result type must be constructible from
// SPDX-License-Identifier: MIT
#include <tacet/nn/parameter.hpp>

struct Block {
    tacet::Parameter<float, 1> bias;
};

// Two blocks from one would share their weights without a word.
std::vector<Block> two(Block block) {
    std::vector<Block> blocks;
    blocks.push_back(std::move(block));
#ifdef MISTAKE
    blocks = std::vector<Block>(2, blocks[0]);
#endif
    return blocks;
}
