// SPDX-License-Identifier: MIT
#pragma once
#include <tacet/io/image_folder.hpp>
#include <tacet/io/atomic_file.hpp>
#include <cstdio>
#include <exception>
#include <set>

namespace tacet {

/// One picture of a batch: what is read and what is written.
struct FileJob {
    std::filesystem::path input, output;
    std::filesystem::path folder = {};  ///< the folder of the results; empty where the output is one file
};

/// Makes a folder for results with those above it, if it is missing; none for an empty path. Called when there is a result to write: what
/// fails leaves nothing. Throws Error naming it.
inline void make_folder(std::filesystem::path const& folder) {
    if (folder.empty()) return;
    std::error_code error;
    std::filesystem::create_directories(folder, error);
    check(!error, folder.string(), ": cannot make the folder: ", error.message());
}

namespace detail {
/// Throws Error when a file stands where `folder` is to be made.
inline void check_folder_fits(std::filesystem::path folder) {
    std::error_code error;
    while (!folder.empty() && !std::filesystem::exists(folder, error) && folder.has_relative_path()) folder = folder.parent_path();
    check(folder.empty() || std::filesystem::is_directory(folder, error), folder.string(), ": is not a folder");
}
}  // namespace detail

/// The images that command-line arguments name: files as they are, folders by the images in them.
inline std::vector<std::filesystem::path> expand_inputs(std::vector<std::filesystem::path> const& arguments) {
    std::vector<std::filesystem::path> files;
    for (auto const& argument : arguments) {
        if (!std::filesystem::is_directory(argument)) files.push_back(argument);
        else for (auto const& file : list_images(argument)) files.push_back(file);
    }
    check(!files.empty(), "no input images were named");
    return files;
}

/// Plans where the results of a batch go. One input file and an output with an image suffix: that file. Otherwise the output is a
/// folder, for make_folder() to create, and receives files of the inputs' names, with `suffix` where one is given
/// (and .png where the input's format cannot be written).
/// Throws Error, before anything is computed, for a file with the suffix of no image format, for outputs that are inputs, that exist
/// (unless `overwrite`), or that would be written twice.
inline std::vector<FileJob> plan_file_jobs(std::vector<std::filesystem::path> const& arguments, std::filesystem::path const& output,
                                           bool overwrite, std::string const& suffix = "") {
    namespace fs = std::filesystem;
    auto const inputs = expand_inputs(arguments);
    bool const single = arguments.size() == 1 && !fs::is_directory(arguments[0]) && !fs::is_directory(output);
    bool const one = single && image_format_of(output);
    check(one || !single || !output.has_extension(), output.string(), ": ", output.extension().string(), " is no image format known here "
          "(to make a folder of that name, end it with /)");
    if (!one) detail::check_folder_fits(output);
    std::vector<FileJob> jobs;
    std::set<fs::path> seen;
    for (auto const& input : inputs) {
        fs::path name = input.filename();
        if (!suffix.empty() || !image_format_of(name)) name.replace_extension(suffix.empty() ? ".png" : suffix);
        FileJob const job{input, one ? output : output / name, one ? fs::path() : output};
        check(seen.insert(job.output).second, job.output.string(), " would be written twice: two inputs have the same name");
        check_output(job.output, overwrite, inputs);
        jobs.push_back(job);
    }
    return jobs;
}

/// Calls body(job) for each job. A job that throws is reported on stderr and the others are done; returns the exit status: 1 when
/// any failed.
template <class Body> int run_file_jobs(std::vector<FileJob> const& jobs, std::string const& program, Body&& body) {
    std::size_t failed = 0;
    for (auto const& job : jobs) {
        try {
            body(job);
        } catch (std::exception const& error) {  // std::bad_alloc, too: the next image may be smaller
            ++failed;
            std::fprintf(stderr, "%s: %s\n", program.c_str(), error.what());
        }
    }
    if (failed > 0 && jobs.size() > 1) std::fprintf(stderr, "%s: %zu of %zu images failed\n", program.c_str(), failed, jobs.size());
    return failed > 0;
}

}  // namespace tacet
