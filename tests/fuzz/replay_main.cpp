// SPDX-License-Identifier: MIT
// Usage: TARGET [--runs N] [--corpus DIR] [FILE...]
// Runs a fuzz target on its seeds and on the FILEs, on all beginnings of the small ones, and on N mutations; always the same inputs.
// --corpus writes the seeds into DIR for libFuzzer, and ends. Prints "cases: 1 passed, 0 failed, 0 skipped" when nothing crashed.
#include "fuzz.hpp"
#include <algorithm>
#include <chrono>
#include <fstream>
#include <iterator>
#include <string>
#include <string_view>

namespace {

using Bytes = std::vector<std::uint8_t>;
using tacet::test::fuzz_seeds;
using tacet::test::require;

// xorshift64*: small, and the same everywhere.
class Random {
public:
    std::size_t below(std::size_t n) {
        state_ ^= state_ >> 12, state_ ^= state_ << 25, state_ ^= state_ >> 27;
        return static_cast<std::size_t>((state_ * 0x2545f4914f6cdd1dull) >> 33) % std::max<std::size_t>(n, 1);
    }

private:
    std::uint64_t state_ = 0x9e3779b97f4a7c15ull;
};

auto at(Bytes& bytes, std::size_t i) { return bytes.begin() + static_cast<std::ptrdiff_t>(i); }

void overwrite(Bytes& bytes, Random& random) {
    constexpr std::uint64_t special[] = {0, 1, 0x7f, 0x80, 0xff, 0xffff, 0x7fffffff, 0x80000000, 0xffffffff, 0x7fffffffffffffff, ~0ull};
    std::uint64_t value = special[random.below(std::size(special))];
    std::size_t const place = random.below(bytes.size()), count = std::min(std::size_t{1} << random.below(4), bytes.size() - place);
    for (std::size_t i = 0; i < count; ++i, value >>= 8) bytes[place + i] = static_cast<std::uint8_t>(value);
}

// One small change: a bit, a byte, a number, or a piece that goes, comes twice, or comes from another seed.
void mutate(Bytes& bytes, std::vector<Bytes> const& seeds, Random& random) {
    if (bytes.empty()) bytes.push_back(0);
    std::size_t const place = random.below(bytes.size()), count = std::min(1 + random.below(16), bytes.size() - place);
    switch (random.below(6)) {
    case 0: bytes[place] ^= static_cast<std::uint8_t>(1u << random.below(8)); break;
    case 1: bytes[place] = static_cast<std::uint8_t>(random.below(256)); break;
    case 2: overwrite(bytes, random); break;
    case 3: bytes.erase(at(bytes, place), at(bytes, place + count)); break;
    case 4: {
        Bytes const piece(at(bytes, place), at(bytes, place + count));
        bytes.insert(at(bytes, random.below(bytes.size())), piece.begin(), piece.end());
        break;
    }
    default: {
        Bytes other = seeds[random.below(seeds.size())];
        std::size_t const from = random.below(other.size()), length = std::min(1 + random.below(64), other.size() - from);
        bytes.insert(at(bytes, place), at(other, from), at(other, from + length));
    }
    }
}

// Runs one input from memory of exactly its size, so that a sanitizer sees every byte read beyond it.
void run(Bytes const& input) {
    auto const start = std::chrono::steady_clock::now();
    Bytes exact(input);
    exact.shrink_to_fit();
    LLVMFuzzerTestOneInput(exact.data(), exact.size());
    require(std::chrono::steady_clock::now() - start < std::chrono::seconds(10), "an input takes less than ten seconds");
}

Bytes read(char const* path) {
    std::ifstream file(path, std::ios::binary);
    require(file.good(), path);
    return {std::istreambuf_iterator<char>(file), {}};
}

int write_corpus(std::string const& folder) {
    int count = 0;
    for (Bytes const& seed : fuzz_seeds()) {
        std::ofstream file(folder + "/seed-" + std::to_string(count++), std::ios::binary);
        file.write(reinterpret_cast<char const*>(seed.data()), static_cast<std::streamsize>(seed.size()));
        require(file.good(), "the corpus can be written");
    }
    return 0;
}

}  // namespace

int main(int argc, char** argv) {
    auto seeds = fuzz_seeds();
    std::size_t runs = 20'000, inputs = 0;
    for (int i = 1; i < argc; ++i) {
        std::string_view const argument = argv[i];
        if (argument == "--runs" && i + 1 < argc) runs = std::strtoull(argv[++i], nullptr, 10);
        else if (argument == "--corpus" && i + 1 < argc) return write_corpus(argv[++i]);
        else seeds.push_back(read(argv[i]));
    }
    for (Bytes const& seed : seeds) {
        run(seed), ++inputs;
        for (std::size_t n = 0; seed.size() <= 4096 && n < seed.size(); ++n)
            run({seed.begin(), seed.begin() + static_cast<std::ptrdiff_t>(n)}), ++inputs;
    }
    Random random;
    for (std::size_t i = 0; i < runs; ++i, ++inputs) {
        Bytes input = seeds[random.below(seeds.size())];
        for (std::size_t changes = 1 + random.below(4); changes > 0; --changes) mutate(input, seeds, random);
        run(input);
    }
    std::printf("%zu inputs from %zu seeds\ncases: 1 passed, 0 failed, 0 skipped\n", inputs, seeds.size());
}
