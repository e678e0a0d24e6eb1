// SPDX-License-Identifier: MIT
// The published checkpoints of noise2noise-pytorch: recognised, loaded, and equal to the published figures.
#include <support/catch.hpp>
#include <support/scratch.hpp>
#include <tacet/data/numpy_legacy.hpp>
#include <tacet/denoise/any_denoiser.hpp>
#include <tacet/denoise/known_networks.hpp>
#include <tacet/io/image.hpp>
#include <tacet/io/torch_writer.hpp>
#include <tacet/metrics/psnr.hpp>

namespace any_denoiser_test {
using namespace tacet;

namespace {

/// Denoises a published noisy figure with the published weights and compares with the published result: at most `flips` samples on
/// another level, and by one.
void reproduce(std::string const& kind, double published_psnr, Index flips) {
    std::string const folder = test::data_dir() + "/noise2noise/";
    auto const network = AnyDenoiser::read(folder + "n2n-" + kind + ".pt");
    REQUIRE(network.description() == "noise2noise_compat, 700611 parameters");
    auto const clean = read_image(folder + "monarch.png").pixels, noisy = read_image(folder + "monarch-" + kind + "-noisy.png").pixels;
    auto const result = network.denoise(noisy);
    CHECK(psnr_float(result, clean) == Approx(published_psnr).margin(0.005));
    if (kind == "gaussian") {  // spot values of the specification
        CHECK(result(0, 0, 0) == Approx(0.66911).margin(2e-5));
        CHECK(result(255, 255, 1) == Approx(0.79029).margin(2e-5));
        CHECK(result(511, 511, 2) == Approx(0.29443).margin(2e-5));
    }
    // The published program truncates: value 255 x, cut to whole levels.
    auto const published = read_image(folder + "monarch-" + kind + "-denoised.png").pixels;
    Index different = 0, far = 0;
    for (Index k = 0; k < result.size(); ++k) {
        auto const ours = static_cast<int>(std::clamp(result.data()[k] * 255.f, 0.f, 255.f));
        auto const theirs = static_cast<int>(level_of(published.data()[k]));
        different += ours != theirs, far += std::abs(ours - theirs) > 1;
    }
    CHECK(different <= flips);
    CHECK(far == 0);
}

Checkpoint weights_of(auto&& model) { return save(model); }

}  // namespace

TEST_CASE("Published Gaussian weights give the published PSNR and picture") {
    if (test::data_dir().empty()) return test::skip("TACET_DATA is not set");
    DirectConvolutions const guard;
    reproduce("gaussian", 32.68, 20);
}
TEST_CASE("Published text weights give the published PSNR and picture by the fast convolutions, too") {
    if (test::data_dir().empty()) return test::skip("TACET_DATA is not set");
    reproduce("text", 28.10, 300);
}
#if !defined(__SANITIZE_ADDRESS__)  // minutes under a sanitizer, which sees the same code in the two above
TEST_CASE("Published weights give the published figures by the other convolutions") {
    if (test::data_dir().empty()) return test::skip("TACET_DATA is not set");
    reproduce("gaussian", 32.68, 300);
    DirectConvolutions const guard;
    reproduce("text", 28.10, 20);
}
#endif

TEST_CASE("Networks are recognised by their tensors, wherever training put them") {
    Rng rng(5);
    Noise2NoiseUNet<> model(3, 3, rng, 16);
    auto const weights = weights_of(model);
    REQUIRE(AnyDenoiser(weights).description() == "noise2noise_unet, 117347 parameters");
    Checkpoint state;
    for (auto x : weights.tensors) {
        for (char const* prefix : {"model.", "ema.", "optim.exp_avg."}) {
            state.tensors.push_back(x);
            state.tensors.back().name = prefix + x.name;
        }
    }
    auto const image = uniform(Shape{32, 32, 3}, rng);
    auto const a = AnyDenoiser(weights).denoise(image), b = AnyDenoiser(state).denoise(image);
    REQUIRE(std::equal(a.data(), a.data() + a.size(), b.data()));
}

TEST_CASE("DnCNN is recognised as KAIR saves it, of any length, with and without normalisation; tiles change nothing") {
    struct Case {
        DnCnnOptions size;
        Index channels, width;
        char const* description;
    };
    test::ScratchFolder dir;
    Rng rng(6);
    for (Case const& c : {Case{{}, 3, 30, "dncnn, 557443 parameters"}, Case{{.layers = 20}, 3, 30, "dncnn, 668227 parameters"},
                          Case{{.width = 8, .batch_norm = true}, 1, 330, "dncnn, 9153 parameters"}}) {
        DnCnn<> model(c.channels, rng, c.size);
        Checkpoint weights = save(model);
        if (c.size.batch_norm) weights.tensors.push_back({"model.3.num_batches_tracked", DType::I64, {}, std::vector<std::uint8_t>(8)});
        write_torch_checkpoint(dir / "kair.pth", weights, true);
        auto const network = AnyDenoiser::read(dir / "kair.pth");
        CHECK(network.description() == c.description);
        auto const image = uniform(Shape{Index(21), c.width, c.channels}, rng);
        int calls = 0;
        auto const count = [&](double) { return ++calls > 0; };
        auto const whole = network.denoise(image), tiled = network.denoise(image, {.max_memory = 700'000, .progress = count});
        CHECK(calls == (c.width > 100 ? 3 : 2));  // tiles and the end
        set_training(model, false);
        NoGrad const guard;
        auto const direct = model(Variable<float, 4>(image.reshape(Shape{Index(1), Index(21), c.width, c.channels}))).value();
        CHECK(std::equal(whole.data(), whole.data() + whole.size(), direct.data()));
        CHECK(std::equal(whole.data(), whole.data() + whole.size(), tiled.data()));
    }
}

TEST_CASE("Networks of KAIR that share DnCNN's names are refused") {
    auto const chain = [](int layers, Index in, Index out) {
        Checkpoint weights;
        for (int k = 0; k < layers; ++k) {
            Shape const shape{k == layers - 1 ? out : Index(8), k == 0 ? in : Index(8), Index(3), Index(3)};
            weights.tensors.push_back(named_tensor("model." + std::to_string(2 * k) + ".weight", zeros(shape)));
        }
        return weights;
    };
    REQUIRE_THROWS_WITH(AnyDenoiser(chain(20, 4, 3)), test::contains("lead from 4 to 3 channels: those of FFDNet and FDnCNN do"));
    REQUIRE_THROWS_WITH(AnyDenoiser(chain(7, 3, 3)), test::contains("IRCNN"));
    REQUIRE_THROWS_WITH(AnyDenoiser(chain(17, 3, 3)), test::contains("17 missing: model.0.bias, model.2.bias"));
    REQUIRE_THROWS_WITH(AnyDenoiser(chain(25, 3, 3)), test::contains("dncnn: a network of 25 convolutions"));
}

TEST_CASE("Of a training state the averages are taken, and from the last step what has none") {
    Checkpoint state;
    auto const put = [&](char const* name, float value) { state.tensors.push_back(named_tensor(name, full(Shape{1}, value))); };
    put("model.norm.weight", 1), put("model.norm.running_mean", 2), put("ema.norm.weight", 3), put("optim.exp_avg.norm.weight", 4);
    auto const weights = detail::inference_weights(state);
    REQUIRE(weights.tensors.size() == 2);
    CHECK(to_tensor<float, 1>(weights.at("norm.weight"))(0) == 3);
    CHECK(to_tensor<float, 1>(weights.at("norm.running_mean"))(0) == 2);
    std::erase_if(state.tensors, [](auto const& x) { return x.name.starts_with("ema."); });
    CHECK(to_tensor<float, 1>(detail::inference_weights(state).at("norm.weight"))(0) == 1);
}

TEST_CASE("Weights of another network, or with parts missing, are refused with their names") {
    Rng rng(5);
    Noise2NoiseUNet<> model(3, 3, rng, 16);
    auto weights = weights_of(model);
    std::erase_if(weights.tensors, [](auto const& x) { return x.name == "dec_conv4.bias"; });
    REQUIRE_THROWS_WITH(AnyDenoiser(weights), test::contains("missing: dec_conv4.bias"));
    Checkpoint other;
    other.tensors.push_back(named_tensor("conv1.weight", zeros(Shape{3, 3, 3, 3})));
    REQUIRE_THROWS_WITH(AnyDenoiser(other), test::contains("not the weights of a network known here"));
}
}  // namespace any_denoiser_test
