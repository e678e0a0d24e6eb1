// SPDX-License-Identifier: MIT
#include <support/training.hpp>
#include <tacet/denoise/any_denoiser.hpp>

namespace noise2noise_train_test {
using namespace tacet;
using namespace tacet::test;
namespace fs = std::filesystem;

namespace {
// Pictures to train on, one of them smaller than a patch, and others for validation.
struct Pictures : ScratchFolder {
    Pictures() {
        write_picture(*this / "train/a.png", picture(40, 50, 3, 1));
        write_picture(*this / "train/b.png", picture(33, 64, 1, 2));
        write_picture(*this / "train/small.png", picture(31, 64, 3, 3));
        write_picture(*this / "valid/v.png", picture(24, 40, 3, 4));
    }
    Words folders() const { return {"--train", *this / "train", "--valid", *this / "valid"}; }
    Words words(Words more = {}) const {
        auto all = folders();
        all.insert(all.end(), more.begin(), more.end());
        return small_training(*this / "run", all);
    }
};
}  // namespace

TEST_CASE("noise2noise_train: help, version, unknown options") { check_frame("noise2noise_train", "--crops", "--crop"); }

TEST_CASE("noise2noise_train: a run on folders leaves all that is promised, and nothing on stdout") {
    Pictures dir;
    auto const p = train(dir.words());
    INFO(p.err);
    REQUIRE(p.status == 0);
    CHECK(p.out == "");
    CHECK_THAT(p.err, contains("1 of 3 pictures are smaller than 32 x 32 and are skipped"));
    for (char const* name : {"config.json", "log.jsonl", "report.html", "loss.svg", "psnr.svg", "montage-10.png", "montage-20.png",
                             "montage-30.png", "last.safetensors", "best.safetensors"})
        CHECK((fs::exists(dir / "run" / name) ? "" : name) == std::string());
    CHECK(logged_steps(dir / "run", "loss") == std::vector<Index>{10, 20, 30});
    CHECK(logged_steps(dir / "run", "psnr") == std::vector<Index>{10, 20, 30});  // against clean pictures, and against noisy ones:
    CHECK(logged_steps(dir / "run", "psnr_noisy_target") == std::vector<Index>{10, 20, 30});
    auto const best = read_safetensors(dir / "run/best.safetensors");
    CHECK(best.metadata.at("network") == "noise2noise_unet");
    CHECK(best.metadata.at("noise") == "gaussian:25");
    CHECK_NOTHROW(AnyDenoiser(best));
    CHECK_NOTHROW(AnyDenoiser::read(dir / "run/last.safetensors"));

    fs::remove(dir / "run/report.html");  // all is done: the same command says so and writes the report again
    auto const before = read_file(dir / "run/last.safetensors");
    auto const again = train(dir.words());
    INFO(again.err);
    CHECK(again.status == 0);
    CHECK_THAT(again.err, contains("all 30 steps are done already"));
    CHECK(fs::exists(dir / "run/report.html"));
    CHECK(read_file(dir / "run/last.safetensors") == before);
    CHECK(logged_steps(dir / "run", "loss") == std::vector<Index>{10, 20, 30});

    auto const changed = train(dir.words({"--seed", "3", "--threads", "2"}));
    CHECK(changed.status == 1);
    CHECK_THAT(changed.err, contains("seed: 0 -> 3"));
    CHECK(changed.err.find("threads") == std::string::npos);
    auto const config = train({"--config", dir / "run/config.json", "--steps", "30"});  // a run's own configuration continues it
    INFO(config.err);
    CHECK(config.status == 0);
}

TEST_CASE("noise2noise_train: dead leaves need no files; the number of threads changes nothing") {
    ScratchFolder dir;
    auto const run = [&](char const* name, char const* threads) {
        auto const p = train(
            small_training(dir / name, {"--train", "dead-leaves", "--valid", "dead-leaves", "--steps", "3", "--threads", threads}));
        INFO(p.err);
        REQUIRE(p.status == 0);
    };
    run("one", "1"), run("three", "3");
    CHECK(read_file(dir / "one/last.safetensors") == read_file(dir / "three/last.safetensors"));
    CHECK(read_file(dir / "one/best.safetensors") == read_file(dir / "three/best.safetensors"));
}

TEST_CASE("noise2noise_train: a folder that is named dead-leaves is reached as ./dead-leaves") {
    Pictures dir;
    write_picture(dir / "dead-leaves/x.png", picture(20, 20));  // too small: the folder, when it is read, says so
    ProcessOptions const here{.folder = dir.path};
    auto const word = train(small_training("run", {"--train", "dead-leaves", "--valid", "valid", "--steps", "1"}), here);
    CHECK(word.status == 0);
    CHECK_THAT(word.err, contains("./dead-leaves"));
    auto const folder = train(small_training("other", {"--train", "./dead-leaves", "--valid", "valid", "--steps", "1"}), here);
    CHECK(folder.status == 1);
    CHECK_THAT(folder.err, contains("all 1 training pictures are smaller"));
    CHECK(!fs::exists(dir / "other"));
    CHECK_THAT(train(small_training("other", {"--train", "dead-leaves", "train", "--valid", "valid"}), here).err, contains("stands alone"));
}

TEST_CASE("noise2noise_train: pairs of noisy pictures") {
    ScratchFolder dir;
    for (char const* folder : {"a", "b", "va", "vb"}) write_picture(dir / folder / "x.png", picture(40, 40));
    Words const pairs{"--pairs", dir / "a", dir / "b", "--valid-pairs", dir / "va", dir / "vb", "--steps", "2"};
    auto const p = train(small_training(dir / "run", pairs));
    INFO(p.err);
    REQUIRE(p.status == 0);
    CHECK(logged_steps(dir / "run", "psnr_noisy_target") == std::vector<Index>{2});
    CHECK(logged_steps(dir / "run", "psnr").empty());
    CHECK(!read_safetensors(dir / "run/best.safetensors").metadata.contains("noise"));  // theirs is not known
    auto clean = pairs;
    clean.push_back("--clean-targets");
    check_refused(train(small_training(dir / "clean", clean)), "--clean-targets needs --train");
    write_picture(dir / "b/y.png", picture(40, 40));
    check_refused(train(small_training(dir / "alone", pairs)), "without a partner of the same stem: y.png");
    write_picture(dir / "vb/x.png", picture(40, 41));
    check_refused(train(small_training(dir / "sizes", pairs)), "differ in size");
    CHECK(!fs::exists(dir / "alone"));
}

TEST_CASE("noise2noise_train: mistakes are refused before a folder is made") {
    Pictures dir;
    auto const refuse = [&](Words const& words, std::string const& part) {
        check_refused(train(small_training(dir / "run", words)), part);
        CHECK(!fs::exists(dir / "run"));
    };
    auto const valid = (dir / "valid").string(), data = (dir / "train").string();
    refuse({"--valid", valid}, "either --train or --pairs");
    refuse({"--train", "dead-leaves"}, "--valid or --valid-pairs");
    refuse({"--train", dir / "none", "--valid", valid}, "does not exist");
    refuse({"--train", "dead-leaves", "--valid", valid, "--crop", "40"}, "not a multiple of 32");
    refuse({"--train", "dead-leaves", "--valid", valid, "--loss", "l3"}, "--loss: \"l3\" is not known (did you mean l2?)");
    refuse({"--train", "dead-leaves", "--valid", valid, "--adam.rate", "-1"}, "--adam.rate: -1 is not above 0");
    refuse({"--train", "dead-leaves", "--valid", valid, "--adam.beta1", "1"}, "--adam.beta1: 1 is not below 1");
    refuse({"--train", "dead-leaves", "--valid", valid, "--schedule.gamma", "-3"}, "--schedule.gamma: -3 is not above 0");
    refuse({"--train", "dead-leaves", "--valid", valid, "--schedule.kind", "cosin"}, "(did you mean cosine?)");
    refuse({"--train", "dead-leaves", "--valid", valid, "--noise", "salt:3"}, "gaussian");
    refuse({"--train", "dead-leaves", "--valid", valid, "--steps", "0"}, "--steps");
    // All before a training picture is decoded: this folder holds one that is too small, and another line would say so.
    refuse({"--train", data}, "--valid or --valid-pairs");
    refuse({"--train", data, "--valid", dir / "none"}, "does not exist");
    refuse({"--train", data, "--valid", valid, "--loss", "l3"}, "--loss");
    refuse({"--train", data, "--valid", valid, "--loss", ""}, "unknown loss");
    refuse({"--train", data, "--valid", valid, "--schedule.kind", ""}, "unknown schedule");
    write_text(dir / "train/bad.png", "no picture");
    auto const p = train(small_training(dir / "run", {"--train", data, "--valid", valid}));
    CHECK(p.status == 1);
    CHECK_THAT(p.err, contains("bad.png"));
}

TEST_CASE("noise2noise_train: a folder of others is left alone") {
    ScratchFolder dir;
    write_text(dir / "notes.txt", "mine");
    check_refused(train(small_training(dir.path, {"--train", "dead-leaves", "--valid", "dead-leaves"})), "holds other files (notes.txt)");
    CHECK(dir.count() == 1);
}

TEST_CASE("noise2noise_train: a state that is damaged or of another origin") {
    ScratchFolder dir;
    Words const words = small_training(dir / "run", {"--train", "dead-leaves", "--valid", "dead-leaves", "--steps", "2"});
    REQUIRE(train(words).status == 0);
    auto const last = dir / "run/last.safetensors";
    auto state = read_safetensors(last);
    auto const bytes = text_of(last);
    write_text(last, bytes.substr(0, bytes.size() - 10));
    check_refused(train(words), "last.safetensors");
    state.metadata.erase("best");
    write_safetensors(last, state, true);
    check_refused(train(words), "last.safetensors: the training state has no valid \"best\"");
    write_weights(last, 1);
    check_refused(train(words), "last.safetensors");
}

TEST_CASE("noise2noise_train: steps on pictures with NaN are skipped and counted; ten in a row end the run, with the batch named") {
    ScratchFolder dir;
    auto image = picture(32, 32);
    image.bit_depth = 32;
    image.pixels.data()[700] = std::nanf("");
    write_picture(dir / "train/broken.pfm", image);
    auto const p = train(small_training(dir / "run", {"--train", dir / "train", "--valid", "dead-leaves"}));
    INFO(p.err);
    CHECK(p.status == 1);
    CHECK_THAT(p.err, contains("ten steps in a row"));
    CHECK_THAT(p.err, contains("broken.pfm"));
    CHECK(logged_steps(dir / "run", "loss") == std::vector<Index>{});

    for (char const* name : {"b.png", "c.png"}) write_picture(dir / "train" / name, picture(32, 32));  // a third of the steps
    auto const q = train(small_training(dir / "other", {"--train", dir / "train", "--valid", "dead-leaves", "--steps", "12"}));
    INFO(q.err);
    REQUIRE(q.status == 0);
    CHECK(read_log(dir / "other/log.jsonl").back().find("psnr"));
    CHECK(read_safetensors(dir / "other/last.safetensors").metadata.at("skipped") == "4");
}

TEST_CASE("noise2noise_train: weights that are not finite are never kept") {
    ScratchFolder dir;
    auto const p = train(small_training(
        dir / "run", {"--train", "dead-leaves", "--valid", "dead-leaves", "--steps", "5", "--adam.weight-decay", "1e300"}));
    INFO(p.err);
    CHECK(p.status == 1);
    CHECK_THAT(p.err, contains("is not finite (batch: dead leaves "));
    for (char const* name : {"best.safetensors", "last.safetensors"}) CHECK(!fs::exists(dir / "run" / name));
}

TEST_CASE("noise2noise_train: a full disk ends the run with one message and no half-written file") {
    ScratchFolder dir;
    auto const p = train(small_training(dir / "run", {"--train", "dead-leaves", "--valid", "dead-leaves"}), {.file_size = 8000});
    INFO(p.err);
    CHECK(p.status == 1);
    CHECK_THAT(p.err, contains("cannot write"));
    for (auto const& entry : fs::directory_iterator(dir / "run")) {
        auto const name = entry.path().filename().string();
        CHECK((name == ".lock" || name == "config.json" || name == "log.jsonl" ? "" : name) == std::string());
    }
}
}  // namespace noise2noise_train_test
