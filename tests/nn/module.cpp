// SPDX-License-Identifier: MIT
#include <support/catch.hpp>
#include <tacet/autograd/backward.hpp>
#include <tacet/nn/module.hpp>
#include <tacet/tensor/factory.hpp>
#include <type_traits>
#include <vector>

namespace module_test {
using namespace tacet;

namespace {
struct Affine {
    Parameter<float, 2> weight;
    Parameter<float, 1> bias;
    explicit Affine(Index n) : weight(ones(Shape{n, n})), bias(zeros(Shape{n})) {}
    static void fields(auto& self, auto&& field) { field("weight", self.weight), field("bias", self.bias); }
};
struct Normalised {
    Parameter<float, 1> scale;
    Tensor<float, 1> running_mean;
    Normalised() : scale(ones(Shape{4})), running_mean(zeros(Shape{4})) {}
    static void fields(auto& self, auto&& field) { field("scale", self.scale), field("running_mean", self.running_mean); }
};
struct Network {
    Affine first{2};
    std::vector<Affine> blocks;
    Normalised norm;
    Network() {
        blocks.emplace_back(3);
        blocks.emplace_back(1);
    }
    static void fields(auto& self, auto&& field) { field("first", self.first), field("blocks", self.blocks), field("norm", self.norm); }
};
/// A part without a name of its own: its fields stand among those of the outer module.
struct Wrapper {
    Network net;
    static void fields(auto& self, auto&& field) { field("", self.net); }
};
struct NoModule {};

template <class M> std::vector<std::string> parameter_names(M& m) {
    std::vector<std::string> names;
    for_each_parameter(m, [&](std::string const& name, auto&) { names.push_back(name); });
    return names;
}
std::vector<std::string> const expected{"first.weight",  "first.bias",      "blocks.0.weight", "blocks.0.bias",
                                        "blocks.1.weight", "blocks.1.bias", "norm.scale"};
}  // namespace

TEST_CASE("a module is what lists its fields; parameters move but do not copy") {
    static_assert(Module<Affine> && Module<Network> && Module<Network const> && Module<Wrapper>);
    static_assert(!Module<NoModule> && !Module<float> && !Module<std::vector<Affine>>);
    static_assert(!std::is_copy_constructible_v<Parameter<float, 1>> && std::is_move_constructible_v<Parameter<float, 1>>);
    static_assert(!std::is_copy_assignable_v<Parameter<float, 1>> && std::is_move_assignable_v<Parameter<float, 1>>);
    static_assert(!std::is_copy_constructible_v<Network> && std::is_move_constructible_v<Network>);
    CHECK(true);
}

TEST_CASE("parameters are visited depth first, in the order and under the names of the fields") {
    Network net;
    CHECK(parameter_names(net) == expected);
    Network const& constant = net;
    CHECK(parameter_names(constant) == expected);
    Wrapper wrapper;
    CHECK(parameter_names(wrapper) == expected);
    std::vector<std::string> prefixed;
    for_each_part(net.first, [&](std::string const& name, auto&) { prefixed.push_back(name); }, "model");
    CHECK(prefixed == std::vector<std::string>{"model.weight", "model.bias"});
}

TEST_CASE("the state of a module has its parameters and its tensors") {
    Network net;
    std::vector<std::string> names;
    Index numbers = 0;
    for_each_state(net, [&](std::string const& name, auto const& t) {
        names.push_back(name);
        numbers += t.size();
    });
    REQUIRE(names.size() == expected.size() + 1);
    CHECK(names.back() == "norm.running_mean");
    CHECK(numbers == 6 + 12 + 2 + 8);
    CHECK(parameter_count(net) == 6 + 12 + 2 + 4);
}

TEST_CASE("what is visited is the module's own memory") {
    Network net;
    for_each_state(net, [](std::string const&, auto& t) { t.assign(3); });
    CHECK(net.blocks[1].bias.value()(0) == 3);
    CHECK(net.norm.running_mean(3) == 3);
    Network const moved = std::move(net);
    CHECK(moved.first.weight.value()(1, 1) == 3);
}

TEST_CASE("a parameter is an operand: expressions hold its variable, and it receives its gradient") {
    Parameter<float, 1> p(iota(Shape{3}));
    auto const lazy = p * p + 1;
    Parameter<float, 1> const moved = std::move(p);
    Variable const y = lazy;
    CHECK(y.value()(2) == 5);
    backward(y, ones(Shape{3}));
    CHECK(moved.grad()(2) == 4);
    Variable const copy = moved * 1.f;
    CHECK(copy.requires_grad());
    Variable const same = moved.var();
    CHECK(same.slot() == moved.slot());
}

namespace {
struct Switched {
    bool training = true;
    Parameter<float, 1> scale;
    Switched() : scale(ones(Shape{1})) {}
    static void fields(auto& self, auto&& field) { field("scale", self.scale); }
};
struct Deep {
    Switched norm;
    std::vector<Switched> blocks;
    Affine affine{2};    // has no switch
    int training = 5;    // not one, in spite of its name
    Deep() : blocks(3) {}
    static void fields(auto& self, auto&& field) { field("norm", self.norm), field("blocks", self.blocks), field("affine", self.affine); }
};
struct Deeper {
    std::vector<Deep> stages;
    bool training = true;
    Deeper() : stages(2) {}
    static void fields(auto& self, auto&& field) { field("stages", self.stages); }
};
}  // namespace

TEST_CASE("every module within a module is visited, the outer one first") {
    Deep deep;
    std::vector<void const*> visited;
    for_each_module(deep, [&](auto& module) { visited.push_back(&module); });
    CHECK(visited == std::vector<void const*>{&deep, &deep.norm, &deep.blocks[0], &deep.blocks[1], &deep.blocks[2], &deep.affine});
    std::size_t count = 0;
    for_each_module(std::as_const(deep), [&](auto const&) { ++count; });
    CHECK(count == visited.size());
}

TEST_CASE("set_training reaches every switch, however deep, and nothing else") {
    Deeper net;
    auto const states = [&] {
        std::string text = net.training ? "1" : "0";
        for (auto const& stage : net.stages) {
            text += stage.norm.training ? "1" : "0";
            for (auto const& block : stage.blocks) text += block.training ? "1" : "0";
        }
        return text;
    };
    set_training(net, false);
    CHECK(states() == "000000000");
    CHECK(net.stages[1].training == 5);
    set_training(net.stages[1].blocks[2], true);
    CHECK(states() == "000000001");
    set_training(net, true);
    CHECK(states() == "111111111");
}
}  // namespace module_test
