// SPDX-License-Identifier: MIT
#include <support/catch.hpp>
#include <tacet/core/random.hpp>
#include <tacet/metrics/cka.hpp>

namespace cka_test {
using namespace tacet;
using tacet::test::contains;

namespace {
using Matrix = Tensor<float, 2>;

Matrix matrix(Shape<2> const& shape, std::vector<float> const& values) {
    Matrix x(shape);
    std::copy(values.begin(), values.end(), x.data());
    return x;
}
Matrix random(Index rows, Index columns, std::uint64_t seed) {
    Matrix x(Shape{rows, columns});
    Rng(seed).fill_normal(x.data(), x.size());
    return x;
}
Matrix rows_of(Matrix const& x, Index first, Index count) {
    Index const d = x.shape()[1];
    Matrix y(Shape{count, d});
    std::copy_n(x.data() + first * d, count * d, y.data());
    return y;
}
}  // namespace

TEST_CASE("linear CKA by hand", "[metrics][cka]") {
    // Centred: x = (-1, 0, 1), y = (0, -1, 1): (y^T x)^2 / (x^T x y^T y) = 1 / (2 * 2).
    auto const x = matrix(Shape{3, 1}, {1, 2, 3}), y = matrix(Shape{3, 1}, {1, 0, 2});
    CHECK(linear_cka(x, y) == Approx(0.25).epsilon(1e-12));
    // Columns (-1, 0, 1) and (0, -1, 1): X^T X = [2 1; 1 2], of norm sqrt(10); X^T x = (2, 1): 5 / (sqrt(10) * 2).
    auto const both = matrix(Shape{3, 2}, {1, 1, 2, 0, 3, 2});
    CHECK(linear_cka(both, x) == Approx(5 / (2 * std::sqrt(10.))).epsilon(1e-12));
    CHECK(linear_cka(x, both) == linear_cka(both, x));
    CHECK(linear_cka(matrix(Shape{4, 1}, {1, -1, 1, -1}), matrix(Shape{4, 1}, {1, 1, -1, -1})) == Approx(0).margin(1e-15));
    CHECK(std::isnan(linear_cka(x, matrix(Shape{3, 1}, {2, 2, 2}))));  // what does not vary resembles nothing
}

TEST_CASE("linear CKA is 1 for itself, turned, mirrored, scaled and moved", "[metrics][cka]") {
    auto const x = random(301, 3, 1);
    Matrix y(x.shape());
    double const c = std::cos(0.7), s = std::sin(0.7);
    for (Index r = 0; r < 301; ++r) {
        auto const at = [&](Index k) { return static_cast<double>(x.data()[3 * r + k]); };
        y.data()[3 * r] = static_cast<float>(5 * (c * at(0) - s * at(1)) + 100);
        y.data()[3 * r + 1] = static_cast<float>(5 * (s * at(0) + c * at(1)) - 3);
        y.data()[3 * r + 2] = static_cast<float>(-5 * at(2));
    }
    CHECK(linear_cka(x, x) == Approx(1).epsilon(1e-12));
    CHECK(linear_cka(x, y) == Approx(1).epsilon(1e-6));
    auto const other = random(301, 3, 2);
    CHECK(linear_cka(x, other) < 0.1);
    CHECK(linear_cka(y, other) == Approx(linear_cka(x, other)).epsilon(1e-4));
    Matrix stretched = x.clone();
    for (Index r = 0; r < 301; ++r) stretched.data()[3 * r] *= 10;  // no isotropic scaling
    CHECK(linear_cka(x, stretched) < 0.9);
}

TEST_CASE("linear CKA in parts is that of the whole, for any widths and all pairs", "[metrics][cka]") {
    std::vector<Matrix> const all{random(600, 7, 1), random(600, 1, 2), random(600, 12, 3)};
    LinearCka whole(3), parts(3), first(3, LinearCka::Pairs::with_first);
    whole.add(all), first.add(all);
    for (Index at = 0; at < 600; at += 200) parts.add({rows_of(all[0], at, 200), rows_of(all[1], at, 200), rows_of(all[2], at, 200)});
    CHECK(parts.samples() == 600);
    for (std::size_t i = 0; i < 3; ++i)
        for (std::size_t j = 0; j < 3; ++j) {
            CHECK(parts(i, j) == Approx(whole(i, j)).epsilon(1e-12));
            CHECK(whole(i, j) == Approx(linear_cka(all[i], all[j])).epsilon(1e-12));
        }
    CHECK(first(2, 0) == whole(0, 2));
    CHECK_THROWS_WITH(first(1, 2), "linear CKA: matrices 1 and 2 are not compared");
    CHECK_THROWS_AS(whole(0, 3), Error);
}

TEST_CASE("linear CKA refuses rows that do not belong together", "[metrics][cka]") {
    LinearCka sums(2);
    CHECK(std::isnan(sums(0, 1)));
    CHECK_THROWS_WITH(sums.add({random(4, 2, 1), random(5, 2, 2)}), "linear CKA: (4, 2) and (5, 2) differ in rows");
    CHECK_THROWS_WITH(sums.add({random(4, 2, 1)}), "linear CKA: rows of 1 matrices instead of 2");
    sums.add({random(4, 2, 1), random(4, 3, 2)});
    CHECK_THROWS_WITH(sums.add({random(4, 3, 1), random(4, 3, 2)}), contains("do not continue 2 columns"));
}
}  // namespace cka_test
