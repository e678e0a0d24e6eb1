// SPDX-License-Identifier: MIT
#include <support/catch.hpp>
#include <support/program.hpp>
#include <tacet/train/run_folder.hpp>

namespace run_folder_test {
using namespace tacet;
using namespace tacet::test;
namespace fs = std::filesystem;

namespace {
struct Rates {
    double rate = 0.5;
    static void fields(auto& self, auto&& field) { field("rate", self.rate, "the rate"); }
};
struct Options {
    Index steps = 10;
    std::string noise = "gaussian:25";
    Rates adam;
    int threads = 0;
    static void fields(auto& self, auto&& field) {
        field("steps", self.steps, "steps"), field("noise", self.noise, "noise"), field("adam", self.adam, "the optimizer");
        field("threads", self.threads, "threads", not_compared);
    }
};

Checkpoint state(float number) {
    Checkpoint c;
    c.tensors.push_back(named_tensor("w", full(Shape{2, 3}, number)));
    c.metadata["step"] = "7";
    return c;
}
std::vector<Index> steps(RunFolder const& run) {
    std::vector<Index> found;
    for (auto const& record : run.records()) found.push_back(static_cast<Index>(record.at("step").number()));
    return found;
}
std::string refusal(fs::path const& path, Options const& options = {}) {
    return error_text([&] { RunFolder const run(path, options); });
}
}  // namespace

TEST_CASE("A run folder is made with its parents, holds the options, and opens again") {
    ScratchFolder dir;
    auto const path = dir / "deep/run";
    Options options;
    options.steps = 42;
    {
        RunFolder const run(path, options);
        CHECK(run.path() == path);
        CHECK(run.file("x.svg") == path / "x.svg");
        CHECK(!run.last());
    }
    auto const config = text_of(path / "config.json");
    auto const stored = options_from_json<Options>(parse_json(config, "config.json"), {}, "config.json");
    CHECK(stored.steps == 42);
    CHECK(stored.adam.rate == 0.5);
    CHECK(config.ends_with("}\n"));
    CHECK(refusal(path, options) == "no error");
    CHECK(text_of(path / "config.json") == config);
}

TEST_CASE("A run that was begun with other options is refused, with each difference; it is left as it was") {
    ScratchFolder dir;
    CHECK(refusal(dir / "run") == "no error");
    auto const config = text_of(dir / "run/config.json");
    Options changed;
    changed.steps = 20;
    auto const begun = (dir / "run").string() + ": this run was begun with other options (";
    CHECK(refusal(dir / "run", changed) == begun + "steps: 10 -> 20); use the same ones or another folder");
    changed.adam.rate = 0.25, changed.noise = "poisson:30", changed.threads = 3;
    auto const text = refusal(dir / "run", changed);
    CHECK_THAT(text, contains("steps: 10 -> 20; noise: "));
    CHECK_THAT(text, contains("poisson:30"));
    CHECK_THAT(text, contains("; adam.rate: 0.5 -> 0.25)"));
    CHECK(text.find("threads") == std::string::npos);
    CHECK(text_of(dir / "run/config.json") == config);
    Options threads;
    threads.threads = 8;  // does not decide the result
    CHECK(refusal(dir / "run", threads) == "no error");
    CHECK(refusal(dir / "run") == "no error");  // the refusals left no lock behind
}

TEST_CASE("Two cannot work in one run folder") {
    ScratchFolder dir;
    {
        RunFolder const first(dir / "run", Options{});
        CHECK(refusal(dir / "run") == (dir / "run").string() + ": another process is training in this folder");
        CHECK(refusal(dir / "other") == "no error");
    }
    CHECK(refusal(dir / "run") == "no error");
}

TEST_CASE("A folder of others is left alone; what a killed process left is swept") {
    ScratchFolder dir;
    for (char const* folder : {"mine", "begun"}) fs::create_directory(dir / folder);
    write_text(dir / "mine/notes.txt", "mine");
    CHECK(refusal(dir / "mine") == (dir / "mine").string() + ": holds other files (notes.txt) and no run; use a new folder");
    CHECK(fs::exists(dir / "mine/notes.txt"));
    CHECK(std::distance(fs::directory_iterator(dir / "mine"), fs::directory_iterator()) == 1);

    write_text(dir / "begun/.lock", "");  // killed before config.json was in its place
    write_text(dir / "begun/.tacet-tmp-1-2", "{\"ste");
    CHECK(refusal(dir / "begun") == "no error");
    CHECK(!fs::exists(dir / "begun/.tacet-tmp-1-2"));

    write_text(dir / "begun/.tacet-tmp-3-4", "torn");  // in a run, too, which may hold anything else
    write_text(dir / "begun/notes.txt", "mine");
    CHECK(refusal(dir / "begun") == "no error");
    CHECK(!fs::exists(dir / "begun/.tacet-tmp-3-4"));
    CHECK(fs::exists(dir / "begun/notes.txt"));
}

TEST_CASE("A folder that cannot be made and a configuration that cannot be read are named") {
    ScratchFolder dir;
    write_text(dir / "file", "");
    CHECK_THAT(refusal(dir / "file"), contains((dir / "file").string() + ": cannot make the folder: "));
    CHECK_THAT(refusal(dir / "file/run"), contains((dir / "file/run").string() + ": cannot make the folder: "));
    CHECK(refusal(dir / "run") == "no error");
    auto const config = text_of(dir / "run/config.json");
    write_text(dir / "run/config.json", config.substr(0, config.size() / 2));
    CHECK_THAT(refusal(dir / "run"), contains((dir / "run/config.json").string()));
    write_text(dir / "run/config.json", R"({"step": 3})");
    CHECK_THAT(refusal(dir / "run"), contains("config.json:1: unknown key \"step\" (did you mean \"steps\"?)"));
}

TEST_CASE("The last state and the best weights come back; a damaged state is named") {
    ScratchFolder dir;
    RunFolder const run(dir / "run", Options{});
    run.save_last(state(1));
    run.save_best(state(2));
    REQUIRE(run.last());
    CHECK(*run.last() == state(1));
    CHECK(read_safetensors(run.file("best.safetensors")) == state(2));
    run.save_last(state(3));  // replaced
    CHECK(*run.last() == state(3));
    CHECK(read_safetensors(run.file("best.safetensors")) == state(2));
    auto const bytes = text_of(run.file("last.safetensors"));
    write_text(run.file("last.safetensors"), bytes.substr(0, bytes.size() - 1));
    CHECK_THAT(error_text([&] { run.last(); }), contains("last.safetensors"));
}

TEST_CASE("The log continues after the step of the state: what was logged beyond it, or torn, is cut off") {
    ScratchFolder dir;
    {
        RunFolder run(dir / "run", Options{});
        run.open_log(0);
        CHECK(run.records().empty());
        for (Index step : {10, 20, 20, 30}) run.log({{"step", step}, {"loss", 0.5}});
        CHECK(steps(run) == std::vector<Index>{10, 20, 20, 30});
    }
    write_text(dir / "run/log.jsonl", text_of(dir / "run/log.jsonl") + "{\"step\": 3");
    {
        RunFolder run(dir / "run", Options{});
        run.open_log(20);
        CHECK(steps(run) == std::vector<Index>{10, 20, 20});
        run.log({{"step", Index(25)}});
        CHECK(steps(run) == std::vector<Index>{10, 20, 20, 25});
    }
    auto const records = read_log(dir / "run/log.jsonl");
    REQUIRE(records.size() == 4);
    CHECK(records[0].at("loss").number() == 0.5);
    CHECK(records[3].at("step").number() == 25);
    RunFolder run(dir / "run", Options{});
    run.open_log(0);  // begun anew: no state was saved
    CHECK(run.records().empty());
    CHECK(text_of(dir / "run/log.jsonl") == "");
}

TEST_CASE("Texts in a run folder are replaced whole") {
    ScratchFolder dir;
    RunFolder const run(dir / "run", Options{});
    run.write_text("loss.svg", "a long first text");
    run.write_text("loss.svg", "short");
    CHECK(text_of(run.file("loss.svg")) == "short");
}
}  // namespace run_folder_test
