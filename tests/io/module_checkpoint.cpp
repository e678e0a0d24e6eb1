// SPDX-License-Identifier: MIT
#include <tacet/io/module_checkpoint.hpp>
#include <tacet/io/safetensors.hpp>
#include <tacet/nn/module.hpp>
#include <support/catch.hpp>

namespace module_checkpoint_test {
using namespace tacet;
using tacet::test::contains;

namespace {

// A layer with a running value that is saved but not trained, in a module with a list of them; outside of the library's namespace.
struct Layer {
    Parameter<float, 2> weight;
    Parameter<float, 1> bias;
    Tensor<float, 0> running;

    explicit Layer(Index n) : weight(zeros(n, 3)), bias(zeros(n)), running(Shape<0>{}) { running() = 0; }
    static Tensor<float, 2> zeros(Index n, Index m) { return Tensor<float, 2>(Constant<float, 2, Cpu>{Shape{n, m}, 0}); }
    static Tensor<float, 1> zeros(Index n) { return Tensor<float, 1>(Constant<float, 1, Cpu>{Shape{n}, 0}); }
    static void fields(auto& self, auto&& field) { field("weight", self.weight), field("bias", self.bias), field("running", self.running); }
};
struct Network {
    std::vector<Layer> layers;
    Layer head;

    explicit Network(int depth) : head(4) {
        for (int i = 0; i < depth; ++i) layers.emplace_back(2);
    }
    static void fields(auto& self, auto&& field) { field("layers", self.layers), field("head", self.head); }
};

void fill(Network& network, float start) {
    for_each_state(network, [&](std::string const&, auto const& t) {
        for (Index i = 0; i < t.size(); ++i) t.data()[i] = start++;
    });
}
std::vector<float> values(Network& network) {
    std::vector<float> all;
    for_each_state(network, [&](std::string const&, auto const& t) { all.insert(all.end(), t.data(), t.data() + t.size()); });
    return all;
}
using Names = std::vector<std::string>;

}  // namespace

TEST_CASE("A module's state survives saving and loading", "[module_checkpoint]") {
    Network a(2), b(2);
    fill(a, 1);
    auto const saved = parse_safetensors(format_safetensors(save(a)));
    CHECK(saved.tensors.size() == 9);
    CHECK(saved.at("layers.1.weight").shape == std::vector<Index>{2, 3});
    CHECK(saved.at("head.running").shape.empty());
    auto const before = b.head.weight.value().data();
    CHECK(load(b, saved).clean());
    CHECK(values(b) == values(a));
    CHECK(b.head.weight.value().data() == before);  // optimizers and views keep seeing the weights
}

TEST_CASE("Loading converts element types", "[module_checkpoint]") {
    Network a(0);
    fill(a, 1);
    auto c = save(a);
    auto const bytes = [](auto value) { return NamedTensor{"head.running", dtype_of<decltype(value)>(), {}, {}}; };
    NamedTensor half = bytes(Half(2.5f));
    half.data = {0x00, 0x41};
    c.tensors.back() = half;
    load(a, c);
    CHECK(a.head.running() == 2.5f);
    NamedTensor counter = bytes(std::int64_t{7});
    counter.data = {7, 0, 0, 0, 0, 0, 0, 0};
    c.tensors.back() = counter;
    load(a, c);
    CHECK(a.head.running() == 7.f);
    c.tensors.back() = {"head.running", DType::C64, {}, std::vector<std::uint8_t>(8)};
    CHECK_THROWS_WITH(load(a, c), contains("1 of another shape: head.running C64 instead of F32"));
}

TEST_CASE("A mismatch names everything and changes nothing", "[module_checkpoint]") {
    Network a(1), b(1);
    fill(a, 1);
    fill(b, 100);
    auto c = save(a);
    c.tensors[0].name = "layers.0.other";
    c.tensors[4].shape = {2};
    c.tensors[4].data.resize(8);
    auto const before = values(b);
    CHECK_THROWS_WITH(load(b, c), "the weights do not fit the model; 1 missing: layers.0.weight; 1 unexpected: layers.0.other; "
                                  "1 of another shape: head.bias (2) instead of (4)");
    CHECK(values(b) == before);
    CHECK_THROWS_AS(load(b, c, {.strict = false}), LoadError);  // another shape is never tolerated
    CHECK(values(b) == before);
    try {
        load(b, c);
        FAIL("no LoadError");
    } catch (LoadError const& error) {
        CHECK(error.report.missing == Names{"layers.0.weight"});
        CHECK(error.report.unexpected == Names{"layers.0.other"});
        CHECK(error.report.mismatched == Names{"head.bias (2) instead of (4)"});
    }
}

TEST_CASE("Without strictness what occurs in both is loaded, and the rest told", "[module_checkpoint]") {
    Network small(1), large(2);
    fill(small, 1);
    fill(large, 100);
    auto const report = load(large, save(small), {.strict = false});
    CHECK(report.missing == Names{"layers.1.weight", "layers.1.bias", "layers.1.running"});
    CHECK(report.unexpected.empty());
    CHECK(large.layers[0].weight.value()(0, 0) == 1);
    CHECK(large.layers[1].weight.value()(0, 0) == 109);
    CHECK(load(small, save(large), {.strict = false}).unexpected.size() == 3);
    CHECK(to_string(LoadReport{}) == "the weights fit the model");
}

TEST_CASE("Long lists are cut in the message, not in the report", "[module_checkpoint]") {
    Network large(10);
    try {
        load(large, {});
        FAIL("no LoadError");
    } catch (LoadError const& error) {
        CHECK(error.report.missing.size() == 33);
        CHECK_THAT(error.what(), contains("33 missing: layers.0.weight, layers.0.bias,") && contains("layers.3.running and 21 more"));
    }
}

TEST_CASE("PyTorch's batch counters are never unexpected", "[module_checkpoint]") {
    Network a(0);
    auto c = save(a);
    c.tensors.push_back({"head.norm.num_batches_tracked", DType::I64, {}, std::vector<std::uint8_t>(8)});
    CHECK(load(a, c).clean());
}

TEST_CASE("Tensors go to checkpoints and back", "[module_checkpoint]") {
    Tensor<double, 2> x(Shape{2, 2});
    for (Index i = 0; i < 4; ++i) x.data()[i] = 0.1 * static_cast<double>(i);
    auto const named = named_tensor("x", x);
    CHECK(named.dtype == DType::F64);
    auto const y = to_tensor<double, 2>(named);
    CHECK(y.shape() == x.shape());
    CHECK(y(1, 1) == x(1, 1));
    CHECK(to_tensor<float, 2>(named)(0, 1) == 0.1f);
    CHECK_THROWS_WITH((to_tensor<double, 3>(named)), "tensor \"x\" has shape (2, 2), not rank 3");
    CHECK_THROWS_AS((to_tensor<double, 3>(named)), ShapeError);
    CHECK_THROWS_WITH(assign_tensor(Tensor<double, 2>(Shape{2, 3}), named), "tensor \"x\" has shape (2, 2) instead of (2, 3)");
    auto broken = named;
    broken.data.pop_back();
    CHECK_THROWS_WITH((to_tensor<double, 2>(broken)), "tensor \"x\": F64 (2, 2) needs 32 bytes, not 31");
}
}  // namespace module_checkpoint_test
