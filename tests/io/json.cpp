// SPDX-License-Identifier: MIT
#include <tacet/io/json.hpp>

#include <cstdlib>
#include <filesystem>
#include <limits>
#include <string>

#include <support/catch.hpp>

namespace json_test {
using tacet::Json;

namespace {
std::string error_of(std::string const& text, tacet::JsonRules rules = {}) {
    try {
        tacet::parse_json(text, "config.json", rules);
    } catch (tacet::Error const& e) { return e.what(); }
    return "";
}
}  // namespace

TEST_CASE("json: text becomes values in order, with their lines") {
    Json const json = tacet::parse_json("{\n  \"b\": 1,\n  \"a\": [1.5,\n 2\n],\n \"s\": \"x\", \"n\": null, \"t\": true}", "x");
    REQUIRE(json.is_object());
    REQUIRE(json.members()[0].name == "b");
    REQUIRE(json.members()[1].name == "a");
    CHECK(json.line() == 1);
    CHECK(json.at("b").line() == 2);
    CHECK(json.at("b").integer<int>() == 1);
    CHECK(json.at("a").line() == 3);
    CHECK(json.at("a").items()[0].line() == 3);
    CHECK(json.at("a").items()[1].line() == 4);  // the newline right after the number is not counted
    CHECK(json.at("s").string() == "x");
    CHECK(json.at("s").line() == 6);
    CHECK(json.at("n").is_null());
    CHECK(json.at("t").boolean());
    CHECK(json.find("missing") == nullptr);
    CHECK(json.size() == 5);
}

TEST_CASE("json: errors are one line with file and line") {
    CHECK(error_of("{\"a\": 1,\n \"b\": 2,\n \"a\": 3}") == "config.json:3: duplicate key \"a\"");
    CHECK(error_of("{\"a\": {\"x\": 1},\n \"b\": {\"x\": 2, \"x\": 3}}") == "config.json:2: duplicate key \"x\"");
    CHECK(error_of("{\"a\": {\"a\": 1}}") == "");  // the same key on another level is fine
    CHECK(error_of("{\n\"a\": }").starts_with("config.json:2: syntax error while parsing value - unexpected '}'"));
    CHECK(error_of("").starts_with("config.json:1: syntax error while parsing value - unexpected end of input"));
    CHECK(error_of("[1, 2] 3").starts_with("config.json:1: syntax error while parsing value - unexpected number literal"));
    CHECK(error_of("[1e999]").starts_with("config.json:1: number overflow"));
    CHECK(error_of("[\"\xff\"]").starts_with("config.json:1: syntax error while parsing value - invalid string: ill-formed UTF-8"));
    std::string const long_text = error_of("[\"" + std::string(100000, 'x') + "\" 1]");
    CHECK(tacet::display_width(long_text) <= 220);
    CHECK(long_text.find('\n') == std::string::npos);
}

TEST_CASE("json: limits") {
    std::string const deep = std::string(101, '[') + std::string(101, ']');
    CHECK(error_of(deep) == "config.json:1: nested deeper than 100 levels");
    CHECK(error_of(std::string(100, '[') + std::string(100, ']')) == "");
    CHECK(error_of(std::string(200000, '[')) == "config.json:1: nested deeper than 100 levels");
    CHECK(error_of(std::string(3 << 20, ' '), {.max_bytes = 2 << 20}) == "config.json: larger than 2 MiB");
    CHECK(error_of("[1] // end", {.comments = false}).starts_with("config.json:1: syntax error"));
    CHECK(error_of("// KAIR style\n[1, /* two */ 2]") == "");
}

TEST_CASE("json: numbers are exact") {
    auto const roundtrip = [](Json const& v) { return tacet::parse_json(v.dump()); };
    auto const big = std::numeric_limits<std::uint64_t>::max();
    auto const small = std::numeric_limits<std::int64_t>::min();
    CHECK(roundtrip(Json(big)).integer<std::uint64_t>() == big);
    CHECK(roundtrip(Json(small)).integer<std::int64_t>() == small);
    CHECK(Json(0.1).dump() == "0.1");
    CHECK(Json(0.1f).dump() == "0.1");
    CHECK(Json(1e-7).dump() == "1e-7");
    CHECK(static_cast<float>(roundtrip(Json(0.3333333432674408f)).number()) == 0.3333333432674408f);
    CHECK(roundtrip(Json(2.2250738585072014e-308)).number() == 2.2250738585072014e-308);
    CHECK(Json(std::numeric_limits<double>::quiet_NaN()).dump() == "null");
    CHECK(Json(-std::numeric_limits<float>::infinity()).dump() == "null");
    CHECK(Json(1000.0).integer<int>() == 1000);
    CHECK_THROWS_WITH(Json(1.5).integer<int>(), "1.5 is not a whole number");
    CHECK_THROWS_WITH(Json(300).integer<std::uint8_t>(), "300 is not within 0 to 255");
    CHECK_THROWS_WITH(Json(big).integer<std::int64_t>(), "18446744073709551615 is not within -9223372036854775808 to 9223372036854775807");
    CHECK_THROWS_WITH(Json("7").integer<int>(), "expected a whole number, found a string");
    CHECK_THROWS_WITH(Json(1e300).integer<int>(), "1e300 is not a whole number");
}

TEST_CASE("json: every float survives text") {
    std::uint32_t state = 1;
    for (int i = 0; i < 20000; ++i) {
        state = state * 1664525u + 1013904223u;
        float v;
        std::memcpy(&v, &state, sizeof v);
        if (!std::isfinite(v)) continue;
        double read = 0;
        std::string const text = Json(v).dump();
        std::from_chars(text.data(), text.data() + text.size(), read);
        REQUIRE(static_cast<float>(read) == v);
    }
}

TEST_CASE("json: writing") {
    Json json;
    json["name"] = "a \"b\"\\\n\t\x01 ü";
    json["list"] = Json::array({1, 2.5, "x", nullptr, true});
    json["nested"]["deep"] = Json::object({{"k", false}});
    json["empty"] = Json::object();
    json["none"] = Json::array();
    json["rows"].push_back(Json::array({1, 2}));
    json["rows"].push_back(Json::array());
    CHECK(json.dump()
          == R"({"name":"a \"b\"\\\n\t\u0001 ü","list":[1,2.5,"x",null,true],"nested":{"deep":{"k":false}},)"
             R"("empty":{},"none":[],"rows":[[1,2],[]]})");
    CHECK(json.dump(2) == R"({
  "name": "a \"b\"\\\n\t\u0001 ü",
  "list": [1, 2.5, "x", null, true],
  "nested": {
    "deep": {
      "k": false
    }
  },
  "empty": {},
  "none": [],
  "rows": [
    [1, 2],
    []
  ]
})");
    CHECK(tacet::parse_json(json.dump()) == json);
    CHECK(tacet::parse_json(json.dump(4)) == json);
    CHECK(Json("\xff\xc3").dump() == "\"\xEF\xBF\xBD\xEF\xBF\xBD\"");
}

