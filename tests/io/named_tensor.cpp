// SPDX-License-Identifier: MIT
#include <tacet/io/named_tensor.hpp>
#include <support/catch.hpp>
#include <support/checkpoint_bytes.hpp>
#include <cmath>
#include <limits>

namespace named_tensor_test {
using namespace tacet;
using namespace tacet::test;

namespace {

template <class T> NamedTensor make(DType dtype, std::initializer_list<T> values) {
    return {"x", dtype, {static_cast<Index>(values.size())}, to_bytes(raw<T>(values))};
}

}  // namespace

TEST_CASE("DType: names, sizes and C++ types belong together", "[named_tensor]") {
    CHECK(to_string(DType::Bool) == "BOOL");
    CHECK(to_string(DType::BF16) == "BF16");
    CHECK(to_string(DType::U64) == "U64");
    CHECK(size_of(DType::F8E4M3) == 1);
    CHECK(size_of(DType::C64) == 8);
    STATIC_REQUIRE(dtype_of<float>() == DType::F32);
    STATIC_REQUIRE(dtype_of<Half>() == DType::F16);
    STATIC_REQUIRE(dtype_of<BFloat16>() == DType::BF16);
    STATIC_REQUIRE(dtype_of<bool>() == DType::Bool);
    STATIC_REQUIRE(dtype_of<std::complex<float>>() == DType::C64);
    STATIC_REQUIRE(dtype_of<Index>() == DType::I64);
    STATIC_REQUIRE(dtype_of<unsigned char>() == DType::U8);
    STATIC_REQUIRE(size_of(dtype_of<double>()) == sizeof(double));
}

TEST_CASE("to_vector converts every real type exactly or by rounding", "[named_tensor]") {
    using Floats = std::vector<float>;
    CHECK(to_vector<float>(make<float>(DType::F32, {1.5f, -0.f})) == Floats{1.5f, 0});
    CHECK(to_vector<float>(make<double>(DType::F64, {0.1, 1e300})) == Floats{0.1f, INFINITY});
    CHECK(to_vector<float>(make<std::uint16_t>(DType::F16, {0x3c00, 0xc000, 0x0001})) == Floats{1, -2, 0x1p-24f});
    CHECK(to_vector<float>(make<std::uint16_t>(DType::BF16, {0x3f80, 0xc000})) == Floats{1, -2});
    CHECK(to_vector<float>(make<std::int64_t>(DType::I64, {-80000})) == Floats{-80000});
    CHECK(to_vector<float>(make<std::uint64_t>(DType::U64, {~std::uint64_t{0}})) == Floats{0x1p64f});
    CHECK(to_vector<float>(make<std::uint8_t>(DType::Bool, {0, 1, 2})) == Floats{0, 1, 1});
    CHECK(to_vector<double>(make<float>(DType::F32, {0.1f})) == std::vector<double>{static_cast<double>(0.1f)});
    CHECK(to_vector<Half>(make<float>(DType::F32, {65520.f})).at(0).bits == 0x7c00);
    CHECK(to_vector<BFloat16>(make<std::int32_t>(DType::I32, {257})).at(0).bits == 0x4380);  // a tie, to even: 256
    CHECK(to_vector<Half>(make<std::uint16_t>(DType::F16, {0x1234})).at(0).bits == 0x1234);
    CHECK(std::isnan(to_vector<float>(make<float>(DType::F32, {NAN})).at(0)));
}

TEST_CASE("to_vector checks the range of integers", "[named_tensor]") {
    CHECK(to_vector<std::int8_t>(make<std::int64_t>(DType::I64, {-128, 127})) == std::vector<std::int8_t>{-128, 127});
    CHECK(to_vector<std::uint64_t>(make<std::int8_t>(DType::I8, {5})) == std::vector<std::uint64_t>{5});
    CHECK_THROWS_WITH(to_vector<std::int8_t>(make<std::int64_t>(DType::I64, {0, 128})), "tensor \"x\": element 1 of type I64 is no I8");
    CHECK_THROWS_WITH(to_vector<std::uint8_t>(make<std::int8_t>(DType::I8, {-1})), "tensor \"x\": element 0 of type I8 is no U8");
    CHECK_THROWS_WITH(to_vector<int>(make<float>(DType::F32, {1})), "tensor \"x\": element 0 of type F32 is no I32");
    CHECK_THROWS_WITH(to_vector<float>(make<float>(DType::C64, {})), "tensor \"x\": elements of type C64 cannot be converted");
}

TEST_CASE("to_vector checks that shape and data agree", "[named_tensor]") {
    CHECK_THROWS_WITH(to_vector<float>({"x", DType::F32, {2, 3}, {0}}), "tensor \"x\": F32 (2, 3) needs 24 bytes, not 1");
    CHECK_THROWS_WITH(to_vector<float>({"x", DType::F32, {Index{1} << 62, 4}, {}}), contains("x: 4611686018427387904 x 4 overflows"));
    CHECK(to_vector<float>({"x", DType::F32, {Index{1} << 62, 0, Index{1} << 62}, {}}).empty());
    CHECK(to_vector<float>({"x", DType::F32, {}, {0, 0, 0x80, 0x3f}}) == std::vector<float>{1});
}

TEST_CASE("subset and strip_prefix work on names alone", "[named_tensor]") {
    Checkpoint c{{make<float>(DType::F32, {1}), make<float>(DType::F32, {2}), make<float>(DType::F32, {3})}, {{"step", "5"}}};
    c.tensors[0].name = "model.a", c.tensors[1].name = "ema.a", c.tensors[2].name = "model.b";
    auto const model = subset(c, "model.");
    REQUIRE(model.tensors.size() == 2);
    CHECK(model.tensors[1].name == "b");
    CHECK(to_vector<float>(model.at("b")) == std::vector<float>{3});
    CHECK(model.metadata.at("step") == "5");
    CHECK_FALSE(strip_prefix(c, "model."));
    CHECK(c.tensors[0].name == "model.a");

    Checkpoint wrapped = subset(c, "model.");
    for (auto& x : wrapped.tensors) x.name = "module.module." + x.name;
    CHECK(strip_prefix(wrapped, "module."));
    CHECK(wrapped.tensors[0].name == "a");
    Checkpoint bare{{make<float>(DType::F32, {1})}, {}};
    bare.tensors[0].name = "module.";
    CHECK_FALSE(strip_prefix(bare, "module."));
    Checkpoint empty;
    CHECK_FALSE(strip_prefix(empty, "module."));
}
}  // namespace named_tensor_test
