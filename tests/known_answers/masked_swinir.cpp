// SPDX-License-Identifier: MIT
// The masked SwinIR of the released sizes against numbers that PyTorch computed in double, forward and backward. Cases are read from the
// JSON file that TACET_GOLDEN names, or from tests/golden/masked_swinir.json, which has those of the specification: they are of a network
// without softmax (attn_fn null), and some with. Cases that do not name their attn_fn are taken as the one of both that they are nearer to.
#include <support/catch.hpp>
#include <support/wave_picture.hpp>
#include <tacet/autograd/backward.hpp>
#include <tacet/io/json.hpp>
#include <tacet/models/masked_swinir.hpp>
#include <tacet/ops/loss.hpp>
#include <cmath>
#include <cstdlib>
#include <map>

using namespace tacet;

namespace {
using Network = MaskedSwinIR<Cpu, double>;

/// A number in [-1/2, 1/2) for element i of entry t.
double spread(std::uint64_t i, std::uint64_t t) {
    return static_cast<double>((i * 2654435761u + t * 40503u + 12345u) & 0xffffffffu) * 0x1p-32 - 0.5;
}

/// Fills the parameters; entries that follow from the sizes count, but keep their values.
void fill(Network& network) {
    std::uint64_t t = 0;
    network.for_each_pytorch_entry([&](std::string const& name, auto const& tensor) {
        auto const entry = t++;
        if (Network::redundant(name)) return;
        constexpr int rank = std::remove_cvref_t<decltype(tensor)>::rank;
        Index fan = 1;
        for (int d = 1; d < rank; ++d) fan *= tensor.shape()[d];
        using E = typename std::remove_cvref_t<decltype(tensor)>::value_type;
        for (Index k = 0; k < tensor.size(); ++k) {
            double const u = spread(static_cast<std::uint64_t>(k), entry);
            double const value = name.ends_with("relative_position_bias_table") ? u
                                 : rank >= 2                                    ? 2 * u / std::sqrt(static_cast<double>(fan))
                                 : name.ends_with(".weight")                    ? 1 + 0.2 * u
                                                                                : 0.1 * u;
            tensor.data()[k] = static_cast<E>(value);
        }
    });
}

/// The attention mask of the specification: by layer, window and token, of the windows that the layer sees.
Tensor<std::uint8_t, 4> keep_mask(Index layer, Shape<4> const& shape) {
    Tensor<std::uint8_t, 4> keep(shape);
    Index const h = shape[1], w = shape[2], shift = layer % 2 ? 4 : 0;
    for (Index b = 0; b < shape[0]; ++b)
        for (Index i = 0; i < h; ++i)
            for (Index j = 0; j < w; ++j) {
                auto const window = static_cast<std::uint64_t>((b * (h / 8) + i / 8) * (w / 8) + j / 8);
                auto const token = static_cast<std::uint64_t>(i % 8 * 8 + j % 8);
                std::uint64_t const sum = window * 73856093u + token * 19349663u + static_cast<std::uint64_t>(layer) * 83492791u + 12345u;
                double const u = static_cast<double>(sum * 2654435761u & 0xffffffffu) * 0x1p-32;
                keep(b, (i + shift) % h, (j + shift) % w, 0) = u >= 0.75;
            }
    return keep;
}

/// The elements of an image (N, H, W, C) in the order of PyTorch, (N, C, H, W).
std::vector<double> flat(Tensor<double, 4> const& x) {
    auto const y = permute<0, 3, 1, 2>(x);
    return {y.data(), y.data() + y.size()};
}
template <int R> std::vector<double> flat(Tensor<double, R> const& x) { return {x.data(), x.data() + x.size()}; }

double norm_of(std::vector<double> const& v) {
    double sum = 0;
    for (double const e : v) sum += e * e;
    return std::sqrt(sum);
}

/// The distance of y's first elements and, after them, its norm from the numbers expected.
double distance(std::vector<double> const& y, Json const& expected, double norm) {
    double worst = 0;
    for (std::size_t k = 0; k < expected.size(); ++k) worst = std::max(worst, std::abs(y.at(k) - expected.items()[k].number()));
    return worst / norm;
}

struct Measured {
    std::vector<double> y, dx;
    double loss;
    std::map<std::string, std::vector<double>> gradients = {};

