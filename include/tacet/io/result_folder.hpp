// SPDX-License-Identifier: MIT
#pragma once
#include <tacet/io/atomic_file.hpp>
#include <tacet/io/file_jobs.hpp>
#include <tacet/io/report.hpp>
#include <tacet/io/result_table.hpp>
#include <filesystem>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace tacet {

/// A part of a file name made from any text: what is neither a letter, a digit, a dot nor a hyphen becomes an underscore.
inline std::string file_name_part(std::string_view text) {
    std::string out(text);
    for (char& c : out)
        if (!(c >= 'a' && c <= 'z') && !(c >= 'A' && c <= 'Z') && !(c >= '0' && c <= '9') && c != '.' && c != '-') c = '_';
    return out;
}

/// The folder of an analysis: tables as CSV and JSON, plots as SVG, and report.html, which shows them all with their captions. Refused
/// before the work begins where it must not be written; written when the work is done, each file complete or not at all.
class ResultFolder {
public:
    /// Throws Error when `path` is a file, or a folder that holds something, unless `overwrite`: then files of the same names are replaced.
    ResultFolder(std::filesystem::path path, bool overwrite, std::string title, std::string subtitle = "")
        : path_(std::move(path)), overwrite_(overwrite), report_(std::move(title), std::move(subtitle)) {
        detail::check_folder_fits(path_);
        std::error_code error;
        bool const taken = std::filesystem::exists(path_, error) && !std::filesystem::is_empty(path_, error);
        check(!taken || overwrite_, path_.string(), ": the folder is not empty; pass --overwrite to replace results in it");
    }

    void heading(std::string_view text) { report_.heading(text); }
    void paragraph(std::string_view text) { report_.paragraph(text); }
    /// Adds name.svg, and the plot with its caption to the report.
    void plot(std::string_view name, std::string const& svg, std::string_view caption) {
        add(file_name_part(name) + ".svg", svg);
        report_.plot(svg, caption);
    }
    /// Adds name.csv and name.json, and the table with its caption to the report: folded away where that is told.
    void table(std::string_view name, ResultTable const& table, std::string_view caption, bool folded = false) {
        add(file_name_part(name) + ".csv", table.csv());
        add(file_name_part(name) + ".json", Json(table.json()).dump(2) + "\n");
        if (folded) report_.folded(caption, table.table().text());
        else report_.table(table.table(), caption);
    }
    /// Writes everything, report.html last, with the options and what it ran on at its end. Throws Error naming the file.
    void write(Json const& options) {
        report_.heading("Made with").json("Options", options).facts(environment());
        add("report.html", report_.html());
        make_folder(path_);
        for (auto const& [name, content] : files_) write_file_atomically(path_ / name, std::as_bytes(std::span(content)), overwrite_);
    }

private:
    void add(std::string name, std::string content) {
        for (auto const& file : files_) check(file.first != name, path_.string(), ": two results would be called ", name);
        files_.emplace_back(std::move(name), std::move(content));
    }

    std::filesystem::path path_;
    bool overwrite_;
    Report report_;
    std::vector<std::pair<std::string, std::string>> files_;
};

}  // namespace tacet
