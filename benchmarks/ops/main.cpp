// SPDX-License-Identifier: MIT
// Times every operation of the table of cases (tests/support/op_case.hpp), forward and backward, and the Noise2Noise U-Net's training
// step and inference. Google Benchmark's options apply (--benchmark_filter, --benchmark_format=json); besides
//     --shape=NAME:8x64x64x32,96x32x3x3    the inputs' shapes for an operation
// GB/s and GFLOP/s come with their shares of the ceilings measured at start: bytes and operations are those the operation needs, not
// those the machine moved.
#include <benchmark/benchmark.h>
#include <support/op_case.hpp>
#include <tacet/models/noise2noise.hpp>
#include <tacet/ops/loss.hpp>
#include <tacet/optim/adam.hpp>

#include "ceilings.hpp"

namespace tacet::bench {
namespace {

using test::Arrays;
using test::OpCase;
using test::Shapes;

Ceilings ceilings;

/// Counters for `flops` operations and `bytes` bytes per iteration.
void count_work(benchmark::State& state, double flops, double bytes) {
    auto const per_second = [&](double amount) { return benchmark::Counter(amount, benchmark::Counter::kIsIterationInvariantRate); };
    if (flops > 0) {
        state.counters["GFLOP/s"] = per_second(flops / 1e9);
        state.counters["of_peak"] = per_second(flops / 1e9 / ceilings.fma_gflop_s);
    }
    if (bytes > 0) {
        state.counters["GB/s"] = per_second(bytes / 1e9);
        state.counters["of_copy"] = per_second(bytes / 1e9 / ceilings.copy_gb_s);
    }
}

double elements(Shapes const& shapes) {
    double n = 0;
    for (auto const& s : shapes) n += static_cast<double>(test::count(s));
    return n;
}

void run_case(benchmark::State& state, OpCase const& op, Shapes const& shapes, bool with_backward) {
    auto const inputs = test::inputs_of(op, shapes);
    std::vector<bool> wants;
    for (std::size_t k = 0; k < inputs.size(); ++k) wants.push_back(with_backward && op.domain(k).differentiable);
    auto const run = op.f32(inputs, wants);
    run->forward();
    auto const y = run->result();
    run->set_gradient(y);
    double const forward_bytes = op.bench.bytes ? op.bench.bytes(shapes) : 4 * (elements(shapes) + static_cast<double>(y.size()));
    double const factor = with_backward ? 1 + op.bench.backward : 1;
    for (auto _ : state) {
        run->forward();
        if (with_backward) run->backward();
        benchmark::ClobberMemory();
    }
    count_work(state, factor * op.bench.flops(shapes), factor * forward_bytes);
}

constexpr double unet_flops_per_pixel = 2 * 173'945.25;  // specification of the network

void train_step(benchmark::State& state) {
    Rng rng(0);
    Noise2NoiseUNet<> model(3, 3, rng);
    Adam adam(model, {.beta2 = 0.99});
    auto const size = Shape{4, 64, 64, 3};
    auto const input = randn(size, rng), target = randn(size, rng);
    for (auto _ : state) {
        Variable const loss = l2_loss(model(Variable(input)), target);
        backward(loss);
        adam.step();
    }
    count_work(state, 3 * unet_flops_per_pixel * 4 * 64 * 64, 0);
}

void infer(benchmark::State& state) {
    NoGrad const guard;
    Rng rng(0);
    Noise2NoiseUNet<> const model(3, 3, rng);
    Variable const input(randn(Shape{1, 512, 512, 3}, rng));
    for (auto _ : state) benchmark::DoNotOptimize(model(input).value().data());
    count_work(state, unet_flops_per_pixel * 512 * 512, 0);
}

/// "8x64x64x32,96x32x3x3" as shapes.
Shapes parse_shapes(std::string const& text) {
    Shapes shapes(1, test::Extents(1, 0));
    for (char const c : text) {
        if (c == ',') shapes.emplace_back(1, 0);
        else if (c == 'x') shapes.back().push_back(0);
        else {
            check(c >= '0' && c <= '9', "--shape: \"", text, "\" is not like 8x64x64x32,96x32x3x3");
            shapes.back().back() = shapes.back().back() * 10 + (c - '0');
        }
    }
    return shapes;
}

std::string shapes_text(Shapes const& shapes) {
    std::string s;
    for (auto const& shape : shapes) {
        s += s.empty() ? "" : ",";
        for (std::size_t d = 0; d < shape.size(); ++d) s += (d ? "x" : "") + std::to_string(shape[d]);
    }
    return s;
}

/// Takes --shape=NAME:SHAPES out of the arguments.
std::vector<std::pair<std::string, Shapes>> take_shapes(int& argc, char** argv) {
    std::vector<std::pair<std::string, Shapes>> shapes;
    int kept = 1;
    for (int i = 1; i < argc; ++i) {
        std::string const argument = argv[i];
        if (!argument.starts_with("--shape=")) {
            argv[kept++] = argv[i];
            continue;
        }
        auto const colon = argument.find(':');
        check(colon != argument.npos, "--shape takes NAME:SHAPES, such as --shape=conv2d:8x64x64x32,96x32x3x3");
        std::string const name = argument.substr(8, colon - 8);
        bool const known = std::any_of(test::op_cases().begin(), test::op_cases().end(), [&](auto const& op) { return op.name == name; });
        check(known, "--shape: there is no operation \"", name, "\"");
        shapes.emplace_back(name, parse_shapes(argument.substr(colon + 1)));
    }
    argc = kept;
    return shapes;
}

void register_cases(std::vector<std::pair<std::string, Shapes>> const& chosen) {
    for (auto const& op : test::op_cases()) {
        Shapes shapes = op.bench.shapes;
        for (auto const& [name, s] : chosen)
            if (name == op.name) shapes = s;
        if (shapes.empty()) continue;
        for (bool const with_backward : {false, true}) {
            if (with_backward && !op.differentiable) continue;
            std::string const name = op.title() + (with_backward ? "/train/" : "/forward/") + shapes_text(shapes);
            benchmark::RegisterBenchmark(name.c_str(), [&op, shapes, with_backward](benchmark::State& state) {
                try {
                    run_case(state, op, shapes, with_backward);
                } catch (Error const& error) {
                    state.SkipWithError(error.what());
                }
            })->UseRealTime()->Unit(benchmark::kMicrosecond);
        }
    }
    benchmark::RegisterBenchmark("unet_train_step/4x64x64", train_step)->UseRealTime()->Unit(benchmark::kMillisecond);
    benchmark::RegisterBenchmark("unet_inference/512x512", infer)->UseRealTime()->Unit(benchmark::kMillisecond);
}

int run(int argc, char** argv) {
    auto const shapes = take_shapes(argc, argv);
    register_cases(shapes);
    ceilings = measure_ceilings();
    benchmark::AddCustomContext("isa", isa());
    benchmark::AddCustomContext("threads", std::to_string(num_threads()));
    benchmark::AddCustomContext("copy_GB/s", std::to_string(ceilings.copy_gb_s));
    benchmark::AddCustomContext("fma_GFLOP/s", std::to_string(ceilings.fma_gflop_s));
    benchmark::Initialize(&argc, argv);
    if (benchmark::ReportUnrecognizedArguments(argc, argv)) return 2;
    benchmark::RunSpecifiedBenchmarks();
    return 0;
}

}  // namespace
}  // namespace tacet::bench

int main(int argc, char** argv) {
    try {
        return tacet::bench::run(argc, argv);
    } catch (std::exception const& error) {
        std::fprintf(stderr, "ops: %s\n", error.what());
        return 2;
    }
}
