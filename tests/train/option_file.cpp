// SPDX-License-Identifier: MIT
#include <support/capture.hpp>
#include <support/catch.hpp>
#include <support/program.hpp>
#include <support/values.hpp>
#include <tacet/train/option_file.hpp>

namespace option_file_test {
using namespace tacet;
using namespace tacet::test;
namespace fs = std::filesystem;

namespace {
// The released option file, every key with its value.
constexpr char const* released = R"({
  "task": "input_80_90" // the name of the run
  ,"model": "plain"
  ,"gpu_ids": [0,1,2]
  ,"dist": false
  ,"scale": 1
  ,"n_channels": 3
  ,"path": {
    "root": "masked_denoising"  // "masked_denoising/<task>"
    ,"pretrained_netG": null    // path of pretrained model
    ,"pretrained_netE": null
  }
  ,"datasets": {
    "train": {
      "name": "train_dataset"
      ,"dataset_type": "masked_denoising"
      ,"dataroot_H": "/home/haoyu/data/train/"
      ,"dataroot_L": null
      ,"H_size": 64
      ,"lq_patchsize": 64
      ,"dataloader_shuffle": true
      ,"dataloader_num_workers": 16
      ,"dataloader_batch_size": 64
      ,"noise_level": 15
      ,"if_mask": true
      ,"mask1": 80
      ,"mask2": 90
    }
    ,"test": {
      "name": "test_dataset"
      ,"dataset_type": "plain"
      ,"dataroot_H": "testset/McM/HR"
      ,"dataroot_L": "testset/McM/McM_poisson_20"
    }
  }
  ,"netG": {
    "net_type": "swinir"
    ,"upscale": 1
    ,"in_chans": 3
    ,"img_size": 64
    ,"window_size": 8
    ,"img_range": 1.0
    ,"depths": [6, 6, 6, 6]
    ,"embed_dim": 60
    ,"num_heads": [6, 6, 6, 6]
    ,"mlp_ratio": 2
    ,"upsampler": null
    ,"resi_connection": "3conv"
    ,"init_type": "default"
    ,"talking_heads": false
    ,"attn_fn": "softmax"
    ,"head_scale": false
    ,"on_attn": false
    ,"use_mask": true
    ,"mask_ratio1": 75
    ,"mask_ratio2": 75
    ,"mask_is_diff": false
    ,"type": "stand"
  }
  ,"train": {
    "manual_seed": 1
    ,"G_lossfn_type": "l1"
    ,"G_lossfn_weight": 1.0
    ,"E_decay": 0.999
    ,"G_optimizer_type": "adam"
    ,"G_optimizer_lr": 1e-4
    ,"G_optimizer_wd": 0
    ,"G_optimizer_clipgrad": null
    ,"G_optimizer_reuse": true
    ,"G_scheduler_type": "MultiStepLR"
    ,"G_scheduler_milestones": []
    ,"G_scheduler_gamma": 0.5
    ,"G_regularizer_orthstep": null
    ,"G_regularizer_clipstep": null
    ,"G_param_strict": true
    ,"E_param_strict": true
    ,"checkpoint_test": 5000
    ,"checkpoint_save": 5000
    ,"checkpoint_print": 100
    ,"save_image": ["img_043_x1","img_021_x1","img_024_x1","img_031_x1","img_041_x1","img_032_x1"]
  }
}
)";

/// The released file with one part of it replaced.
std::string changed(std::string const& from, std::string const& to) {
    std::string text = released;
    auto const at = text.find(from);
    REQUIRE(at != text.npos);
    return text.replace(at, from.size(), to);
}
MaskedTrainOptions options_of(std::string const& text) { return parse_option_file(text, "file.json").options; }
std::vector<std::string> difference(MaskedTrainOptions const& a, MaskedTrainOptions const& b) { return options_difference(a, b); }
/// What is refused, with the line on which the replaced part stands.
void refuse(std::string const& from, std::string const& to, std::string const& message) {
    auto const text = changed(from, to);
    auto const line = 1 + std::count(text.begin(), text.begin() + static_cast<std::ptrdiff_t>(text.find(to)), '\n');
    CHECK(error_text([&] { options_of(text); }) == concat_text("file.json:", line, ": ", message));
}
}  // namespace

