// SPDX-License-Identifier: MIT
// Whole train steps on the device, beside the CPU: the models of other tests, unchanged; recorded steps, and what is decided there.
#include "../support/catch.hpp"
#include "../support/difference.hpp"
#include <nmse.hpp>
#include <tacet/denoise/denoise.hpp>
#include <tacet/models/dncnn.hpp>
#include <tacet/models/masked_swinir.hpp>
#include <tacet/models/noise2noise.hpp>
#include <tacet/ops/loss.hpp>
#include <tacet/optim/adam.hpp>
#include <tacet/tensor/move.hpp>
#include <tacet/train/trainer.hpp>

namespace model_kernels_test {
using namespace tacet;
using test::contains;
using test::relative_square;

namespace {

void append(std::vector<float>& all, auto const& tensor) {
    auto const host = to<Cpu>(tensor);
    all.insert(all.end(), host.data(), host.data() + host.size());
}
/// What a network gives for one image, and then its parameters after two steps of Adam, in the order of the module.
struct Trained {
    std::vector<float> result, parameters;
};
template <class D, class M> Trained trained(M model, Shape<4> const& shape) {
    Rng rng(7);
    auto const x = uniform<float, D>(shape, rng), target = uniform<float, D>(shape, rng);
    Adam<float, D> adam(model, {.rate = 1e-3});
    Trained all;
    for (int step = 0; step < 2; ++step) {
        Variable const y = model(Variable<float, 4, D>(x));
        if (step == 0) append(all.result, y.value());
        backward(l2_loss(y, target));
        adam.step();
    }
    for_each_state(model, [&](std::string const&, auto const& parameter) { append(all.parameters, parameter); });
    return all;
}
/// Trains make(device) on both and compares.
void check_training(std::string const& name, auto const& make, Shape<4> const& shape) {
    auto const found = trained<Cuda>(make(Cuda{}), shape), expected = trained<Cpu>(make(Cpu{}), shape);
    double const limit = 1e-7;
    CHECK(test::record_nmse(name, "float32", relative_square(found.result, expected.result), limit) < limit);
    double const moved = relative_square(found.parameters, expected.parameters);
    CHECK(test::record_nmse(name + ", trained for two steps", "float32", moved, limit) < limit);
}
/// A module of one parameter (n).
template <class D> struct Line {
    Parameter<float, 1, D> w;
    static void fields(auto& self, auto&& field) { field("w", self.w); }
};
/// The parameter after ten steps of Adam towards the fourth power of 1.
template <class D> std::vector<float> descended() {
    Rng rng(5);
    Line<D> line{Parameter<float, 1, D>(randn<float, D>(Shape{1000}, rng))};
    Adam<float, D> adam(line, {.rate = 0.1, .weight_decay = 0.01});
    auto const one = ones<float, D>(Shape{1000});
    for (int step = 0; step < 10; ++step) {
        Variable const squares = line.w.var() * line.w.var();
        backward(l2_loss(squares * squares, one));
        adam.step();
    }
    auto const host = to<Cpu>(line.w.value());
    return {host.data(), host.data() + host.size()};
}

}  // namespace

TEST_CASE("Steps of Adam", "[adam]") { CHECK(relative_square(descended<Cuda>(), descended<Cpu>()) < 1e-10); }
TEST_CASE("Train steps of the U-Net", "[models]") {
    check_training("Noise2NoiseUNet", [](auto device) {
        Rng rng(1);
        return Noise2NoiseUNet<decltype(device)>(3, 3, rng, 4);
    }, Shape{1, 32, 32, 3});
}
TEST_CASE("Train steps of DnCNN", "[models]") {
    check_training("DnCnn", [](auto device) {
        Rng rng(1);
        return DnCnn<decltype(device)>(3, rng, {.layers = 4, .width = 8});
    }, Shape{1, 9, 11, 3});
}
TEST_CASE("Train steps of the masked SwinIR", "[models]") {
    SwinIROptions o;
    o.embed_dim = 12, o.depths = {2}, o.num_heads = {2}, o.window_size = 4;
    check_training("MaskedSwinIR", [&](auto device) {
        Rng rng(1);
        return MaskedSwinIR<decltype(device)>(o, rng);
    }, Shape{2, 11, 9, 3});
}

namespace {

/// What a trainer did in a few steps: the losses, and all parameters, averaged ones among them, at the end.
struct TrainingRun {
    std::vector<double> losses;
    std::vector<float> state;
};
template <class D> TrainingRun trained_by_trainer(Precision precision = Precision::float32) {
    Rng rng(2);
    Noise2NoiseUNet<D> model(3, 3, rng, 4);
    TrainOptions options;
    options.steps = 2, options.precision = precision;
    Trainer trainer(model, options);
    TrainingRun run;
    while (!trainer.finished()) {
        Rng noise(static_cast<std::uint64_t>(trainer.step()));
        Shape const shape{1, 32, 32, 3};
        auto const result = trainer.train(Batch{uniform(shape, noise), uniform(shape, noise), {}});
        run.losses.push_back(result.loss);
    }
    auto const state = trainer.state();
    for (auto const& tensor : state.tensors) {
        auto const values = to_vector<float>(tensor);
        run.state.insert(run.state.end(), values.begin(), values.end());
    }
    return run;
}

}  // namespace

TEST_CASE("A trainer and denoise() go where the network is", "[trainer]") {
    auto const host = trained_by_trainer<Cpu>(), device = trained_by_trainer<Cuda>();
    CHECK(relative_square(device.state, host.state) < 1e-7);
    CHECK_THROWS_AS(trained_by_trainer<Cpu>(Precision::bfloat16), Error);
    auto const narrow = trained_by_trainer<Cuda>(Precision::bfloat16);
    for (std::size_t k = 0; k < host.losses.size(); ++k) CHECK(std::abs(narrow.losses[k] / host.losses[k] - 1) < 0.02);
    CHECK(relative_square(narrow.state, host.state) < 0.02);  // Adam's first steps hardly depend on how large gradients are
    CHECK_THROWS_AS(trained_by_trainer<Cpu>(Precision::tf32), Error);
    auto const rounded = trained_by_trainer<Cuda>(Precision::tf32);
    for (std::size_t k = 0; k < host.losses.size(); ++k) CHECK(std::abs(rounded.losses[k] / device.losses[k] - 1) < 2e-3);
    CHECK(rounded.losses[0] != device.losses[0]);
    Rng rng(4);
    auto const image = uniform(Shape{Index(20), Index(30), Index(3)}, rng);
    auto const denoised = [&](auto where) {
        Rng weights(3);
        return denoise(Noise2NoiseUNet<decltype(where)>(3, 3, weights, 4), image);
    };
    auto const a = denoised(Cuda{}), b = denoised(Cpu{});
    CHECK(relative_square(a, b) < 1e-10);
}
TEST_CASE("Gradients that half precision cannot hold make the loss scale fall, and no step fail", "[trainer]") {
    Rng rng(2);
    Noise2NoiseUNet<Cuda> model(3, 3, rng, 4);
    TrainOptions options;
    options.steps = 4, options.precision = Precision::half;
    Trainer trainer(model, options);
    Shape const shape{1, 32, 32, 3};
    auto const large = full(shape, 750.f), other = full(shape, -750.f);
    Index rescaled = 0, moved = 0;
    while (!trainer.finished()) {
        auto const result = trainer.train(Batch{large, other, {}});
        rescaled += result.rescaled, moved += !result.rescaled && !result.skipped;
    }
    CHECK(rescaled > 0);
    CHECK(moved > 0);
    CHECK(trainer.skipped() == 0);
    CHECK(detail::stored_number<double>(trainer.state(), "loss_scale") == 65536 / std::pow(2, static_cast<double>(rescaled)));
}

namespace {

/// A masked SwinIR whose images are float32 alone: other types would take long to compile.
template <class D> struct Float32Net {
    using device_type = D;
    static constexpr float offset = 0;
    MaskedSwinIR<D> net;
    SwinDraws draws;

    Variable<float, 4, D> operator()(Variable<float, 4, D> const& x) const { return net(x, draws); }
    static void fields(auto& self, auto&& field) { field("net", self.net); }
};
SwinIROptions small_network() {
    SwinIROptions o;
    o.embed_dim = 12, o.depths = {2}, o.num_heads = {2}, o.window_size = 4;
    o.mask_ratio1 = 40, o.mask_ratio2 = 80, o.drop_path_rate = 0.4, o.last_dropout = 0.2;
    return o;
}
Batch batch_of(Index step, Shape<4> const& shape) {
    Rng rng(static_cast<std::uint64_t>(step));
    return {uniform(shape, rng), uniform(shape, rng), {}};
}
std::vector<float> values_of(Checkpoint const& state) {
    std::vector<float> all;
    for (auto const& tensor : state.tensors) {
        auto const values = to_vector<float>(tensor);
        all.insert(all.end(), values.begin(), values.end());
    }
    return all;
}
/// The state after five steps, each started before the one before is finished; the fourth batch holds NaN.
template <class D>
std::vector<float> five_steps(SwinIROptions const& sizes, Shape<4> const& shape, bool graph, std::vector<StepResult>& results,
                              std::string& why) {
    Rng rng(2);
    Float32Net<D> model{MaskedSwinIR<D>(sizes, rng), {}};
    TrainOptions options;
    options.steps = 5, options.loss = "l1", options.clip = 0.05, options.cuda_graph = graph;
    Trainer trainer(model, options);
    while (!trainer.finished()) {
        auto batch = batch_of(trainer.step(), shape);
        if (trainer.step() == 3) batch.input.data()[7] = NAN;
        trainer.start(batch);
        if (trainer.step() > 1) results.push_back(trainer.finish());
    }
    results.push_back(trainer.finish());
    CHECK(trainer.skipped() == 1);
    CHECK(trainer.skipped_in_a_row() == 0);
    CHECK(trainer.state().metadata.at("optimizer_steps") == "4");
    why = trainer.why_not_recorded();
    return values_of(trainer.state());
}

}  // namespace

TEST_CASE("Steps that are recorded draw, clip, skip and average as those that are not", "[trainer]") {
    std::vector<StepResult> recorded, called, host;
    std::string why;
    Shape const shape{2, 7, 5, 3};
    auto const a = five_steps<Cuda>(small_network(), shape, true, recorded, why);
    CHECK(why == "");
    auto const b = five_steps<Cuda>(small_network(), shape, false, called, why);
    auto const c = five_steps<Cpu>(small_network(), shape, true, host, why);
    CHECK(a == b);
    CHECK(relative_square(a, c) < 1e-7);
    for (std::size_t k = 0; k < host.size(); ++k) {
        CHECK(recorded[k].skipped == (k == 3));
        if (k == 3) continue;
        CHECK(recorded[k].loss == Approx(host[k].loss).epsilon(1e-4));
        CHECK(recorded[k].gradient_norm == Approx(host[k].gradient_norm).epsilon(1e-3));
    }
}
TEST_CASE("A training whose steps cannot be recorded goes on without, and says why", "[trainer]") {
    auto o = small_network();
    o.attention.attn_fn = AttentionFunction::entmax15;  // whose regions are found by the host
    std::vector<StepResult> results;
    std::string why;
    Shape const shape{1, 7, 8, 3};
    auto const a = five_steps<Cuda>(o, shape, true, results, why);
    CHECK_THAT(why, contains("not permitted when stream is capturing"));
    CHECK(a == five_steps<Cuda>(o, shape, false, results, why));
}
TEST_CASE("A batch of another shape has steps recorded anew, and so has record_again()", "[trainer]") {
    auto const run = [](bool graph) {
        Rng rng(2);
        Float32Net<Cuda> model{MaskedSwinIR<Cuda>(small_network(), rng), {}};
        TrainOptions options;
        options.steps = 9, options.cuda_graph = graph;
        Trainer trainer(model, options);
        while (!trainer.finished()) {
            bool const wide = trainer.step() / 3 % 2 == 1;
            if (trainer.step() == 7) model.net.set_own_mask({20, 20}), trainer.record_again();
            trainer.train(batch_of(trainer.step(), {1, 8, wide ? 12 : 8, 3}));
        }
        return values_of(trainer.state());
    };
    CHECK(run(true) == run(false));
}
TEST_CASE("The norm of gradients is that of the host", "[parameter_list]") {
    auto const norms = []<class D>(D) {
        Rng rng(3);
        MaskedSwinIR<D> model(small_network(), rng);  // more parameters than a launch takes
        auto const x = uniform<float, D>(Shape{1, 8, 8, 3}, rng), target = uniform<float, D>(Shape{1, 8, 8, 3}, rng);
        backward(l2_loss(model(Variable<float, 4, D>(x)), target));
        double const before = clip_gradients<float, D>(model, 0.01);
        return std::pair(before, gradient_norm<float, D>(model));
    };
    auto const device = norms(Cuda{}), host = norms(Cpu{});
    CHECK(device.first == Approx(host.first).epsilon(1e-5));
    CHECK(device.second == Approx(0.01).epsilon(1e-4));
}
}  // namespace model_kernels_test
