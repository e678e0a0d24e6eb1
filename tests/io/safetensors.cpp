// SPDX-License-Identifier: MIT
#include <tacet/io/safetensors.hpp>
#include <support/catch.hpp>
#include <support/checkpoint_bytes.hpp>
#include <support/scratch.hpp>
#include <filesystem>

namespace safetensors_test {
using namespace tacet;
using namespace tacet::test;

namespace {

Checkpoint parse(std::string_view header, std::string_view data, std::optional<std::uint64_t> length = {}) {
    return parse_safetensors(safetensors_bytes(header, data, length));
}
// One tensor "a" of eight bytes under a header entry.
void parse_entry(std::string const& entry) { parse("{\"a\":" + entry + "}", "12345678"); }

NamedTensor floats(std::string name, std::initializer_list<float> values) {
    return {std::move(name), DType::F32, {static_cast<Index>(values.size())}, to_bytes(raw<float>(values))};
}

}  // namespace

TEST_CASE("safetensors: reads names, shapes, values and metadata", "[safetensors]") {
    auto const c = parse(R"({"__metadata__":{"step":"7"},"b":{"dtype":"F32","shape":[2,1],"data_offsets":[2,10]},)"
                         R"("a":{"dtype":"I8","shape":[2],"data_offsets":[0,2]},"s":{"dtype":"U8","shape":[],"data_offsets":[10,11]}}  )",
                         "\x05\xff" + raw<float>({1.5f, -2}) + "\x09");
    REQUIRE(c.tensors.size() == 3);
    CHECK(c.tensors[0].name == "a");  // in the order of the data
    CHECK(to_vector<int>(c.at("a")) == std::vector<int>{5, -1});
    CHECK(c.at("b").shape == std::vector<Index>{2, 1});
    CHECK(to_vector<float>(c.at("b")) == std::vector<float>{1.5f, -2});
    CHECK(c.at("s").shape.empty());
    CHECK(to_vector<int>(c.at("s")) == std::vector<int>{9});
    CHECK(c.metadata == std::map<std::string, std::string>{{"step", "7"}});
    CHECK_THROWS_WITH(c.at("z"), "the checkpoint has no tensor \"z\"");
}

TEST_CASE("safetensors: reads the smallest files", "[safetensors]") {
    CHECK(parse("{}", "").tensors.empty());
    CHECK(parse(R"({"__metadata__":{}})", "").metadata.empty());
    CHECK(parse(R"({"e":{"dtype":"F64","shape":[0,5],"data_offsets":[0,0]}})", "").at("e").data.empty());
}

TEST_CASE("safetensors: reads all escapes of JSON", "[safetensors]") {
    auto const c = parse(R"({"__metadata__":{"\"\\\/\b\f\n\r\t":"\u0041\u00e9\u20AC\ud83d\ude00"}})", "");
    CHECK(c.metadata.at("\"\\/\b\f\n\r\t") == "A\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80");
}

TEST_CASE("safetensors: refuses a wrong frame", "[safetensors]") {
    CHECK_THROWS_WITH(parse_safetensors(to_bytes("1234567")), contains("safetensors: 8 bytes needed at offset 0, but only 7 are left"));
    CHECK_THROWS_WITH(parse("{}", "", 3), contains("safetensors: 3 bytes needed at offset 8, but only 2 are left"));
    CHECK_THROWS_WITH(parse("{}", "", 100'000'001), contains("a header of 100000001 bytes; 100000000 are the most"));
    CHECK_THROWS_WITH(parse("{}", "", ~std::uint64_t{0}), contains("a header of 18446744073709551615 bytes"));
    CHECK_THROWS_WITH(parse("[]", ""), contains("the header does not begin with '{'"));
    CHECK_THROWS_WITH(parse("", ""), contains("the header does not begin with '{'"));
    CHECK_THROWS_WITH(parse("{}{}", ""), contains("text after the end of the header at byte 2 of the header"));
    CHECK_THROWS_WITH(parse("{\"\xff\":1}", ""), contains("the header is not UTF-8"));
    CHECK_THROWS_WITH(parse("{}", "x"), "safetensors: the tensors end at byte 0 of 1");
    CHECK_THROWS_WITH(parse_safetensors(safetensors_bytes("{}", ""), {.bytes = 9}), contains("10 bytes, more than the limit of 9"));
}

