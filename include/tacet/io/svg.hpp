// SPDX-License-Identifier: MIT
#pragma once
#include <cmath>
#include <string>
#include <string_view>
#include <vector>

#include <tacet/io/text.hpp>

namespace tacet::detail {

/// How many different colours and dash patterns the style sheet of the plots has.
inline constexpr std::size_t svg_colours = 8;

/// The style sheet of all plots. Eight colours that people with any of the usual colour blindnesses can tell apart (chosen for
/// distance under simulated protanopia, deuteranopia and tritanopia, and for contrast as text), the later ones dashed as well; a second set
/// for dark surroundings. The drawing paints its own background, so it is legible wherever it is placed.
inline std::string_view svg_style() {
    return R"(<style>
.tacet-plot{font:12px system-ui,-apple-system,"Segoe UI",Roboto,"Helvetica Neue",Arial,sans-serif}
.tacet-plot .paper{fill:#fff}.tacet-plot .ink{fill:#1d2129}.tacet-plot .soft{fill:#5c6370}
.tacet-plot .title{font-size:15px;font-weight:600}.tacet-plot text{font-variant-numeric:tabular-nums}
.tacet-plot .grid{stroke:#e3e6ea;stroke-width:1}.tacet-plot .axis{stroke:#9aa1ab;stroke-width:1}
.tacet-plot .line{fill:none;stroke-width:2;stroke-linejoin:round;stroke-linecap:round}
.tacet-plot .faint{stroke-width:1;opacity:.24}
.tacet-plot .mark{stroke:#5c6370;stroke-width:1;stroke-dasharray:2 3;fill:none}
.tacet-plot .whisker{stroke:#1d2129;stroke-width:1.2}
.tacet-plot .dot{stroke:#fff;stroke-width:1.2}
.tacet-plot .d4{stroke-dasharray:7 4}.tacet-plot .d5{stroke-dasharray:2 4}
.tacet-plot .d6{stroke-dasharray:9 3 2 3}.tacet-plot .d7{stroke-dasharray:12 4}
.tacet-plot .s0{stroke:#1d5fbf}.tacet-plot .s1{stroke:#d14a1a}.tacet-plot .s2{stroke:#2b8f72}.tacet-plot .s3{stroke:#8b3a94}
.tacet-plot .s4{stroke:#8a7a00}.tacet-plot .s5{stroke:#4a4f57}.tacet-plot .s6{stroke:#3f86d0}.tacet-plot .s7{stroke:#5a8a2a}
.tacet-plot .f0{fill:#1d5fbf}.tacet-plot .f1{fill:#d14a1a}.tacet-plot .f2{fill:#2b8f72}.tacet-plot .f3{fill:#8b3a94}
.tacet-plot .f4{fill:#8a7a00}.tacet-plot .f5{fill:#4a4f57}.tacet-plot .f6{fill:#3f86d0}.tacet-plot .f7{fill:#5a8a2a}
@media (prefers-color-scheme:dark){
.tacet-plot .paper{fill:#16181d}.tacet-plot .ink{fill:#eceef1}.tacet-plot .soft{fill:#a3abb8}
.tacet-plot .grid{stroke:#2b2f37}.tacet-plot .axis{stroke:#69707c}.tacet-plot .mark{stroke:#a3abb8}
.tacet-plot .whisker{stroke:#eceef1}
.tacet-plot .dot{stroke:#16181d}
.tacet-plot .s0{stroke:#7aa2ff}.tacet-plot .s1{stroke:#ea7a45}.tacet-plot .s2{stroke:#62dcae}.tacet-plot .s3{stroke:#bf7fb3}
.tacet-plot .s4{stroke:#f0cf55}.tacet-plot .s5{stroke:#d3dbe6}.tacet-plot .s6{stroke:#86c8f5}.tacet-plot .s7{stroke:#bfe37e}
.tacet-plot .f0{fill:#7aa2ff}.tacet-plot .f1{fill:#ea7a45}.tacet-plot .f2{fill:#62dcae}.tacet-plot .f3{fill:#bf7fb3}
.tacet-plot .f4{fill:#f0cf55}.tacet-plot .f5{fill:#d3dbe6}.tacet-plot .f6{fill:#86c8f5}.tacet-plot .f7{fill:#bfe37e}
}
</style>
)";
}

/// A coordinate with at most one decimal.
inline std::string px(double v) {
    double const rounded = std::round(v * 10) / 10;
    return number_text(rounded == 0 ? 0. : rounded);  // no "-0"
}

/// Roughly the width of `text` in pixels; fonts differ, so callers leave room.
inline double text_px(std::string_view text, double size = 12) { return 0.57 * size * static_cast<double>(display_width(text)); }

/// Where the entries of a legend go: one after the other, in as many rows as `width` demands.
struct LegendPlace {
    double x;
    int row;
};
inline std::vector<LegendPlace> place_legend(std::vector<std::string> const& names, double swatch, double width) {
    std::vector<LegendPlace> places;
    double x = 0;
    int row = 0;
    for (auto const& name : names) {
        double const wide = swatch + 6 + text_px(name);
        if (x > 0 && x + wide > width) x = 0, ++row;
        places.push_back({x, row});
        x += wide + 18;
    }
    return places;
}

/// Collects the elements of one drawing.
class Svg {
public:
    Svg(double width, double height, std::string_view label) {
        std::string const w = px(width), h = px(height);
        out_ = "<svg xmlns=\"http://www.w3.org/2000/svg\" class=\"tacet-plot\" width=\"" + w + "\" height=\"" + h + "\" viewBox=\"0 0 " + w
               + " " + h + "\" role=\"img\" aria-label=\"" + escape_markup(label) + "\">\n" + std::string(svg_style());
        rectangle("paper", 0, 0, width, height);
    }
    std::string finish() && { return std::move(out_ += "</svg>\n"); }

    /// `anchor`: "start", "middle" or "end".
    void text(std::string_view css, double x, double y, std::string_view content, std::string_view anchor = "start") {
        out_ += "<text" + attribute("class", css) + attribute("x", px(x)) + attribute("y", px(y));
        if (anchor != "start") out_ += attribute("text-anchor", anchor);
        out_ += ">" + escape_markup(content) + "</text>\n";
    }
    /// Text that reads upwards and ends (anchor "end") or begins at the place.
    void text_upwards(std::string_view css, double x, double y, std::string_view content, std::string_view anchor = "start") {
        std::string const turn = "rotate(-90 " + px(x) + " " + px(y) + ")";
        out_ += "<text" + attribute("class", css) + attribute("x", px(x)) + attribute("y", px(y)) + attribute("transform", turn)
                + attribute("text-anchor", anchor) + ">" + escape_markup(content) + "</text>\n";
    }
    void line(std::string_view css, double x1, double y1, double x2, double y2) {
        out_ += "<line" + attribute("class", css) + attribute("x1", px(x1)) + attribute("y1", px(y1)) + attribute("x2", px(x2))
                + attribute("y2", px(y2)) + "/>\n";
    }
    void path(std::string_view css, std::string_view d) {
        if (!d.empty()) out_ += "<path" + attribute("class", css) + attribute("d", d) + "/>\n";
    }
    /// A circle or rectangle may carry a tip that browsers show when the pointer rests on it.
    void circle(std::string_view css, double x, double y, double r, std::string_view tip = "") {
        close("<circle" + attribute("class", css) + attribute("cx", px(x)) + attribute("cy", px(y)) + attribute("r", px(r)), "circle", tip);
    }
    void rectangle(std::string_view css, double x, double y, double w, double h, std::string_view tip = "") {
        close("<rect" + attribute("class", css) + attribute("x", px(x)) + attribute("y", px(y)) + attribute("width", px(std::max(w, 0.)))
                  + attribute("height", px(std::max(h, 0.))),
              "rect", tip);
    }
    /// A rectangle of a colour of its own, "#rrggbb", which is the same on light and dark pages.
    void cell(std::string_view colour, double x, double y, double w, double h, std::string_view tip = "") {
        close("<rect" + attribute("fill", colour) + attribute("x", px(x)) + attribute("y", px(y)) + attribute("width", px(w))
                  + attribute("height", px(h)),
              "rect", tip);
    }
    /// What is drawn until end_clip is cut off at this rectangle.
    void begin_clip(double x, double y, double w, double h) {
        out_ += "<svg" + attribute("x", px(x)) + attribute("y", px(y)) + attribute("width", px(w)) + attribute("height", px(h))
                + attribute("viewBox", px(x) + " " + px(y) + " " + px(w) + " " + px(h)) + ">\n";
    }
    void end_clip() { out_ += "</svg>\n"; }

private:
    static std::string attribute(std::string_view name, std::string_view value) {
        return " " + std::string(name) + "=\"" + std::string(value) + "\"";
    }
    void close(std::string const& open, std::string_view tag, std::string_view tip) {
        out_ += open + (tip.empty() ? "/>\n" : "><title>" + escape_markup(tip) + "</title></" + std::string(tag) + ">\n");
    }

    std::string out_;
};

}  // namespace tacet::detail
