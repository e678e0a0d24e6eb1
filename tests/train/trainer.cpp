// SPDX-License-Identifier: MIT
#include <support/catch.hpp>
#include <tacet/io/safetensors.hpp>
#include <tacet/models/noise2noise.hpp>
#include <tacet/train/sources.hpp>
#include <tacet/train/trainer.hpp>

namespace trainer_test {
using namespace tacet;

namespace {

Noise2NoiseUNet<> small_network() {
    Rng rng(1);
    return Noise2NoiseUNet<>(3, 3, rng, 2);
}
TrainOptions options(Index steps) {
    TrainOptions o;
    o.steps = steps, o.adam.rate = 2e-3, o.ema = 0.9;
    return o;
}
DeadLeavesSource source() {
    return DeadLeavesSource({.batch = 2, .crop = 32, .seed = 3, .noise = {"gaussian", 25, 25}, .clean_targets = false});
}

Checkpoint trained(Index from_scratch_to, Index interrupted_at) {
    auto const batches = source();
    Checkpoint state;
    {
        auto model = small_network();
        Trainer trainer(model, options(from_scratch_to));
        while (trainer.step() < interrupted_at) trainer.train(batches.batch(trainer.step()));
        state = parse_safetensors(format_safetensors(trainer.state()));
    }
    Rng other(99);  // the resumed process begins with other weights
    Noise2NoiseUNet<> model(3, 3, other, 2);
    Trainer trainer(model, options(from_scratch_to));
    trainer.restore(state);
    REQUIRE(trainer.step() == interrupted_at);
    while (!trainer.finished()) trainer.train(batches.batch(trainer.step()));
    return trainer.state();
}

}  // namespace

TEST_CASE("A resumed run ends with the bits of the uninterrupted one, wherever it was stopped") {
    auto const whole = trained(8, 0);
    for (Index at : {1, 3, 7, 8}) {
        auto const parts = trained(8, at);
        REQUIRE(parts == whole);  // weights, averages, moments and counters
    }
}

TEST_CASE("Training is the same for any number of threads") {
    int const before = num_threads();
    set_num_threads(1);
    auto const one = trained(3, 0);
    set_num_threads(3);
    auto const three = trained(3, 0);
    set_num_threads(before);
    REQUIRE(one == three);
}

TEST_CASE("The loss falls on a fixed batch") {
    auto model = small_network();
    Trainer trainer(model, options(60));
    auto const batch = source().batch(0);
    double const first = trainer.train(batch).loss;
    double last = first;
    while (!trainer.finished()) last = trainer.train(batch).loss;
    REQUIRE(last < 0.6 * first);
}

TEST_CASE("A step whose loss is not finite leaves weights, averages and moments alone, and is counted") {
    auto model = small_network();
    Trainer trainer(model, options(10));
    auto const good = source().batch(0);
    trainer.train(good);
    auto const before = trainer.state();
    Batch bad = source().batch(1);
    bad.input = bad.input.clone();
    bad.input.data()[5] = NAN;
    auto const result = trainer.train(bad);
    REQUIRE(result.skipped);
    REQUIRE(trainer.skipped() == 1);
    REQUIRE(trainer.skipped_in_a_row() == 1);
    auto const after = trainer.state();
    REQUIRE(after.tensors == before.tensors);
    REQUIRE(!trainer.train(good).skipped);
    REQUIRE(trainer.skipped_in_a_row() == 0);
    REQUIRE(trainer.state().tensors != before.tensors);
}

TEST_CASE("States of other networks, and unknown losses, are refused") {
    auto model = small_network();
    Trainer trainer(model, options(10));
    Rng rng(1);
    Noise2NoiseUNet<> wide(3, 3, rng, 4);
    Trainer other(wide, options(10));
    REQUIRE_THROWS_WITH(trainer.restore(other.state()), test::contains("has shape"));
    auto state = trainer.state();
    state.metadata.erase("step");
    REQUIRE_THROWS_WITH(trainer.restore(state), test::contains("step"));
    auto o = options(1);
    o.loss = "l3";
    REQUIRE_THROWS_WITH((Trainer(model, o)), "loss: \"l3\" is not known (did you mean l2?)");
    o.loss = "";
    REQUIRE_THROWS_WITH((Trainer(model, o)), test::contains("l2, l1 and charbonnier"));
}

TEST_CASE("Options out of their ranges are refused with the option's name, however they were given") {
    auto model = small_network();
    auto const refuse = [&](auto change, std::string const& text) {
        auto o = options(1);
        change(o);
        CHECK_THROWS_WITH(Trainer(model, o), text);
    };
    refuse([](auto& o) { o.adam.rate = 0; }, "adam.rate: 0 is not above 0");
    refuse([](auto& o) { o.adam.rate = -1; }, "adam.rate: -1 is not above 0");
    refuse([](auto& o) { o.adam.beta1 = 1; }, "adam.beta1: 1 is not below 1");
    refuse([](auto& o) { o.adam.beta2 = -0.5; }, "adam.beta2: -0.5 is below 0");
    refuse([](auto& o) { o.adam.epsilon = 0; }, "adam.epsilon: 0 is not above 0");
    refuse([](auto& o) { o.adam.weight_decay = -1; }, "adam.weight_decay: -1 is below 0");
    refuse([](auto& o) { o.schedule.kind = "cosin"; }, "schedule.kind: \"cosin\" is not known (did you mean cosine?)");
    refuse([](auto& o) { o.schedule.gamma = -3; }, "schedule.gamma: -3 is not above 0");
    refuse([](auto& o) { o.schedule.gamma = 1.5; }, "schedule.gamma: 1.5 is above 1");
    refuse([](auto& o) { o.schedule.floor = 2; }, "schedule.floor: 2 is above 1");
    refuse([](auto& o) { o.schedule.fraction = -0.1; }, "schedule.fraction: -0.1 is below 0");
    refuse([](auto& o) { o.schedule.patience = -1; }, "schedule.patience: -1 is below 0");
    auto o = options(1);
    o.adam.beta1 = 0, o.schedule.gamma = 1, o.schedule.floor = 1, o.schedule.fraction = 0, o.schedule.patience = 0;
    CHECK_NOTHROW(Trainer(model, o));
}

TEST_CASE("Patches are the same in any order, and input and target have noise of their own") {
    auto const batches = source();
    auto const late = batches.batch(5);
    auto const early = batches.batch(0);
    auto const again = batches.batch(5);
    REQUIRE(std::equal(late.input.data(), late.input.data() + late.input.size(), again.input.data()));
    REQUIRE(std::equal(late.target.data(), late.target.data() + late.target.size(), again.target.data()));
    REQUIRE(!std::equal(late.input.data(), late.input.data() + late.input.size(), early.input.data()));
    double product = 0, square = 0;  // the difference of two independent corruptions has twice the variance of one
    for (Index k = 0; k < late.input.size(); ++k) {
        double const d = double(late.input.data()[k]) - double(late.target.data()[k]);
        square += d * d, product += d;
    }
    double const n = static_cast<double>(late.input.size());
    REQUIRE(std::sqrt(square / n) == Approx(std::sqrt(2.0) * 25 / 255).epsilon(0.05));
    REQUIRE(std::abs(product / n) < 0.01);
}

TEST_CASE("The schedule plateau lowers the rate when validations stop improving, and continues from a state as if nothing had happened") {
    auto o = options(20);
    o.schedule = {.kind = "plateau", .gamma = 0.25, .patience = 1};
    auto const batches = source();
    double const qualities[] = {20, 22, 21, 22, 22, 21.5, 23, 22};  // the factor falls at the second in a row that is no better
    double const factors[] = {1, 1, 1, 0.25, 0.25, 0.0625, 0.0625, 0.0625};
    auto const rounds = [&](auto& trainer, std::size_t from, std::size_t to) {
        for (std::size_t k = from; k < to; ++k) {
            trainer.train(batches.batch(trainer.step()));
            trainer.observe(qualities[k]);
            CHECK(trainer.factor() == factors[k]);
        }
    };
    auto model = small_network();
    Trainer trainer(model, o);
    rounds(trainer, 0, 8);
    auto const whole = trainer.state();
    for (std::size_t at : {0u, 1u, 3u, 5u}) {
        auto first = small_network(), second = small_network();
        Trainer interrupted(first, o), resumed(second, o);
        rounds(interrupted, 0, at);
        resumed.restore(parse_safetensors(format_safetensors(interrupted.state())));
        rounds(resumed, at, 8);
        CHECK(resumed.state() == whole);
    }
    auto state = trainer.state();
    state.metadata.erase("plateau.waited");
    CHECK_THROWS_WITH(trainer.restore(state), "the training state has no valid \"plateau.waited\"");

    auto other_model = small_network();
    Trainer constant(other_model, options(20));  // other schedules do not listen, and have no such state
    for (int k = 0; k < 20; ++k) constant.observe(1);
    CHECK(constant.factor() == 1);
    CHECK(constant.state().metadata.count("plateau.best") == 0);
}

TEST_CASE("Gradients above the clip, 1 unless it is said otherwise, are scaled down to it; others are left alone") {
    auto const batch = source().batch(0);
    auto const after = [&](double clip, double scale) {
        auto o = options(1);
        CHECK(o.clip == 1);
        o.clip = clip;
        auto model = small_network();
        Trainer trainer(model, o);
        auto loud = batch;
        loud.target = Tensor<float, 4>(batch.target * static_cast<float>(scale));
        auto const norm = trainer.train(loud).gradient_norm;
        double square = 0;  // the first moment after one step is (1 - beta1) times the gradient
        for (auto const& t : trainer.state().tensors)
            if (t.name.starts_with("optim.exp_avg."))
                for (std::size_t k = 0; k < t.data.size(); k += 4) {
                    float v = 0;
                    std::memcpy(&v, t.data.data() + k, 4);
                    square += double{v} * v;
                }
        return std::pair{norm, std::sqrt(square) / 0.1};
    };
    auto const [loud_norm, clipped] = after(1, 1000);
    REQUIRE(loud_norm > 10);
    CHECK(clipped == Approx(1).epsilon(1e-4));
    CHECK(after(0, 1000).second == Approx(loud_norm).epsilon(1e-4));
    auto const [norm, untouched] = after(100 * loud_norm, 1000);
    CHECK(norm == loud_norm);
    CHECK(untouched == Approx(loud_norm).epsilon(1e-4));
}
}  // namespace trainer_test
