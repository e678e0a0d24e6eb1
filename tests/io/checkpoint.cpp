// SPDX-License-Identifier: MIT
#include <tacet/io/checkpoint.hpp>
#include <support/catch.hpp>
#include <support/checkpoint_bytes.hpp>
#include <support/scratch.hpp>

namespace checkpoint_test {
using namespace tacet;
using namespace tacet::test;

namespace {

std::string const value = pickled_dict({{"w", pickled_tensor(pickled_storage("FloatStorage", "0", 2), {2}, {1})}});
std::string const numbers = raw<float>({1, 2});
std::string const header = R"({"w":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}})";

struct Folder : ScratchFolder {
    std::filesystem::path write(char const* name, std::vector<std::uint8_t> const& bytes) const {
        write_file_atomically(path / name, std::as_bytes(std::span(bytes)), true);
        return path / name;
    }
};

}  // namespace

TEST_CASE("Checkpoints are recognised by content, whatever their name", "[checkpoint]") {
    Folder const folder;
    struct Case {
        CheckpointFormat format;
        std::vector<std::uint8_t> bytes;
    };
    for (auto const& [format, bytes] : {Case{CheckpointFormat::Safetensors, safetensors_bytes(header, numbers)},
                                        Case{CheckpointFormat::TorchZip, torch_zip(value, {{"0", numbers}})},
                                        Case{CheckpointFormat::TorchLegacy, torch_legacy(value, {{"0", numbers}})}}) {
        CHECK(checkpoint_format(bytes) == format);
        for (char const* const name : {"w.safetensors", "w.pth", "w.PT", "w.txt", "w"})
            CHECK(to_vector<float>(load_checkpoint(folder.write(name, bytes)).at("w")) == std::vector<float>{1, 2});
    }
}

TEST_CASE("Checkpoints of unknown content are refused, with the path", "[checkpoint]") {
    Folder const folder;
    for (std::string const content : {"", "hello, this is text", "\x89PNG\r\n\x1a\n", "\x80\x02}.", "\x80\x04\x95"})
        CHECK(checkpoint_format(to_bytes(content)) == CheckpointFormat::Unknown);
    auto const path = folder.write("w.safetensors", to_bytes("hello, this is text"));
    CHECK_THROWS_WITH(load_checkpoint(path), path.string() + ": not a checkpoint: neither safetensors nor PyTorch's .pt, .pth or .ckpt");
    std::string tar(512, 'x');
    tar.replace(257, 5, "ustar");
    CHECK_THROWS_WITH(parse_checkpoint(to_bytes(tar)), contains("tar files (PyTorch before 0.1.10) are not supported"));
    CHECK_THROWS_WITH(load_checkpoint(folder.path / "missing.pt"), contains("missing.pt"));
    CHECK_THROWS_WITH(load_checkpoint(folder.write("w.pt", torch_zip(value, {{"0", numbers}})), {}, {.bytes = 50}), contains("w.pt"));
}

TEST_CASE("A damaged safetensors file is never tried as a pickle", "[checkpoint]") {
    auto bytes = safetensors_bytes(header, numbers + "x");
    CHECK_THROWS_WITH(parse_checkpoint(bytes), "safetensors: the tensors end at byte 8 of 9");
    // A pickle behind a frame that claims to be safetensors stays safetensors.
    auto const disguised = safetensors_bytes("{" + whole_pickle(value), "");
    CHECK(checkpoint_format(disguised) == CheckpointFormat::Safetensors);
    CHECK_THROWS_WITH(parse_checkpoint(disguised), contains("safetensors: "));
}

TEST_CASE("Torch options reach the reader", "[checkpoint]") {
    auto const wrapped = torch_zip(pickled_dict({{"params", value}}), {{"0", numbers}});
    CHECK(parse_checkpoint(wrapped).find("w") != nullptr);
    CHECK(parse_checkpoint(wrapped, {.unwrap = false}).find("params.w") != nullptr);
}
}  // namespace checkpoint_test
