// SPDX-License-Identifier: MIT
#include <tacet/io/atomic_file.hpp>
#include <support/catch.hpp>
#include <support/scratch.hpp>
#include <csignal>
#include <fstream>
#include <iterator>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <thread>

namespace atomic_file_test {
using namespace tacet;
using test::error_text;
using test::ScratchFolder;
namespace fs = std::filesystem;

namespace {

std::span<std::byte const> bytes_of(std::string_view text) { return std::as_bytes(std::span(text)); }

std::string content(fs::path const& path) {
    std::ifstream file(path, std::ios::binary);
    return {std::istreambuf_iterator<char>(file), {}};
}

void put(fs::path const& path, std::string_view text) { std::ofstream(path, std::ios::binary) << text; }

}  // namespace

TEST_CASE("a file is written whole, and nothing else is left in its folder", "[atomic_file]") {
    ScratchFolder const folder;
    write_file_atomically(folder / "a", bytes_of("hello"));
    CHECK(content(folder / "a") == "hello");
    write_file_atomically(folder / "empty", {});
    CHECK(fs::file_size(folder / "empty") == 0);
    std::string const large(5'000'000, 'x');
    write_file_atomically(folder / "large", bytes_of(large));
    CHECK(content(folder / "large") == large);
    CHECK(folder.count() == 3);
}

TEST_CASE("a file without a folder in its path goes to the current one", "[atomic_file]") {
    ScratchFolder const folder;
    auto const before = fs::current_path();
    fs::current_path(folder.path);
    write_file_atomically("plain", bytes_of("x"));
    fs::current_path(before);
    CHECK(content(folder / "plain") == "x");
}

TEST_CASE("an existing file stays unless overwriting is asked for", "[atomic_file]") {
    ScratchFolder const folder;
    auto const path = folder / "a";
    put(path, "old");
    CHECK(error_text([&] { write_file_atomically(path, bytes_of("new")); }) == path.string() + " exists; pass --overwrite to replace it");
    CHECK(content(path) == "old");
    write_file_atomically(path, bytes_of("new"), true);
    CHECK(content(path) == "new");
    CHECK(folder.count() == 1);
}

TEST_CASE("a file that appears while another is written is not replaced either", "[atomic_file]") {
    ScratchFolder const folder;
    auto const path = folder / "a";
    {
        AtomicFile file(path);
        file.write(bytes_of("mine"));
        put(path, "theirs");
        CHECK(error_text([&] { file.commit(); }) == path.string() + " exists; pass --overwrite to replace it");
    }
    CHECK(content(path) == "theirs");
    CHECK(folder.count() == 1);
}

TEST_CASE("without commit nothing remains and the old file stays", "[atomic_file]") {
    ScratchFolder const folder;
    put(folder / "a", "old");
    {
        AtomicFile file(folder / "a", true);
        file.write(bytes_of("half of the n"));
        CHECK(folder.count() == 2);
    }
    CHECK(content(folder / "a") == "old");
    CHECK(folder.count() == 1);
}

TEST_CASE("a file is committed once, and not written afterwards", "[atomic_file]") {
    ScratchFolder const folder;
    AtomicFile file(folder / "a");
    file.write(bytes_of("one, "));
    file.write(bytes_of("two"));
    file.commit();
    CHECK(content(folder / "a") == "one, two");
    CHECK(error_text([&] { file.write(bytes_of("x")); }) == (folder / "a").string() + ": written after commit");
    CHECK(error_text([&] { file.commit(); }) == (folder / "a").string() + ": committed twice");
}

TEST_CASE("what replaces a private file is private; what replaces a link's target leaves the link", "[atomic_file]") {
    ScratchFolder const folder;
    put(folder / "private", "old");
    fs::permissions(folder / "private", fs::perms::owner_read | fs::perms::owner_write);
    write_file_atomically(folder / "private", bytes_of("new"), true);
    CHECK(fs::status(folder / "private").permissions() == (fs::perms::owner_read | fs::perms::owner_write));
    fs::create_symlink("private", folder / "link");
    write_file_atomically(folder / "link", bytes_of("newer"), true);
    CHECK(fs::is_symlink(folder / "link"));
    CHECK(content(folder / "private") == "newer");
}

TEST_CASE("folders that are missing, and folders in the file's place, are named", "[atomic_file]") {
    ScratchFolder const folder;
    auto const path = folder / "none/a";
    CHECK(error_text([&] { AtomicFile file(path); }) == path.string() + ": cannot create: No such file or directory");
    CHECK(error_text([&] { AtomicFile file(folder.path, true); }) == folder.path.string() + ": is a folder, not a file");
}

TEST_CASE("a full device is an error, and stays the device it is", "[atomic_file]") {
    if (!fs::is_character_file("/dev/full")) return test::skip("there is no /dev/full");
    CHECK(error_text([] { write_file_atomically("/dev/full", bytes_of("x")); }) == "/dev/full: cannot write: No space left on device");
    CHECK(fs::is_character_file("/dev/full"));
    CHECK(error_text([] { write_file_atomically("/dev/null", bytes_of("x")); }) == "no error");
    CHECK(fs::is_character_file("/dev/null"));
}

TEST_CASE("a disk that fills up is an error; the old file stays and the temporary goes", "[atomic_file]") {
    ScratchFolder const folder;
    if (::mount("tmpfs", folder.path.c_str(), "tmpfs", 0, "size=64k") != 0) return test::skip("mounting a small file system takes root");
    auto const path = folder / "a";
    write_file_atomically(path, bytes_of("old"));
    std::string const large(100'000, 'x');
    auto const text = error_text([&] { write_file_atomically(path, bytes_of(large), true); });
    auto const left = folder.count();
    auto const kept = content(path);
    ::umount2(folder.path.c_str(), MNT_DETACH);
    CHECK(text == path.string() + ": cannot write: No space left on device");
    CHECK(kept == "old");
    CHECK(left == 1);
}

TEST_CASE("a file beyond the permitted size is an error; the old file stays and the temporary goes", "[atomic_file]") {
    ScratchFolder const folder;
    auto const path = folder / "a";
    put(path, "old");
    auto const handler = std::signal(SIGXFSZ, SIG_IGN);
    struct ::rlimit before {};
    ::getrlimit(RLIMIT_FSIZE, &before);
    struct ::rlimit const small { 1000, before.rlim_max };
    ::setrlimit(RLIMIT_FSIZE, &small);
    auto const text = error_text([&] { write_file_atomically(path, bytes_of(std::string(2000, 'x')), true); });
    ::setrlimit(RLIMIT_FSIZE, &before);
    std::signal(SIGXFSZ, handler);
    CHECK(text == path.string() + ": cannot write: File too large");
    CHECK(content(path) == "old");
    CHECK(folder.count() == 1);
}

TEST_CASE("the temporary of a killed process is swept, that of a living one is not", "[atomic_file]") {
    ScratchFolder const folder;
    auto const child = ::fork();
    if (child == 0) {
        AtomicFile file(folder / "a");
        file.write(bytes_of("half"));
        ::kill(::getpid(), SIGKILL);
    }
    int status = 0;
    ::waitpid(child, &status, 0);
    REQUIRE(WIFSIGNALED(status));
    REQUIRE(folder.count() == 1);
    put(folder / ".tacet-notes", "somebody's");

    AtomicFile living(folder / "b");
    living.write(bytes_of("whole"));
    CHECK(sweep_stale_temporaries(folder.path) == 1);
    CHECK(sweep_stale_temporaries(folder.path) == 0);
    living.commit();
    CHECK(content(folder / "b") == "whole");
    CHECK(content(folder / ".tacet-notes") == "somebody's");
    CHECK(folder.count() == 2);
    auto const none = folder / "none";
    CHECK(error_text([&] { sweep_stale_temporaries(none); }) == none.string() + ": cannot list the folder: No such file or directory");
}

TEST_CASE("several threads write at once without meeting", "[atomic_file]") {
    ScratchFolder const folder;
    std::vector<std::thread> threads;
    for (int t = 0; t < 4; ++t)
        threads.emplace_back([&, t] {
            std::string const text(1000, static_cast<char>('a' + t));
            for (int i = 0; i < 20; ++i) write_file_atomically(folder / "same", bytes_of(text), true);
        });
    for (auto& thread : threads) thread.join();
    auto const text = content(folder / "same");
    CHECK(text == std::string(1000, text.at(0)));
    CHECK(folder.count() == 1);
}

TEST_CASE("read_file gives all bytes, up to a limit", "[atomic_file]") {
    ScratchFolder const folder;
    auto const path = folder / "a";
    put(path, std::string_view("\0one\n", 5));
    CHECK(read_file(path) == std::vector<std::uint8_t>{0, 'o', 'n', 'e', '\n'});
    CHECK(read_file(path, 5).size() == 5);
    CHECK(error_text([&] { read_file(path, 4); }) == path.string() + ": 5 bytes are more than the limit of 4");
    put(folder / "empty", "");
    CHECK(read_file(folder / "empty").empty());
    CHECK(error_text([&] { read_file(folder / "none"); }) == (folder / "none").string() + ": cannot open: No such file or directory");
    CHECK(error_text([&] { read_file(folder.path); }) == folder.path.string() + ": is a folder, not a file");
}

TEST_CASE("read_file reads what does not tell its size: pipes and the kernel's files", "[atomic_file]") {
    ScratchFolder const folder;
    auto const pipe = folder / "pipe";
    REQUIRE(::mkfifo(pipe.c_str(), 0600) == 0);
    std::string const text(200'000, 'p');
    for (std::uint64_t const limit : {200'000u, 199'999u}) {
        std::thread writer([&] {
            std::signal(SIGPIPE, SIG_IGN);
            put(pipe, text);
        });
        if (limit == text.size()) CHECK(read_file(pipe, limit).size() == limit);
        else CHECK(error_text([&] { read_file(pipe, limit); }) == pipe.string() + ": more bytes than the limit of 199999");
        writer.join();
    }
    if (fs::exists("/proc/self/status")) CHECK(read_file("/proc/self/status").size() > 100);
}

TEST_CASE("an output is refused when it exists, is a folder, or is an input by whatever name", "[atomic_file]") {
    ScratchFolder const folder;
    put(folder / "in", "x");
    put(folder / "other", "x");
    fs::create_hard_link(folder / "in", folder / "again");
    fs::create_symlink("in", folder / "link");
    std::vector<fs::path> const inputs{folder / "other", folder / "in"};
    check_output(folder / "new", false, inputs);
    for (auto const* name : {"in", "again", "link", "../" }) {
        auto const path = std::string(name) == "../" ? folder.path / ".." / folder.path.filename() / "in" : folder / name;
        CHECK(error_text([&] { check_output(path, true, inputs); }) == path.string() + ": is an input; an output must be another file");
    }
    put(folder / "old", "x");
    check_output(folder / "old", true, inputs);
    auto const text = error_text([&] { check_output(folder / "old", false, inputs); });
    CHECK(text == (folder / "old").string() + " exists; pass --overwrite to replace it");
    CHECK(error_text([&] { check_output(folder.path, true); }) == folder.path.string() + ": is a folder, not a file");
    check_output("/dev/null", false, inputs);
}
}  // namespace atomic_file_test
