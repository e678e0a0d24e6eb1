// SPDX-License-Identifier: MIT
#pragma once
#include <tacet/core/error.hpp>
#include <algorithm>
#include <atomic>
#include <cerrno>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <filesystem>
#include <limits>
#include <span>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

namespace tacet {
namespace detail {

constexpr std::string_view temporary_prefix = ".tacet-tmp-";

/// Throws "PATH: cannot DO: the system's reason".
[[noreturn]] inline void throw_system_error(std::filesystem::path const& path, char const* action, int error) {
    throw Error(path.string() + ": cannot " + action + ": " + std::generic_category().message(error));
}

/// An open file of the system; closed by its destructor at the latest.
class Descriptor {
public:
    explicit Descriptor(int fd = -1) : fd_(fd) {}
    Descriptor(Descriptor&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
    Descriptor& operator=(Descriptor&& other) noexcept {
        std::swap(fd_, other.fd_);
        return *this;
    }
    ~Descriptor() {
        if (fd_ >= 0) ::close(fd_);
    }
    int get() const { return fd_; }
    bool is_open() const { return fd_ >= 0; }
    /// Closes now, and tells: some file systems report a failed write only here.
    bool close() { return ::close(std::exchange(fd_, -1)) == 0; }

private:
    int fd_;
};

inline Descriptor open_file(std::filesystem::path const& path, int flags) {
    int fd = -1;
    do fd = ::open(path.c_str(), flags | O_CLOEXEC, 0666);
    while (fd < 0 && errno == EINTR);
    return Descriptor(fd);
}

inline std::filesystem::path folder_of(std::filesystem::path const& path) {
    return path.has_parent_path() ? path.parent_path() : std::filesystem::path(".");
}

/// A name that no other process or thread uses.
inline std::string temporary_name() {
    static std::atomic<unsigned> count{0};
    auto const now = std::chrono::system_clock::now().time_since_epoch().count();
    return concat_text(std::string(temporary_prefix), ::getpid(), '-', count++, '-', now);
}

/// Makes a new entry of a folder survive a power cut. Some file systems cannot and need not: EINVAL.
inline void sync_folder(std::filesystem::path const& folder) {
    auto const directory = open_file(folder, O_RDONLY | O_DIRECTORY);
    if (!directory.is_open() || (::fsync(directory.get()) != 0 && errno != EINVAL)) throw_system_error(folder, "sync the folder", errno);
}

}  // namespace detail

/// A file that appears complete or not at all: bytes go to a temporary in the target's folder, and commit() syncs and renames it. Without
/// commit() nothing remains. A target that is a device or a pipe is written directly. Every failure, a full disk included, throws Error.
class AtomicFile {
public:
    /// Begins to write `target`. Throws Error when it exists and `overwrite` is false, or when no file can be made in its folder.
    explicit AtomicFile(std::filesystem::path target, bool overwrite = false) : target_(std::move(target)), overwrite_(overwrite) {
        struct ::stat status {};
        bool const exists = ::stat(target_.c_str(), &status) == 0;
        check(!exists || !S_ISDIR(status.st_mode), target_.string(), ": is a folder, not a file");
        if (exists && !S_ISREG(status.st_mode)) {
            file_ = detail::open_file(target_, O_WRONLY);
            if (!file_.is_open()) detail::throw_system_error(target_, "open for writing", errno);
            return;
        }
        check(!exists || overwrite_, target_.string(), " exists; pass --overwrite to replace it");
        if (exists && std::filesystem::is_symlink(target_)) target_ = std::filesystem::canonical(target_);  // the link stays
        open_temporary();
        // What replaces a private file stays private. Not every file system has modes: a failure is no reason to stop.
        if (exists) (void)::fchmod(file_.get(), status.st_mode & 07777);
    }
    ~AtomicFile() {
        if (!temporary_.empty()) ::unlink(temporary_.c_str());
    }
    AtomicFile(AtomicFile const&) = delete;
    AtomicFile& operator=(AtomicFile const&) = delete;

    /// Appends the bytes.
    void write(std::span<std::byte const> bytes) {
        check(file_.is_open(), target_.string(), ": written after commit");
        constexpr std::size_t most = std::size_t{1} << 30;  // Linux transfers at most 2 GiB - 4 KiB in a call
        while (!bytes.empty()) {
            auto const written = ::write(file_.get(), bytes.data(), std::min(bytes.size(), most));
            if (written < 0 && errno == EINTR) continue;
            if (written <= 0) detail::throw_system_error(target_, "write", written < 0 ? errno : EIO);
            bytes = bytes.subspan(static_cast<std::size_t>(written));
        }
    }