TEST_CASE("The released option file means the defaults, with its folders") {
    auto const file = parse_option_file(released, "file.json");
    CHECK(difference({}, file.options)
          == std::vector<std::string>{"train: none -> /home/haoyu/data/train/", "valid: none -> testset/McM/HR",
                                      "valid_pairs: none -> testset/McM/McM_poisson_20 testset/McM/HR"});
    CHECK(file.options.output == "masked_denoising/input_80_90");
    CHECK(file.ignored
          == std::vector<std::string>{"gpu_ids", "dist", "path.pretrained_netE", "datasets.train.name", "datasets.train.dataroot_L",
                                      "datasets.train.dataloader_shuffle", "datasets.train.dataloader_num_workers",
                                      "datasets.test.name", "train.G_lossfn_weight", "train.G_optimizer_reuse",
                                      "train.G_regularizer_orthstep", "train.G_regularizer_clipstep", "train.G_param_strict",
                                      "train.E_param_strict", "train.checkpoint_print", "train.save_image"});
    file.options.check_consistent();
    CHECK(file.options.patches().input_mask == PercentRange{80, 90});
    CHECK(file.options.patches().clean_targets);
}

TEST_CASE("The files beside the released weights") {
    auto text = changed("[]", "[150000,200000,300000,350000,400000]");
    CHECK(options_of(text).training.schedule.milestones == std::vector<Index>{150000, 200000, 300000, 350000, 400000});
    text = changed("\"if_mask\": true", "\"if_mask\": false");
    for (auto const& [from, to] : {std::pair{"\"mask1\": 80", "\"mask1\": 75"}, {"\"mask2\": 90", "\"mask2\": 75"},
                                   {"\"use_mask\": true", "\"use_mask\": false"}, {"batch_size\": 64", "batch_size\": 16"},
                                   {"\"input_80_90\"", "\"baseline\""}, {"[0,1,2]", "[0]"}})
        text.replace(text.find(from), std::string(from).size(), to);
    auto const baseline = options_of(text);
    CHECK(difference(options_of(released), baseline)
          == std::vector<std::string>{"batch: 64 -> 16", "input_mask: 80-90 -> off", "net.use_mask: true -> false"});
    CHECK(baseline.output == "masked_denoising/baseline");
    CHECK(!baseline.patches().input_mask);
}

TEST_CASE("Every value of an option file arrives, and a // within a text is no comment") {
    auto o = options_of(R"({"task": "t", "path": {"root": "ftp://host/x", "pretrained_netG": "G.pth"}, // the rest
        "datasets": {"train": {"H_size": 96, "lq_patchsize": 48, "noise_level": 25.5, "if_mask": true, "mask1": 0, "mask2": 100}},
        "netG": {"window_size": 4, "img_size": 32, "depths": [2], "num_heads": [2], "embed_dim": 12, "mlp_ratio": 4, "img_range": 255,
                 "resi_connection": "1conv", "attn_fn": "entmax15", "talking_heads": true, "head_scale": true, "type": "sum",
                 "use_mask": true, "mask_ratio1": 60, "mask_ratio2": 90, "mask_is_diff": true},
        "train": {"manual_seed": 7, "G_lossfn_type": "charbonnier", "E_decay": 0.9, "G_optimizer_lr": 0.5, "G_optimizer_wd": 0.25,
                  "G_optimizer_clipgrad": 3, "G_optimizer_betas": [0.5, 0.75], "G_scheduler_gamma": 0.1, "checkpoint_test": 10,
                  "checkpoint_save": 20}})");
    CHECK(o.output == "ftp://host/x/t");
    CHECK(o.init == fs::path("G.pth"));
    CHECK((o.crop == 48 && o.noise == "gaussian:25.5" && o.input_mask == "0-100" && o.seed == 7));
    SwinIROptions net = MaskedTrainOptions{}.net;
    net.window_size = 4, net.img_size = 32, net.depths = {2}, net.num_heads = {2}, net.embed_dim = 12, net.mlp_ratio = 4;
    net.img_range = 255, net.resi_connection = ResiConnection::conv1, net.mask_ratio1 = 60, net.mask_ratio2 = 90;
    net.attention = {.attn_fn = AttentionFunction::entmax15, .talking_heads = true, .head_scale = true, .on_attn = false,
                     .mask_is_diff = true, .type = HeadMerge::sum};
    CHECK(o.net == net);
    auto const& t = o.training;
    CHECK((t.loss == "charbonnier" && t.ema == 0.9 && t.clip == 3 && t.valid_every == 10 && t.save_every == 20));
    CHECK((t.adam.rate == 0.5 && t.adam.weight_decay == 0.25 && t.adam.beta1 == 0.5 && t.adam.beta2 == 0.75));
    CHECK(t.schedule.gamma == 0.1);
    CHECK(options_of(R"({"netG": {"attn_fn": null}})").net.attention.attn_fn == AttentionFunction::none);
    CHECK(options_of(R"({"netG": {"attn_fn": false, "upsampler": ""}})").net.attention.attn_fn == AttentionFunction::none);
    CHECK(difference({}, options_of("{}")).empty());
}

