// SPDX-License-Identifier: MIT
#include <support/catch.hpp>
#include <support/op_case.hpp>
#include <support/public_names.hpp>

namespace coverage_test {
using namespace tacet::test;

TEST_CASE("every public function of expr/functions.hpp has a case") {
    auto const names = public_functions_of(source_dir() + "/include/tacet/expr/functions.hpp");
    REQUIRE(names.size() >= 30);
    for (auto const& name : names) {
        INFO("the function " << name << " has no case: see tests/support/op_case.hpp");
        CHECK(has_case(name));
    }
}

TEST_CASE("the names of public functions are read from any header") {
    std::string const header = R"(
// not_this(int);
#pragma once
/* nor_this(int); */
namespace tacet {
struct Options { int member(int); };
namespace detail { inline int hidden(int x) { return x; } }
template <class A, class B> requires Operands<A, B> auto operator+(A const& a, B const& b) { return call(a, b); }
template <class A> requires (A::rank == 2) auto constrained(A const& a) -> decltype(a) { return other(a); }
template <int... Axes, class T, int R, class D> Variable<T, R - int(sizeof...(Axes)), D> reduced(Variable<T, R, D> const& x,
                                                                                              Options const& o = {1}) {
    for (;;) { inner(x); }
}
inline int plain(char const* text = "a { b(") { return 1; }
auto declared(int);
constexpr int constant = compute(3);
template <class T> constexpr bool is_good = test(T());
template <class T> Wrapper(T const&) -> Wrapper<T>;
using Name = decltype(plain());
template <class T> concept Fine = requires(T t) { t.size(); };
template <class T, class U = decltype(call(1))> decltype(auto) odd(T t) { return t; }
}  // namespace tacet
)";
    CHECK(public_functions(header) == std::vector<std::string>{"constrained", "declared", "odd", "operator+", "plain", "reduced"});
}

TEST_CASE("the table of cases finds planted mistakes") {
    auto const report = [](auto const& reference, auto const& f) {
        Case<1>({.name = "planted", .reference = reference, .shapes = {{{1}}, {{2}}, {{3}}, {{4}}, {{5}}}, .bench = {.shapes = {{9}}}}, f);
        auto const text = failures_of("planted");
        tacet::check(!op_cases().empty(), "the case was not added");
        op_cases().pop_back();
        return text;
    };
    /// 2 x, whose gradient is `slope` gy.
    auto const doubled = [](double slope, double float_error = 0) {
        return [=](auto const& x) {
            using V = std::remove_cvref_t<decltype(x)>;
            using T = typename V::value_type;
            T const factor = sizeof(T) == 4 ? static_cast<T>(2 + float_error) : T(2);
            tacet::Tensor<T, 1> y(x.value() * factor);
            return tacet::record(y, [slot = x.slot(), slope](tacet::Tensor<T, 1> const& gy) {
                tacet::deliver(slot, tacet::Tensor<T, 1>(gy * slope));
            }, x);
        };
    };
    auto const twice = [](Arrays const& in) { return elementwise(in, [](auto const& v) { return 2 * v[0]; }); };
    auto const thrice = [](Arrays const& in) { return elementwise(in, [](auto const& v) { return 3 * v[0]; }); };
    CHECK(report(twice, doubled(2)) == "");
    CHECK_THAT(report(thrice, doubled(2)), contains("planted on (1): element (0) is") && contains("the reference gives"));
    CHECK_THAT(report(twice, doubled(2.01)), contains("the gradient of input 0 at (0) is") && contains("finite differences give"));
    CHECK_THAT(report(twice, doubled(2, 1e-4)), contains("in float: element (0)"));
    CHECK_THAT(failures_of("planted"), contains("0 runs, at least 5 shapes") && contains("no run with inputs of size 1"));
}
}  // namespace coverage_test
