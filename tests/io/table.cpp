// SPDX-License-Identifier: MIT
#include <tacet/io/table.hpp>

#include <support/catch.hpp>

namespace table_test {
namespace {
tacet::Table sample() {
    tacet::Table table({"set", "noisy", "PSNR (dB)", "gain", "note"});
    table.add_row({"cbsd68", "20.48", "30.1", "+9.6", ""});
    table.add_row({"Brûlé", "-", "9.25", "-0.1", "a | b <c>"});
    table.add_row({"写真", "8", "±0.02", "~3 dB", "two\nlines"});
    return table;
}
}  // namespace

TEST_CASE("table: aligned text") {
    CHECK(sample().text()
          == "set     noisy  PSNR (dB)   gain  note\n"
             "──────  ─────  ─────────  ─────  ─────────\n"
             "cbsd68  20.48       30.1   +9.6\n"
             "Brûlé       -       9.25   -0.1  a | b <c>\n"
             "写真        8      ±0.02  ~3 dB  two lines\n");
}

TEST_CASE("table: Markdown") {
    CHECK(sample().markdown()
          == "| set    | noisy | PSNR (dB) |  gain | note         |\n"
             "|--------|------:|----------:|------:|--------------|\n"
             "| cbsd68 | 20.48 |      30.1 |  +9.6 |              |\n"
             "| Brûlé  |     - |      9.25 |  -0.1 | a \\| b <c>   |\n"
             "| 写真   |     8 |     ±0.02 | ~3 dB | two<br>lines |\n");
}

TEST_CASE("table: HTML is escaped and marks numeric columns") {
    CHECK(sample().html()
          == "<table>\n<thead>\n"
             "<tr><th>set</th><th class=\"number\">noisy</th><th class=\"number\">PSNR (dB)</th><th class=\"number\">gain</th>"
             "<th>note</th></tr>\n"
             "</thead>\n<tbody>\n"
             "<tr><td>cbsd68</td><td class=\"number\">20.48</td><td class=\"number\">30.1</td><td class=\"number\">+9.6</td>"
             "<td></td></tr>\n"
             "<tr><td>Brûlé</td><td class=\"number\">-</td><td class=\"number\">9.25</td><td class=\"number\">-0.1</td>"
             "<td>a | b &lt;c&gt;</td></tr>\n"
             "<tr><td>写真</td><td class=\"number\">8</td><td class=\"number\">±0.02</td><td class=\"number\">~3 dB</td>"
             "<td>two\nlines</td></tr>\n"
             "</tbody>\n</table>\n");
}

TEST_CASE("table: a row of the wrong length is refused") {
    CHECK_THROWS_WITH(tacet::Table({"a", "b"}).add_row({"1"}), "a row of 1 cells in a table of 2 columns");
}

TEST_CASE("table: without rows") {
    CHECK(tacet::Table({"a", "b"}).text() == "a  b\n─  ─\n");
    CHECK(tacet::Table({"a", "b"}).markdown() == "| a   | b   |\n|-----|-----|\n");
}
}  // namespace table_test