TEST_CASE("Switches of an option file that are null or missing are off, and masks need the switch that says so") {
    CHECK(difference(options_of(released), options_of(changed("\"if_mask\": true", "\"if_mask\": null")))
          == std::vector<std::string>{"input_mask: 80-90 -> off"});
    CHECK(difference(options_of(released), options_of(changed("\"use_mask\": true", "\"use_mask\": null")))
          == std::vector<std::string>{"net.use_mask: true -> false"});
    for (char const* masks : {R"("mask1": 10, "mask2": 20)", R"("mask2": 20)"})
        CHECK_THAT(error_text([&] { options_of(concat_text("{\"datasets\": {\n\"train\": {", masks, "}}}")); }),
                   contains("file.json:2: datasets.train.mask") && contains(": needs if_mask, true or false"));
    CHECK(difference(options_of(released), options_of(changed(",\"use_mask\": true", "")))
          == std::vector<std::string>{"net.use_mask: true -> false"});
    auto const unmasked = options_of(R"({"datasets": {"train": {"mask1": null, "mask2": null}}, "netG": {"img_range": 1}})");
    CHECK((unmasked.input_mask == "off" && !unmasked.net.use_mask));
    CHECK((options_of(R"({"datasets": {"test": {}}})").input_mask == "80-90"));
    CHECK(options_of(R"({"datasets": {"train": {"if_mask": true, "mask1": 10, "mask2": 20}}})").input_mask == "10-20");
}

TEST_CASE("Defaults that the authors' parser adds are taken as they are, or ignored") {
    auto const file = parse_option_file(R"({"merge_bn": false, "find_unused_parameters": true, "use_static_graph": false, "num_gpu": 1,
        "train": {"G_optimizer_betas": [0.9, 0.999], "G_scheduler_restart_weights": 1, "F_feature_layer": [2, 7, 16, 25, 34],
                  "F_weights": [0.1, 0.1, 1.0, 1.0, 1.0], "F_lossfn_type": "l1", "F_use_input_norm": true, "F_use_range_norm": false}})",
                                        "file.json");
    CHECK(difference({}, file.options).empty());
    CHECK(file.ignored.size() == 10);
}

TEST_CASE("Unknown keys, and values that mean what cannot be done here, are errors with their line") {
    refuse("\"H_size\": 64", "\"Hsize\": 64", "unknown key \"datasets.train.Hsize\" (did you mean \"datasets.train.H_size\"?)");
    refuse("\"dist\": false", "\"dish\": false", "unknown key \"dish\" (did you mean \"dist\"?)");
    refuse("\"scale\": 1", "\"scale\": 2", "scale: 2 is not possible here, only 1");
    refuse("\"model\": \"plain\"", "\"model\": \"gan\"", "model: \"gan\" is not possible here, only \"plain\"");
    refuse("\"swinir\"", "\"dncnn\"", "netG.net_type: \"dncnn\" is not possible here, only \"swinir\"");
    refuse("\"MultiStepLR\"", "\"Cosine\"", "train.G_scheduler_type: \"Cosine\" is not possible here, only \"MultiStepLR\"");
    refuse("\"l1\"", "\"ssim\"", "train.G_lossfn_type: \"ssim\" is not l2, l1 or charbonnier");
    refuse("\"H_size\": 64", "\"H_size\": \"big\"", "datasets.train.H_size: expected a whole number, found a string");
}

