// SPDX-License-Identifier: MIT
#include <support/catch.hpp>
#include <tacet/tensor/factory.hpp>
#include <tacet/tensor/tensor.hpp>
#include <cstdint>
#include <vector>

namespace tensor_test {
using namespace tacet;
using tacet::test::contains;

TEST_CASE("a copy of a tensor shares its memory, a clone does not") {
    auto const x = iota(Shape{2, 3});
    CHECK(x.unique());
    auto const shared = x;
    auto const cloned = x.clone();
    CHECK_FALSE(x.unique());
    CHECK(shared.data() == x.data());
    CHECK(cloned.data() != x.data());
    CHECK(cloned.unique());
    shared(0, 1) = 50;
    CHECK(x(0, 1) == 50);
    CHECK(cloned(0, 1) == 1);
    CHECK(x.clone().shape() == x.shape());
    CHECK(Tensor<float, 2>(Shape{0, 3}).clone().shape() == Shape{0, 3});
}

TEST_CASE("tensors begin at a cache line") {
    for (Index n : {1, 7, 100}) CHECK(reinterpret_cast<std::uintptr_t>(Tensor<float, 1>(Shape{n}).data()) % 64 == 0);
}

TEST_CASE("no tensor, empty tensors and numbers") {
    Tensor<float, 2> const none;
    CHECK(none.shape() == Shape{0, 0});
    CHECK(none.size() == 0);
    Tensor<float, 2> const empty(Shape{3, 0});
    CHECK(empty.size() == 0);
    CHECK(empty.defined());
    Tensor<float, 0> const undefined;
    CHECK_FALSE(undefined.defined());
    CHECK(undefined.size() == 0);
    Tensor<float, 0> const number(Shape<0>{});
    CHECK(number.defined());
    CHECK(number.size() == 1);
    number() = 4;
    CHECK(item(number) == 4);
}

TEST_CASE("extents that cannot be are refused") {
    CHECK_THROWS_AS((Tensor<float, 2>(Shape{2, -1})), ShapeError);
    CHECK_THROWS_WITH((Tensor<float, 2>(Shape{2, -1})), contains("the extents (2, -1)"));
    CHECK_THROWS_WITH((Tensor<float, 3>(Shape{3'000'000, 3'000'000, 3'000'000})), contains("too many elements"));
}

TEST_CASE("a new name for an expression is new memory, assign writes into what is there") {
    auto const x = iota(Shape{4});
    Tensor y = x;
    CHECK(y.data() == x.data());
    Tensor z = x + 0;
    CHECK(z.data() != x.data());
    float const* const place = z.data();
    auto const seen = z;
    z.assign(x * 2);
    CHECK(z.data() == place);
    CHECK(seen(3) == 6);
    z.assign(7);
    CHECK(seen(0) == 7);
    z.assign(x);
    CHECK(seen(2) == 2);
    z = x * 3;  // a new tensor under the old name
    CHECK(seen(2) == 2);
    CHECK(z(2) == 6);
}

TEST_CASE("in-place arithmetic broadcasts its operand and is seen by all who share the memory") {
    auto y = iota(Shape{2, 3});
    auto const seen = y;
    y += full(Shape{3}, 10.f);
    y *= 2;
    y -= iota(Shape{2, 1});
    y /= full(Shape<0>{}, 2.f);
    CHECK(seen(0, 0) == 10);
    CHECK(seen(1, 2) == 14.5f);
    y -= y;
    CHECK(seen(1, 1) == 0);
    CHECK_THROWS_WITH(y += zeros(Shape{4}), contains("cannot broadcast (4) to (2, 3)"));
    CHECK_THROWS_WITH(zeros(Shape{1, 3}) += y, contains("cannot broadcast (2, 3) to (1, 3)"));
}

TEST_CASE("an expression may read the tensor it is assigned to") {
    Index const n = 5000;  // more than a chunk
    auto const x = iota(Shape{n});
    x.assign(x * x - x + 1);
    Index wrong = 0;
    for (Index k = 0; k < n; ++k) {
        auto const v = static_cast<float>(k);
        wrong += x(k) != v * v - v + 1;
    }
    CHECK(wrong == 0);
    // The same memory under another shape does not fit, so that nothing can be read where it was already overwritten.
    auto const column = x.reshape(Shape{n, 1});
    CHECK_THROWS_AS(x.reshape(Shape{1, n}).assign(column), ShapeError);
}

TEST_CASE("tensors over foreign memory: contiguous memory is shared") {
    std::vector<float> memory{0, 1, 2, 3, 4, 5};
    auto const x = Tensor<float, 2>::over(memory.data(), Shape{2, 3});
    CHECK(x.data() == memory.data());
    x(1, 2) = 50;
    CHECK(memory[5] == 50);
    CHECK_FALSE(x.unique());
    auto const same = Tensor<float, 3>::over(memory.data(), Shape{2, 1, 3}, Shape{3, 77, 1});
    CHECK(same.data() == memory.data());  // the stride of an extent of 1 does not matter
    auto const none = Tensor<float, 1>::over(nullptr, Shape{0});
    CHECK(none.size() == 0);
    CHECK_THROWS_AS((Tensor<float, 1>::over(memory.data(), Shape{-1})), ShapeError);
}

TEST_CASE("tensors over foreign memory: strided memory is copied") {
    std::vector<float> memory(20);
    for (std::size_t k = 0; k < 20; ++k) memory[k] = static_cast<float>(k);
    auto const x = Tensor<float, 2>::over(memory.data(), Shape{2, 3}, Shape{10, 2});  // rows of 10, every other element
    CHECK(x.data() != memory.data());
    CHECK(x.unique());
    CHECK(x(0, 2) == 4);
    CHECK(x(1, 1) == 12);
    x(0, 0) = 99;
    CHECK(memory[0] == 0);
    auto const upside_down = Tensor<float, 2>::over(memory.data() + 10, Shape{2, 10}, Shape{-10, 1});
    CHECK(upside_down(0, 3) == 13);
    CHECK(upside_down(1, 3) == 3);
}

TEST_CASE("tensors over foreign memory keep alive what they are given") {
    auto const owner = std::make_shared<std::vector<double>>(6, 2.0);
    {
        auto const x = Tensor<double, 1>::over(owner->data(), Shape{6}, owner);
        CHECK(owner.use_count() == 2);
        auto const reshaped = x.reshape(Shape{2, 3});
        CHECK(owner.use_count() == 3);
        auto const copied = Tensor<double, 1>::over(owner->data(), Shape{3}, Shape{2}, owner);
        CHECK(owner.use_count() == 3);  // a copy needs no owner
    }
    CHECK(owner.use_count() == 1);
}

TEST_CASE("constant foreign memory is read") {
    std::vector<float> const memory{1, 2, 3, 4};
    auto const view = View<float const, 2>{memory.data(), Shape{2, 1}};
    CHECK(view.at(Shape{1, 1}) == 4);
}

TEST_CASE("part sees the same memory from an element on, keeps it alive, and does not reach beyond it") {
    auto x = iota(Shape{2, 6});
    auto const y = x.part(4, Shape{3, 2});
    CHECK((y.data() == x.data() + 4 && y(2, 1) == 9));
    CHECK_THROWS_WITH(x.part(8, Shape{5}), contains("(5) from element 8 on is not within (2, 6)"));
    CHECK_THROWS_AS(x.part(-1, Shape{5}), ShapeError);
    CHECK(x.part(12, Shape{0}).size() == 0);
    x = {};
    CHECK(y(0, 0) == 4);
}

TEST_CASE("reshape sees the same memory, if the number of elements allows it") {
    auto const x = iota(Shape{2, 6});
    auto const y = x.reshape(Shape{3, 2, 2});
    CHECK(y.data() == x.data());
    CHECK(y(2, 1, 1) == 11);
    CHECK(full(Shape<0>{}, 3.f).reshape(Shape{1, 1})(0, 0) == 3);
    CHECK(item(full(Shape{1}, 3.f).reshape(Shape<0>{})) == 3);
    CHECK_THROWS_AS(x.reshape(Shape{5}), ShapeError);
    CHECK_THROWS_WITH(x.reshape(Shape{5}), contains("(2, 6) has 12 elements, (5) has 5"));
}

TEST_CASE("views know whether a walk over them is a walk through memory") {
    View<float, 3> const rows{nullptr, Shape{12, 4, 1}};
    CHECK(rows.contiguous(Shape{2, 3, 4}));
    CHECK_FALSE(rows.contiguous(Shape{2, 2, 4}));
    CHECK(rows.contiguous(Shape{1, 3, 4}));
    CHECK(rows.unit());
    CHECK_FALSE(View<float, 1>{nullptr, Shape{0}}.contiguous(Shape{5}));
    CHECK(View<float, 1>{nullptr, Shape{0}}.contiguous(Shape{1}));
    CHECK(rows.offset(Shape{1, 2, 3}) == 23);
}
}  // namespace tensor_test
