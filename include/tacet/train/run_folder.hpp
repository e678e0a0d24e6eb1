// SPDX-License-Identifier: MIT
#pragma once
#include <tacet/io/atomic_file.hpp>
#include <tacet/io/checkpoint.hpp>
#include <tacet/io/json.hpp>
#include <tacet/io/log.hpp>
#include <tacet/io/options.hpp>
#include <fcntl.h>
#include <optional>
#include <sys/file.h>

namespace tacet {

/// The folder of a training run: config.json, log.jsonl, last.safetensors, best.safetensors, and what the program adds. Only one
/// process at a time trains in it.
class RunFolder {
public:
    /// Makes the folder or opens an existing run. Throws Error when another process works in it, when it holds other files, or when
    /// the run in it was configured differently (naming each difference).
    template <class Options> RunFolder(std::filesystem::path path, Options const& options) : path_(std::move(path)) {
        std::error_code error;
        std::filesystem::create_directories(path_, error);
        check(!error, path_.string(), ": cannot make the folder: ", error.message());
        check_ours();
        lock();
        auto const config = path_ / "config.json";
        if (std::filesystem::exists(config)) {
            auto const before = options_from_json<Options>(read_json(config), {}, config.string());
            auto const different = options_difference(before, options);
            std::string list;
            for (auto const& line : different) list += (list.empty() ? "" : "; ") + line;
            check(different.empty(), path_.string(), ": this run was begun with other options (", list,
                  "); use the same ones or another folder");
        } else {
            auto const text = options_to_json(options).dump(2) + "\n";
            write_file_atomically(config, std::as_bytes(std::span(text)));
        }
        sweep_stale_temporaries(path_);
    }
    RunFolder(RunFolder const&) = delete;
    RunFolder& operator=(RunFolder const&) = delete;

    std::filesystem::path const& path() const { return path_; }
    std::filesystem::path file(std::string const& name) const { return path_ / name; }

    /// The state that the last process left, if any.
    std::optional<Checkpoint> last() const {
        if (!std::filesystem::exists(file("last.safetensors"))) return std::nullopt;
        return read_safetensors(file("last.safetensors"));  // errors name the file
    }
    void save_last(Checkpoint const& state) const { write_safetensors(file("last.safetensors"), state, true); }
    void save_best(Checkpoint const& weights) const { write_safetensors(file("best.safetensors"), weights, true); }

    /// Opens the log to append after `step`; what an interrupted process logged beyond its last checkpoint is cut off.
    void open_log(Index step) {
        records_ = resume_log(file("log.jsonl"), step);
        log_.emplace(file("log.jsonl"));
    }
    void log(Json::Object record) {
        records_.push_back(Json(record));
        log_->write(std::move(record));
    }
    /// All records of the run so far.
    std::vector<Json> const& records() const { return records_; }

    void write_text(std::string const& name, std::string const& text) const {
        write_file_atomically(file(name), std::as_bytes(std::span(text)), true);
    }

private:
    /// A folder without config.json may hold what a process leaves that was killed while it began, and nothing else.
    void check_ours() const {
        if (std::filesystem::exists(path_ / "config.json")) return;
        for (auto const& entry : std::filesystem::directory_iterator(path_)) {
            auto const name = entry.path().filename().string();
            check(name == ".lock" || name.starts_with(detail::temporary_prefix), path_.string(), ": holds other files (", name,
                  ") and no run; use a new folder");
        }
    }
    void lock() {
        lock_ = detail::open_file(path_ / ".lock", O_CREAT | O_RDWR);
        check(lock_.is_open(), path_.string(), ": cannot write into the folder");
        check(::flock(lock_.get(), LOCK_EX | LOCK_NB) == 0, path_.string(), ": another process is training in this folder");
    }

    std::filesystem::path path_;
    detail::Descriptor lock_;  // held until the run is left, or its configuration is refused
    std::vector<Json> records_;
    std::optional<LogWriter> log_;
};

}  // namespace tacet