TEST_CASE("safetensors: refuses holes, overlaps and wrong sizes", "[safetensors]") {
    auto const two = [](char const* a, char const* b) {
        parse(std::string(R"({"a":{"dtype":"U8","shape":[4],"data_offsets":)") + a + R"(},"b":{"dtype":"U8","shape":[4],"data_offsets":)"
                  + b + "}}",
              "12345678");
    };
    CHECK_NOTHROW(two("[0,4]", "[4,8]"));
    CHECK_NOTHROW(two("[4,8]", "[0,4]"));
    CHECK_THROWS_WITH(two("[0,4]", "[0,4]"), "safetensors: tensor \"b\" at bytes 0 to 4 leaves a hole or overlaps another one");
    CHECK_THROWS_WITH(two("[0,4]", "[3,7]"), contains("leaves a hole or overlaps"));
    CHECK_THROWS_WITH(two("[0,4]", "[5,9]"), contains("leaves a hole or overlaps"));
    CHECK_THROWS_WITH(two("[1,5]", "[5,9]"), contains("leaves a hole or overlaps"));
    CHECK_THROWS_WITH(two("[0,4]", "[4,3]"), contains("leaves a hole or overlaps"));
    CHECK_THROWS_WITH(two("[0,5]", "[5,8]"), "safetensors: tensor \"a\" of U8 (4) needs 4 bytes, not 5");
    CHECK_THROWS_WITH(parse_entry(R"({"dtype":"F32","shape":[3],"data_offsets":[0,12]})"),
                      contains("the tensors end at byte 12 of 8; is the file truncated?"));
    CHECK_THROWS_WITH(parse_entry(R"({"dtype":"U8","shape":[7],"data_offsets":[0,7]})"), contains("the tensors end at byte 7 of 8"));
}

TEST_CASE("safetensors: sizes that overflow are refused", "[safetensors]") {
    CHECK_THROWS_WITH(parse_entry(R"({"dtype":"U8","shape":[4294967296,4294967296],"data_offsets":[0,0]})"),
                      contains("4294967296 x 4294967296 overflows"));
    CHECK_THROWS_WITH(parse_entry(R"({"dtype":"F64","shape":[9223372036854775807],"data_offsets":[0,8]})"), contains("overflows"));
    CHECK_THROWS_WITH(parse_entry(R"({"dtype":"U8","shape":[9223372036854775808],"data_offsets":[0,8]})"),
                      contains("expected a whole number"));
    CHECK_THROWS_WITH(parse_entry(R"({"dtype":"U8","shape":[99999999999999999999],"data_offsets":[0,8]})"),
                      contains("expected a whole number"));
    std::string many = "[1";
    for (int i = 0; i < 64; ++i) many += ",1";
    CHECK_THROWS_WITH(parse_entry(R"({"dtype":"U8","shape":)" + many + R"(],"data_offsets":[0,8]})"), contains("more than 64 dimensions"));
}

