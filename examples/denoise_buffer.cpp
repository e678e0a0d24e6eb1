// SPDX-License-Identifier: MIT
// Denoises a frame in memory: interleaved 8-bit RGB whose rows are `stride` bytes apart, as cameras and toolkits hand them over.
#include <tacet/core/device_choice.hpp>
#include <tacet/data/dead_leaves.hpp>
#include <tacet/data/noise.hpp>
#include <tacet/denoise/any_denoiser.hpp>
#include <tacet/denoise/default_weights.hpp>
#include <tacet/io/program.hpp>
#include <tacet/metrics/levels.hpp>
#include <tacet/metrics/psnr.hpp>

using namespace tacet;

struct Options {
    std::optional<std::filesystem::path> weights;
    DeviceChoice device = DeviceChoice::cpu;
    static void fields(auto& self, auto&& field) {
        field("weights", self.weights, "weights to use (default: those that come with tacet)", metavar("FILE"));
        list_device(self.device, field);
    }
};

// The library works on floats in [0, 1]; the bytes are read where they lie, without a copy in between.
Tensor<float, 3> to_floats(std::uint8_t* frame, Index height, Index width, Index stride) {
    auto const bytes = Tensor<std::uint8_t, 3>::over(frame, Shape{height, width, Index(3)}, Shape{stride, Index(3), Index(1)});
    Tensor<float, 3> x(bytes.shape());
    for (Index i = 0; i < height; ++i)
        for (Index j = 0; j < width; ++j)
            for (Index c = 0; c < 3; ++c) x(i, j, c) = static_cast<float>(bytes(i, j, c)) / 255.f;
    return x;
}

// Clips to [0, 1], rounds to the nearest level, and leaves the bytes between the rows alone.
void to_bytes(Tensor<float, 3> const& x, std::uint8_t* frame, Index stride) {
    auto const [height, width, channels] = x.shape().extent;
    for (Index i = 0; i < height; ++i)
        for (Index k = 0; k < width * channels; ++k)
            frame[i * stride + k] = static_cast<std::uint8_t>(level_of(x.data()[i * width * channels + k]));
}

int main(int argc, char** argv) {
    return run_main<Options>(
        argc, argv, {.name = "denoise_buffer", .description = "Denoises a generated frame in memory."}, [](Options const& o) {
            Index const height = 240, width = 322, stride = 1024;  // rows are 966 bytes long and begin every 1024
            std::vector<std::uint8_t> frame(static_cast<std::size_t>(height * stride));
            auto const clean = dead_leaves(height, width, Rng(7));
            to_bytes(add_noise(clean, parse_noise("gaussian:25"), Rng(8)), frame.data(), stride);

            auto const network = on_device(  // once; it may serve several threads
                o.device, [&](auto device) { return AnyDenoiser::read(o.weights ? *o.weights : default_weights(), device); });
            auto const noisy = to_floats(frame.data(), height, width, stride);
            to_bytes(network.denoise(noisy, {.note = note_on_stderr}), frame.data(), stride);

            auto const result = to_floats(frame.data(), height, width, stride);
            std::printf("%s\nPSNR %.2f dB before, %.2f dB after\n", network.description().c_str(), psnr(noisy, clean), psnr(result, clean));
        });
}
