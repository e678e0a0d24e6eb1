// SPDX-License-Identifier: MIT
#include <tacet/io/text.hpp>

#include <limits>

#include <support/catch.hpp>

namespace text_test {
using Lines = std::vector<std::string>;

TEST_CASE("text: width in columns, not bytes") {
    CHECK(tacet::display_width("abc") == 3);
    CHECK(tacet::display_width("Brûlé") == 5);
    CHECK(tacet::display_width("e\u0301") == 1);  // combining accent
    CHECK(tacet::display_width("写真") == 4);
    CHECK(tacet::display_width("\xff\xfe") == 2);  // two invalid bytes
    CHECK(tacet::display_width("\xe5\x86") == 2);  // a truncated sequence
    CHECK(tacet::clip_text("abcdef", 6) == "abcdef");
    CHECK(tacet::clip_text("abcdef", 5) == "abcd…");
    CHECK(tacet::clip_text("写真写真", 4) == "写…");
    CHECK(tacet::clip_text("abc", 0).empty());
    CHECK(tacet::pad_text("é", 3) == "é  ");
    CHECK(tacet::pad_text("é", 3, true) == "  é");
    CHECK(tacet::pad_text("abcd", 3) == "abcd");
}

TEST_CASE("text: wrapping") {
    CHECK(tacet::wrap_text("one two  three four", 9) == Lines{"one two", "three", "four"});
    CHECK(tacet::wrap_text("a verylongwordindeed b", 5) == Lines{"a", "verylongwordindeed", "b"});
    CHECK(tacet::wrap_text("one\ntwo three", 20) == Lines{"one", "two three"});
    CHECK(tacet::wrap_text("", 5) == Lines{""});
}

TEST_CASE("text: UTF-8 is made valid") {
    CHECK(tacet::valid_utf8("aé写😀") == "aé写😀");
    CHECK(tacet::valid_utf8("a\xff") == "a\xEF\xBF\xBD");
    CHECK(tacet::valid_utf8("\xc0\xaf") == "\xEF\xBF\xBD\xEF\xBF\xBD");                  // overlong
    CHECK(tacet::valid_utf8("\xed\xa0\x80") == "\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD");  // surrogate
    CHECK(tacet::valid_utf8("\xf4\x90\x80\x80").substr(0, 3) == "\xEF\xBF\xBD");         // beyond Unicode
    CHECK(tacet::quote_text("a\nb") == "\"a b\"");
    CHECK(tacet::display_width(tacet::quote_text(std::string(1000, 'x'))) == 82);
    CHECK(tacet::escape_markup("<a href=\"x\">&'\x01\xff") == "&lt;a href=&quot;x&quot;&gt;&amp;&#39;\xEF\xBF\xBD");
}

TEST_CASE("text: numbers") {
    CHECK(tacet::number_text(0.1) == "0.1");
    CHECK(tacet::number_text(0.1f) == "0.1");
    CHECK(tacet::number_text(1e-7) == "1e-7");
    CHECK(tacet::number_text(1e20) == "1e20");
    CHECK(tacet::number_text(-1.5e-300) == "-1.5e-300");
    CHECK(tacet::number_text(1e100) == "1e100");
    CHECK(tacet::number_text(-3) == "-3");
    CHECK(tacet::number_text(std::numeric_limits<double>::infinity()) == "inf");
    CHECK(tacet::compact_number(0.012345678) == "0.01235");
    CHECK(tacet::compact_number(12345.6) == "12350");
    CHECK(tacet::compact_number(1234567890.) == "1.235e9");
    CHECK(tacet::compact_number(2.5) == "2.5");
    CHECK(tacet::compact_number(0) == "0");
    CHECK(tacet::fixed_number(28.1, 2) == "28.10");
    CHECK(tacet::fixed_number(-0.004, 2) == "-0.00");
    CHECK(tacet::fixed_number(1e300, 0).size() == 301);
}

TEST_CASE("text: durations") {
    CHECK(tacet::duration_text(7) == "0:07");
    CHECK(tacet::duration_text(59.6) == "1:00");
    CHECK(tacet::duration_text(754) == "12:34");
    CHECK(tacet::duration_text(10921) == "3:02:01");
    CHECK(tacet::duration_text(2 * 86400 + 5 * 3600 + 600) == "2d 05:10:00");
    CHECK(tacet::duration_text(-1) == "?");
    CHECK(tacet::duration_text(std::numeric_limits<double>::quiet_NaN()) == "?");
}

TEST_CASE("text: nearest names") {
    CHECK(tacet::edit_distance("kitten", "sitting") == 3);
    CHECK(tacet::edit_distance("ab", "ba") == 1);
    CHECK(tacet::edit_distance("", "abc") == 3);
    CHECK(tacet::edit_distance("same", "same") == 0);
    Lines const names{"steps", "seed", "output", "max_memory"};
    CHECK(tacet::nearest_name("stpes", names) == "steps");
    CHECK(tacet::nearest_name("max_mem", names) == "max_memory");  // an abbreviation
    CHECK(tacet::nearest_name("outptu", names) == "output");
    CHECK(tacet::nearest_name("x", names).empty());
    CHECK(tacet::nearest_name("frobnicate", names).empty());
    CHECK(tacet::nearest_name("", names).empty());
    CHECK(tacet::nearest_name(std::string(1 << 20, 'x'), names).empty());  // not quadratic in hostile input
}
}  // namespace text_test
