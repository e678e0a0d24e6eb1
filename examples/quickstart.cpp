// SPDX-License-Identifier: MIT
// Trains a small denoiser on noisy pairs of generated pictures, without a single clean target, and denoises a photograph with it.
#include <tacet/core/device_choice.hpp>
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
    DeviceChoice device = DeviceChoice::cpu;
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
        list_device(self.device, field);
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
    std::filesystem::path input, output, montage, report;
    Image noisy;
    std::optional<Tensor<float, 3>> clean;
    NoiseSpec training_noise;
    bool overwrite;

    // Makes the folder last: what is refused leaves none behind.
    explicit Task(Options const& o) {
        auto const marker = o.out / ".tacet-quickstart";  // our own folder: a second run replaces the results of the first
        overwrite = o.overwrite || std::filesystem::exists(marker);
        bool const adds = o.noise || !o.image;
        training_noise = parse_noise(adds ? o.noise.value_or("gaussian:25") : "gaussian:0-50");
        input = o.image.value_or(o.out / "generated.png");
        if (o.image) noisy = read_image(input);
        else noisy.pixels = demonstration();
        auto const stem = input.stem().string();
        output = o.out / (stem + "-denoised.png"), montage = o.out / (stem + "-montage.png"), report = o.out / "report.html";
        check_image_format(output, noisy);
        for (auto const& file : {output, montage, report}) check_output(file, overwrite, std::array{input});
        if (!o.image) check_output(input, overwrite);

        std::error_code error;
        std::filesystem::create_directories(o.out, error);
        check(!error, o.out.string(), ": cannot make the folder: ", error.message());
        write_file_atomically(marker, {}, true);
        if (!o.image) write_image(input, noisy, {.overwrite = overwrite});
        if (!adds) return;
        clean = noisy.pixels;
        noisy.pixels = add_noise(*clean, training_noise, Rng(Stream{.seed = o.seed, .purpose = Purpose::input}));
    }
};

// Trains for the given steps, or for the given time where that is shorter; returns the curve of the loss.
template <class D> Series train(Noise2NoiseUNet<D>& model, Options const& o, NoiseSpec const& noise) {
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

// Writes the result and the montage of all pictures, which it returns.
Image write_pictures(Task const& task, Tensor<float, 3> const& denoised) {
    Image result = task.noisy;
    result.pixels = denoised;
    std::vector<Tensor<float, 3>> panels{task.noisy.pixels, denoised};
    if (task.clean) panels.push_back(*task.clean);
    auto const picture = montage({panels});
    write_image(task.output, result, {.overwrite = task.overwrite});
    write_image(task.montage, picture, {.overwrite = task.overwrite});
    return picture;
}

// Adds what can be said with a clean picture to the report and to the summary.
void judge(Task const& task, Tensor<float, 3> const& denoised, Report& report, Json::Object& summary) {
    if (!task.clean) return;
    double const before = psnr(task.noisy.pixels, *task.clean), after = psnr(denoised, *task.clean);
    auto const blur = best_gaussian_blur(task.noisy.pixels, *task.clean);
    report.highlights({{"noisy", fixed_number(before, 2) + " dB"},
                       {"best blur", fixed_number(blur.psnr, 2) + " dB"},
                       {"denoised", fixed_number(after, 2) + " dB"}});
    summary.insert(summary.end(), {{"psnr_noisy", before}, {"psnr_denoised", after}, {"psnr_blur", blur.psnr}});
}

void write_report(Task const& task, Report& report, Image const& picture, Series const& curve) {
    report.image(std::span<unsigned char const>(encode_image(picture, ImageFormat::png)),
                 task.clean ? "Noisy, denoised, clean" : "As it was, denoised");
    LinePlot const plot{.title = "Training loss", .x_label = "step", .y_label = "mean squared error", .series = {curve}, .log_y = true};
    report.heading("Training")
        .paragraph("The network saw only noisy pictures: pairs of generated dead leaves, each with its own noise ("
                   + to_string(task.training_noise)
                   + "). The loss levels off at the variance of the targets' noise; it cannot fall below.");
    report.plot(plot.svg()).facts(environment());
    auto const html = report.html();
    write_file_atomically(task.report, std::as_bytes(std::span(html)), task.overwrite);
}

// Trains and denoises on the device D.
template <class D> void start(Options const& o) {
    double const began = steady_seconds();
    Task const task(o);
    Rng rng(Stream{.seed = o.seed, .purpose = Purpose::initialise});
    Noise2NoiseUNet<D> model(3, 3, rng, 16);
    auto const curve = train(model, o, task.training_noise);
    auto const denoised = denoise(model, task.noisy.pixels, {.note = note_on_stderr});
    auto const picture = write_pictures(task, denoised);

    Json::Object summary{{"input", task.input.string()},
                         {"output", task.output.string()},
                         {"montage", task.montage.string()},
                         {"report", task.report.string()}};
    Report report("Denoised without clean data", task.input.filename().string());
    judge(task, denoised, report, summary);
    write_report(task, report, picture, curve);
    summary.insert(summary.begin() + 4, {"seconds", steady_seconds() - began});
    std::printf("%s\n", Json(summary).dump().c_str());
}

int main(int argc, char** argv) {
    Program const program{
        .name = "quickstart",
        .description =
            "Trains a small Noise2Noise network on noisy pairs of generated pictures, without clean data, and denoises a picture.",
        .examples = {{"quickstart photo.jpg", "denoises the picture as it is"},
                     {"quickstart --noise gaussian:25 photo.png", "adds noise first, and says how much better the result is"}}};
    return run_main<Options>(argc, argv, program, [](Options const& o) {
        on_device(o.device, [&](auto device) { start<decltype(device)>(o); });
    });
}
