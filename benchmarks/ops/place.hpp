// SPDX-License-Identifier: MIT
#pragma once
#include <benchmark/benchmark.h>
#include <support/op_run.hpp>

namespace tacet::bench {

/// What a device can do at best: the ceilings that results are compared with.
struct Ceilings {
    double copy_gb_s = 0;     // bytes read plus bytes written
    double peak_gflop_s = 0;  // multiply-adds of the type that is timed, two operations each
};

/// Where work is timed: a device, and the type that images are stored in there.
struct Place {
    struct Operation {
        test::OpCase const* op;
        test::MakeRun const* make;
    };
    std::vector<Operation> operations = {};
    double bytes_of_number = 4;
    Ceilings ceilings = {};
    std::vector<std::pair<std::string, std::string>> context = {};  // what the report says about it
    bool manual_time = false;                                       // `time` says itself how long an iteration took
    void (*time)(benchmark::State&, std::function<void()> const& work) = nullptr;
    std::function<void()> (*train_step)() = nullptr;  // these of the Noise2Noise U-Net (networks.hpp), ready to be done again and again
    std::function<void()> (*inference)() = nullptr;
};

/// The processor, in float; its ceilings are measured.
Place cpu_place();
/// The current GPU, with images stored as "float", "bfloat16" or "half". Throws Error where there is none.
Place cuda_place(std::string const& type);

}  // namespace tacet::bench
