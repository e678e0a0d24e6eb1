// SPDX-License-Identifier: MIT
// Trains a small denoiser on noisy pairs of generated pictures, without a single clean target, and denoises a photograph with it.
#include <tacet/denoise/denoise.hpp>
#include <tacet/io/environment.hpp>
#include <tacet/io/line_plot.hpp>
#include <tacet/io/montage.hpp>
#include <tacet/io/program.hpp>
#include <tacet/io/progress.hpp>
#include <tacet/io/report.hpp>
#include <tacet/metrics/blur.hpp>
#include <tacet/metrics/psnr.hpp>
#include <tacet/models/noise2noise.hpp>
#include <tacet/train/sources.hpp>
#include <tacet/train/trainer.hpp>

using namespace tacet;

struct Options {
    std::optional<std::filesystem::path> image;
    std::optional<std::string> noise;
    std::filesystem::path out = "quickstart";
    Index steps = 6000;
    double seconds = 100;
    std::uint64_t seed = 0;
    bool overwrite = false;

    static void fields(auto& self, auto&& field) {
        field("image", self.image, "the picture to denoise (default: a generated one)", positional);
        field("noise", self.noise,
              "add this noise first, such as gaussian:25 or poisson:30, and train for it; without it the picture is denoised as it is",
              metavar("SPEC"));
        field("out", self.out, "folder of the results", metavar("DIR"));
        field("steps", self.steps, "training steps", range(1, 1'000'000));
        field("seconds", self.seconds, "time for training; where it is short, the schedule is shortened", range(1.0, 1e6));
        field("seed", self.seed, "seed of weights, training pictures and noise");
        field("overwrite", self.overwrite, "replace files of another origin in the folder");
    }
};

// The picture of a run without one: always the same, whatever --seed is, and busy. On a picture of large flat leaves a blur does as well.
Tensor<float, 3> demonstration() {
    DeadLeavesOptions const busy{.smallest_low = 7, .smallest_high = 7, .largest_low = 120, .largest_high = 120};
    return dead_leaves(384, 512, Rng(Stream{.seed = 61, .purpose = Purpose::validation}), busy);
}

// What was asked for: the picture, what is known about it, and where the results go.
struct Task {
    std::filesystem::path input;
    Image noisy;
    std::optional<Tensor<float, 3>> clean;
    NoiseSpec training_noise;
    bool overwrite;

    explicit Task(Options const& o) : overwrite(o.overwrite) {
        std::error_code error;
        std::filesystem::create_directories(o.out, error);
        check(!error, o.out.string(), ": cannot make the folder: ", error.message());
        auto const marker = o.out / ".tacet-quickstart";  // our own folder: a second run replaces the results of the first
        if (std::filesystem::exists(marker)) overwrite = true;
        bool const adds = o.noise || !o.image;
        training_noise = parse_noise(adds ? o.noise.value_or("gaussian:25") : "gaussian:0-50");
        if (!o.image) {
            input = o.out / "generated.png";
            noisy.pixels = demonstration();
            write_image(input, noisy, {.overwrite = overwrite});
        } else {
            input = *o.image;
            noisy = read_image(input);
        }
        for (auto const& file : {output(o), montage_file(o), o.out / "report.html"}) check_output(file, overwrite, std::array{input});
        write_file_atomically(marker, {}, true);
        if (!adds) return;
        clean = noisy.pixels;
        noisy.pixels = add_noise(*clean, training_noise, Rng(Stream{.seed = o.seed, .purpose = Purpose::input}));
    }
    std::filesystem::path output(Options const& o) const { return o.out / (input.stem().string() + "-denoised.png"); }
    std::filesystem::path montage_file(Options const& o) const { return o.out / (input.stem().string() + "-montage.png"); }
};