    /// Makes the file durable and visible under its name, in one step; to be called once, last.
    void commit() {
        check(file_.is_open(), target_.string(), ": committed twice");
        bool const direct = temporary_.empty();
        if (::fsync(file_.get()) != 0 && !(direct && (errno == EINVAL || errno == EROFS)))  // a device has nothing to sync
            detail::throw_system_error(target_, "sync", errno);
        if (!file_.close()) detail::throw_system_error(target_, "close", errno);
        if (direct) return;
        if (!rename_temporary()) {
            check(errno != EEXIST, target_.string(), " exists; pass --overwrite to replace it");
            detail::throw_system_error(target_, "rename the temporary file", errno);
        }
        temporary_.clear();
        detail::sync_folder(detail::folder_of(target_));
    }

private:
    /// The lock tells sweep_stale_temporaries that the writer lives; a sweeper may be quicker than the lock, hence the loop.
    void open_temporary() {
        for (int attempt = 0; attempt < 100; ++attempt) {
            temporary_ = detail::folder_of(target_) / detail::temporary_name();
            file_ = detail::open_file(temporary_, O_WRONLY | O_CREAT | O_EXCL);
            if (!file_.is_open() && errno == EEXIST) continue;
            if (!file_.is_open()) {
                int const error = errno;
                temporary_.clear();
                detail::throw_system_error(target_, "create", error);
            }
            bool const swept = ::flock(file_.get(), LOCK_EX | LOCK_NB) != 0 && errno == EWOULDBLOCK;
            struct ::stat status {};
            if (!swept && ::fstat(file_.get(), &status) == 0 && status.st_nlink > 0) return;
            ::unlink(temporary_.c_str());
        }
        throw Error(target_.string() + ": cannot create a temporary file beside it");
    }
    bool rename_temporary() {
#if defined(RENAME_NOREPLACE)
        if (!overwrite_) {  // refuses, in one step, a target that appeared since the constructor looked
            if (::renameat2(AT_FDCWD, temporary_.c_str(), AT_FDCWD, target_.c_str(), RENAME_NOREPLACE) == 0) return true;
            if (errno != EINVAL && errno != ENOSYS) return false;  // those two: a file system without this call
        }
#endif
        return std::rename(temporary_.c_str(), target_.c_str()) == 0;
    }

    std::filesystem::path target_, temporary_;
    bool overwrite_;
    detail::Descriptor file_;
};

/// Writes a whole file through AtomicFile; for text, `std::as_bytes(std::span(text))`.
inline void write_file_atomically(std::filesystem::path const& path, std::span<std::byte const> bytes, bool overwrite = false) {
    AtomicFile file(path, overwrite);
    file.write(bytes);
    file.commit();
}

/// The whole content of a file. Throws Error when it cannot be read or holds more than `max_bytes`.
inline std::vector<std::uint8_t> read_file(std::filesystem::path const& path,
                                           std::uint64_t max_bytes = std::numeric_limits<std::uint64_t>::max()) {
    auto const file = detail::open_file(path, O_RDONLY);
    struct ::stat status {};
    if (!file.is_open() || ::fstat(file.get(), &status) != 0) detail::throw_system_error(path, "open", errno);
    check(!S_ISDIR(status.st_mode), path.string(), ": is a folder, not a file");
    auto const announced = S_ISREG(status.st_mode) ? static_cast<std::uint64_t>(status.st_size) : 0;
    check(announced <= max_bytes, path.string(), ": ", announced, " bytes are more than the limit of ", max_bytes);
    std::vector<std::uint8_t> bytes(static_cast<std::size_t>(announced));
    for (std::size_t n = 0;;) {
        if (n == bytes.size() && announced > 0) return bytes;
        if (n == bytes.size()) bytes.resize(n + std::max<std::size_t>(1 << 16, n / 2));  // a pipe: its size shows at its end
        auto const got = ::read(file.get(), bytes.data() + n, std::min(bytes.size() - n, std::size_t{1} << 30));
        if (got < 0 && errno == EINTR) continue;
        if (got < 0) detail::throw_system_error(path, "read", errno);
        n += static_cast<std::size_t>(got);
        check(n <= max_bytes, path.string(), ": more bytes than the limit of ", max_bytes);
        if (got == 0) {
            bytes.resize(n);
            return bytes;
        }
    }
}

/// Throws Error unless `output` may be written: it must not be one of `inputs` under any name, and must not exist unless `overwrite`.
/// To be called before long work begins; AtomicFile checks existence again.
inline void check_output(std::filesystem::path const& output, bool overwrite, std::span<std::filesystem::path const> inputs = {}) {
    std::error_code ignored;
    auto const status = std::filesystem::status(output, ignored);
    if (!std::filesystem::exists(status)) return;
    check(!std::filesystem::is_directory(status), output.string(), ": is a folder, not a file");
    if (!std::filesystem::is_regular_file(status)) return;
    for (auto const& input : inputs)
        check(!std::filesystem::equivalent(input, output, ignored), output.string(), ": is an input; an output must be another file");
    check(overwrite, output.string(), " exists; pass --overwrite to replace it");
}

/// Removes the temporaries that killed processes left in a folder, and only those: a living writer holds a lock. Returns how many.
inline std::size_t sweep_stale_temporaries(std::filesystem::path const& folder) {
    std::size_t swept = 0;
    std::error_code error;
    for (std::filesystem::directory_iterator entry(folder, error), end; !error && entry != end; entry.increment(error)) {
        auto const& path = entry->path();
        if (!path.filename().string().starts_with(detail::temporary_prefix)) continue;
        auto const file = detail::open_file(path, O_RDWR | O_NOFOLLOW | O_NONBLOCK);
        struct ::stat status {};
        bool const stale = file.is_open() && ::fstat(file.get(), &status) == 0 && S_ISREG(status.st_mode) &&
                           ::flock(file.get(), LOCK_EX | LOCK_NB) == 0;
        if (stale && ::unlink(path.c_str()) == 0) ++swept;
    }
    check(!error, folder.string(), ": cannot list the folder: ", error.message());
    return swept;
}

}  // namespace tacet
