// SPDX-License-Identifier: MIT
#pragma once
#include <algorithm>
#include <cerrno>
#include <cstdint>
#include <cstdio>
#include <filesystem>
#include <memory>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

#include <tacet/io/json.hpp>

namespace tacet {

/// The records of a JSONL log, one JSON object on each line. A last line that a crash has torn (it has no newline, or is no JSON) is
/// left out; any other line that is no JSON object is an Error with its number.
inline std::vector<Json> read_log(std::filesystem::path const& path);

/// Cuts a log back to what was written until `step`, so that a run resumed from there can append: everything from the first record
/// whose key "step" is greater is removed, and so is a torn last line. Returns the records that stay. A missing file is an empty log.
inline std::vector<Json> resume_log(std::filesystem::path const& path, std::int64_t step);

/// Appends records to a JSONL log, each with one write to the system as it comes: a crash loses at most the line being written.
class LogWriter {
public:
    /// Opens or makes the file; a torn last line is cut off first. Throws Error when that fails.
    explicit LogWriter(std::filesystem::path path);

    /// Appends one line: `write({{"step", 1}, {"loss", 0.5}})`. Throws Error when it cannot be written (a full disk); the log then ends
    /// with the line before.
    void write(Json::Object record) {
        std::string const line = Json(std::move(record)).dump() + "\n";
        errno = 0;
        if (std::fwrite(line.data(), 1, line.size(), file_.get()) != line.size()) {
            int const reason = errno;
            std::error_code ignored;
            std::filesystem::resize_file(path_, size_, ignored);
            detail::throw_system_error(path_, "write", reason);
        }
        size_ += line.size();
    }

private:
    struct Close {
        void operator()(std::FILE* file) const { std::fclose(file); }
    };
    std::filesystem::path path_;
    std::unique_ptr<std::FILE, Close> file_;
    std::uintmax_t size_ = 0;
};

namespace detail {

struct LogContent {
    std::vector<Json> records;
    std::vector<std::size_t> ends;  // where each record's line ends, in bytes
};

inline LogContent scan_log(std::filesystem::path const& path) {
    auto const bytes = read_file(path);
    std::string_view const text(reinterpret_cast<char const*>(bytes.data()), bytes.size());
    LogContent content;
    int number = 1;
    for (std::size_t begin = 0, end; (end = text.find('\n', begin)) != text.npos; begin = end + 1, ++number) {
        try {
            Json record = parse_json(text.substr(begin, end - begin), path.string(), {.comments = false, .first_line = number});
            check(record.is_object(), path.string(), ":", number, ": expected an object, found ", record.type_name());
            content.records.push_back(std::move(record));
            content.ends.push_back(end + 1);
        } catch (Error const&) {
            if (text.find('\n', end + 1) != text.npos) throw;
        }
    }
    return content;
}

inline void truncate_file(std::filesystem::path const& path, std::uintmax_t size) {
    std::error_code error;
    std::filesystem::resize_file(path, size, error);
    if (error) throw_system_error(path, "truncate", error.value());
}

}  // namespace detail

inline std::vector<Json> read_log(std::filesystem::path const& path) { return detail::scan_log(path).records; }

inline std::vector<Json> resume_log(std::filesystem::path const& path, std::int64_t step) {
    if (!std::filesystem::exists(path)) return {};
    detail::LogContent content = detail::scan_log(path);
    std::size_t kept = 0;
    for (; kept < content.records.size(); ++kept) {
        Json const* const at = content.records[kept].find("step");
        if (at && at->is_number() && at->number() > static_cast<double>(step)) break;
    }
    content.records.resize(kept);
    detail::truncate_file(path, kept > 0 ? content.ends[kept - 1] : 0);
    return std::move(content.records);
}

inline LogWriter::LogWriter(std::filesystem::path path) : path_(std::move(path)) {
    std::error_code ignored;
    if (std::filesystem::is_regular_file(path_, ignored)) {
        auto const bytes = read_file(path_);
        auto const last = std::find(bytes.rbegin(), bytes.rend(), static_cast<unsigned char>('\n'));
        size_ = static_cast<std::uintmax_t>(bytes.rend() - last);
        if (size_ != bytes.size()) detail::truncate_file(path_, size_);
    }
    file_.reset(std::fopen(path_.c_str(), "ab"));
    if (!file_) detail::throw_system_error(path_, "open", errno);
    std::setvbuf(file_.get(), nullptr, _IONBF, 0);
}

}  // namespace tacet