TEST_CASE("Values out of range, or that contradict each other, are errors with their line") {
    refuse("\"H_size\": 64", "\"H_size\": 68", "datasets.train.H_size: 68 is no multiple of netG.window_size, 8");
    refuse("\"lq_patchsize\": 64", "\"lq_patchsize\": 60", "datasets.train.lq_patchsize: 60 is no multiple of netG.window_size, 8");
    refuse("\"lq_patchsize\": 64", "\"lq_patchsize\": 72", "datasets.train.lq_patchsize: 72 is larger than H_size, 64");
    refuse("\"lq_patchsize\": 64", "\"lq_patchsize\": 2048", "datasets.train.lq_patchsize: 2048 is above 1024");  // as --crop
    refuse("\"lq_patchsize\": 64", "\"lq_patchsize\": 4", "datasets.train.lq_patchsize: 4 is below 8");
    CHECK(error_text([] { options_of(R"({"datasets": {"train": {"H_size": 2048}}})"); })
          == "file.json:1: datasets.train.H_size: 2048 is above 1024");
    CHECK(options_of(R"({"datasets": {"train": {"H_size": 2048, "lq_patchsize": 64}}})").crop == 64);
    refuse("\"mask1\": 80", "\"mask1\": 95", "datasets.train.mask1: 95 is larger than mask2, 90");
    refuse("\"mask2\": 90", "\"mask2\": 101", "datasets.train.mask2: 101 is no percentage of 0 to 100");
    refuse("\"mask1\": 80", "\"mask1\": -1", "datasets.train.mask1: -1 is no percentage of 0 to 100");
    refuse("\"mask1\": 80", "\"mask1\": 80.5", "datasets.train.mask1: 80.5 is not a whole number");
    refuse("\"mask_ratio1\": 75", "\"mask_ratio1\": 101", "netG.mask_ratio1: 101 is above 100");
    refuse("\"mask_ratio1\": 75", "\"mask_ratio1\": 90", "netG.mask_ratio1: 90 is larger than mask_ratio2, 75");
    refuse("\"num_heads\": [6, 6, 6, 6]", "\"num_heads\": [6, 6, 7, 6]", "netG.num_heads: 7 heads do not divide embed_dim, 60");
    refuse("\"num_heads\": [6, 6, 6, 6]", "\"num_heads\": [6, 6, 6]", "netG.num_heads: 3 groups have heads, but 4 have depths");
    refuse("\"n_channels\": 3", "\"n_channels\": 1", "n_channels: 1 differs from netG.in_chans, 3");
    refuse("\"img_size\": 64", "\"img_size\": 60", "netG.img_size: images of 60 pixels are no larger multiple of window_size, 8");
    refuse("\"noise_level\": 15", "\"noise_level\": -1",
           "datasets.train.noise_level: noise \"gaussian\": levels lie between 0 and 10000, not -1 to -1");
    auto text = changed("\"use_mask\": true", "\"use_mask\": false");
    text.replace(text.find("\"mask_is_diff\": false"), 21, "\"mask_is_diff\": true");
    CHECK(error_text([&] { options_of(text); }) == "file.json:57: netG.mask_is_diff: masks of each head need use_mask");
    text = changed(",\"mask2\": 90", "");
    CHECK(error_text([&] { options_of(text); }) == "file.json:25: datasets.train.if_mask: needs mask1 and mask2");
    CHECK(error_text([&] { options_of("{\n\"netG\": []}"); }) == "file.json:2: netG: is an array, no object");
    CHECK_THAT(error_text([&] { options_of("{\"task\": }"); }), contains("file.json:1: "));
}

