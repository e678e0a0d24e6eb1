// SPDX-License-Identifier: MIT
// The fused Swin block on the device, beside its operations one by one on the CPU in double.
#include "../support/catch.hpp"
#include "../support/values.hpp"
#include <nmse.hpp>
#include <orders.hpp>
#include <support/difference.hpp>
#include <tacet/core/replay.hpp>
#include <tacet/models/masked_swinir.hpp>
#include <tacet/ops/loss.hpp>
#include <tacet/ops/swin_block.hpp>
#include <tacet/tensor/move.hpp>

namespace swin_block_kernels_test {
using namespace tacet;
using detail::SwinMatrix, detail::SwinVector;
using test::relative_square;

namespace {

struct Sizes {
    Shape<4> shape;
    WindowAttentionOptions window;
    Index hidden;
    int percent = -1;      // of tokens that are hidden; -1: no mask
    bool factors = false;  // of the branches
};

/// The same multiples of 1/256 for all types that hold them, about normal.
template <class T, class D, int R> Tensor<T, R, D> values(Shape<R> const& shape, std::uint64_t seed, double deviation, double mean = 0) {
    Rng rng(seed);
    return detail::filled<T, D>(shape, [&](T* data, Index n) {
        for (Index k = 0; k < n; ++k) data[k] = static_cast<T>(static_cast<Wide<T>>(std::round((rng.normal() * deviation + mean) * 256) / 256));
    });
}

/// A block on images of type X.
template <class X, class D> struct Block {
    using W = Wide<X>;
    Variable<X, 4, D> x;
    detail::SwinParameters<W, D> parameters;
    detail::SwinSetting<D> setting;

    explicit Block(Sizes const& s)
        : x(values<X, D>(s.shape, 1, 1, 0.2), true), parameters{matrices(s), vectors(s)}, setting{.window = s.window} {
        auto const [n, h, w, c] = s.shape.extent;
        if (s.percent >= 0)
            setting.keep = detail::filled<std::uint8_t, D>(Shape{n, h, w, Index(1)}, [&](std::uint8_t* data, Index count) {
                for (Index k = 0; k < count; ++k) data[k] = k * 37 % 100 >= s.percent;
            });
        if (s.factors)
            setting.factors = detail::filled<float, D>(Shape{Index(2), n}, [](float* data, Index count) {
                for (Index k = 0; k < count; ++k) data[k] = k % 3 == 1 ? 0.f : 1.25f;
            });
    }
    detail::SwinProblem problem() const { return detail::swin_problem(x.shape(), parameters, setting); }

    /// What `op` makes of it, and the gradients of everything.
    std::vector<std::vector<double>> results(auto const& op) const {
        std::vector<std::vector<double>> all;
        auto const add = [&](auto const& t) {
            auto const host = to<Cpu>(t);
            all.emplace_back(host.data(), host.data() + host.size());
        };
        Variable const y = op(x, parameters, setting);
        add(y.value());
        backward(y, values<X, D>(y.shape(), 2, 1));
        add(x.grad());
        for (auto const& leaf : parameters.matrix) add(leaf.grad());
        for (auto const& leaf : parameters.vector) add(leaf.grad());
        return all;
    }

private:
    template <int R> static Variable<W, R, D> leaf(Shape<R> const& shape, std::uint64_t seed, double deviation, double mean = 0) {
        return Variable<W, R, D>(values<W, D>(shape, seed, deviation, mean), true);
    }
    static std::array<Variable<W, 2, D>, SwinMatrix::count> matrices(Sizes const& s) {
        Index const c = s.shape[3], side = 2 * s.window.window - 1;
        double const w = 1 / std::sqrt(double(c));
        return {leaf(Shape{3 * c, c}, 11, w), leaf(Shape{c, c}, 12, w), leaf(Shape{s.hidden, c}, 13, w), leaf(Shape{c, s.hidden}, 14, w),
                leaf(Shape{side * side, s.window.heads}, 15, 1)};
    }
    static std::array<Variable<W, 1, D>, SwinVector::count> vectors(Sizes const& s) {
        Shape const c{s.shape[3]};
        return {leaf(c, 21, 0.2, 1), leaf(c, 22, 0.2), leaf(Shape{3 * c[0]}, 23, 0.5), leaf(c, 24, 0.2), leaf(c, 25, 0.2, 1),
                leaf(c, 26, 0.2), leaf(Shape{s.hidden}, 27, 0.2), leaf(c, 28, 0.2)};
    }
};

auto const fused = [](auto const&... in) { return detail::swin_block(in...); };
auto const by_parts = [](auto const&... in) { return detail::swin_block_by_parts(in...); };

std::string text(Sizes const& s) {
    return concat_text("x ", s.shape, ", window ", s.window.window, ", shift ", s.window.shift, ", ", s.window.heads, " heads, ", s.hidden,
                       " hidden, ", s.percent, " % masked");
}

std::vector<Sizes> const taken{
    {{1, 16, 24, 60}, {.window = 8, .shift = 4, .heads = 6}, 120, 75},        // the released sizes, six windows
    {{2, 9, 13, 60}, {.window = 8, .shift = 0, .heads = 6}, 120, -1, true},   // windows that end early
    {{3, 10, 7, 64}, {.window = 8, .shift = 4, .heads = 4}, 96, 50, true},
    {{1, 5, 11, 15}, {.window = 4, .shift = 1, .heads = 3}, 31},              // odd everywhere
    {{1, 3, 2, 7}, {.window = 8, .shift = 4, .heads = 1}, 1, 100},            // less than a window, all hidden
};
std::vector<Sizes> const refused{
    {{1, 8, 9, 40}, {.window = 4, .shift = 2, .heads = 2}, 24, 60},           // 20 channels in a head
    {{1, 9, 10, 12}, {.window = 9, .shift = 4, .heads = 2}, 24},              // 81 tokens in a window
    {{1, 4, 4, 72}, {.window = 4, .shift = 2, .heads = 6}, 24},               // 72 channels
    {{1, 4, 4, 60}, {.window = 4, .shift = 2, .heads = 6}, 800},              // more than shared memory holds
};

/// Puts a distance from the CPU into the table of them, as one of images of type X.
template <class X> double noted(std::string const& name, double nmse, double limit) {
    return test::record_nmse(name, std::is_same_v<X, float> ? "float32" : std::is_same_v<X, Half> ? "half" : "bfloat16", nmse, limit);
}
template <class X> void check_forward(Sizes const& s, double limit) {
    Block<X, Cuda> const block(s);
    REQUIRE(SwinBlockKernel<Cuda>::takes<X>(block.problem()));
    NoGrad const guard;
    Block<double, Cpu> const reference(s);
    auto const expected = by_parts(reference.x, reference.parameters, reference.setting).value();
    for (std::uint64_t order = 1; order <= test::device_orders; ++order) {
        INFO(text(s) << ", order " << order);
        test::set_device_order(order);
        auto const y = to<Cpu>(fused(block.x, block.parameters, block.setting).value());
        CHECK(noted<X>("swin_block", relative_square(y, expected), limit) < limit);
    }
}
/// Result and gradients, `limit` for each.
template <class X> void check_gradients(Sizes const& s, double limit) {
    auto const expected = Block<double, Cpu>(s).results(by_parts);
    auto const found = Block<X, Cuda>(s).results(fused);
    for (std::size_t k = 0; k < expected.size(); ++k) {
        INFO(text(s) << ": result " << k << " of y, x, qkv, proj, fc1, fc2, table, norm1, norm1, qkv, proj, norm2, norm2, fc1, fc2");
        CHECK(noted<X>(k ? "swin_block, gradients" : "swin_block", relative_square(found[k], expected[k]), limit) < limit);
    }
}

}  // namespace

TEST_CASE("A fused Swin block gives what its operations give", "[swin_block][swin_block_weights][swin_block_window]") {
    for (auto const& s : taken) {
        check_forward<BFloat16>(s, 1e-4);
        check_forward<Half>(s, 2e-6);
    }
}
TEST_CASE("A fused Swin block of bfloat16 has the gradients of its operations", "[swin_block]") {
    check_gradients<BFloat16>(taken[0], 1e-4);
    check_gradients<BFloat16>(taken[3], 1e-4);
}
TEST_CASE("A Swin block of float, or of sizes that have no kernel, is computed operation by operation", "[swin_block]") {
    for (auto const& s : refused) {
        CHECK(!SwinBlockKernel<Cuda>::takes<BFloat16>(Block<BFloat16, Cuda>(s).problem()));
        check_gradients<BFloat16>(s, 1e-4);
    }
    CHECK(!SwinBlockKernel<Cuda>::takes<float>(Block<float, Cuda>(taken[0]).problem()));
    check_gradients<float>(taken[2], 1e-7);
}
TEST_CASE("A fused Swin block has the same bits however many windows are computed at a time", "[swin_block_window]") {
    Block<BFloat16, Cuda> const block(taken[0]);
    auto const p = block.problem();
    gpu::SwinSizes const sizes(p);
    CHECK(gpu::swin_shared_bytes(sizes, 1) <= 99 * 1024);  // what compute capability 8.6 and 8.9 have
    Tensor<std::uint32_t, 1, Cuda> const packed(Shape{Index(4) * sizes.runs()});
    auto* const parameters = reinterpret_cast<gpu::PackedFragment*>(packed.data());
    launch_each("weights", sizes.lanes() + sizes.numbers(),
                gpu::PackSwinWeights<BFloat16>{parameters, block.parameters.pointers(), p, sizes});
    auto const result = [&](int at_once, Index blocks) {
        Tensor<BFloat16, 4, Cuda> const y(block.x.shape());
        launch("swin_block", Grid{blocks, at_once * gpu::attention_threads, gpu::swin_shared_bytes(sizes, at_once)},
               &gpu::swin_block<BFloat16>, gpu::SwinImages<BFloat16>(block.x.value().data(), y.data(), parameters, p));
        return to<Cpu>(y);
    };
    auto const one_each = result(1, 6);
    for (auto const& [at_once, blocks] : {std::pair{1, 1}, std::pair{2, 2}, std::pair{3, 1}, std::pair{3, 3}}) {
        INFO(blocks << " blocks of " << at_once << " windows");
        CHECK(test::same_bits(result(at_once, blocks), one_each));
    }
}
TEST_CASE("A fused Swin block can be recorded", "[swin_block]") {
    Block<BFloat16, Cuda> const block(taken[1]);
    auto const work = [&] {
        NoGrad const guard;
        return fused(block.x, block.parameters, block.setting).value();
    };
    Replay replay(work);
    for (int call = 0; call < 3; ++call) CHECK(test::same_bits(to<Cpu>(replay()), to<Cpu>(work())));
    CHECK(replay.recorded());
    CHECK(replay.why() == "");
}

namespace {
/// The result of a network in training with masks and dropped paths, in bfloat16, and its parameters' gradients, flat.
std::array<std::vector<double>, 2> trained(Recompute recompute) {
    Rng rng(1);
    SwinIROptions o;
    o.embed_dim = 12, o.depths = {2}, o.num_heads = {2}, o.window_size = 4, o.img_size = 16, o.drop_path_rate = 0.5;
    o.recompute = recompute;
    MaskedSwinIR<Cuda> model(o, rng);
    set_training(model, true);
    model.draws = {.seed = 3, .draw = 8};
    Variable const y = model(Variable(values<float, Cuda>(Shape{3, 11, 9, 3}, 5, 0.5)), computed_in<BFloat16>);
    backward(l2_loss(y, values<float, Cuda>(y.shape(), 6, 0.5)));
    std::array<std::vector<double>, 2> all;
    test::append(all[0], y.value());
    for_each_parameter(model, [&](std::string const&, auto const& p) { test::append(all[1], p.grad()); });
    return all;
}
}  // namespace

TEST_CASE("A network that recomputes its blocks computes them in one pass: the same result and gradients", "[swin_block]") {
    auto const kept = trained(Recompute::none), again = trained(Recompute::block);
    CHECK(again[0] != kept[0]);  // rounded less often
    CHECK(relative_square(again[0], kept[0]) < 1e-4);
    CHECK(relative_square(again[1], kept[1]) < 3e-3);
}
}  // namespace swin_block_kernels_test
