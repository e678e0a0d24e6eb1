// SPDX-License-Identifier: MIT
#pragma once
#include <support/program.hpp>
#include <tacet/io/log.hpp>

namespace tacet::test {

/// A training so small that it takes seconds: noise2noise_train into `run`, with these words in addition or instead (the last counts).
inline Words small_training(std::filesystem::path const& run, Words const& more = {}) {
    Words words{"--width", "2", "--crop", "32", "--batch", "1", "--steps", "30", "--save-every", "5", "--valid-every", "10",
                "--valid-images", "1", "--noise", "gaussian:25", "--threads", "1", "--ema", "0.9", "--output", run};
    words.insert(words.end(), more.begin(), more.end());
    return words;
}
inline Process train(Words const& words, ProcessOptions const& options = {}) { return run_program("noise2noise_train", words, options); }

/// The steps of a log's records with this key.
inline std::vector<Index> logged_steps(std::filesystem::path const& run, char const* key) {
    std::vector<Index> steps;
    for (auto const& record : read_log(run / "log.jsonl"))
        if (record.find(key)) steps.push_back(static_cast<Index>(record.at("step").number()));
    return steps;
}

}  // namespace tacet::test
