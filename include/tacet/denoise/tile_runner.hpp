// SPDX-License-Identifier: MIT
#pragma once
#include <tacet/core/cell.hpp>
#include <tacet/core/replay.hpp>
#include <tacet/denoise/denoise_options.hpp>
#include <tacet/denoise/denoising_network.hpp>
#include <tacet/denoise/tiling.hpp>
#include <tacet/nn/attention_mask.hpp>
#include <tacet/nn/precision.hpp>
#include <tacet/tensor/move.hpp>
#include <algorithm>
#include <functional>
#include <optional>
#include <utility>

namespace tacet::detail {

/// The network's output for one tile, where the network is; one that draws is told where in the image the tile lies.
template <DenoisingNetwork M>
auto run_tile(M const& model, Variable<float, 4, device_of<M>> const& x, Window const& place, DenoiseOptions const& options, int draw) {
    if constexpr (MaskingNetwork<M>) {
        auto draws = model.draws;
        draws.seed = options.masks.seed, draws.draw = static_cast<std::uint32_t>(draw), draws.image = 0;
        draws.top = place.top, draws.left = place.left;
        if (options.masks.attention_mask) draws.percent = options.masks.attention_mask;
        return call_in(options.precision, model, x, draws).value();
    } else return call_in(options.precision, model, x).value();
}

/// Runs the network over tiles (1, h, w, C) of an image, which come from the CPU and go back there.
template <class M, class D = device_of<M>> class TileRunner {
public:
    TileRunner(M const& model, DenoiseOptions const& options) : model_(model), options_(options) {}
    /// Puts the tiles into the order in which they are best run.
    void arrange(std::vector<Tile>&) const {}
    Tensor<float, 4> operator()(Tensor<float, 4> const& tile, Window const& place, int draw) {
        return to<Cpu>(run_tile(model_, Variable<float, 4, D>(to<D>(tile)), place, options_, draw));
    }
    /// Gives back what is kept for the next tiles.
    void forget() {}

private:
    M const& model_;
    DenoiseOptions options_;
};

#if TACET_WITH_CUDA
/// On a GPU, the work on the third tile of one shape in a row is recorded, and launched as a CUDA graph from then on (see Replay).
template <class M> class TileRunner<M, Cuda> {
public:
    TileRunner(M const& model, DenoiseOptions const& options) : model_(model), options_(options) {
        if constexpr (MaskingNetwork<M>)
            masked_ = options.masks.attention_mask.value_or(model.draws.percent.value_or(model.own_mask())).high > 0;
        if constexpr (requires { model.draws.keep; })
            if (masked_ && model.draws.keep) why_ = "the host makes the attention masks";
    }
    /// Tiles of one shape one after the other: what is recorded for a shape has memory of its own, and is kept as long as that shape lasts.
    void arrange(std::vector<Tile>& tiles) const {
        std::stable_sort(tiles.begin(), tiles.end(), [](Tile const& a, Tile const& b) {
            return std::pair(a.reach.height, a.reach.width) < std::pair(b.reach.height, b.reach.width);
        });
    }
    Tensor<float, 4> operator()(Tensor<float, 4> const& tile, Window const& place, int draw) {
        bool const again = std::exchange(shape_, tile.shape()) == tile.shape();
        if (!again) forget();
        else note_why();
        if (again && why_.empty() && !replay_) {
            release_cached_memory<Cuda>();  // what the tile before left: recorded work takes none of it
            x_ = Tensor<float, 4, Cuda>(tile.shape());
            replay_.emplace([this] {
                LiveDraw const draw(draw_.data());
                return run_tile(model_, Variable<float, 4, Cuda>(x_), {}, options_, 0);
            });
        }
        if (!replay_) return to<Cpu>(run_tile(model_, Variable<float, 4, Cuda>(to<Cuda>(tile)), place, options_, draw));
        if (masked_) {
            check_mask_place(tile.shape(), place.top, place.left);
            auto const number = [](auto n) { return static_cast<std::uint32_t>(n); };
            draw_.set({number(draw), number(place.top), number(place.left)});
        }
        Memory<Cuda>::from_host(x_.data(), tile.data(), static_cast<std::size_t>(tile.size()) * sizeof(float));
        auto const y = to<Cpu>((*replay_)());
        if (!replay_->why().empty()) why_ = replay_->why(), forget(), note_why();
        return y;
    }
    void forget() { replay_.reset(), x_ = {}; }

private:
    void note_why() {
        if (!why_.empty() && options_.note && !std::exchange(noted_, true))
            options_.note("tiles of one shape are computed call by call, not launched as a CUDA graph: " + why_);
    }

    M const& model_;
    DenoiseOptions options_;
    Shape<4> shape_{};
    Tensor<float, 4, Cuda> x_;        // what the recorded work reads
    Cell<DrawShift, Cuda> draw_{{}};  // and by what it draws
    std::optional<Replay<std::function<Tensor<float, 4, Cuda>()>>> replay_;
    bool masked_ = false;
    std::string why_;  // why nothing is recorded
    bool noted_ = false;
};
#endif

}  // namespace tacet::detail
