// SPDX-License-Identifier: MIT
// Work that is recorded and launched again, copies beside it, and what networks draw on the device.
#include "../support/catch.hpp"
#include "../support/values.hpp"
#include <tacet/core/replay.hpp>
#include <tacet/core/transfer.hpp>
#include <tacet/nn/attention_mask.hpp>
#include <tacet/nn/linear.hpp>
#include <tacet/ops/reduce.hpp>
#include <tacet/tensor/move.hpp>

namespace replay_kernels_test {
using namespace tacet;
using test::contains;

TEST_CASE("Recorded work gives what it gives when it is called, from what its inputs hold then", "[replay]") {
    Rng rng(1);
    Linear<Cuda> const layer(6, 5, rng);
    Tensor<float, 2, Cuda> const x(Shape{7, 6});
    auto const work = [&] {
        NoGrad const guard;
        return Tensor<float, 2, Cuda>(gelu(layer(Variable<float, 2, Cuda>(x))) * 2);
    };
    Replay replay(work);
    for (int call = 0; call < 5; ++call) {
        auto const next = randn<float>(Shape{7, 6}, rng);
        Memory<Cuda>::from_host(x.data(), next.data(), static_cast<std::size_t>(next.size()) * sizeof(float));
        auto const other = ones<float, Cuda>(Shape{7, 5});  // memory that others take in between is not that of the recording
        auto const y = to<Cpu>(replay());
        CHECK(test::same_bits(y, to<Cpu>(work())));
        CHECK(replay.recorded() == (call > 0));
        CHECK(test::same_bits(to<Cpu>(other), ones<float>(Shape{7, 5})));
    }
    CHECK(replay.why() == "");
}
TEST_CASE("Work that cannot be recorded is called, and says why", "[replay]") {
    auto const x = ones<float, Cuda>(Shape{7});
    Replay waits([&] { return item(sum(x)); });
    for (int call = 0; call < 3; ++call) CHECK(waits() == 7);
    CHECK(!waits.recorded());
    CHECK_THAT(waits.why(), contains("not permitted when stream is capturing"));
    Index n = 0;
    Replay grows([&] { return Tensor<float, 1, Cuda>(Constant<float, 1, Cuda>{Shape{1000 * ++n}, 1.f}); });
    for (int call = 1; call < 4; ++call) {
        Index const size = grows().size();
        CHECK(size == 1000 * n);
    }
    CHECK_THAT(grows.why(), contains("more memory"));
}
TEST_CASE("Attention masks are the same on the device", "[attention_mask]") {
    AttentionMaskKey const key{.seed = 5, .draw = 2, .layer = 7, .image = 3};
    Shape const shape{2, 9, 13, 3};
    for (PercentRange const range : {PercentRange{75, 75}, PercentRange{10, 90}, PercentRange{100, 100}})
        CHECK(test::same_bits(to<Cpu>(attention_keep_masks<Cuda>(key, range, shape, 4, 6)), attention_keep_masks(key, range, shape, 4, 6)));
}
TEST_CASE("Uploads and downloads arrive in order, and nobody's memory is taken before it was read", "[replay]") {
    Upload upload;
    Download<float, Cuda> download;
    Cell<float, Cuda> const sum(0.f);
    Tensor<float, 1, Cuda> const x(Shape{100});
    Tensor<float, 0, Cuda> total{Shape<0>{}};
    total.assign(Constant<float, 0, Cuda>{Shape<0>{}, 0.f});
    float expected = 0;
    for (int k = 0; k < 7; ++k) {
        std::vector<float> host(100, static_cast<float>(k));
        upload.copy(x.data(), host.data(), host.size() * sizeof(float));
        std::fill(host.begin(), host.end(), NAN);
        Tensor<float, 0, Cuda> one{Shape<0>{}};
        sum_into(one, x);
        total += one;
        sum.set(static_cast<float>(k));
        download.send(sum);
        if (k > 0) CHECK(download.receive() == static_cast<float>(k - 1));
        expected += 100 * static_cast<float>(k);
    }
    CHECK(item(total) == expected);
}
}  // namespace replay_kernels_test
