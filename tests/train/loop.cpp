// SPDX-License-Identifier: MIT
#include <support/catch.hpp>
#include <support/program.hpp>
#include <tacet/nn/conv.hpp>
#include <tacet/nn/norm.hpp>
#include <tacet/train/loop.hpp>
#include <tacet/train/sources.hpp>

namespace loop_test {
using namespace tacet;
using namespace tacet::test;
namespace fs = std::filesystem;

namespace {
// A network with two switches between training and evaluation, and with draws.
struct Net {
    static constexpr float offset = 0.5f;
    struct Draws {
        std::uint64_t seed = 7;
        std::uint32_t draw = 99;
    };
    Conv2d<> conv;
    BatchNorm2d<> first, second;
    Draws draws;
    std::vector<std::pair<std::uint64_t, std::uint32_t>>* drawn = nullptr;  // seed and draw of each pass
    explicit Net(Rng& rng) : conv(3, 3, 3, rng, {.padding = 1}), first(3), second(3) {}
    auto operator()(Variable<float, 4> const& x) const {
        if (drawn) drawn->push_back({draws.seed, draws.draw});
        return second(first(conv(x)));
    }
    static void fields(auto& self, auto&& field) {
        field("conv", self.conv), field("first", self.first), field("second", self.second);
    }
};

// Two megabytes of features for a patch of 32 x 32.
struct ManyFeatures {
    static constexpr float offset = 0;
    Conv2d<> first, last;
    explicit ManyFeatures(Rng& rng) : first(3, 512, 3, rng, {.padding = 1}), last(512, 3, 3, rng, {.padding = 1}) {}
    auto operator()(Variable<float, 4> const& x) const { return last(first(x)); }
    static void fields(auto& self, auto&& field) { field("first", self.first), field("last", self.last); }
};

struct Nothing {
    static void fields(auto&, auto&&) {}
};

DeadLeavesSource source() { return DeadLeavesSource({.batch = 1, .crop = 32, .seed = 3, .noise = {"gaussian", 25, 25}}); }
TrainOptions options(Index steps, double decay = 0) {
    TrainOptions o;
    o.steps = steps, o.valid_every = 2, o.save_every = 1, o.adam.weight_decay = decay, o.ema = 0.5;
    return o;
}
/// Trains in `folder`; what validations find is said by `quality(step)`.
template <class Quality> std::string train_in(fs::path const& folder, TrainOptions const& o, Quality quality) {
    Rng rng(1);
    Net model(rng);
    Trainer trainer(model, o);
    RunFolder run(folder, Nothing{});
    return error_text([&] {
        run_training(trainer, source(), o, run, {}, [&](Net&) { return Validation{{}, quality(trainer.step())}; });
    });
}
}  // namespace

TEST_CASE("Weights that are not finite end a run; nothing of them is kept, and what was saved before stays") {
    ScratchFolder dir;
    REQUIRE(train_in(dir / "run", options(2), [](Index) { return 20.0; }) == "no error");
    auto const last = text_of(dir / "run/last.safetensors"), best = text_of(dir / "run/best.safetensors");
    // A decay that a float cannot hold: finite losses and gradients, but no finite step.
    auto const text = train_in(dir / "run", options(6, 1e300), [](Index) { return 30.0; });
    CHECK_THAT(text, contains("step 3: model.conv.weight is not finite (batch: dead leaves 2)"));
    CHECK_THAT(text, contains("the last checkpoint is as it was"));
    CHECK(text_of(dir / "run/last.safetensors") == last);
    CHECK(text_of(dir / "run/best.safetensors") == best);

    auto rare = options(6, 1e300);
    rare.valid_every = rare.save_every = 100;  // the first step that is skipped for it ends the run, too
    CHECK_THAT(train_in(dir / "rare", rare, [](Index) { return 30.0; }), contains("step 2: model.conv.weight is not finite"));
    CHECK(!fs::exists(dir / "rare/last.safetensors"));
}

TEST_CASE("A step that takes more memory than there is ends a run with what to lower") {
    ScratchFolder dir;
    Rng rng(1);
    ManyFeatures model(rng);
    Trainer trainer(model, options(2));
    RunFolder run(dir / "run", Nothing{});
    release_cached_memory();
    set_memory_limit(memory_statistics().live + (std::size_t(1) << 20));
    auto const text = error_text([&] { run_training(trainer, source(), options(2), run, {}, [](ManyFeatures&) { return Validation{}; }); });
    set_memory_limit(std::numeric_limits<std::size_t>::max());
    CHECK_THAT(text, contains("step 1: out of memory: "));
    CHECK_THAT(text, contains("; use a smaller --batch or --crop"));
}

TEST_CASE("A quality of NaN is never the best") {
    ScratchFolder dir;
    auto const o = options(6);
    CHECK(train_in(dir / "run", o, [](Index step) { return step == 4 ? 20.0 : std::nan(""); }) == "no error");
    CHECK(read_safetensors(dir / "run/best.safetensors").metadata.at("step") == "4");
    CHECK(read_safetensors(dir / "run/last.safetensors").metadata.at("best") == "20");
    CHECK(train_in(dir / "never", o, [](Index) { return std::nan(""); }) == "no error");
    CHECK(!fs::exists(dir / "never/best.safetensors"));
}

TEST_CASE("Training begins with every switch on; a validation turns them off and gives them back as they were, also when it fails") {
    ScratchFolder dir;
    Rng rng(1);
    Net model(rng);
    set_training(model, false);
    auto const o = options(4);
    Trainer trainer(model, o);
    CHECK((model.first.training && model.second.training));
    model.first.training = false;  // frozen
    RunFolder run(dir / "run", Nothing{});
    int validations = 0;
    auto const text = error_text([&] {
        run_training(trainer, source(), o, run, {}, [&](Net& m) {
            CHECK((!m.first.training && !m.second.training));
            check(++validations < 2, "no picture");
            return Validation{};
        });
    });
    CHECK(text == "no picture");
    CHECK(validations == 2);
    CHECK((!model.first.training && model.second.training));
}

TEST_CASE("A network that draws draws by the step in training, after a pause too, and by seed and draw 0 in validations") {
    ScratchFolder dir;
    std::vector<std::pair<std::uint64_t, std::uint32_t>> drawn;
    for (Index steps : {2, 4}) {
        Rng rng(1);
        Net model(rng);
        model.drawn = &drawn;
        Trainer trainer(model, options(steps));
        RunFolder run(dir / "run", Nothing{});
        run_training(trainer, source(), options(steps), run, {}, [&](Net& m) {
            drawn.push_back({m.draws.seed, m.draws.draw});
            return Validation{};
        });
        CHECK((model.draws.seed == 7 && model.draws.draw == static_cast<std::uint32_t>(steps - 1)));
    }
    using Passes = std::vector<std::pair<std::uint64_t, std::uint32_t>>;
    CHECK(drawn == Passes{{7, 0}, {7, 1}, {0, 0}, {7, 2}, {7, 3}, {0, 0}});
}

TEST_CASE("Weights of the step are validated beside the averaged ones; the report gets a curve for each kind of noise") {
    ScratchFolder dir;
    Rng rng(1);
    Net model(rng);
    auto o = options(4);
    o.valid_raw = true;
    Trainer trainer(model, o);
    RunFolder run(dir / "run", Nothing{});
    std::vector<float> weights;  // one of them, in each validation
    run_training(trainer, source(), o, run, {}, [&](Net& m) {
        weights.push_back(m.conv.weight.value().data()[0]);
        double const found = static_cast<double>(weights.size());
        return Validation{{{"psnr", found}, {"psnr_input", 1.0}, {"psnr/a:1", found}, {"psnr_input/a:1", 0.5}}, found};
    });
    REQUIRE(weights.size() == 4);
    CHECK(weights[0] != weights[1]);  // of the step, averaged
    CHECK(model.conv.weight.value().data()[0] == weights[2]);
    auto const& records = run.records();
    auto const psnr = tacet::detail::curve(records, "psnr", ""), raw = tacet::detail::curve(records, "raw/psnr", "");
    CHECK((psnr.x == std::vector<double>{2, 4} && psnr.y == std::vector<double>{2, 4}));
    CHECK((raw.x == std::vector<double>{2, 4} && raw.y == std::vector<double>{1, 3}));
    CHECK(read_safetensors(dir / "run/last.safetensors").metadata.at("best") == "4");  // only averaged weights can be the best
    auto const noises = tacet::detail::noise_plot(records, false), gains = tacet::detail::noise_plot(records, true);
    REQUIRE((noises.series.size() == 1 && gains.series.size() == 1));
    CHECK((noises.series[0].name == "a:1" && noises.series[0].y == std::vector<double>{2, 4}));
    CHECK(gains.series[0].y == std::vector<double>{1.5, 3.5});
    write_run_report(run, "Title", {});
    for (char const* file : {"loss.svg", "psnr.svg", "noises.svg", "gains.svg"})
        CHECK_THAT(text_of(dir / "run/report.html"), contains(text_of(dir / "run" / file)));
}

TEST_CASE("Gains are those over the input of the same step; what is not finite is left out, before a log is written and after") {
    constexpr double infinite = std::numeric_limits<double>::infinity();
    std::vector<Json> records;
    for (auto const& [step, input] : {std::pair{1.0, infinite}, {2.0, 20.0}, {3.0, infinite}, {4.0, 22.0}})
        records.push_back(Json::Object{{"step", step}, {"psnr", 30.0}, {"psnr/a:1", 30 + step}, {"psnr_input/a:1", input},
                                       {"psnr/b:0", 30.0}, {"psnr_input/b:0", infinite}});
    auto reloaded = records;
    for (auto& r : reloaded) r = parse_json(r.dump());
    for (auto const& log : {records, reloaded}) {
        auto const gains = tacet::detail::noise_plot(log, true).series;
        REQUIRE(gains.size() == 1);
        CHECK((gains[0].name == "a:1" && gains[0].x == std::vector<double>{2, 4} && gains[0].y == std::vector<double>{12, 12}));
        CHECK(tacet::detail::noise_plot(log, false).series.size() == 2);
    }
}
}  // namespace loop_test