TEST_CASE("safetensors: duplicate, unknown and missing keys are refused", "[safetensors]") {
    CHECK_THROWS_WITH(
        parse(R"({"a":{"dtype":"U8","shape":[0],"data_offsets":[0,0]},"a":{"dtype":"U8","shape":[0],"data_offsets":[0,0]}})", ""),
        "two tensors are named \"a\"");
    CHECK_THROWS_WITH(parse(R"({"__metadata__":{},"__metadata__":{}})", ""), contains("__metadata__ occurs twice"));
    CHECK_THROWS_WITH(parse(R"({"__metadata__":{"k":"1","k":"2"}})", ""), contains("duplicate key \"k\""));
    CHECK_THROWS_WITH(parse(R"({"__metadata__":{"k":1}})", ""), contains("expected '\"'"));
    std::string many = "{\"__metadata__\":{";
    for (int i = 0; i <= 100'000; ++i) many += "\"" + std::to_string(i) + "\":\"\",";
    CHECK_THROWS_WITH(parse(many, ""), contains("too many metadata"));
    CHECK_THROWS_WITH(parse_entry(R"({"dtype":"U8","dtype":"U8","shape":[8],"data_offsets":[0,8]})"),
                      contains("duplicate or unknown key \"dtype\" of tensor \"a\""));
    CHECK_THROWS_WITH(parse_entry(R"({"dtype":"U8","shape":[8],"data_offsets":[0,8],"more":1})"),
                      contains("duplicate or unknown key \"more\""));
    CHECK_THROWS_WITH(parse_entry(R"({"dtype":"U8","shape":[8]})"), contains("tensor \"a\" lacks dtype, shape or data_offsets"));
    CHECK_THROWS_WITH(parse_entry(R"({"dtype":"F4","shape":[16],"data_offsets":[0,8]})"), contains("dtype \"F4\" is not supported"));
    CHECK_THROWS_WITH(parse_safetensors(safetensors_bytes(R"({"a":{"dtype":"U8","shape":[0],"data_offsets":[0,0]}})", ""), {.tensors = 0}),
                      contains("too many tensors"));
}

TEST_CASE("safetensors: text that is not JSON of the right form is refused", "[safetensors]") {
    for (char const* const entry : {R"({"dtype":"U8","shape":[8],"data_offsets":[0,8,9]})",
                                    R"({"dtype":"U8","shape":[8],"data_offsets":[0]})",
                                    R"({"dtype":"U8","shape":[-8],"data_offsets":[0,8]})",
                                    R"({"dtype":"U8","shape":[8.0],"data_offsets":[0,8]})",
                                    R"({"dtype":"U8","shape":[8e0],"data_offsets":[0,8]})",
                                    R"({"dtype":"U8","shape":[08],"data_offsets":[0,8]})",
                                    R"({"dtype":"U8","shape":[+8],"data_offsets":[0,8]})",
                                    R"({"dtype":"U8","shape":[8,],"data_offsets":[0,8]})",
                                    R"({"dtype":"U8","shape":8,"data_offsets":[0,8]})",
                                    R"({"dtype":null,"shape":[8],"data_offsets":[0,8]})",
                                    R"({"dtype":"U8" "shape":[8],"data_offsets":[0,8]})",
                                    R"({"dtype":"U8","shape":[8],"data_offsets":[0,8],})",
                                    R"({'dtype':"U8"})",
                                    R"({"dtype":"U8)",
                                    R"("U8")",
                                    "[]",
                                    "{",
                                    "",
                                    R"({"dtype":"\x41"})",
                                    R"({"dtype":"\u12"})",
                                    R"({"dtype":"\u12g4"})",
                                    R"({"dtype":"\ud83d"})",
                                    R"({"dtype":"\ud83d\u0041"})",
                                    R"({"dtype":"\ude00"})",
                                    "{\"dtype\":\"U\n8\"}"})
        CHECK_THROWS_AS(parse_entry(entry), Error);
    CHECK_THROWS_WITH(parse(std::string(50'000'000, '['), ""), contains("does not begin"));
    CHECK_THROWS_WITH(parse("{\"a\":" + std::string(1'000'000, '['), ""), contains("expected '{' at byte 5"));
    std::string nested;
    for (int i = 0; i < 100'000; ++i) nested += R"({"a":)";
    CHECK_THROWS_WITH(parse(nested, ""), contains("duplicate or unknown key \"a\""));
}

TEST_CASE("safetensors: writes the reference's bytes", "[safetensors]") {
    auto const reference = read_file(source_dir() + "/tests/golden/torch_weights.safetensors");
    auto c = parse_safetensors(reference);
    CHECK(c.tensors.size() == 18);
    CHECK(format_safetensors(c) == reference);
    std::reverse(c.tensors.begin(), c.tensors.end());
    CHECK(format_safetensors(c) == reference);
}

TEST_CASE("safetensors: writes padded headers, the larger elements first, then by name", "[safetensors]") {
    Checkpoint const c{
        {{"z", DType::U8, {1}, {7}}, floats("b", {1, 2}), floats("a", {3}), {"d", DType::F64, {0}, {}}, {"h", DType::F16, {}, {1, 2}}},
        {{"k\x01", "\""}}};
    auto const bytes = format_safetensors(c);
    auto const length = ByteReader(bytes, "test").take_number<std::uint64_t>();
    CHECK(length % 8 == 0);
    CHECK(std::string(bytes.begin() + 8, bytes.begin() + 8 + 38) == R"({"__metadata__":{"k\u0001":"\""},"d":{)");
    auto const back = parse_safetensors(bytes);
    std::string order;
    for (auto const& x : back.tensors) order += x.name;
    CHECK(order == "dabhz");
    CHECK(back.metadata == c.metadata);
    for (auto const& x : c.tensors) CHECK(back.at(x.name) == x);
    CHECK(format_safetensors(back) == bytes);
    CHECK(format_safetensors({}) == safetensors_bytes("{}      ", ""));
}

TEST_CASE("safetensors: refuses to write what it could not read", "[safetensors]") {
    CHECK_THROWS_WITH(format_safetensors({{floats("a", {1}), floats("a", {2})}, {}}), "two tensors are named \"a\"");
    CHECK_THROWS_WITH(format_safetensors({{floats("__metadata__", {1})}, {}}), "safetensors: a tensor cannot be named \"__metadata__\"");
    CHECK_THROWS_WITH(format_safetensors({{floats("\xff", {1})}, {}}), contains("a tensor cannot be named"));
    CHECK_THROWS_WITH(format_safetensors({{}, {{"k", "\xff"}}}), contains("metadata that is not UTF-8: \"k\""));
    CHECK_THROWS_WITH(format_safetensors({{{"a", DType::F32, {2}, {0, 0, 0, 0}}}, {}}), "tensor \"a\": F32 (2) needs 8 bytes, not 4");
    CHECK_THROWS_WITH(format_safetensors({{{"a", DType::F32, {-1}, {}}}, {}}), contains("a: negative extent -1"));
}

TEST_CASE("safetensors: a file cut anywhere is an Error", "[safetensors]") {
    auto const whole = format_safetensors({{floats("a", {1, 2}), {"b", DType::U8, {3}, {1, 2, 3}}}, {{"k", "v"}}});
    CHECK_NOTHROW(parse_safetensors(whole));
    for (std::size_t n = 0; n < whole.size(); ++n) {
        std::vector<std::uint8_t> const part(whole.begin(), whole.begin() + static_cast<std::ptrdiff_t>(n));
        CHECK_THROWS_AS(parse_safetensors(part), Error);
    }
}

TEST_CASE("safetensors: files are written whole, and only over others when asked", "[safetensors]") {
    ScratchFolder const folder;
    auto const path = folder / "weights.safetensors";
    Checkpoint const first{{floats("a", {1})}, {}}, second{{floats("a", {2})}, {}};
    write_safetensors(path, first);
    CHECK(read_safetensors(path) == first);
    CHECK_THROWS_AS(write_safetensors(path, second), Error);
    CHECK(read_safetensors(path) == first);
    write_safetensors(path, second, true);
    CHECK(read_safetensors(path) == second);
    CHECK_THROWS_AS(write_safetensors(path, {{floats("a", {1}), floats("a", {1})}, {}}, true), Error);
    CHECK(read_safetensors(path) == second);
    std::filesystem::resize_file(path, 20);
    CHECK_THROWS_WITH(read_safetensors(path), contains(path.string() + ": safetensors: "));
    CHECK_THROWS_AS(read_safetensors(folder / "none.safetensors"), Error);
}
}  // namespace safetensors_test
