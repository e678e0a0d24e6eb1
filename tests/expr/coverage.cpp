// SPDX-License-Identifier: MIT
#include <support/catch.hpp>
#include <support/op_check.hpp>
#include <support/public_names.hpp>

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
