// SPDX-License-Identifier: MIT
// Times every operation of the table of cases (tests/support/op_case.hpp), forward and backward, and the Noise2Noise U-Net's training
// step and inference. Google Benchmark's options apply (--benchmark_filter, --benchmark_format=json); besides
//     --shape=NAME:8x64x64x32,96x32x3x3    the inputs' shapes for an operation
//     --device=cpu|cuda                    where: the GPU, unless the build is without CUDA
//     --type=float|bfloat16|half           what images are stored in, on the GPU; weights stay float
//     --conv=ours|cudnn                    whose convolutions, on the GPU, as far as cuDNN has them (CudnnConvolutions)
// GB/s and GFLOP/s come with their shares of the ceilings measured at start: bytes and operations are those the operation needs, not
// those the machine moved. Inputs are the same each time: what fits into a cache is found there.
#include <tacet/core/device_choice.hpp>
#include <tacet/io/option_field.hpp>
#include <tacet/ops/conv2d_backend.hpp>
#include <algorithm>

#include "place.hpp"

namespace tacet::bench {

#if !TACET_WITH_CUDA
Place cuda_place(std::string const&) { throw Error("--device=cuda: this program was built without CUDA: configure with the preset cuda"); }
#endif

namespace {

using test::Shapes;
using Choice = std::pair<std::string, Shapes>;  // an operation and its shapes

Place place;

/// Counters for `flops` operations and `bytes` bytes per iteration.
void count_work(benchmark::State& state, double flops, double bytes) {
    auto const per_second = [&](double amount) { return benchmark::Counter(amount, benchmark::Counter::kIsIterationInvariantRate); };
    if (flops > 0) {
        state.counters[place.manual_time ? "TFLOP/s" : "GFLOP/s"] = per_second(flops / (place.manual_time ? 1e12 : 1e9));
        state.counters["of_peak"] = per_second(flops / 1e9 / place.ceilings.peak_gflop_s);
    }
    if (bytes > 0) {
        state.counters["GB/s"] = per_second(bytes / 1e9);
        state.counters["of_copy"] = per_second(bytes / 1e9 / place.ceilings.copy_gb_s);
    }
}

double elements(Shapes const& shapes) {
    double n = 0;
    for (auto const& s : shapes) n += static_cast<double>(test::count(s));
    return n;
}

void time_case(benchmark::State& state, Place::Operation const& operation, Shapes const& shapes, bool with_backward) {
    auto const& op = *operation.op;
    auto const inputs = test::inputs_of(op, shapes);
    std::vector<bool> wants;
    for (std::size_t k = 0; k < inputs.size(); ++k) wants.push_back(with_backward && op.domain(k).differentiable);
    auto const run = (*operation.make)(inputs, wants);
    run->forward();
    auto const y = run->result();
    run->set_gradient(y);
    double const numbers = op.bench.bytes ? op.bench.bytes(shapes) / 4 : elements(shapes) + static_cast<double>(y.size());
    double const factor = with_backward ? 1 + op.bench.backward : 1;
    place.time(state, [&] {
        run->forward();
        if (with_backward) run->backward();
    });
    count_work(state, factor * op.bench.flops(shapes), factor * numbers * place.bytes_of_number);
}

constexpr double unet_flops_per_pixel = 2 * 173'945.25;  // specification of the network

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

/// Takes the values of --NAME=VALUE, or --NAME VALUE, out of the arguments.
std::vector<std::string> take_option(std::string const& name, int& argc, char** argv) {
    std::vector<std::string> values;
    int kept = 1;
    for (int i = 1; i < argc; ++i) {
        std::string const argument = argv[i];
        if (argument == name && i + 1 < argc) values.emplace_back(argv[++i]);
        else if (argument.starts_with(name + "=")) values.push_back(argument.substr(name.size() + 1));
        else argv[kept++] = argv[i];
    }
    argc = kept;
    return values;
}

std::vector<Choice> chosen_shapes(std::vector<std::string> const& values) {
    std::vector<Choice> chosen;
    for (auto const& value : values) {
        auto const colon = value.find(':');
        check(colon != value.npos, "--shape takes NAME:SHAPES, such as --shape=conv2d:8x64x64x32,96x32x3x3");
        std::string const name = value.substr(0, colon);
        bool const known = std::any_of(place.operations.begin(), place.operations.end(), [&](auto const& o) { return o.op->name == name; });
        check(known, "--shape: there is no operation \"", name, "\"");
        chosen.emplace_back(name, parse_shapes(value.substr(colon + 1)));
    }
    return chosen;
}

/// The last of an option's values, or the first of those that it takes; Error when it is another.
std::string one_of(std::string const& option, std::vector<std::string> const& given, std::vector<std::string> const& takes) {
    if (given.empty()) return takes[0];
    if (std::find(takes.begin(), takes.end(), given.back()) != takes.end()) return given.back();
    throw Error(option + " takes " + detail::list_words(takes) + ", not \"" + given.back() + "\"");
}

Place chosen_place(std::vector<std::string> const& devices, std::string const& type, std::string const& conv) {
    bool const on_gpu = devices.empty() ? built_with_cuda : one_of("--device", devices, {"cpu", "cuda"}) == "cuda";
    check(on_gpu || type == "float", "--type=", type, " is for GPUs: --device=cuda");
    check(on_gpu || conv == "ours", "--conv=", conv, " is for GPUs: --device=cuda");
    Place chosen = on_gpu ? cuda_place(type) : cpu_place();
    if (on_gpu) chosen.context.emplace_back("convolutions", conv);
    return chosen;
}

/// Adds a row; errors of its work are said there.
void add_row(std::string const& name, benchmark::TimeUnit unit, std::function<void(benchmark::State&)> const& body) {
    auto* const row = benchmark::RegisterBenchmark(name.c_str(), [body](benchmark::State& state) {
        try {
            body(state);
        } catch (Error const& error) {
            state.SkipWithError(error.what());
        }
    });
    row->Unit(unit);
    if (place.manual_time) row->UseManualTime();
    else row->UseRealTime();
}

void add_rows(std::vector<Choice> const& chosen) {
    for (auto const& operation : place.operations) {
        auto const& op = *operation.op;
        Shapes shapes = op.bench.shapes;
        for (auto const& [name, s] : chosen)
            if (name == op.name) shapes = s;
        if (shapes.empty()) continue;
        for (bool const with_backward : {false, true}) {
            if (with_backward && !op.differentiable) continue;
            add_row(op.title() + (with_backward ? "/train/" : "/forward/") + shapes_text(shapes), benchmark::kMicrosecond,
                    [=, &operation](benchmark::State& state) { time_case(state, operation, shapes, with_backward); });
        }
    }
    add_row("unet_train_step/4x64x64", benchmark::kMillisecond, [](benchmark::State& state) {
        place.time(state, place.train_step());
        count_work(state, 3 * unet_flops_per_pixel * 4 * 64 * 64, 0);
    });
    add_row("unet_inference/512x512", benchmark::kMillisecond, [](benchmark::State& state) {
        place.time(state, place.inference());
        count_work(state, unet_flops_per_pixel * 512 * 512, 0);
    });
}

int run(int argc, char** argv) {
    auto const type = one_of("--type", take_option("--type", argc, argv), {"float", "bfloat16", "half"});
    auto const conv = one_of("--conv", take_option("--conv", argc, argv), {"ours", "cudnn"});
    place = chosen_place(take_option("--device", argc, argv), type, conv);
    CudnnConvolutions const cudnn(conv == "cudnn");
    add_rows(chosen_shapes(take_option("--shape", argc, argv)));
    for (auto const& [key, value] : place.context) benchmark::AddCustomContext(key, value);
    benchmark::AddCustomContext("copy_GB/s", std::to_string(place.ceilings.copy_gb_s));
    benchmark::AddCustomContext("peak_GFLOP/s", std::to_string(place.ceilings.peak_gflop_s));
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
