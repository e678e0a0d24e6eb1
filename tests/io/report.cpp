// SPDX-License-Identifier: MIT
#include <tacet/io/report.hpp>

#include <tacet/io/plot.hpp>

#include <support/catch.hpp>

#include "xml_check.hpp"

namespace report_test {
using tacet::Json;
using tacet::Report;
using tacet::test::contains;
using xml_check::count;

namespace {

std::vector<unsigned char> bytes(std::string const& text) { return {text.begin(), text.end()}; }
std::vector<unsigned char> const png = bytes(std::string("\x89PNG\r\n\x1a\n") + "rest");

/// The part of the page below its title.
std::string body(Report const& report) {
    std::string const html = report.html();
    std::size_t const begin = html.find("</h1>\n") + 6;
    return html.substr(begin, html.find("<footer>") - begin);
}

}  // namespace

TEST_CASE("report: base64, the vectors of RFC 4648") {
    CHECK(tacet::base64(bytes("")) == "");
    CHECK(tacet::base64(bytes("f")) == "Zg==");
    CHECK(tacet::base64(bytes("fo")) == "Zm8=");
    CHECK(tacet::base64(bytes("foo")) == "Zm9v");
    CHECK(tacet::base64(bytes("foobar")) == "Zm9vYmFy");
    CHECK(tacet::base64(std::vector<unsigned char>{0xff, 0xfe, 0xfd, 0xfc}) == "//79/A==");
}

TEST_CASE("report: the exact text of each part") {
    Report report("Title", "below");
    report.highlights({{"PSNR", "30.6 dB"}}).heading("Results").paragraph("Some text.");
    report.table(tacet::Table({"a", "b"}).add_row({"x", "1"}), "caption").facts({{"name", "value"}});
    report.image(png, "a montage").json("config.json", Json::object({{"steps", 5}}));
    CHECK(body(report) == R"(<p class="subtitle">below</p>
<dl class="highlights">
<div><dt>PSNR</dt><dd>30.6 dB</dd></div>
</dl>
<h2>Results</h2>
<p>Some text.</p>
<figure><div class="scroll"><table>
<thead>
<tr><th>a</th><th class="number">b</th></tr>
</thead>
<tbody>
<tr><td>x</td><td class="number">1</td></tr>
</tbody>
</table>
</div><figcaption>caption</figcaption></figure>
<div class="scroll"><table class="facts"><tbody>
<tr><th scope="row">name</th><td>value</td></tr>
</tbody></table></div>
<figure><img alt="a montage" src="data:image/png;base64,iVBORw0KGgpyZXN0"><figcaption>a montage</figcaption></figure>
<details><summary>config.json</summary><pre>{
  &quot;steps&quot;: 5
}</pre></details>
)");
}

TEST_CASE("report: everything is escaped, nothing comes from elsewhere") {
    std::string const evil = "</p></pre></title><script>alert(\"1\")</script><img src=x onerror='y'>&";
    tacet::LinePlot plot{.title = evil, .x_label = evil, .y_label = evil, .series = {{.name = evil, .x = {1, 2}, .y = {1, 2}}}};
    Report report(evil, evil);
    report.highlights({{evil, evil}}).heading(evil).paragraph(evil).table(tacet::Table({evil}).add_row({evil}), evil).facts({{evil, evil}});
    report.image(png, evil).plot(plot.svg(), evil).folded(evil, evil).json(evil, Json(evil));
    std::string const html = report.html();
    CHECK(xml_check::problem(html) == "");
    CHECK(count(html, "<script") == 0);
    CHECK(count(html, "<img") == 1);
    CHECK(count(html, "onerror='") == 0);
    CHECK(count(html, "http://") == count(html, "http://www.w3.org/2000/svg"));  // a name, not an address
    CHECK(count(html, "https://") == 0);
    CHECK(count(html, "url(") == 0);
    CHECK_THAT(html, contains("default-src 'none'"));
    CHECK_THAT(html, contains("<meta charset=\"utf-8\">"));
}

TEST_CASE("report: images and plots are checked") {
    Report report("x");
    CHECK_THROWS_WITH(report.image(bytes("GIF89a")), "a report's image must be PNG or JPEG");
    CHECK_THROWS_WITH(report.image(bytes("")), "a report's image must be PNG or JPEG");
    CHECK_THROWS_WITH(report.plot("<p>"), "a report's plot must be an SVG element");
    report.image(bytes("\xff\xd8\xff\xe0"));
    CHECK_THAT(report.html(), contains("src=\"data:image/jpeg;base64,/9j/4A==\""));
    std::vector<std::byte> raw;
    for (unsigned char const b : png) raw.push_back(static_cast<std::byte>(b));
    CHECK_THAT(report.image(raw).html(), contains("data:image/png;base64,iVBORw0KGgpyZXN0"));
}
}  // namespace report_test
