// SPDX-License-Identifier: MIT
#pragma once
#include <string>
#include <utility>
#include <vector>

#include <tacet/core/error.hpp>
#include <tacet/io/text.hpp>

namespace tacet {

/// A table of texts with a header line, written as aligned text, Markdown or HTML.
/// A column whose cells are all numbers (units and signs such as "28.1 dB", "+0.3", "95%" included) is aligned right.
class Table {
public:
    /// A table with these column titles and no rows.
    explicit Table(std::vector<std::string> titles) : titles_(std::move(titles)) {}

    /// Appends a row; Error when it does not have one cell for each column.
    Table& add_row(std::vector<std::string> cells) {
        check(cells.size() == titles_.size(), "a row of ", cells.size(), " cells in a table of ", titles_.size(), " columns");
        rows_.push_back(std::move(cells));
        return *this;
    }

    std::size_t rows() const { return rows_.size(); }
    std::size_t columns() const { return titles_.size(); }

    /// Columns aligned with blanks, a rule under the titles; for terminals and log files.
    std::string text() const;
    /// A GitHub-flavoured Markdown table, its source aligned too.
    std::string markdown() const;
    /// A <table> element with <thead> and <tbody>; numeric columns have the class "number".
    std::string html() const;

private:
    using Row = std::vector<std::string>;

    static bool looks_numeric(std::string const& cell);
    bool numeric(std::size_t column) const;
    static Row escaped(Row row, std::string (*escape)(std::string const&));
    std::vector<std::size_t> widths(Row const& titles, std::vector<Row> const& rows, std::size_t least) const;

    Row titles_;
    std::vector<Row> rows_;
};

inline bool Table::looks_numeric(std::string const& cell) {
    std::size_t i = cell.find_first_not_of("+-~<>. ");
    if (cell.starts_with("±")) i = 2;
    return i != std::string::npos && cell[i] >= '0' && cell[i] <= '9';
}

// Empty cells and dashes say nothing about a column.
inline bool Table::numeric(std::size_t column) const {
    bool any = false;
    for (auto const& row : rows_) {
        std::string const& cell = row[column];
        if (cell.empty() || cell == "-" || cell == "–" || cell == "nan" || cell == "inf") continue;
        if (!looks_numeric(cell)) return false;
        any = true;
    }
    return any;
}

inline Table::Row Table::escaped(Row row, std::string (*escape)(std::string const&)) {
    for (auto& cell : row) cell = escape(cell);
    return row;
}

inline std::vector<std::size_t> Table::widths(Row const& titles, std::vector<Row> const& rows, std::size_t least) const {
    std::vector<std::size_t> widths;
    for (auto const& title : titles) widths.push_back(std::max(least, display_width(title)));
    for (auto const& row : rows)
        for (std::size_t c = 0; c < row.size(); ++c) widths[c] = std::max(widths[c], display_width(row[c]));
    return widths;
}

inline std::string Table::text() const {
    auto const one_line = [](std::string const& cell) {
        std::string out = valid_utf8(cell);
        for (char& c : out)
            if (static_cast<unsigned char>(c) < 0x20) c = ' ';
        return out;
    };
    Row const titles = escaped(titles_, one_line);
    std::vector<Row> rows;
    for (auto const& row : rows_) rows.push_back(escaped(row, one_line));
    auto const width = widths(titles, rows, 0);
    auto const line = [&](Row const& row) {
        std::string out;
        for (std::size_t c = 0; c < row.size(); ++c) out += (c > 0 ? "  " : "") + pad_text(row[c], width[c], numeric(c));
        out.erase(out.find_last_not_of(' ') + 1);
        return out + "\n";
    };
    std::string out = line(titles);
    for (std::size_t c = 0; c < width.size(); ++c) {
        out += c > 0 ? "  " : "";
        for (std::size_t i = 0; i < width[c]; ++i) out += "─";
    }
    out += "\n";
    for (auto const& row : rows) out += line(row);
    return out;
}

inline std::string Table::markdown() const {
    auto const escape = [](std::string const& cell) {
        std::string out;
        for (char const c : valid_utf8(cell)) {
            if (c == '|') out += "\\|";
            else if (c == '\n') out += "<br>";
            else out += c;
        }
        return out;
    };
    Row const titles = escaped(titles_, escape);
    std::vector<Row> rows;
    for (auto const& row : rows_) rows.push_back(escaped(row, escape));
    auto const width = widths(titles, rows, 3);
    auto const line = [&](Row const& row) {
        std::string out = "|";
        for (std::size_t c = 0; c < row.size(); ++c) out += " " + pad_text(row[c], width[c], numeric(c)) + " |";
        return out + "\n";
    };
    std::string out = line(titles) + "|";
    for (std::size_t c = 0; c < width.size(); ++c)
        out += (numeric(c) ? std::string(width[c] + 1, '-') + ":" : std::string(width[c] + 2, '-')) + "|";
    out += "\n";
    for (auto const& row : rows) out += line(row);
    return out;
}

inline std::string Table::html() const {
    auto const line = [&](Row const& row, std::string const& tag) {
        std::string out = "<tr>";
        for (std::size_t c = 0; c < row.size(); ++c)
            out += "<" + tag + (numeric(c) ? " class=\"number\">" : ">") + escape_markup(row[c]) + "</" + tag + ">";
        return out + "</tr>\n";
    };
    std::string out = "<table>\n<thead>\n" + line(titles_, "th") + "</thead>\n<tbody>\n";
    for (auto const& row : rows_) out += line(row, "td");
    return out + "</tbody>\n</table>\n";
}

}  // namespace tacet
