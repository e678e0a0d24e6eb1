// SPDX-License-Identifier: MIT
#pragma once
#include <tacet/core/device.hpp>
#include <tacet/core/error.hpp>
#include <tacet/core/limits.hpp>
#include <array>
#include <utility>

namespace tacet {

/// A device as programs let their users choose it, when they run.
enum class DeviceChoice { cpu, cuda };
inline constexpr std::array device_names{"cpu", "cuda"};
inline std::string to_string(DeviceChoice device) { return device_names[static_cast<std::size_t>(device)]; }

/// Whether this program was built with CUDA.
#if TACET_WITH_CUDA
inline constexpr bool built_with_cuda = true;
#else
inline constexpr bool built_with_cuda = false;
#endif

/// Lists the option `device` of programs that run networks.
void list_device(auto& device, auto&& field) {
    field("device", device,
          built_with_cuda ? "where networks run: on the processor, or on an NVIDIA GPU"
                          : "where networks run; cuda, an NVIDIA GPU, is for programs built with the preset cuda, which this one is not",
          detail::Words{{device_names.begin(), device_names.end()}});
}

/// Calls f(Cpu{}) or f(Cuda{}): the one place where what is chosen becomes a type. Throws Error, before f is called, where there is no GPU
/// to be used, or the program was built without CUDA.
template <class F> auto on_device(DeviceChoice device, F&& f) {
#if TACET_WITH_CUDA
    if (device == DeviceChoice::cuda) {
        check_gpu();
        return f(Cuda{});
    }
#endif
    check(device == DeviceChoice::cpu, "this program was built without CUDA: configure with the preset cuda");
    return f(Cpu{});
}

}  // namespace tacet