TEST_CASE("The command line wins over the option file, and pictures that it names replace those of the file") {
    ScratchFolder dir;
    write_text(dir / "opt.json", released);
    auto const read = [&](Words words) {
        words.insert(words.end(), {"--opt", dir / "opt.json"});
        MaskedTrainOptions given;
        parse_command_line(words, given);
        return with_option_file(given, words);
    };
    Capture error(stderr);
    auto const o = read({"--valid", "v", "--output", "run", "--batch", "4", "--net.mask-ratio1", "60", "--seed", "1"});
    auto const said = error.stop();
    CHECK(std::count(said.begin(), said.end(), '\n') == 1);
    CHECK_THAT(said, contains("opt.json: these keys mean nothing here: gpu_ids, dist, path.pretrained_netE"));
    CHECK((o.output == "run" && o.batch == 4 && o.net.mask_ratio1 == 60 && o.net.mask_ratio2 == 75 && o.opt.empty()));
    CHECK(o.train == std::vector<fs::path>{"/home/haoyu/data/train/"});
    CHECK(o.valid == std::vector<fs::path>{"v"});
    CHECK(o.valid_pairs.empty());
    Capture quiet(stderr);
    auto const p = read({"--pairs", "a", "b"});
    quiet.stop();
    CHECK(p.train.empty());
    CHECK(p.valid_pairs.size() == 2);
}

TEST_CASE("Options of masked training that contradict each other or are out of range") {
    auto const message = [](auto change) {
        MaskedTrainOptions o;
        change(o);
        return error_text([&] { o.check_consistent(); });
    };
    CHECK(message([](auto&) {}) == "no error");
    CHECK(message([](auto& o) { o.input_mask = "90-80"; }) == "--input-mask: the range 90 to 80 % is empty");
    CHECK(message([](auto& o) { o.input_mask = "80-101"; }) == "--input-mask: percentages lie between 0 and 100, not 80 to 101");
    CHECK_THAT(message([](auto& o) { o.input_mask = "80%"; }), contains("--input-mask: \"80%\" is neither PERCENT nor LOW-HIGH"));
    CHECK_THAT(message([](auto& o) { o.noise = "gauss:15"; }), contains("did you mean gaussian?"));
    CHECK_THAT(message([](auto& o) { o.valid_noise = {"jpg:3"}; }), contains("did you mean jpeg?"));
    CHECK(message([](auto& o) { o.valid_noise = {"jpeg:30"}; }) == "no error");
    CHECK_THAT(message([](auto& o) { o.net.num_heads = {6, 6, 6, 7}; }), contains("cannot have 7 heads"));
    CHECK_THAT(message([](auto& o) { o.net.upscale = 2; }), contains("enlarge"));
    CHECK_THAT(message([](auto& o) { o.net.in_chans = 1; }), contains("--net.in-chans"));
    CHECK_THAT(message([](auto& o) { o.net.ape = true; }), contains("--net.ape needs --crop"));
    CHECK(percent_text(parse_percent_range("75", "x")) == "75");
    CHECK(percent_text(parse_percent_range("0-100", "x")) == "0-100");
    CHECK(percent_text(parse_percent_range("off", "x")) == "off");
    MaskedTrainOptions o;
    o.network = "swinir";
    CHECK((o.swinir().first_kernel == 3 && !o.swinir().use_mask && o.swinir().embed_dim == 60));
    CHECK((o.resolved().net == o.swinir() && o.resolved().resolved().net == o.swinir()));
    auto const unused = [](auto&& change) {
        MaskedTrainOptions changed;
        change(changed);
        return error_text([&] { changed.check_net_is_used(); });
    };
    CHECK_THAT(unused([](auto& c) { c.network = "swinir", c.net.resi_connection = ResiConnection::conv6; }),
               contains("--net.resi-connection: the network swinir has 1conv there"));
    CHECK_THAT(unused([](auto& c) { c.network = "dncnn", c.net.embed_dim = 13; }), contains("--net.embed-dim: the network dncnn has no"));
    MaskedTrainOptions wide{};
    wide.network = "swinir", wide.net.embed_dim = 120, wide.net.attention.head_scale = true;
    CHECK_NOTHROW(wide.check_net_is_used());
}
}  // namespace option_file_test