    void compare(Json const& expected) {
        constexpr double limit = 1e-9;
        auto const near = [&](char const* key, double value, double scale) {
            INFO(key << " is " << value);
            CHECK(std::abs(value - expected.at(key).number()) <= limit * scale);
        };
        double const size = norm_of(y), n = static_cast<double>(y.size());
        double sum = 0, l1 = 0, squares = 0, all = 0;
        for (double const e : y) sum += e, l1 += std::abs(e);
        for (double const e : y) squares += (e - sum / n) * (e - sum / n);
        for (auto const& [name, g] : gradients) all += norm_of(g) * norm_of(g);
        near("mean", sum / n, size / std::sqrt(n)), near("std", std::sqrt(squares / n), size / std::sqrt(n)), near("l1", l1, l1);
        near("last", y.back(), size), near("loss", loss, loss);
        near("grad_norm", std::sqrt(all), std::sqrt(all)), near("dx_norm", norm_of(dx), norm_of(dx));
        CHECK(distance(y, expected.at("first3"), size) <= limit);
        CHECK(distance(dx, expected.at("dx_first3"), norm_of(dx)) <= limit);
        std::string const last = "layers.3.residual_group.blocks.5.", first = "layers.0.residual_group.blocks.";
        for (auto const& [key, name] : {std::pair{"conv_first", std::string("conv_first.weight")},
                                        {"qkv0", first + "0.attn.qkv.weight"},
                                        {"table1", first + "1.attn.relative_position_bias_table"},
                                        {"fc2_last", last + "mlp.fc2.weight"},
                                        {"norm", std::string("norm.weight")}}) {
            INFO(name);
            auto const& g = gradients.at(name);
            CHECK(distance({g[0], g[1], norm_of(g)}, expected.at(key), norm_of(g)) <= limit);
        }
    }
};

/// "mask=True 1x3x32x32": whether tokens are masked, and the picture's extents (N, H, W, C).
std::pair<bool, Shape<4>> parsed(std::string const& key) {
    check(key.starts_with("mask=True ") || key.starts_with("mask=False "), "the case ", key, " does not begin with mask=True or mask=False");
    long n = 0, c = 0, h = 0, w = 0;
    check(std::sscanf(key.c_str() + key.find(' '), " %ldx%ldx%ldx%ld", &n, &c, &h, &w) == 4, "the case ", key, " names no shape");
    return {key.starts_with("mask=True"), Shape<4>{{n, h, w, c}}};
}

void set_function(Network& network, AttentionFunction function) {
    auto options = network.options;
    options.attention.attn_fn = function;
    network.set_untold(options);
}

/// The function of the attention that a case names; else the one whose result has nearly the sum of magnitudes that is expected.
AttentionFunction function_of(Json const& expected, Network& network, Variable<double, 4> const& x) {
    if (Json const* const named = expected.find("attn_fn"))
        return named->is_null() ? AttentionFunction::none : AttentionFunction::softmax;
    NoGrad const guard;
    auto const off = [&](AttentionFunction function) {
        set_function(network, function);
        double l1 = 0;
        for (double const e : flat(network(x).value())) l1 += std::abs(e);
        return std::abs(l1 - expected.at("l1").number());
    };
    return off(AttentionFunction::softmax) < off(AttentionFunction::none) ? AttentionFunction::softmax : AttentionFunction::none;
}

void run(std::string const& key, Json const& expected) {
    INFO(key);
    auto const [masked, shape] = parsed(key);
    Rng rng(0);
    Network network({.in_chans = shape[3], .use_mask = masked, .recompute = Recompute::attention}, rng);
    fill(network);
    network.draws.keep = keep_mask;
    Variable<double, 4> const x(test::wave_picture(shape), true);
    set_function(network, function_of(expected, network, x));
    Variable const y = network(x);
    auto const stated = expected.at("shape").items();
    REQUIRE(stated.size() == 4);
    for (std::size_t d = 0; d < 4; ++d) CHECK(stated[d].integer<Index>() == y.shape()[std::array{0, 3, 1, 2}[d]]);
    Variable<double, 0> const loss = l1_loss(y, flip<2>(x.value()));
    Measured measured{flat(y.value()), {}, item(loss.value())};
    backward(loss);
    measured.dx = flat(x.grad());
    for_each_parameter(network, [&](std::string const& name, auto const& p) {
        auto const& g = p.grad();
        measured.gradients[name] = {g.data(), g.data() + g.size()};
    });
    measured.compare(expected);
}
}  // namespace

TEST_CASE("The masked SwinIR gives the known answers, forward and backward") {
    char const* const named = std::getenv("TACET_GOLDEN");
    auto const file = named && *named ? std::string(named) : tacet::test::source_dir() + "/tests/golden/masked_swinir.json";
    auto const cases = read_json(file);
    REQUIRE(cases.size() > 0);
    for (auto const& [key, expected] : cases.members()) run(key, expected);
}
