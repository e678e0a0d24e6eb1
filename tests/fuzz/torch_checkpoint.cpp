// SPDX-License-Identifier: MIT
// The input is read as a checkpoint, as a pickle, and as the tree of a legacy checkpoint with good storages around it, because few
// mutations of a whole file get as far as the tree.
#include "fuzz.hpp"
#include <tacet/io/checkpoint.hpp>
#include <tacet/io/torch_writer.hpp>
#include <support/checkpoint_bytes.hpp>

using namespace tacet;
using namespace tacet::test;

namespace {

void read(std::span<std::uint8_t const> file, TorchNames const& names) {
    try {
        Checkpoint const c = parse_checkpoint(file, names);
        std::uint64_t bytes = 0;
        for (NamedTensor const& x : c.tensors) bytes += x.data.size(), element_count(x);
        require(bytes <= 8 * file.size(), "the tensors take at most eight times the file");
        Checkpoint const again = parse_safetensors(format_safetensors(c));
        for (NamedTensor const& x : again.tensors) require(c.at(x.name) == x, "every tensor can be written as safetensors");
        require(parse_torch_checkpoint(format_torch_checkpoint(c), {.unwrap = false}).tensors == c.tensors, "writing keeps every tensor");
    } catch (Error const&) {
    }
}

void read_pickle(std::span<std::uint8_t const> bytes) {
    try {
        Pickle const tree = parse_pickle(bytes);
        require(tree.nodes.size() <= bytes.size() && tree.end <= bytes.size() && tree.root < tree.nodes.size(),
                "no value costs less than a byte");
        for (PickleNode const& node : tree.nodes)
            for (PickleId const id : node.items) require(id < tree.nodes.size(), "every reference is inside the tree");
    } catch (Error const&) {
    }
}

std::string const numbers = raw<float>({0, 1, 2, 3, 4, 5});

std::vector<std::string> trees() {
    auto const storage = pickled_storage("FloatStorage", "0", 6);
    auto const tensor = pickled_tensor(storage, {2, 3}, {3, 1}), view = pickled_tensor(storage, {3, 2}, {1, 0}, 2);
    auto const parameter = pickled_call("torch._utils", "_rebuild_parameter", pickled_tuple({tensor, "\x88", "}"}));
    std::string const shared = std::string("}q\0", 3) + pickled_items({{"w", tensor}}), memo = std::string("h\0", 2);
    auto const pairs = "](" + pickled_tuple({pickled_text("k"), tensor}) + "e\x85";
    return {tensor,
            pickled_ordered_dict({{"module.a.weight", tensor}, {"module.a.bias", view}}) + pickled_dict({{"_metadata", "}"}}) + "b",
            pickled_dict({{"epoch", pickled(3)}, {"rate", "G" + std::string(8, '\0')}, {"params", pickled_dict({{"w", parameter}})}}),
            pickled_dict({{"a", shared}, {"b", memo}, {"model", pickled_dict({{"x", memo}, {"y", memo}})}}),
            "](" + view + pickled_call("os", "system", pickled_tuple({pickled_text("true")})) + pickled(std::int64_t{1} << 40)
                + "N\x88\x89"
                  "e",
            pickled_call("collections", "OrderedDict", pairs),
            std::string("]q\0h\0a", 6) + tensor + "a",
            pickled_class("a", "b") + ")\x81" + pickled_dict({{"x", tensor}}) + "b"};
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(std::uint8_t const* data, std::size_t size) {
    std::span<std::uint8_t const> const input(data, size);
    read(input, {});
    read(input, {.unwrap = false});
    read_pickle(input);
    std::string const text(input.begin(), input.end()), keys = whole_pickle("](" + pickled_text("0") + "e");
    auto const framed = to_bytes(legacy_head() + text + keys + little_endian(std::uint64_t{6}) + numbers);
    read(framed, {});
    read(framed, {.unwrap = false, .root = "params"});
    return 0;
}

std::vector<std::vector<std::uint8_t>> test::fuzz_seeds() {
    std::vector<std::vector<std::uint8_t>> seeds;
    for (std::string const& tree : trees()) {
        seeds.push_back(torch_legacy(tree, {{"0", numbers}}));
        seeds.push_back(to_bytes(whole_pickle(tree)));
        // Without checksums, which no mutation would survive.
        std::vector<ZipFile> files{{.name = "a/data.pkl", .data = whole_pickle(tree), .crc = 0},
                                   {.name = "a/data/0", .data = numbers, .crc = 0}};
        seeds.push_back(to_bytes(zip_archive(files, seeds.size() % 2 == 0)));
    }
    return seeds;
}
