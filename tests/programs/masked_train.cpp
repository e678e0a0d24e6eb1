// SPDX-License-Identifier: MIT
#include <support/training.hpp>
#include <tacet/denoise/any_denoiser.hpp>

namespace masked_train_test {
using namespace tacet;
using namespace tacet::test;
namespace fs = std::filesystem;

namespace {
Words const tiny{"--net.embed-dim", "12", "--net.depths", "2", "--net.num-heads", "2", "--net.window-size", "4", "--net.img-size", "16"};

// A run of a network so small that it takes seconds, on two pictures; words in addition or instead (lists grow).
struct Pictures : ScratchFolder {
    Pictures() {
        write_picture(*this / "train/a.png", picture(20, 30, 3, 1));
        write_picture(*this / "train/b.png", picture(17, 16, 1, 2));
        write_picture(*this / "valid/v.png", picture(16, 20, 3, 3));
    }
    Words words(fs::path const& run, Words const& more = {}, Words const& network = tiny) const {
        Words all{"--train", *this / "train", "--valid", *this / "valid", "--crop", "16", "--batch", "1", "--steps", "6", "--save-every",
                  "3", "--valid-every", "3", "--valid-crop", "16", "--valid-images", "1", "--valid-noise", "gaussian:15",
                  "salt_pepper:0.02", "--threads", "1", "--output", run};
        for (auto const* part : {&network, &more}) all.insert(all.end(), part->begin(), part->end());
        return all;
    }
};
Process masked_train(Words const& words, ProcessOptions const& options = {}) { return run_program("masked_train", words, options); }
void check_run(Process const& p) {
    INFO(p.err);
    REQUIRE(p.status == 0);
    CHECK(p.out == "");
}
}  // namespace

TEST_CASE("masked_train: help, version, unknown options") { check_frame("masked_train", "--net.numheads", "--net.num-heads"); }

TEST_CASE("masked_train: a run leaves all that is promised, figures for each noise, averaged and not; best.safetensors denoises") {
    Pictures dir;
    check_run(masked_train(dir.words(dir / "run", {"--net.mask-ratio1", "60"})));
    for (char const* name : {"config.json", "log.jsonl", "report.html", "loss.svg", "psnr.svg", "noises.svg", "gains.svg", "montage-3.png",
                             "montage-6.png", "last.safetensors", "best.safetensors"})
        CHECK((fs::exists(dir / "run" / name) ? "" : name) == std::string());
    for (char const* key : {"psnr", "raw/psnr", "psnr/gaussian:15", "psnr_input/gaussian:15", "psnr/salt_pepper:0.02",
                            "raw/psnr/salt_pepper:0.02"})
        CHECK(logged_steps(dir / "run", key) == std::vector<Index>{3, 6});
    auto const best = read_safetensors(dir / "run/best.safetensors");
    CHECK(best.metadata.at("network") == "masked_swinir");
    CHECK(best.metadata.at("noise") == "gaussian:15");
    CHECK(best.metadata.at("input_mask") == "80-90");
    CHECK(best.metadata.at("attention_mask") == "60-75");
    CHECK_THAT(AnyDenoiser(best).description(), contains("masked_swinir"));
}

TEST_CASE("masked_train: pairs of noisy pictures, with no noise added to them and none named") {
    Pictures dir;
    auto words = dir.words(dir / "run", {"--pairs", dir / "train", dir / "train", "--steps", "1", "--valid-noise", "jpeg:20"});
    words.erase(words.begin(), words.begin() + 2);  // --train
    check_run(masked_train(words));
    CHECK(!read_safetensors(dir / "run/best.safetensors").metadata.contains("noise"));
}

TEST_CASE("masked_train: stopped and continued, the same bits as at once, masks and dropout included") {
    Pictures dir;
    Words const masks{"--net.mask-ratio1", "60", "--net.mask-ratio2", "90", "--net.last-dropout", "0.5", "--steps", "24"};
    check_run(masked_train(dir.words(dir / "whole", masks)));
    for (int signal : {SIGINT, SIGKILL}) {
        auto const run = dir / ("run" + std::to_string(signal));
        auto const p = masked_train(dir.words(run, masks), {.signal = signal, .signal_when = run / "last.safetensors"});
        INFO(p.err);
        REQUIRE(p.signalled);
        check_run(masked_train(dir.words(run, masks)));
        for (char const* file : {"last.safetensors", "best.safetensors", "montage-24.png"})
            CHECK(read_file(run / file) == read_file(dir / "whole" / file));
    }
}

TEST_CASE("masked_train: the variants of the paper, and the networks to compare with") {
    Pictures dir;
    struct Variant {
        char const *name, *network, *attention;
        Words words;
    };
    Words const one{"--steps", "1", "--no-valid-raw"};
    for (auto const& v : {Variant{"baseline", "masked_swinir", "off", {"--input-mask", "off", "--no-net.use-mask"}},
                          {"dropout", "masked_swinir", "off", {"--input-mask", "off", "--no-net.use-mask", "--net.last-dropout", "0.7"}},
                          {"input", "masked_swinir", "off", {"--no-net.use-mask", "--input-mask", "75"}},
                          {"attention", "masked_swinir", "75", {"--input-mask", "off"}},
                          {"swinir", "swinir", "off", {"--network", "swinir", "--input-mask", "off"}},
                          {"dncnn", "dncnn", "", {"--network", "dncnn", "--width", "4", "--input-mask", "off"}}}) {
        INFO(v.name);
        bool const is_swinir = v.network != std::string("dncnn");
        auto words = dir.words(dir / v.name, one, is_swinir ? tiny : Words{});
        words.insert(words.end(), v.words.begin(), v.words.end());
        check_run(masked_train(words));
        auto const best = read_safetensors(dir / v.name / "best.safetensors");
        CHECK(best.metadata.at("network") == v.network);
        CHECK((best.metadata.contains("attention_mask") ? best.metadata.at("attention_mask") : "") == v.attention);
        CHECK_NOTHROW(AnyDenoiser(best));
        if (is_swinir) CHECK(best.metadata.at("net.img_range") == "1");
    }
    auto const refused = masked_train(dir.words(dir / "refused", {"--network", "dncnn"}));
    check_refused(refused, "the network dncnn has no such option");
    CHECK(!fs::exists(dir / "refused"));
}

TEST_CASE("masked_train: weights go out to PyTorch, also from a run that is complete, and in again to begin with") {
    Pictures dir;
    auto const file = (dir / "weights.pth").string();
    Words const narrow{"--net.embed-dim", "12"};  // of the default network, whose blocks it has
    Words const once{"--steps", "1", "--no-valid-raw", "--export-pytorch", file};
    check_run(masked_train(dir.words(dir / "run", once, narrow)));
    auto const weights = load_checkpoint(file);
    CHECK(weights.tensors.size() == 386);
    fs::remove(file);
    check_run(masked_train(dir.words(dir / "run", once, narrow)));
    CHECK(load_checkpoint(file) == weights);

    check_run(masked_train(dir.words(dir / "again", {"--init", file, "--adam.rate", "1e-30", "--steps", "1"}, narrow)));
    auto const last = read_safetensors(dir / "again/last.safetensors");
    for (char const* name : {"conv_first.weight", "layers.3.residual_group.blocks.5.mlp.fc2.bias"})
        for (std::string const part : {"model.", "ema."}) CHECK(last.at(part + name).data == weights.at(name).data);
    auto const other = masked_train(dir.words(dir / "other", {"--init", file}, {"--net.embed-dim", "24"}));
    check_refused(other, "weights.pth: the weights do not fit the model; ");
    CHECK_THAT(other.err, contains("conv_first.weight (12, 3, 1, 1) instead of (24, 3, 1, 1)"));
    CHECK(!fs::exists(dir / "other"));
}

TEST_CASE("masked_train: an option file, changed by the command line, with one line about what it ignores") {
    Pictures dir;
    write_text(dir / "opt.json", "{\"task\": \"x\", // a name\n\"gpu_ids\": [0],\n\"path\": {\"root\": \"" + dir.path.string()
                                     + "\"},\n\"datasets\": {\"train\": {\"H_size\": 16, \"dataloader_batch_size\": 2,"
                                       " \"noise_level\": 30}},\n\"netG\": {\"window_size\": 4}, \"train\": {\"manual_seed\": 9}}");
    auto words = dir.words("none", {"--opt", dir / "opt.json", "--steps", "1"});
    auto const output = std::find(words.begin(), words.end(), "--output");
    words.erase(output, output + 2);
    auto const p = masked_train(words);
    check_run(p);
    CHECK_THAT(p.err, contains("opt.json: these keys mean nothing here: gpu_ids\n"));
    auto const config = read_json(dir / "x/config.json");
    CHECK(config.at("noise").string() == "gaussian:30");
    CHECK(config.at("seed").integer<int>() == 9);
    CHECK(config.at("batch").integer<int>() == 1);  // the command line's
    CHECK(config.at("opt").string() == "");
    fs::remove(dir / "opt.json");  // the run's own configuration says it all
    check_run(masked_train({"--config", dir / "x/config.json", "--output", dir / "x"}));
    write_text(dir / "bad.json", "{\"scale\": 1,\n\"mask\": 3}");
    check_refused(masked_train(dir.words(dir / "bad", {"--opt", dir / "bad.json"})), "bad.json:2: unknown key \"mask\"");
    check_refused(masked_train(dir.words(dir / "bad", {"--opt", dir / "none.json"})), "none.json");
}

TEST_CASE("masked_train: mistakes are refused in one line, before a folder is made") {
    Pictures dir;
    auto const refuse = [&](Words const& words, std::string const& part) {
        check_refused(masked_train(dir.words(dir / "run", words)), part);
        CHECK(!fs::exists(dir / "run"));
    };
    refuse({"--input-mask", "80-101"}, "--input-mask: percentages lie between 0 and 100");
    refuse({"--net.mask-ratio2", "101"}, "--net.mask-ratio2: 101 is above 100");
    refuse({"--net.mask-ratio1", "90"}, "attention mask: 90 to 75 percent");
    refuse({"--net.embed-dim", "13"}, "cannot have 2 heads");
    refuse({"--network", "unet"}, "--network");
    refuse({"--valid-noise", "gauss:1"}, "did you mean gaussian?");
    refuse({"--export-pytorch", dir / "none/x.pth"}, "--export-pytorch: cannot write");
    refuse({"--init", dir / "none.pth"}, "none.pth");
    auto const small = masked_train(dir.words(dir / "run", {"--crop", "24"}));
    CHECK(small.status == 1);
    CHECK_THAT(small.err, contains("all 2 training pictures are smaller than a patch of 24 x 24 pixels; use a smaller --crop"));
    CHECK(!fs::exists(dir / "run"));
    auto words = dir.words(dir / "run");
    words.erase(words.begin(), words.begin() + 2);
    check_refused(masked_train(words), "name the training data with either --train or --pairs");
}
}  // namespace masked_train_test
