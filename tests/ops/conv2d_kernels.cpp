// SPDX-License-Identifier: MIT
#include <support/catch.hpp>
#include <tacet/core/random.hpp>
#include <tacet/ops/conv2d_cpu.hpp>
#include <cmath>
#include <string>
#include <vector>

namespace conv2d_kernels_test {
using namespace tacet;
using namespace tacet::detail::kernel;

namespace {

/// Calls f(n, i, j, o, c, u, v, p, q) for every product of a convolution: y[n, i, j, o] += x[n, p, q, group(o) c] w[o, c, u, v].
void for_products(Conv2dGeometry const& g, auto&& f) {
    Index const cg = g.c / g.groups, og = g.oc / g.groups;
    for (Index n = 0; n < g.n; ++n)
        for (Index i = 0; i < g.out_h(); ++i)
            for (Index j = 0; j < g.out_w(); ++j)
                for (Index u = 0; u < g.kh; ++u)
                    for (Index v = 0; v < g.kw; ++v) {
                        Index const p = source(i * g.stride + u * g.dilation - g.padding, g.h, g.mode);
                        Index const q = source(j * g.stride + v * g.dilation - g.padding, g.w, g.mode);
                        if (p < 0 || q < 0) continue;
                        for (Index o = 0; o < g.oc; ++o)
                            for (Index c = 0; c < cg; ++c)
                                f(((n * g.out_h() + i) * g.out_w() + j) * g.oc + o, ((n * g.h + p) * g.w + q) * g.c + o / og * cg + c,
                                  ((o * cg + c) * g.kh + u) * g.kw + v);
                    }
}

template <class T> std::vector<T> random_values(Index n, Rng& rng) {
    std::vector<T> a(static_cast<std::size_t>(n));
    for (auto& x : a) x = static_cast<T>(rng.uniform() * 2 - 1);
    return a;
}

template <class T> double worst(std::vector<T> const& got, std::vector<double> const& want) {
    double error = 0;
    for (std::size_t i = 0; i < got.size(); ++i) {
        double const e = std::abs(static_cast<double>(got[i]) - want[i]);
        error = std::isfinite(e) ? std::max(error, e) : INFINITY;
    }
    return error;
}

std::string text(Conv2dGeometry const& g) {
    return to_string(Shape{g.n, g.h, g.w, g.c}) + " * " + to_string(Shape{g.oc, g.c / g.groups, g.kh, g.kw}) + " stride "
           + std::to_string(g.stride) + " padding " + std::to_string(g.padding) + " dilation " + std::to_string(g.dilation) + " groups "
           + std::to_string(g.groups) + (g.mode == PaddingMode::Zero ? " zero" : " reflect");
}

bool valid(Conv2dGeometry const& g) {
    if (g.c % g.groups || g.oc % g.groups) return false;
    if (g.mode == PaddingMode::Reflect && (g.padding >= g.h || g.padding >= g.w)) return false;
    return g.h + 2 * g.padding > g.dilation * (g.kh - 1) && g.w + 2 * g.padding > g.dilation * (g.kw - 1);
}

/// All four kernels against sums in double, by the defining sum.
template <class T> Images<T> images(Conv2dGeometry const& g, std::vector<T> const& x) {
    return {g.h, g.w, {x.data(), g.c, g.c}, {}, g.mode};
}

template <class T> void compare(Conv2dGeometry g) {
    using V = Simd<T>;
    g.direct = true;
    INFO(text(g));
    Rng rng(7);
    Index const ny = g.n * g.out_h() * g.out_w() * g.oc, nx = g.n * g.h * g.w * g.c, nw = g.oc * (g.c / g.groups) * g.kh * g.kw;
    auto const x = random_values<T>(nx, rng), w = random_values<T>(nw, rng), b = random_values<T>(g.oc, rng),
               gy = random_values<T>(ny, rng);
    std::vector<double> wy(static_cast<std::size_t>(ny)), wgx(x.size()), wgw(w.size()), wgb(b.size());
    auto const at = [](auto const& a, Index i) -> auto& { return a[static_cast<std::size_t>(i)]; };
    auto const add = [](auto& a, Index i, double v) { a[static_cast<std::size_t>(i)] += v; };
    for (Index i = 0; i < ny; ++i) add(wy, i, static_cast<double>(at(b, i % g.oc))), add(wgb, i % g.oc, static_cast<double>(at(gy, i)));
    for_products(g, [&](Index iy, Index ix, Index iw) {
        double const xv = static_cast<double>(at(x, ix)), wv = static_cast<double>(at(w, iw)), gv = static_cast<double>(at(gy, iy));
        add(wy, iy, xv * wv), add(wgx, ix, gv * wv), add(wgw, iw, gv * xv);
    });
    T const poison = std::numeric_limits<T>::quiet_NaN();
    std::vector<T> y(gy.size(), poison), gx(x.size(), poison), gw(w.size(), poison), gb(b.size(), poison);
    forward<V>(g, images(g, x), w.data(), b.data(), {}, y.data());
    input_gradient<V>(g, gy.data(), w.data(), gx.data());
    weight_gradient<V>(g, images(g, x), gy.data(), gw.data());
    bias_gradient<V>(ny / g.oc, g.oc, gy.data(), gb.data());
    double const scale = sizeof(T) == 4 ? 1.2e-7 : 2.3e-16;  // per product: sums of random signs err by much less than their length
    double const per_y = static_cast<double>(g.kh * g.kw * g.c / g.groups) + 4,
                 per_x = static_cast<double>(g.kh * g.kw * g.oc / g.groups) + 4;
    double const per_w = static_cast<double>(ny / g.oc) + 4;
    bool const ok = worst(y, wy) < scale * per_y && worst(gx, wgx) < scale * 2 * per_x && worst(gw, wgw) < scale * per_w
                    && worst(gb, wgb) < scale * per_w;
    CHECK(worst(y, wy) < scale * per_y);
    CHECK(worst(gx, wgx) < scale * 2 * per_x);
    CHECK(worst(gw, wgw) < scale * per_w);
    CHECK(worst(gb, wgb) < scale * per_w);
    REQUIRE(ok);
}

}  // namespace

TEST_CASE("convolution kernels agree with sums in double: all strides, dilations, groups, paddings and kernels") {
    int cases = 0;
    for (Index k : {1, 2, 3, 5, 7})
        for (Index stride : {1, 2, 3})
            for (Index dilation : {1, 2})
                for (Index groups : {1, 2, 4})
                    for (auto mode : {PaddingMode::Zero, PaddingMode::Reflect})
                        for (Index padding : {Index(0), k / 2, k - 1}) {
                            Conv2dGeometry const g{2, 9, 13, 4, groups == 4 ? 4 : 6, k, k, stride, padding, dilation, groups, mode};
                            if (!valid(g)) continue;
                            compare<float>(g);
                            ++cases;
                        }
    CHECK(cases > 400);
}

TEST_CASE("convolution kernels agree with sums in double: numbers of channels around the vector width") {
    for (Index c : {1, 2, 3, 5, 16, 17, 48})
        for (Index o : {1, 2, 3, 5, 16, 17, 48}) {
            compare<float>({1, 7, 11, c, o, 3, 3, 1, 1});
            compare<double>({1, 5, 9, c, o, 3, 3, 1, 1});
        }
    for (Index c : {70, 96, 131}) compare<float>({1, 5, 6, c, 144, 3, 3, 1, 1});
}

TEST_CASE("convolution kernels agree with sums in double: depthwise, grouped, oblong and tiny") {
    for (Index c : {2, 5, 16, 17, 48, 70})
        for (Index k : {1, 2, 3, 5, 7})
            for (Index stride : {1, 2, 3}) {
                compare<float>({2, 10, 9, c, c, k, k, stride, k / 2, 1, c});
                if (k > 1) compare<double>({1, 9, 10, c, c, k, k, stride, k / 2, 2, c, PaddingMode::Reflect});
            }
    compare<float>({1, 8, 8, 6, 12, 3, 3, 1, 1, 1, 6});  // two filters per channel
    compare<float>({1, 8, 8, 36, 40, 3, 3, 1, 1, 1, 2});
    compare<float>({1, 9, 8, 40, 6, 3, 3, 2, 1, 1, 2});  // few outputs per group, many inputs: the lanes are inputs
    compare<double>({2, 9, 8, 50, 4, 3, 3, 1, 2, 2, 1, PaddingMode::Reflect});
    compare<float>({2, 7, 8, 5, 4, 3, 1, 1, 1});
    compare<float>({2, 7, 8, 5, 4, 1, 5, 2, 2});
    compare<float>({1, 1, 1, 3, 2, 3, 3, 1, 1});
    compare<float>({3, 2, 2, 20, 20, 3, 3, 1, 1});
    compare<float>({1, 1, 300, 3, 20, 1, 3, 1, 1});
    compare<float>({1, 4, 5, 3, 4, 2, 2, 3, 0});  // some inputs are never read: their gradient is zero
    compare<float>({1, 9, 9, 3, 4, 1, 1, 2, 3});  // whole outputs see only padding
}

TEST_CASE("large images are cut into several tiles in both directions") {
    compare<float>({1, 40, 230, 20, 8, 3, 3, 1, 1});
    compare<float>({2, 33, 131, 64, 17, 3, 3, 2, 1});
}

namespace {
double relative(std::vector<float> const& got, std::vector<double> const& want) {
    double error = 0, norm = 0;
    for (std::size_t i = 0; i < got.size(); ++i) {
        error += std::pow(static_cast<double>(got[i]) - want[i], 2);
        norm += want[i] * want[i];
    }
    return std::sqrt(error / norm);
}

/// Forward and both gradients of the default algorithm in float: the relative L2 distance from the defining sums in double.
void compare_winograd(Conv2dGeometry const& g) {
    INFO(text(g));
    Rng rng(11);
    Index const ny = g.n * g.out_h() * g.out_w() * g.oc, nx = g.n * g.h * g.w * g.c, nw = g.oc * (g.c / g.groups) * 9;
    auto const x = random_values<float>(nx, rng), w = random_values<float>(nw, rng), b = random_values<float>(g.oc, rng),
               gy = random_values<float>(ny, rng);
    std::vector<double> wy(gy.size()), wgx(x.size()), wgw(w.size());
    for (std::size_t i = 0; i < wy.size(); ++i) wy[i] = static_cast<double>(b[i % static_cast<std::size_t>(g.oc)]);
    for_products(g, [&](Index iy, Index ix, Index iw) {
        auto const y = static_cast<std::size_t>(iy), i = static_cast<std::size_t>(ix), k = static_cast<std::size_t>(iw);
        wy[y] += static_cast<double>(x[i]) * w[k], wgx[i] += static_cast<double>(gy[y]) * w[k], wgw[k] += static_cast<double>(gy[y]) * x[i];
    });
    float const poison = std::numeric_limits<float>::quiet_NaN();
    std::vector<float> y(gy.size(), poison), gx(x.size(), poison), gw(w.size(), poison);
    forward<Simd<float>>(g, images(g, x), w.data(), b.data(), {}, y.data());
    input_gradient<Simd<float>>(g, gy.data(), w.data(), gx.data());
    weight_gradient<Simd<float>>(g, images(g, x), gy.data(), gw.data());
    CHECK(relative(y, wy) < 2e-6);
    CHECK(relative(gx, wgx) < 2e-6);
    CHECK(relative(gw, wgw) < 2e-6);
}
}  // namespace

TEST_CASE("Winograd convolutions agree with sums in double: channels, borders, groups, paddings") {
    for (Index c : {16, 17, 40, 48, 70, 144})
        for (Index o : {16, 31, 48, 70, 96}) compare_winograd({1, 11, 10, c, o, 3, 3, 1, 1});
    for (Index h : {1, 2, 3, 4, 5, 8, 9})
        for (Index w : {1, 3, 4, 6, 13}) compare_winograd({2, h, w, 20, 24, 3, 3, 1, 1});
    for (Index padding : {0, 1, 2, 3})
        for (auto mode : {PaddingMode::Zero, PaddingMode::Reflect}) compare_winograd({3, 9, 14, 18, 16, 3, 3, 1, padding, 1, 1, mode});
    compare_winograd({2, 12, 9, 64, 32, 3, 3, 1, 1, 1, 2});
    compare_winograd({2, 8, 9, 51, 48, 3, 3, 1, 1, 1, 3});
    compare_winograd({2, 64, 60, 33, 80, 3, 3, 1, 1});  // several tasks, chunks and slices
}

TEST_CASE("Winograd's method is what a 3 x 3 convolution of many channels takes, and only that") {
    Conv2dGeometry const g{1, 8, 8, 16, 16, 3, 3, 1, 1};
    Rng rng(3);
    auto const x = random_values<float>(1024, rng), w = random_values<float>(16 * 16 * 9, rng);
    auto const run = [&](Conv2dGeometry const& geometry) {
        std::vector<float> y(static_cast<std::size_t>(geometry.out_h() * geometry.out_w() * geometry.oc));
        forward<Simd<float>, float>(geometry, images(geometry, x), w.data(), nullptr, {}, y.data());
        return y;
    };
    auto const both = [&](Conv2dGeometry geometry) {
        auto const fast = run(geometry);
        geometry.direct = true;
        return std::pair{fast, run(geometry)};
    };
    auto const [fast, direct] = both(g);
    CHECK(fast != direct);
    for (auto const& [name, value] : {std::pair<Index Conv2dGeometry::*, Index>{&Conv2dGeometry::stride, 2},
                                      {&Conv2dGeometry::dilation, 2},
                                      {&Conv2dGeometry::c, 15},
                                      {&Conv2dGeometry::oc, 15},
                                      {&Conv2dGeometry::kh, 1}}) {
        Conv2dGeometry changed = g;
        changed.*name = value;
        auto const [a, b] = both(changed);
        CHECK(a == b);
    }
}
}  // namespace conv2d_kernels_test
