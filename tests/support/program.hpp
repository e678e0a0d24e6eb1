// SPDX-License-Identifier: MIT
#pragma once
#include <support/catch.hpp>
#include <support/process.hpp>
#include <support/scratch.hpp>
#include <tacet/data/dead_leaves.hpp>
#include <tacet/io/image.hpp>
#include <tacet/io/json.hpp>
#include <tacet/io/module_checkpoint.hpp>
#include <tacet/io/safetensors.hpp>
#include <tacet/models/noise2noise.hpp>

// What the tests of the programs in examples/ share: running one, reading what it prints, pictures and weights to work on.
namespace tacet::test {

using Words = std::vector<std::string>;

/// Runs an example program. All get two threads: a test shares the machine with others.
inline Process run_program(std::string const& name, Words const& arguments, ProcessOptions options = {}) {
    Words words{examples_dir() + "/" + name};
    words.insert(words.end(), arguments.begin(), arguments.end());
    auto process = run_process(words, options);
    if (process.status == 127 && process.err.empty()) throw std::runtime_error(words[0] + " was not built");
    return process;
}

/// The lines of stdout as JSON; fails for a line that is none.
inline std::vector<Json> json_lines(std::string const& out) {
    std::vector<Json> lines;
    for (std::size_t begin = 0, end; begin < out.size(); begin = end + 1) {
        end = std::min(out.find('\n', begin), out.size());
        lines.push_back(parse_json(std::string_view(out).substr(begin, end - begin), "stdout"));
    }
    return lines;
}

/// A generated picture with 1 or 3 channels.
inline Image picture(Index height, Index width, Index channels = 3, std::uint32_t number = 0) {
    Image image;
    image.pixels = dead_leaves(height, width, Rng(Stream{.seed = 11, .purpose = Purpose::validation, .image = number}));
    if (channels == 1) image.pixels = to_grey(image.pixels);
    return image;
}
inline void write_picture(std::filesystem::path const& path, Image const& image) {
    std::filesystem::create_directories(path.parent_path());
    write_image(path, image, {.overwrite = true});
}
inline void write_text(std::filesystem::path const& path, std::string const& text) {
    write_file_atomically(path, std::as_bytes(std::span(text)), true);
}
inline std::string text_of(std::filesystem::path const& path) {
    auto const bytes = read_file(path);
    return {bytes.begin(), bytes.end()};
}

/// Writes the weights of a small random network.
inline void write_weights(std::filesystem::path const& path, Index width = 2) {
    Rng rng(5);
    Noise2NoiseUNet<> model(3, 3, rng, width);
    write_safetensors(path, save(model), true);
}

/// A refusal: a status that is not 0, nothing on stdout, and one line on stderr with this in it.
inline void check_refused(Process const& p, std::string const& part) {
    INFO(p.err);
    CHECK(p.status != 0);
    CHECK(p.status < 126);  // not by a signal
    CHECK(p.out == "");
    CHECK(p.err_lines() == 1);
    CHECK_THAT(p.err, contains(part));
}

/// --help and --version of a program, and what it says to an option that it does not know.
inline void check_frame(std::string const& name, std::string const& wrong, std::string const& nearest) {
    auto const help = run_program(name, {"--help"});
    CHECK(help.status == 0);
    CHECK(help.err == "");
    CHECK_THAT(help.out, contains(name));
    CHECK_THAT(help.out, contains(nearest));
    auto const version = run_program(name, {"--version"});
    CHECK(version.status == 0);
    CHECK(version.err == "");
    CHECK_THAT(version.out, contains(name + " " TACET_VERSION));
    CHECK_THAT(version.out, contains(std::string(", isa ") + isa() + ", "));
    auto const unknown = run_program(name, {wrong, "x"});
    check_refused(unknown, "did you mean " + nearest + "?");
    CHECK(unknown.status == 2);
    CHECK(run_program(name, {"--help"}, {.out = "/dev/full"}).status != 0);
}

}  // namespace tacet::test
