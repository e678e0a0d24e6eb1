// SPDX-License-Identifier: MIT
#include <support/catch.hpp>
#include <tacet/tensor/factory.hpp>
#include <tacet/tensor/print.hpp>
#include <sstream>

namespace print_test {
using namespace tacet;

namespace {
template <class T> std::string printed(T const& x) {
    std::ostringstream out;
    out << x;
    return out.str();
}
}  // namespace

TEST_CASE("shapes and tensors are printed, brackets as deep as the rank") {
    CHECK(printed(Shape{2, 3}) == "(2, 3)");
    CHECK(printed(iota(Shape{2, 3})) == "Tensor (2, 3) [[0, 1, 2], [3, 4, 5]]");
    CHECK(printed(iota<int>(Shape{2, 1, 2})) == "Tensor (2, 1, 2) [[[0, 1]], [[2, 3]]]");
    CHECK(printed(full(Shape{1}, 0.5)) == "Tensor (1) [0.5]");
    CHECK(printed(full(Shape<0>{}, 2)) == "Tensor () 2");
    CHECK(printed(zeros(Shape{0})) == "Tensor (0) []");
    CHECK(printed(zeros(Shape{2, 0})) == "Tensor (2, 0) []");
}
}  // namespace print_test
