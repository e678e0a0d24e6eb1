// SPDX-License-Identifier: MIT
#include <tacet/io/torch_writer.hpp>
#include <tacet/io/safetensors.hpp>
#include <tacet/io/torch_checkpoint.hpp>
#include <support/catch.hpp>
#include <support/scratch.hpp>

namespace torch_writer_test {
using namespace tacet;
using tacet::test::contains;

TEST_CASE("Torch writer: what it writes is read back, all types and shapes", "[torch_writer]") {
    // PyTorch's own tensors, less nothing: these types all have a torch storage.
    auto const original = parse_safetensors(read_file(tacet::test::source_dir() + "/tests/golden/torch_weights.safetensors"));
    auto const bytes = format_torch_checkpoint(original);
    CHECK(parse_torch_checkpoint(bytes).tensors == original.tensors);
    CHECK(parse_torch_checkpoint(bytes).metadata.empty());
    CHECK(format_torch_checkpoint(original) == bytes);
}

TEST_CASE("Torch writer: storages are aligned for memory mapping", "[torch_writer]") {
    Checkpoint const c{{{"a", DType::U8, {3}, {0xaa, 0xbb, 0xcc}}, {"b", DType::U8, {3}, {0xdd, 0xee, 0xff}}}, {}};
    auto const bytes = format_torch_checkpoint(c);
    for (NamedTensor const& x : c.tensors) {
        auto const it = std::search(bytes.begin(), bytes.end(), x.data.begin(), x.data.end());
        REQUIRE(it != bytes.end());
        CHECK((it - bytes.begin()) % 64 == 0);
    }
}

TEST_CASE("Torch writer: large extents of empty tensors survive", "[torch_writer]") {
    Checkpoint const c{{{"e", DType::F32, {Index{1} << 40, 0, Index{1} << 40}, {}}}, {}};
    CHECK(parse_torch_checkpoint(format_torch_checkpoint(c)).tensors == c.tensors);
}

TEST_CASE("Torch writer: refuses what PyTorch could not read", "[torch_writer]") {
    NamedTensor const a{"a", DType::U8, {1}, {1}};
    CHECK_THROWS_WITH(format_torch_checkpoint({{a, a}, {}}), "two tensors are named \"a\"");
    CHECK_THROWS_WITH(format_torch_checkpoint({{{"", DType::U8, {0}, {}}}, {}}), contains("cannot hold a tensor named"));
    CHECK_THROWS_WITH(format_torch_checkpoint({{{"\xff", DType::U8, {0}, {}}}, {}}), contains("cannot hold a tensor named"));
    CHECK_THROWS_WITH(format_torch_checkpoint({{{"u", DType::U64, {0}, {}}}, {}}),
                      "tensor \"u\": a .pth file cannot hold elements of type U64");
    CHECK_THROWS_WITH(format_torch_checkpoint({{{"u", DType::U8, {2}, {}}}, {}}), "tensor \"u\": U8 (2) needs 2 bytes, not 0");
}

TEST_CASE("Torch writer: files are replaced only when asked", "[torch_writer]") {
    tacet::test::ScratchFolder const folder;
    auto const path = folder / "a.pth";
    Checkpoint const c{{{"a", DType::U8, {1}, {1}}}, {}};
    write_torch_checkpoint(path, c);
    CHECK_THROWS_AS(write_torch_checkpoint(path, c), Error);
    write_torch_checkpoint(path, c, true);
    CHECK(parse_torch_checkpoint(read_file(path)).tensors == c.tensors);
}
}  // namespace torch_writer_test
