// SPDX-License-Identifier: MIT
// SwinIR with every option against numbers that PyTorch computed in double: see tests/golden/swinir.py.
#include <support/catch.hpp>
#include <support/wave_picture.hpp>
#include <tacet/autograd/backward.hpp>
#include <tacet/io/crc32.hpp>
#include <tacet/io/json.hpp>
#include <tacet/io/options.hpp>
#include <tacet/models/masked_swinir.hpp>
#include <tacet/ops/loss.hpp>
#include <cmath>

namespace swinir_golden_test {
using namespace tacet;

namespace {
using Network = MaskedSwinIR<Cpu, double>;

void fill(Network& network) {
    for_each_parameter(network, [](std::string const& name, auto& p) {
        auto const phase = crc32({reinterpret_cast<std::uint8_t const*>(name.data()), name.size()});
        constexpr int rank = std::remove_cvref_t<decltype(p)>::rank;
        double const scale = 3 / std::sqrt(static_cast<double>(fan_in(p.shape())));
        for (Index k = 0; k < p.size(); ++k) {
            double const u = static_cast<double>((static_cast<std::uint64_t>(k) * 2654435761u + phase) & 0xffffffffu) * 0x1p-32 - 0.5;
            p.value().data()[k] = name.ends_with("relative_position_bias_table") ? u
                                  : rank >= 2                                    ? scale * u
                                  : name.ends_with("weight")                     ? 1 + 0.2 * u
                                                                                 : 0.1 * u;
        }
    });
}

Tensor<std::uint8_t, 4> keep_mask(Index layer, Shape<4> const& s) {
    Tensor<std::uint8_t, 4> keep(s);
    for (Index b = 0; b < s[0]; ++b)
        for (Index i = 0; i < s[1]; ++i)
            for (Index j = 0; j < s[2]; ++j)
                for (Index k = 0; k < s[3]; ++k)
                    keep(b, i, j, k) = (layer * 7919 + b * 104729 + i * 1299709 + j * 15485863 + k * 32452843) % 1009 % 7 >= 4;
    return keep;
}

template <int R> double norm_of(Tensor<double, R> const& t) {
    double sum = 0;
    for (Index k = 0; k < t.size(); ++k) sum += t.data()[k] * t.data()[k];
    return std::sqrt(sum);
}
/// An extents list (N, C, H, W) as the shape of an image.
Shape<4> image_shape(Json const& extents) {
    auto const at = [&](std::size_t d) { return extents.items().at(d).integer<Index>(); };
    return Shape{at(0), at(2), at(3), at(1)};
}

void compare(Network& network, Json const& expected) {
    constexpr double limit = 1e-10;
    Variable<double, 4> const x(test::wave_picture(image_shape(expected.at("input"))), true);
    Variable<double, 4> const y = network(x);
    REQUIRE(y.shape() == image_shape(expected.at("shape")));
    auto const flat = permute<0, 3, 1, 2>(y.value());
    double const norm = norm_of(flat);
    CHECK(norm == Approx(expected.at("norm").number()).epsilon(limit));
    Index const step = std::max<Index>(1, flat.size() / 7);
    for (std::size_t k = 0; k < expected.at("some").size(); ++k)
        CHECK(std::abs(flat.data()[static_cast<Index>(k) * step] - expected.at("some").items()[k].number()) <= limit * norm);
    Variable<double, 0> const loss = l1_loss(y, flip<2>(test::wave_picture(y.shape())));
    CHECK(item(loss.value()) == Approx(expected.at("loss").number()).epsilon(limit));
    backward(loss);
    auto const near = [&](auto const& g, Json const& two) {
        double const size = two.items()[1].number();
        CHECK(std::abs(g.data()[0] - two.items()[0].number()) <= 1e-9 * size);
        CHECK(std::abs(norm_of(g) - size) <= 1e-9 * size);
    };
    near(x.grad(), expected.at("dx"));
    auto const& gradients = expected.at("gradients");
    std::size_t count = 0;
    for_each_parameter(network, [&](std::string const& name, auto const& p) {
        INFO(name);
        near(p.grad(), gradients.at(name));
        ++count;
    });
    CHECK(count == gradients.size());
}
}  // namespace

TEST_CASE("SwinIR with every option gives what PyTorch gives, forward and backward") {
    auto const cases = read_json(test::source_dir() + "/tests/golden/swinir.json");
    REQUIRE(cases.size() >= 20);
    for (auto const& [name, expected] : cases.members()) {
        INFO(name);
        Rng rng(0);
        Network network(options_from_json<SwinIROptions>(expected.at("options")), rng);
        fill(network);
        network.draws.keep = keep_mask;
        compare(network, expected);
    }
}
}  // namespace swinir_golden_test