TEST_CASE("json: access errors and equality") {
    Json const json = Json::object({{"a", 1}});
    CHECK_THROWS_WITH(json.at("b"), "no key \"b\" in the object");
    CHECK_THROWS_WITH(Json(1).at("b"), "no key \"b\" in a number");
    CHECK_THROWS_WITH(json.at("a").string(), "expected a string, found a number");
    CHECK_THROWS_WITH(Json("x").number(), "expected a number, found a string");
    CHECK_THROWS_WITH(Json().boolean(), "expected a boolean, found null");
    CHECK(Json(1) == Json(1.0));
    CHECK(Json(1) != Json("1"));
    CHECK(Json(1) != Json(true));
    CHECK(Json::object({{"a", 1}, {"b", 2}}) != Json::object({{"b", 2}, {"a", 1}}));
}

TEST_CASE("json: files") {
    CHECK_THROWS_WITH(tacet::read_json("/nonexistent/x.json"), "/nonexistent/x.json: cannot open: No such file or directory");
    CHECK_THROWS_WITH(tacet::read_json(std::filesystem::temp_directory_path()),
                      std::filesystem::temp_directory_path().string() + ": is a folder, not a file");
    CHECK_THROWS_WITH(tacet::read_json("/dev/zero", {.max_bytes = 1 << 20}), "/dev/zero: more bytes than the limit of 1048576");
}
}  // namespace json_test
