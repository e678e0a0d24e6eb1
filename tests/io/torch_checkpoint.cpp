// SPDX-License-Identifier: MIT
#include <tacet/io/torch_checkpoint.hpp>
#include <tacet/io/atomic_file.hpp>
#include <tacet/io/safetensors.hpp>
#include <support/catch.hpp>
#include <support/checkpoint_bytes.hpp>
#include <cmath>
#include <cstdlib>

namespace torch_checkpoint_test {
using namespace tacet;
using namespace tacet::test;

namespace {

std::string const numbers = raw<float>({0, 1, 2, 3, 4, 5});

// A checkpoint with storage "0" of six floats, in both containers.
Checkpoint read_zip(std::string const& value, TorchNames const& names = {}) {
    return parse_torch_checkpoint(torch_zip(value, {{"0", numbers}}), names);
}
Checkpoint read_legacy(std::string const& value) { return parse_torch_checkpoint(torch_legacy(value, {{"0", numbers}})); }

std::string tensor(std::vector<std::int64_t> const& shape, std::vector<std::int64_t> const& strides, std::int64_t offset = 0) {
    return pickled_tensor(pickled_storage("FloatStorage", "0", 6), shape, strides, offset);
}
std::string const six = tensor({6}, {1});

std::vector<float> floats(std::string const& pickled_value) { return to_vector<float>(read_zip(pickled_value).tensors.at(0)); }
std::vector<std::string> names_of(Checkpoint const& c) {
    std::vector<std::string> names;
    for (auto const& x : c.tensors) names.push_back(x.name);
    return names;
}
using Names = std::vector<std::string>;

struct Sums {
    double sum = 0, absolute = 0, square = 0;
};
template <class Choose> Sums sums_of(Checkpoint const& c, Choose choose) {
    Sums s;
    for (auto const& x : c.tensors) {
        if (!choose(x.name)) continue;
        for (double const v : to_vector<double>(x)) s.sum += v, s.absolute += std::abs(v), s.square += v * v;
    }
    return s;
}
bool ends_with(std::string const& name, char const* end) { return std::string_view(name).ends_with(end); }

std::vector<std::uint8_t> golden(char const* name) { return read_file(source_dir() + "/tests/golden/" + name); }

}  // namespace

TEST_CASE("Torch checkpoints: names, shapes and values in both containers", "[torch]") {
    std::string const value = pickled_ordered_dict({{"a.weight", tensor({2, 3}, {3, 1})}, {"a.bias", tensor({}, {}, 4)}});
    for (auto const& c : {read_zip(value), read_legacy(value)}) {
        REQUIRE(names_of(c) == Names{"a.weight", "a.bias"});
        CHECK(c.at("a.weight").dtype == DType::F32);
        CHECK(c.at("a.weight").shape == std::vector<Index>{2, 3});
        CHECK(to_vector<float>(c.at("a.weight")) == std::vector<float>{0, 1, 2, 3, 4, 5});
        CHECK(c.at("a.bias").shape.empty());
        CHECK(to_vector<float>(c.at("a.bias")) == std::vector<float>{4});
        CHECK(c.metadata.empty());
    }
}

TEST_CASE("Torch checkpoints: PyTorch's own files equal the safetensors that PyTorch wrote", "[torch]") {
    auto const reference = golden("torch_weights.safetensors");
    for (char const* const name : {"torch_zip.pth", "torch_legacy.pth"}) {
        auto c = parse_torch_checkpoint(golden(name));
        CHECK(c.tensors.size() == 18);
        c.metadata = {{"format", "pt"}, {"note", "a\tb"}};
        CHECK(format_safetensors(c) == reference);
    }
}

TEST_CASE("Torch checkpoints: a training state yields its weights, or all of its tensors", "[torch]") {
    auto const weights = parse_torch_checkpoint(golden("torch_training.ckpt"));
    CHECK(names_of(weights)
          == Names{"0.weight", "0.bias", "1.weight", "1.bias", "1.running_mean", "1.running_var", "1.num_batches_tracked"});
    CHECK(weights.metadata.at("pytorch.root") == "state_dict");
    CHECK(to_vector<int>(weights.at("1.num_batches_tracked")) == std::vector<int>{1});

    auto const all = parse_torch_checkpoint(golden("torch_training.ckpt"), {.unwrap = false});
    CHECK(all.find("state_dict.module.0.weight") != nullptr);
    CHECK(all.at("optimizer.state.0.exp_avg").shape == std::vector<Index>{2, 1, 3, 3});
    auto const optimizer = parse_torch_checkpoint(golden("torch_training.ckpt"), {.unwrap = false, .root = "optimizer"});
    CHECK(optimizer.find("state.3.exp_avg_sq") != nullptr);
    CHECK_THROWS_WITH(parse_torch_checkpoint(golden("torch_training.ckpt"), {.root = "ema"}), "the checkpoint has no key \"ema\"");
}

TEST_CASE("Torch checkpoints: weights are unwrapped and cleaned", "[torch]") {
    std::string const plain = pickled_ordered_dict({{"w", six}}), average = pickled_ordered_dict({{"w", tensor({1}, {1}, 5)}});
    auto const shape = [](Checkpoint const& c) { return c.at("w").shape; };
    auto const both = pickled_dict({{"params", plain}, {"params_ema", average}, {"epoch", pickled(3)}});
    CHECK(shape(read_zip(both)) == std::vector<Index>{1});
    CHECK(read_zip(both).metadata.at("pytorch.root") == "params_ema");
    CHECK(shape(read_zip(both, {.root = "params"})) == std::vector<Index>{6});
    CHECK(names_of(read_zip(both, {.unwrap = false})) == Names{"params.w", "params_ema.w"});
    for (char const* const key : {"params", "state_dict", "model", "model_state_dict", "state_dict_ema"})
        CHECK(names_of(read_zip(pickled_dict({{"epoch", pickled(3)}, {key, plain}}))) == Names{"w"});
    CHECK(read_zip(pickled_dict({{"model", pickled_dict({{"state_dict", plain}})}})).metadata.at("pytorch.root") == "model.state_dict");
    // A child that is called model is no wrapper, neither is a dictionary without tensors.
    CHECK(names_of(read_zip(pickled_dict({{"model.0.weight", six}}))) == Names{"model.0.weight"});
    CHECK(names_of(read_zip(pickled_dict({{"params", pickled_dict({{"rate", pickled(1)}})}, {"net", plain}}))) == Names{"net.w"});

    CHECK(names_of(read_zip(pickled_dict({{"module.a", six}, {"module.module.b", six}}))) == Names{"a", "module.b"});
    CHECK(names_of(read_zip(pickled_dict({{"module.a", six}, {"b", six}}))) == Names{"module.a", "b"});
    CHECK(names_of(read_zip(pickled_dict({{"module.a", six}}), {.unwrap = false})) == Names{"module.a"});
}

TEST_CASE("Torch checkpoints: lists, parameters and bare tensors", "[torch]") {
    CHECK(names_of(read_zip("](" + six + pickled_dict({{"k", six}}) + pickled(3) + "e")) == Names{"0", "1.k"});
    CHECK(names_of(read_zip(six)) == Names{"tensor"});
    auto const arguments = pickled_tuple({six, "\x88", "}"});
    CHECK(names_of(read_zip(pickled_dict({{"p", pickled_call("torch._utils", "_rebuild_parameter", arguments)}}))) == Names{"p"});
    CHECK(names_of(read_zip("}(K\x07" + six + "u")) == Names{"7"});
}

TEST_CASE("Torch checkpoints: views are copied by their strides", "[torch]") {
    CHECK(floats(tensor({3, 2}, {1, 3})) == std::vector<float>{0, 3, 1, 4, 2, 5});
    CHECK(floats(tensor({2}, {2}, 1)) == std::vector<float>{1, 3});
    CHECK(floats(tensor({2, 3}, {0, 1}, 3)) == std::vector<float>{3, 4, 5, 3, 4, 5});
    CHECK(floats(tensor({2, 1, 2}, {4, 99, 1})) == std::vector<float>{0, 1, 4, 5});
    CHECK(floats(tensor({0, 5}, {5, 1})).empty());
    CHECK(floats(tensor({1}, {1}, 5)) == std::vector<float>{5});
}

TEST_CASE("Torch checkpoints: views beyond their storage are refused", "[torch]") {
    auto const refused = [](std::string const& t, char const* message) {
        CHECK_THROWS_WITH(read_zip(pickled_dict({{"w", t}})), contains(message));
        CHECK_THROWS_WITH(read_legacy(pickled_dict({{"w", t}})), contains(message));
    };
    refused(tensor({7}, {1}), "tensor \"w\": reaches beyond its storage");
    refused(tensor({1}, {1}, 6), "reaches beyond its storage");
    refused(tensor({2, 3}, {4, 1}), "reaches beyond its storage");
    refused(tensor({2}, {INT64_MAX}), "reaches beyond its storage");
    refused(tensor({3}, {INT64_MAX}), "the strides: 2 x 9223372036854775807 overflows");
    refused(tensor({2}, {-1}, 5), "tensor \"w\": the strides is no number of at least 0");
    refused(tensor({-2}, {1}), "the shape is no number of at least 0");
    refused(tensor({2}, {1}, -1), "the offset is no number of at least 0");
    refused(tensor({std::int64_t{1} << 32, std::int64_t{1} << 32}, {0, 0}), "the shape: 4294967296 x 4294967296 overflows");
    refused(tensor({INT64_MAX}, {0}), "the shape: 9223372036854775807 x 4 overflows");
    refused(tensor({2, 3}, {1}), "shape (2, 3) with strides (1)");
}

TEST_CASE("Torch checkpoints: shared storages cannot fill the memory", "[torch]") {
    // 2^40 elements over one float; and many tensors that each are allowed.
    CHECK_THROWS_WITH(read_zip(pickled_dict({{"w", tensor({std::int64_t{1} << 40}, {0})}})), contains("too many for this file"));
    std::string items = "}(";
    for (int i = 0; i < 400; ++i) items += pickled_text("w" + std::to_string(i)) + (i ? "h\x09" : tensor({100}, {0}) + "q\x09");
    CHECK_THROWS_WITH(read_zip(items + "u"), contains("too many for this file"));
    CHECK_THROWS_WITH(parse_torch_checkpoint(torch_zip(six, {{"0", numbers}}), {}, {.bytes = 100}), contains("more than the limit of 100"));
    CHECK_THROWS_WITH(parse_torch_checkpoint(torch_zip(pickled_dict({{"a", six}, {"b", six}}), {{"0", numbers}}), {}, {.tensors = 1}),
                      contains("more than 1 tensors"));
}

TEST_CASE("Torch checkpoints: trees that share exponentially end in an Error", "[torch]") {
    std::string dict = pickled_dict({{"w", six}}) + std::string("q\0", 2);
    for (char i = 0; i < 40; ++i) {
        std::string const below = "h" + std::string(1, i);
        dict += pickled_dict({{"a", below}, {"b", below}}) + "q" + std::string(1, static_cast<char>(i + 1));
    }
    CHECK_THROWS_AS(read_zip("(" + dict + "t"), Error);
    std::string const loop =
        std::string("}q\0(", 4) + pickled_text("a") + std::string("h\0", 2) + pickled_text("model") + std::string("h\0u", 3);
    CHECK_THROWS_AS(read_zip(loop), Error);
}

TEST_CASE("Torch checkpoints: objects of other classes are skipped, nothing is called", "[torch]") {
    ::unsetenv("TACET_PICKLE_RAN");
    auto const evil = pickled_call("os", "putenv", pickled_tuple({pickled_text("TACET_PICKLE_RAN"), pickled_text("1")}));
    auto const c = read_zip(pickled_dict({{"evil", evil}, {"w", six}, {"nested", pickled_call("builtins", "eval", pickled_tuple({six}))}}));
    CHECK(names_of(c) == Names{"w"});
    CHECK(std::getenv("TACET_PICKLE_RAN") == nullptr);
    CHECK_THROWS_WITH(read_zip(evil), "the checkpoint holds an object of os.putenv, not weights; save its state_dict() instead");
    CHECK_THROWS_WITH(read_zip("}"), "the checkpoint holds no tensors");
    CHECK_THROWS_WITH(read_zip(pickled_dict({{"w", pickled_call("torch._utils", "_rebuild_sparse_tensor", ")")}})),
                      "tensor \"w\": torch._utils._rebuild_sparse_tensor is not supported");
    CHECK_THROWS_WITH(read_zip(pickled_dict({{"w", pickled_call("torch._utils", "_rebuild_tensor_v2", ")")}})),
                      "tensor \"w\": too few numbers to make a tensor of");
}

TEST_CASE("Torch checkpoints: duplicate and unfit names are refused", "[torch]") {
    CHECK_THROWS_WITH(read_zip(pickled_dict({{"w", six}, {"w", six}})), "two tensors are named \"w\"");
    CHECK_THROWS_WITH(read_zip(pickled_dict({{"a.b", six}, {"a", pickled_dict({{"b", six}})}})), "two tensors are named \"a.b\"");
    CHECK_THROWS_WITH(read_zip(pickled_dict({{"\xff", six}})), contains("no UTF-8"));
    CHECK_THROWS_WITH(read_zip(pickled_dict({{std::string(513, 'x'), six}})), contains("longer than 512 bytes"));
    CHECK(names_of(read_zip(pickled_dict({{"größe", six}}))) == Names{"größe"});
}

TEST_CASE("Torch checkpoints: a storage has exactly the bytes that are declared", "[torch]") {
    auto const value = [](std::int64_t count) {
        return pickled_dict({{"w", pickled_tensor(pickled_storage("FloatStorage", "0", count), {1}, {1})}});
    };
    CHECK_THROWS_WITH(read_zip(value(5)), "tensor \"w\": storage \"0\" has 24 bytes instead of 5 x 4");
    CHECK_THROWS_WITH(read_zip(value(7)), "tensor \"w\": storage \"0\" has 24 bytes instead of 7 x 4");
    CHECK_THROWS_WITH(read_zip(value(-1)), contains("a storage's length is no number of at least 0"));
    CHECK_THROWS_WITH(read_zip(value(INT64_MAX)), contains("overflows"));
    CHECK_THROWS_WITH(read_legacy(value(5)), "legacy checkpoint: storage \"0\" has 6 elements instead of 5");
    CHECK_THROWS_WITH(parse_torch_checkpoint(torch_zip(value(6), {})), "tensor \"w\": no storage \"0\" in the file");
    CHECK_THROWS_WITH(parse_torch_checkpoint(torch_legacy(value(6), {})), "tensor \"w\": no storage \"0\" in the file");
    auto const one = [](std::string const& storage) { return pickled_dict({{"w", pickled_tensor(storage, {1}, {1})}}); };
    CHECK_THROWS_WITH(read_zip(one(pickled_storage("QInt8Storage", "0", 24))),
                      "tensor \"w\": elements of type torch.QInt8Storage are not supported");
    CHECK_THROWS_WITH(read_zip(one(pickled(1))), "tensor \"w\": a tensor without storage");
    CHECK_THROWS_WITH(read_zip(one(pickled_storage("FloatStorage", std::string(257, '0'), 1))), contains("longer than 256 bytes"));
    CHECK_THROWS_WITH(read_zip(one(pickled_tuple({pickled_text("module"), pickled(1)}) + "Q")),
                      contains("an unknown kind of storage reference"));
    auto const view = pickled_tuple({pickled_text("storage"), pickled_class("torch", "FloatStorage"), pickled_text("0"),
                                     pickled_text("cpu"), pickled(6), pickled_tuple({pickled_text("1"), pickled(0), pickled(3)})})
                      + "Q";
    CHECK_THROWS_WITH(read_zip(one(view)), contains("views of storages are not supported"));
}

TEST_CASE("Torch checkpoints: every element type", "[torch]") {
    struct Case {
        char const* type;
        DType dtype;
        std::string bytes;
    };
    auto const cases = {Case{"DoubleStorage", DType::F64, raw<double>({2})},
                        Case{"HalfStorage", DType::F16, raw<std::uint16_t>({0x4000})},
                        Case{"BFloat16Storage", DType::BF16, raw<std::uint16_t>({0x4000})},
                        Case{"LongStorage", DType::I64, raw<std::int64_t>({2})},
                        Case{"IntStorage", DType::I32, raw<std::int32_t>({2})},
                        Case{"ShortStorage", DType::I16, raw<std::int16_t>({2})},
                        Case{"CharStorage", DType::I8, raw<std::int8_t>({2})},
                        Case{"ByteStorage", DType::U8, raw<std::uint8_t>({2})}};
    for (auto const& [type, dtype, bytes] : cases) {
        auto const value = pickled_dict({{"w", pickled_tensor(pickled_storage(type, "0", 1), {1}, {1})}});
        for (auto const& file : {torch_zip(value, {{"0", bytes}}), torch_legacy(value, {{"0", bytes}}, bytes.size())}) {
            auto const c = parse_torch_checkpoint(file);
            CHECK(c.at("w").dtype == dtype);
            CHECK(to_vector<float>(c.at("w")) == std::vector<float>{2});
        }
    }
}

TEST_CASE("Torch checkpoints: zip files of other kinds are named", "[torch]") {
    CHECK_THROWS_WITH(parse_torch_checkpoint(to_bytes(zip_archive({{"word/document.xml", "x"}}))),
                      "zip: no data.pkl: this is no PyTorch checkpoint");
    CHECK_THROWS_WITH(parse_torch_checkpoint(torch_zip(six, {{"0", numbers}}, {{"archive/constants.pkl", "x"}})),
                      contains("this is a TorchScript program"));
    CHECK_THROWS_WITH(
        parse_torch_checkpoint(torch_zip(six, {{"0", numbers}}, {{.name = "archive/code/__torch__/m.py", .data = "x", .method = 8}})),
        contains("this is a TorchScript program, not a checkpoint"));
    CHECK_THROWS_WITH(parse_torch_checkpoint(torch_zip(six, {{"0", numbers}}, {{.name = "archive/extra", .data = "x", .method = 8}})),
                      contains("is compressed"));
    CHECK_THROWS_WITH(parse_torch_checkpoint(torch_zip(six, {{"0", numbers}}, {{"other/data.pkl", "x"}})),
                      contains("two files are named data.pkl"));
    CHECK_THROWS_WITH(parse_torch_checkpoint(torch_zip(six, {{"0", numbers}}, {{"archive/byteorder", "big"}})),
                      contains("big-endian machine"));
    CHECK_NOTHROW(parse_torch_checkpoint(torch_zip(six, {{"0", numbers}}, {{"archive/byteorder", "little"}})));
    auto const trailing = zip_archive({{"archive/data.pkl", whole_pickle("}") + "junk"}});
    CHECK_THROWS_WITH(parse_torch_checkpoint(to_bytes(trailing)), "pickle: 4 bytes follow its end");
}

TEST_CASE("Torch checkpoints: other files are named", "[torch]") {
    std::string tar(512, '\0');
    tar.replace(257, 5, "ustar");
    CHECK_THROWS_WITH(parse_torch_checkpoint(to_bytes(tar)), contains("tar files (PyTorch before 0.1.10) are not supported"));
    CHECK_THROWS_WITH(parse_torch_checkpoint(to_bytes("hello")), "not a PyTorch checkpoint");
    CHECK_THROWS_WITH(parse_torch_checkpoint({}), "not a PyTorch checkpoint");
    CHECK_THROWS_WITH(parse_torch_checkpoint(to_bytes(whole_pickle("}"))), "not a PyTorch checkpoint");
}

TEST_CASE("Torch checkpoints: legacy files that contradict themselves", "[torch]") {
    std::string const value = pickled_dict({{"w", six}}), data = little_endian(std::uint64_t{6}) + numbers;
    std::string const head = legacy_head() + whole_pickle(value), key = pickled_text("0");
    auto const read = [](std::string const& text) { return parse_torch_checkpoint(to_bytes(text)); };
    CHECK_NOTHROW(read(head + whole_pickle("](" + key + "e") + data));
    CHECK_THROWS_WITH(read(head + whole_pickle("](" + key + key + "e") + data + data), contains("two storages are named \"0\""));
    CHECK_THROWS_WITH(read(head + whole_pickle("](" + pickled_text("1") + "e") + data), contains("a storage that the tree does not know"));
    CHECK_THROWS_WITH(read(head + whole_pickle("](K\x01" "e") + data), contains("a storage that the tree does not know"));
    CHECK_THROWS_WITH(read(head + whole_pickle("}") + data), contains("no list of storages"));
    CHECK_THROWS_WITH(read(head + whole_pickle("](" + key + "e") + data + "x"), contains("1 bytes follow its end"));
    CHECK_THROWS_WITH(read(legacy_head(false) + whole_pickle(value)), contains("big-endian machine"));
    auto const other = pickled_tensor(pickled_storage("DoubleStorage", "0", 6), {1}, {1});
    CHECK_THROWS_WITH(read_legacy(pickled_dict({{"w", six}, {"v", other}})), contains("storage \"0\" is declared in two ways"));
    auto const huge = pickled_dict({{"w", pickled_tensor(pickled_storage("FloatStorage", "0", INT64_MAX), {1}, {1})}});
    CHECK_THROWS_WITH(read(legacy_head() + whole_pickle(huge) + whole_pickle("](" + key + "e") + little_endian(INT64_MAX) + numbers),
                      contains("overflows"));
    std::string seven = legacy_head();
    seven.replace(seven.find("M\xe9\x03"), 3, "M\x07" + std::string(1, '\0'));
    CHECK_THROWS_WITH(read(seven + whole_pickle(value)), contains("protocol 7 instead of 1001"));
}

TEST_CASE("Torch checkpoints cut anywhere are Errors", "[torch]") {
    std::string const value = pickled_ordered_dict({{"a.weight", tensor({2, 3}, {3, 1})}, {"b", six}});
    for (auto const& whole : {torch_zip(value, {{"0", numbers}}), torch_legacy(value, {{"0", numbers}}), golden("torch_legacy.pth")}) {
        CHECK_NOTHROW(parse_torch_checkpoint(whole));
        int accepted = 0;
        for (std::size_t n = 0; n < whole.size(); ++n) {
            std::vector<std::uint8_t> const part(whole.begin(), whole.begin() + static_cast<std::ptrdiff_t>(n));
            try {
                parse_torch_checkpoint(part);
                ++accepted;
            } catch (Error const&) {
            }
        }
        CHECK(accepted == 0);
    }
}

TEST_CASE("Torch checkpoints: the published Noise2Noise weights", "[torch][data]") {
    if (data_dir().empty()) return skip("TACET_DATA is not set");
    struct Published {
        char const* file;
        double sum, norm;
    };
    for (auto const& [file, sum, norm] :
         {Published{"n2n-gaussian.pt", -5492.401070, 61.076110}, Published{"n2n-text.pt", -11529.235747, 92.674333}}) {
        auto const c = parse_torch_checkpoint(read_file(data_dir() + "/noise2noise/" + file));
        CHECK(c.tensors.size() == 28);
        CHECK(c.tensors.front().name == "_block1.0.weight");
        CHECK(c.at("_block5.0.weight").shape == std::vector<Index>{96, 144, 3, 3});
        auto const s = sums_of(c, [](std::string const&) { return true; });
        CHECK(s.sum == Approx(sum).margin(1e-6).epsilon(0));
        CHECK(std::sqrt(s.square) == Approx(norm).margin(1e-6).epsilon(0));
    }
}

TEST_CASE("Torch checkpoints: the published weights for iterative filling", "[torch][data]") {
    if (data_dir().empty()) return skip("TACET_DATA is not set");
    auto const c = parse_torch_checkpoint(read_file(data_dir() + "/mpi/imgnet_30_multchannel_skip.pth"));
    CHECK(c.tensors.size() == 202);
    CHECK(c.metadata.at("pytorch.root") == "params");
    auto const learned = sums_of(c, [](std::string const& n) { return ends_with(n, ".weight") || ends_with(n, ".bias"); });
    CHECK(learned.sum == Approx(5452.245916).margin(1e-6).epsilon(0));
    CHECK(learned.absolute == Approx(96545.534550).margin(1e-6).epsilon(0));
    CHECK(learned.square == Approx(26750.221981).margin(1e-6).epsilon(0));
    auto const running = sums_of(c, [](std::string const& n) { return ends_with(n, ".running_mean") || ends_with(n, ".running_var"); });
    CHECK(running.sum == Approx(143524.561353).margin(1e-6).epsilon(0));
    auto const first = to_vector<float>(c.at("net.1.0.1.1.weight"));
    CHECK(first.at(0) == Approx(-0.02109046).margin(5e-9).epsilon(0));
    CHECK(first.at(3) == Approx(0.18911418).margin(5e-9).epsilon(0));
    int counters = 0;
    for (auto const& x : c.tensors)
        if (ends_with(x.name, ".num_batches_tracked")) counters += x.dtype == DType::I64 && to_vector<int>(x) == std::vector<int>{80000};
    CHECK(counters == 30);
}
}  // namespace torch_checkpoint_test
