// SPDX-License-Identifier: MIT
#include <support/program.hpp>
#include <tacet/io/plot.hpp>
#include <tacet/io/result_folder.hpp>

namespace result_folder_test {
using namespace tacet;
using namespace tacet::test;

namespace {
ResultTable sample() {
    ResultTable table({{"name", "network"}, {"psnr", "PSNR (dB)", 2}, {"level", "level", -1}});
    table.add_row({"a, \"b\"", 30., 15});
    table.add_row({"c", INFINITY, 0.02});
    table.add_row({"d", nullptr, NAN});
    return table;
}
}  // namespace

TEST_CASE("result table: one content for people, for spreadsheets and for programs") {
    auto const table = sample();
    CHECK(table.csv() == "name,psnr,level\r\n\"a, \"\"b\"\"\",30,15\r\nc,inf,0.02\r\nd,,nan\r\n");
    CHECK(table.json_lines() == "{\"name\":\"a, \\\"b\\\"\",\"psnr\":30,\"level\":15}\n{\"name\":\"c\",\"psnr\":null,\"level\":0.02}\n"
                                "{\"name\":\"d\",\"psnr\":null,\"level\":null}\n");
    auto const text = table.table().text();
    for (char const* part : {"PSNR (dB)", "30.00", "inf", "0.02", "–"}) CHECK_THAT(text, contains(part));
    CHECK(text.find("15.00") == text.npos);
    CHECK_THROWS_WITH(sample().add_row({1}), "a row of 1 cells in a table of 3 columns");
}

TEST_CASE("result folder: nothing before write, everything after it") {
    ScratchFolder dir;
    ResultFolder results(dir / "new/out", false, "A <title>");
    results.heading("Curves");
    results.plot("psnr/gaussian:5", LinePlot{.title = "t"}.svg(), "what it shows");
    results.table("figures", sample(), "all of them");
    results.table("more", sample(), "the rest", true);
    CHECK_THROWS_WITH(results.table("more", sample(), ""), contains("two results would be called more.csv"));
    CHECK(!std::filesystem::exists(dir / "new"));
    results.write(Json::object({{"seed", 3}}));
    for (char const* name : {"psnr_gaussian_5.svg", "figures.csv", "figures.json", "more.csv", "more.json", "report.html"})
        CHECK((std::filesystem::exists(dir / "new/out" / name) ? "" : name) == std::string());
    auto const report = text_of(dir / "new/out/report.html");
    for (char const* part : {"A &lt;title&gt;", "what it shows", "all of them", "the rest", "&quot;seed&quot;: 3", "<svg "})
        CHECK_THAT(report, contains(part));
    CHECK(parse_json(text_of(dir / "new/out/figures.json"), "figures.json").items().size() == 3);
}

TEST_CASE("result folder: what is there is not replaced unasked") {
    ScratchFolder dir;
    std::filesystem::create_directories(dir / "out");
    write_text(dir / "out/report.html", "mine");
    write_text(dir / "out/other.txt", "mine");
    CHECK_THROWS_WITH(ResultFolder(dir / "out", false, "t"), contains("is not empty; pass --overwrite"));
    CHECK_THROWS_WITH(ResultFolder(dir / "out/other.txt", false, "t"), contains("is not a folder"));
    ResultFolder results(dir / "out", true, "t");
    results.write(Json::object());
    CHECK_THAT(text_of(dir / "out/report.html"), contains("<h1>t</h1>"));
    CHECK(text_of(dir / "out/other.txt") == "mine");
    CHECK_NOTHROW(ResultFolder(dir / "none", false, "t"));
}
}  // namespace result_folder_test
