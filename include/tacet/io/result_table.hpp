// SPDX-License-Identifier: MIT
#pragma once
#include <tacet/io/json_value.hpp>
#include <tacet/io/table.hpp>
#include <cstdio>
#include <string>
#include <utility>
#include <vector>

namespace tacet {

/// A column of results: its key in JSON and CSV, its title for people, and the digits after the point that they see (-1: all there are).
struct ResultColumn {
    std::string key, title;
    int digits = 3;
};

/// Results in rows, to be printed for people and written for programs: one content, three forms.
class ResultTable {
public:
    explicit ResultTable(std::vector<ResultColumn> columns) : columns_(std::move(columns)) {}

    /// Appends a row: texts, numbers or nulls. Throws Error when it does not have one cell for each column.
    void add_row(Json::Array cells) {
        check(cells.size() == columns_.size(), "a row of ", cells.size(), " cells in a table of ", columns_.size(), " columns");
        rows_.push_back(std::move(cells));
    }
    std::size_t rows() const { return rows_.size(); }

    /// For people: numbers rounded to the column's digits, and – where there is none.
    Table table() const {
        std::vector<std::string> titles;
        for (auto const& column : columns_) titles.push_back(column.title);
        Table out(titles);
        for (auto const& row : rows_) {
            std::vector<std::string> cells;
            for (std::size_t c = 0; c < row.size(); ++c) cells.push_back(shown(row[c], columns_[c].digits));
            out.add_row(cells);
        }
        return out;
    }
    /// Comma-separated values (RFC 4180): a line of keys, then the rows, numbers in full. Infinity is inf, what is missing is empty.
    std::string csv() const {
        std::string out;
        for (std::size_t c = 0; c < columns_.size(); ++c) out.append(c ? "," : "").append(quoted(columns_[c].key));
        out += "\r\n";
        for (auto const& row : rows_) {
            for (std::size_t c = 0; c < row.size(); ++c)
                out.append(c ? "," : "").append(quoted(row[c].is_null() ? "" : text_of(row[c])));
            out += "\r\n";
        }
        return out;
    }
    /// One object for each row. JSON has neither infinity nor NaN: they are null.
    Json::Array json() const {
        Json::Array out;
        for (auto const& row : rows_) {
            Json::Object line;
            for (std::size_t c = 0; c < row.size(); ++c) line.push_back({columns_[c].key, row[c]});
            out.push_back(Json(line));
        }
        return out;
    }
    /// The objects of json(), one a line.
    std::string json_lines() const {
        std::string out;
        for (auto const& line : json()) out += line.dump() + "\n";
        return out;
    }

private:
    static std::string text_of(Json const& cell) {
        if (cell.is_string()) return cell.string();
        return cell.is_number() && !std::isfinite(cell.number()) ? number_text(cell.number()) : cell.dump();
    }
    static std::string shown(Json const& cell, int digits) {
        if (cell.is_null() || (cell.is_number() && std::isnan(cell.number()))) return "–";
        bool const rounded = digits >= 0 && cell.is_number() && std::isfinite(cell.number());
        return rounded ? fixed_number(cell.number(), digits) : text_of(cell);
    }
    static std::string quoted(std::string const& text) {
        if (text.find_first_of(",\"\r\n") == text.npos) return text;
        std::string out = "\"";
        for (char const c : text) out += c == '"' ? std::string("\"\"") : std::string(1, c);
        return out + "\"";
    }

    std::vector<ResultColumn> columns_;
    std::vector<Json::Array> rows_;
};

/// Prints a table on stdout, for people or as lines of JSON.
inline void print_results(ResultTable const& table, bool json) {
    std::fputs(json ? table.json_lines().c_str() : table.table().text().c_str(), stdout);
}

}  // namespace tacet
