// SPDX-License-Identifier: MIT
// What parse_safetensors accepts can be written and read again without a difference.
#include "fuzz.hpp"
#include <tacet/io/safetensors.hpp>
#include <support/checkpoint_bytes.hpp>

using namespace tacet;

extern "C" int LLVMFuzzerTestOneInput(std::uint8_t const* data, std::size_t size) {
    try {
        Checkpoint const first = parse_safetensors({data, size});
        std::uint64_t bytes = 0;
        for (NamedTensor const& x : first.tensors) bytes += x.data.size();
        test::require(bytes <= size, "the tensors take no more memory than the file");
        auto const written = format_safetensors(first);
        Checkpoint const second = parse_safetensors(written);
        test::require(second.metadata == first.metadata && second.tensors.size() == first.tensors.size(), "writing keeps everything");
        for (NamedTensor const& x : second.tensors) test::require(first.at(x.name) == x, "writing keeps every tensor");
        test::require(format_safetensors(second) == written, "the same content is the same file");
    } catch (Error const&) {
    }
    return 0;
}

std::vector<std::vector<std::uint8_t>> test::fuzz_seeds() {
    std::string const entry = R"({"dtype":"U8","shape":[4],"data_offsets":[0,4]})";
    std::vector<std::vector<std::uint8_t>> seeds{
        safetensors_bytes("{}", ""),
        safetensors_bytes(R"({"a":)" + entry + "}   ", "1234"),
        safetensors_bytes(R"({"__metadata__":{"k":"\u00e9\ud83d\ude00\n","":"v"}})", ""),
        safetensors_bytes(
            R"({"a":{"dtype":"F32","shape":[1,1],"data_offsets":[4,8]},"b":{"dtype":"BF16","shape":[0,9],"data_offsets":[0,0]},)"
            R"("c":{"shape":[],"data_offsets":[0,4],"dtype":"I32"}})",
            "12345678"),
        safetensors_bytes(R"({"a":)" + entry + R"(,"b":)" + entry + "}", "1234"),
        safetensors_bytes(R"({"a":)" + entry + "}", "1234", ~0ull)};
    for (char const* const dtype : {"BOOL", "I8", "F8_E5M2", "F8_E4M3", "I16", "U16", "F16", "U32", "C64", "F64", "I64", "U64"})
        seeds.push_back(safetensors_bytes(std::string(R"({"x":{"dtype":")") + dtype + R"(","shape":[0],"data_offsets":[0,0]}})", ""));
    return seeds;
}