// Trains for the given steps, or for the given time where that is shorter; returns the curve of the loss.
Series train(Noise2NoiseUNet<>& model, Options const& o, NoiseSpec const& noise) {
    DeadLeavesSource const source({.batch = 4, .crop = 64, .seed = o.seed, .noise = noise, .clean_targets = false});
    TrainOptions options;
    options.steps = o.steps, options.adam.rate = 2e-3, options.ema = 0.995;
    Trainer trainer(model, options);
    Prefetcher batches(source, 0, o.steps);
    Progress progress(o.steps, "train", {.unit = "step"});
    Series curve{.name = "loss", .smooth = 20};
    double const began = steady_seconds();
    double share = 0, sum = 0;
    while (share < 1) {
        auto const result = trainer.train(batches.next(), ramp_down_factor(static_cast<Index>(1e6 * share), 1'000'000, 0.6));
        check(trainer.skipped_in_a_row() < 10, "training diverged: ten steps in a row had a loss that is not finite");
        sum += result.loss;
        if (trainer.step() % 20 == 0) curve.x.push_back(static_cast<double>(trainer.step())), curve.y.push_back(std::exchange(sum, 0) / 20);
        share = std::max(static_cast<double>(trainer.step()) / static_cast<double>(o.steps), (steady_seconds() - began) / o.seconds);
        progress.update(trainer.step(), [&] { return "loss " + fixed_number(result.loss, 5); });
    }
    progress.finish();
    trainer.keep_average();
    return curve;
}

int main(int argc, char** argv) {
    Program const program{
        .name = "quickstart",
        .description =
            "Trains a small Noise2Noise network on noisy pairs of generated pictures, without clean data, and denoises a picture.",
        .examples = {{"quickstart photo.jpg", "denoises the picture as it is"},
                     {"quickstart --noise gaussian:25 photo.png", "adds noise first, and says how much better the result is"}}};
    return run_main<Options>(argc, argv, program, [&](Options const& o) {
        double const began = steady_seconds();
        Task const task(o);
        Rng rng(Stream{.seed = o.seed, .purpose = Purpose::initialise});
        Noise2NoiseUNet<> model(3, 3, rng, 16);
        auto const curve = train(model, o, task.training_noise);

        Image result = task.noisy;
        result.pixels = denoise(model, task.noisy.pixels);
        std::vector<Tensor<float, 3>> panels{task.noisy.pixels, result.pixels};
        if (task.clean) panels.push_back(*task.clean);
        auto const picture = montage({panels});
        write_image(task.output(o), result, {.overwrite = task.overwrite});
        write_image(task.montage_file(o), picture, {.overwrite = task.overwrite});

        Json::Object summary{{"input", task.input.string()},
                             {"output", task.output(o).string()},
                             {"montage", task.montage_file(o).string()},
                             {"report", (o.out / "report.html").string()}};
        Report report("Denoised without clean data", task.input.filename().string());
        if (task.clean) {
            double const before = psnr(task.noisy.pixels, *task.clean), after = psnr(result.pixels, *task.clean);
            auto const blur = best_gaussian_blur(task.noisy.pixels, *task.clean);
            report.highlights({{"noisy", fixed_number(before, 2) + " dB"},
                               {"best blur", fixed_number(blur.psnr, 2) + " dB"},
                               {"denoised", fixed_number(after, 2) + " dB"}});
            summary.insert(summary.end(), {{"psnr_noisy", before}, {"psnr_denoised", after}, {"psnr_blur", blur.psnr}});
        }
        report.image(std::span<unsigned char const>(encode_image(picture, ImageFormat::png)),
                     task.clean ? "Noisy, denoised, clean" : "As it was, denoised");
        LinePlot const plot{.title = "Training loss", .x_label = "step", .y_label = "mean squared error", .series = {curve}, .log_y = true};
        report.heading("Training")
            .paragraph("The network saw only noisy pictures: pairs of generated dead leaves, each with its own noise ("
                       + to_string(task.training_noise)
                       + "). The loss levels off at the variance of the targets' noise; it cannot fall below.");
        report.plot(plot.svg()).facts(environment());
        auto const html = report.html();
        write_file_atomically(o.out / "report.html", std::as_bytes(std::span(html)), task.overwrite);
        summary.insert(summary.begin() + 4, {"seconds", steady_seconds() - began});
        std::printf("%s\n", Json(summary).dump().c_str());
    });
}
