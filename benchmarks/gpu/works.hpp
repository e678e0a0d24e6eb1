// SPDX-License-Identifier: MIT
#pragma once
#include <tacet/core/replay.hpp>
#include <memory>

#include "../peers/work.hpp"

// The works of the GPU: images in bfloat16, parameters and sums in float. Each map is a unit of its own, so that they compile side by side.
namespace tacet::bench {

using Works = std::map<std::string, WorkKind>;
Works operation_works();
Works unet_works();
Works swinir_inference_works();
Works swinir_training_works();

/// What a reader of a time must know of work that could not be recorded.
inline std::string unrecorded(std::string const& why) { return why.empty() ? why : "not recorded as a graph: " + why; }

/// Work that is recorded as a graph and launched again: work() gives tensors, and named(them) names these.
template <class F, class N> Work replayed(F work, N named) {
    auto const replay = std::make_shared<Replay<F>>(std::move(work));
    return {[=] { (*replay)(); }, [=] { return Checkpoint{named((*replay)()), {}}; }, [=] { return unrecorded(replay->why()); }};
}
/// The same for one result.
template <class F> Work replayed(F work, char const* name) {
    return replayed(std::move(work), [=](auto const& y) { return Tensors{named_tensor(name, y)}; });
}

}  // namespace tacet::bench
