// SPDX-License-Identifier: MIT
#pragma once
#include <cstddef>
#include <span>
#include <string>
#include <string_view>
#include <utility>

#include <tacet/core/error.hpp>
#include <tacet/io/environment.hpp>
#include <tacet/io/json_value.hpp>
#include <tacet/io/table.hpp>

namespace tacet {

/// Bytes in base64 (RFC 4648) with padding.
inline std::string base64(std::span<unsigned char const> bytes) {
    constexpr std::string_view digits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    std::string out;
    out.reserve((bytes.size() + 2) / 3 * 4);
    for (std::size_t i = 0; i < bytes.size(); i += 3) {
        std::size_t const left = bytes.size() - i;
        auto const byte = [&](std::size_t k) { return k < left ? unsigned{bytes[i + k]} : 0u; };
        unsigned const group = byte(0) << 16 | byte(1) << 8 | byte(2);
        out += digits[group >> 18];
        out += digits[group >> 12 & 63];
        out += left > 1 ? digits[group >> 6 & 63] : '=';
        out += left > 2 ? digits[group & 63] : '=';
    }
    return out;
}

namespace detail {
/// The style sheet of a report: one column of text, hairlines, tabular figures, dark when the reader's system is.
inline std::string_view report_style() {
    return R"(
:root{--paper:#fff;--ink:#1d2129;--soft:#5c6370;--hair:#e3e6ea;--wash:#f6f7f9;--accent:#1d5fbf;color-scheme:light dark}
@media (prefers-color-scheme:dark){:root{--paper:#16181d;--ink:#eceef1;--soft:#a3abb8;--hair:#2b2f37;--wash:#1e2127;--accent:#7aa2ff}}
*{box-sizing:border-box}
body{margin:0;background:var(--paper);color:var(--ink);
font:16px/1.55 system-ui,-apple-system,"Segoe UI",Roboto,"Helvetica Neue",Arial,sans-serif;-webkit-text-size-adjust:100%}
main{max-width:52rem;margin:0 auto;padding:3.5rem 1.5rem 4rem}
h1{font-size:1.9rem;line-height:1.2;font-weight:650;letter-spacing:-.015em;margin:0}
.subtitle{color:var(--soft);font-size:1.05rem;margin:.5rem 0 0;overflow-wrap:anywhere}
h2{font-size:1.2rem;font-weight:620;letter-spacing:-.005em;margin:3.2rem 0 1rem;padding-top:1.2rem;border-top:1px solid var(--hair)}
p{margin:.9rem 0;max-width:42rem}
.highlights{display:flex;flex-wrap:wrap;gap:1.6rem 3.2rem;margin:2.2rem 0 0;padding:0}
.highlights div{display:flex;flex-direction:column-reverse}
.highlights dt{color:var(--soft);font-size:.85rem}
.highlights dd{margin:0;font-size:1.65rem;line-height:1.25;font-weight:600;letter-spacing:-.015em;font-variant-numeric:tabular-nums}
.scroll{overflow-x:auto}
table{border-collapse:collapse;font-size:.92rem;font-variant-numeric:tabular-nums;min-width:50%}
th,td{text-align:left;padding:.42rem 1.6rem .42rem 0;border-bottom:1px solid var(--hair);vertical-align:top}
th{color:var(--soft);font-weight:500;font-size:.85rem;white-space:nowrap}
thead th{border-bottom-color:var(--soft)}
.number{text-align:right;white-space:nowrap}
th:last-child,td:last-child{padding-right:0}
.facts th{width:11rem}
figure{margin:1.6rem 0}
figure img{display:block;max-width:100%;height:auto;border-radius:3px}
figure svg.tacet-plot{display:block;width:calc(100% + 2.2rem);margin-left:-1.1rem;height:auto}
figcaption{color:var(--soft);font-size:.88rem;margin-top:.7rem}
details{margin:1.2rem 0}
summary{cursor:pointer;color:var(--accent);font-size:.95rem}
pre{background:var(--wash);border:1px solid var(--hair);border-radius:6px;padding:1rem 1.2rem;overflow-x:auto;margin:.8rem 0;
font:.82rem/1.55 ui-monospace,SFMono-Regular,Menlo,Consolas,"Liberation Mono",monospace}
footer{margin-top:4rem;padding-top:1rem;border-top:1px solid var(--hair);color:var(--soft);font-size:.85rem}
@media print{main{max-width:none;padding:0}figure,table,pre{break-inside:avoid}h2{break-after:avoid}}
)";
}
}  // namespace detail

/// One self-contained HTML page, written from top to bottom: no script, no network; its images and plots are inside it.
/// All text is escaped. Example: `Report r("Run 12"); r.heading("Curves").plot(p.svg(), "Loss").html()`.
class Report {
public:
    explicit Report(std::string title, std::string subtitle = "") : title_(std::move(title)), subtitle_(std::move(subtitle)) {}

    /// A few large figures, such as {"PSNR", "30.6 dB"}.
    Report& highlights(Facts const& facts) {
        body_ += "<dl class=\"highlights\">\n";
        for (auto const& [name, value] : facts)
            body_ += "<div><dt>" + escape_markup(name) + "</dt><dd>" + escape_markup(value) + "</dd></div>\n";
        body_ += "</dl>\n";
        return *this;
    }
    Report& heading(std::string_view text) { return add("<h2>", text, "</h2>\n"); }
    Report& paragraph(std::string_view text) { return add("<p>", text, "</p>\n"); }

    Report& table(Table const& table, std::string_view caption = "") {
        return figure("<div class=\"scroll\">" + table.html() + "</div>", caption);
    }
    /// Two columns: names and values, such as `environment()`.
    Report& facts(Facts const& facts) {
        body_ += "<div class=\"scroll\"><table class=\"facts\"><tbody>\n";
        for (auto const& [name, value] : facts)
            body_ += "<tr><th scope=\"row\">" + escape_markup(name) + "</th><td>" + escape_markup(value) + "</td></tr>\n";
        body_ += "</tbody></table></div>\n";
        return *this;
    }
    /// `svg` is placed as it is: give it the result of a plot of this library.
    Report& plot(std::string_view svg, std::string_view caption = "") {
        check(svg.starts_with("<svg "), "a report's plot must be an SVG element");
        return figure(std::string(svg), caption);
    }
    /// An image as the bytes of a PNG or JPEG file.
    Report& image(std::span<unsigned char const> file, std::string_view caption = "") {
        auto const begins = [&](std::string_view magic) {
            for (std::size_t i = 0; i < magic.size(); ++i)
                if (i >= file.size() || file[i] != static_cast<unsigned char>(magic[i])) return false;
            return true;
        };
        bool const png = begins("\x89PNG\r\n\x1a\n");
        check(png || begins("\xff\xd8\xff"), "a report's image must be PNG or JPEG");
        std::string const url = std::string("data:image/") + (png ? "png" : "jpeg") + ";base64," + base64(file);
        return figure("<img alt=\"" + escape_markup(caption) + "\" src=\"" + url + "\">", caption);
    }
    Report& image(std::span<std::byte const> file, std::string_view caption = "") {
        return image(std::span(reinterpret_cast<unsigned char const*>(file.data()), file.size()), caption);
    }
    /// Long text such as a configuration, folded away under its name.
    Report& folded(std::string_view name, std::string_view text) {
        body_ += "<details><summary>" + escape_markup(name) + "</summary><pre>" + escape_markup(text) + "</pre></details>\n";
        return *this;
    }
    Report& json(std::string_view name, Json const& value) { return folded(name, value.dump(2)); }

    /// The whole page.
    std::string html() const {
        std::string const title = escape_markup(title_);
        std::string out =
            "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
            "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n"
            "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'; img-src data:\">\n";
        out += "<title>" + title + "</title>\n<style>" + std::string(detail::report_style()) + "</style>\n</head>\n<body>\n<main>\n";
        out += "<h1>" + title + "</h1>\n";
        if (!subtitle_.empty()) out += "<p class=\"subtitle\">" + escape_markup(subtitle_) + "</p>\n";
        return out + body_ + "<footer>Written by tacet " TACET_VERSION "</footer>\n</main>\n</body>\n</html>\n";
    }

private:
    Report& add(std::string_view open, std::string_view text, std::string_view close) {
        body_.append(open).append(escape_markup(text)).append(close);
        return *this;
    }
    Report& figure(std::string const& content, std::string_view caption) {
        body_ += "<figure>" + content + (caption.empty() ? "" : "<figcaption>" + escape_markup(caption) + "</figcaption>") + "</figure>\n";
        return *this;
    }

    std::string title_, subtitle_, body_;
};

}  // namespace tacet
