// SPDX-License-Identifier: MIT
#include <support/catch.hpp>
#include <support/values.hpp>
#include <tacet/autograd/backward.hpp>
#include <tacet/io/json.hpp>
#include <tacet/io/options.hpp>
#include <tacet/models/masked_swinir.hpp>
#include <tacet/ops/loss.hpp>
#include <map>

namespace masked_swinir_test {
using namespace tacet;
using namespace tacet::test;

namespace {

/// A network that is small enough for every test.
SwinIROptions small() {
    SwinIROptions o;
    o.embed_dim = 12, o.depths = {2, 3}, o.num_heads = {3, 2}, o.window_size = 4, o.img_size = 16;
    return o;
}
Tensor<float, 4> picture(Index n, Index h, Index w, Index c = 3) {
    Rng rng(5);
    return uniform(Shape{n, h, w, c}, rng);
}
template <class M> std::map<std::string, std::string> shapes_of(M const& model) {
    std::map<std::string, std::string> shapes;
    for_each_state(model, [&](std::string const& name, auto const& t) { shapes[name] = to_string(t.shape()); });
    return shapes;
}
Tensor<float, 4> run(MaskedSwinIR<> const& model, Tensor<float, 4> const& x) {
    NoGrad const guard;
    return model(Variable<float, 4>(x)).value();
}
/// What a pass gives: the result, and the gradients of the input x and of all parameters, by their names.
std::map<std::string, std::vector<float>> results(MaskedSwinIR<>& model, Tensor<float, 4> const& x) {
    std::map<std::string, std::vector<float>> all;
    auto const put = [&](std::string const& name, auto const& t) { all[name].assign(t.data(), t.data() + t.size()); };
    Variable<float, 4> const in(x, true);
    for_each_parameter(model, [](std::string const&, auto& p) { p.zero_grad(); });
    Variable const y = model(in);
    backward(Variable<float, 0>(l2_loss(y, x)));
    put("y", y.value()), put("x", in.grad());
    for_each_parameter(model, [&](std::string const& name, auto& p) { put(name, p.grad()); });
    return all;
}
/// Whether the norm of the difference is small beside that of b.
bool near(std::vector<float> const& a, std::vector<float> const& b) {
    double difference = 0, size = 0;
    for (std::size_t k = 0; k < b.size(); ++k) {
        difference += std::pow(static_cast<double>(a[k]) - static_cast<double>(b[k]), 2);
        size += std::pow(static_cast<double>(b[k]), 2);
    }
    return std::sqrt(difference) <= 1e-5 * std::sqrt(size);
}
std::string refusal(SwinIROptions const& o) {
    return message_of([&] {
        Rng rng(0);
        MaskedSwinIR<>(o, rng);
    });
}
/// The shapes of a network as a file tells them.
struct Shapes {
    std::map<std::string, std::vector<Index>, std::less<>> extents;
    explicit Shapes(MaskedSwinIR<> const& model) {
        model.for_each_pytorch_entry([&](std::string const& name, auto const& t) {
            for (int d = 0; d < std::remove_cvref_t<decltype(t)>::rank; ++d) extents[name].push_back(t.shape()[d]);
        });
    }
    std::vector<Index> const* find(std::string_view name) const {
        auto const it = extents.find(name);
        return it == extents.end() ? nullptr : &it->second;
    }
};
}  // namespace

TEST_CASE("The released sizes have the parameters and tensors of the specification") {
    Rng rng(0);
    MaskedSwinIR<> const model(rng);
    REQUIRE(parameter_count(model) == 824'118);
    auto const shapes = shapes_of(model);
    REQUIRE(shapes.size() == 350);
    CHECK(shapes.at("conv_first.weight") == "(60, 3, 1, 1)");
    CHECK(shapes.at("layers.3.conv.4.weight") == "(60, 15, 3, 3)");
    CHECK(shapes.at("layers.0.residual_group.blocks.5.attn.relative_position_bias_table") == "(225, 6)");
    CHECK(std::string(model.name) == "masked_swinir");
    Index elements = 0, buffers = 0;
    std::vector<std::string> names;
    model.for_each_pytorch_entry([&](std::string const& name, auto const& t) {
        names.push_back(name);
        if (MaskedSwinIR<>::redundant(name)) elements += t.size(), ++buffers;
    });
    REQUIRE(names.size() == 386);
    CHECK(buffers == 36);
    CHECK(elements == 3'244'032);
    CHECK(names[0] == "conv_first.weight");
    CHECK(names[7] == "layers.0.residual_group.blocks.0.attn.relative_position_index");
    CHECK(names[18] == "layers.0.residual_group.blocks.1.attn_mask");
    CHECK(names[385] == "conv_last.bias");
}

TEST_CASE("Other connections and channels have the sizes of the released code") {
    Rng rng(0);
    auto const count = [&](auto&& change) {
        SwinIROptions o;
        change(o);
        return parameter_count(MaskedSwinIR<>(o, rng));
    };
    CHECK(count([](auto& o) { o.resi_connection = ResiConnection::conv1; }) == 903'843);
    CHECK(count([](auto& o) { o.attention.mask_is_diff = true; }) == 824'118);
    CHECK(count([](auto& o) { o.in_chans = 1; }) == 824'118 - 2 * 60 - 2 * 541);
}

TEST_CASE("Buffers of exported files are those of Swin") {
    auto const mask = swin_shift_mask(SwinIROptions{});
    REQUIRE(mask.shape() == Shape{64, 64, 64});
    Index lowered = 0;
    for (Index k = 0; k < mask.size(); ++k) {
        lowered += mask.data()[k] == -100;
        REQUIRE((mask.data()[k] == 0 || mask.data()[k] == -100));
    }
    CHECK(lowered == 31'744);
    auto const index = swin_position_index(8);
    CHECK((index(0, 0) == 112 && index(0, 8) == 97 && index(63, 0) == 224));
}

TEST_CASE("Weights are drawn as the released code draws them") {
    Rng rng(7);
    MaskedSwinIR<> const model(rng);
    auto const& block = model.layers[1].blocks[2];
    auto const deviation = [](auto const& p) {
        double s = 0;
        for (Index k = 0; k < p.size(); ++k) s += double(p.value().data()[k]) * double(p.value().data()[k]);
        return std::sqrt(s / double(p.size()));
    };
    CHECK(deviation(block.attn.qkv[0].weight) == Approx(0.02).epsilon(0.05));
    CHECK(deviation(block.attn.table) == Approx(0.02).epsilon(0.1));
    CHECK(deviation(block.attn.qkv[0].bias) == 0);
    CHECK(deviation(block.norm1.weight) == 1);
    double const bound = 1 / std::sqrt(540.0);
    auto const& conv = model.layers[0].conv.convs[0];
    CHECK(deviation(conv.weight) == Approx(bound / std::sqrt(3.0)).epsilon(0.05));
    for (Index k = 0; k < conv.bias.size(); ++k) CHECK(std::abs(conv.bias.value()(k)) <= bound);
    CHECK(deviation(conv.bias) > 0.3 * bound);
    CHECK(model.layers[0].blocks[0].drop == 0);
    CHECK(model.layers[0].blocks[1].drop == Approx(0.1 / 23));
    CHECK(model.layers[3].blocks[5].drop == Approx(0.1));
}

TEST_CASE("Images of any extents keep them, or are enlarged") {
    Rng rng(1);
    auto o = small();
    for (auto const& [h, w] : {std::pair<Index, Index>{5, 7}, {1, 1}, {16, 12}})
        CHECK(run(MaskedSwinIR<>(o, rng), picture(2, h, w)).shape() == Shape{2, h, w, 3});
    o = o.original();
    for (auto const& [kind, scale] : {std::pair{Upsampler::pixelshuffle, 3}, {Upsampler::pixelshuffle, 4}, {Upsampler::nearest_conv, 4},
                                      {Upsampler::nearest_conv, 2}, {Upsampler::pixelshuffledirect, 3}}) {
        o.upsampler = kind, o.upscale = scale, o.global_residual = false;
        CHECK(run(MaskedSwinIR<>(o, rng), picture(1, 5, 7)).shape() == Shape{1, Index(5 * scale), Index(7 * scale), 3});
    }
    CHECK_THROWS_WITH(run(MaskedSwinIR<>(small(), rng), picture(1, 4, 4, 1)), contains("does not have 3 channels"));
    o = small(), o.ape = true;
    CHECK(run(MaskedSwinIR<>(o, rng), picture(1, 14, 16)).shape() == Shape{1, 14, 16, 3});
    CHECK_THROWS_WITH(run(MaskedSwinIR<>(o, rng), picture(1, 8, 8)), contains("must be 16 x 16, not 8 x 8"));
}

TEST_CASE("Recomputing in the backward pass draws the same again: masks, dropped paths, dropout") {
    Rng rng(2);
    auto o = small();
    o.drop_path_rate = 0.5, o.last_dropout = 0.25;
    o.attention.head_scale = true;  // blocks without switches are one operation, which recomputes by itself
    MaskedSwinIR<> model(o, rng);
    REQUIRE(!model.layers[0].blocks[0].one_pass());
    set_training(model, true);
    model.draws = {.seed = 3, .draw = 8};
    auto const x = picture(3, 8, 12);
    auto const kept = results(model, x);
    for (auto const recompute : {Recompute::attention, Recompute::block}) {
        model.options.recompute = recompute;
        auto const again = results(model, x);
        bool const same = again.at("y") == kept.at("y");
        CHECK(same);
        // Gradients of a variable that is used three times are added in another order.
        for (auto const& [name, values] : kept) CHECK(near(again.at(name), values));
    }
    model.draws.draw = 9;
    bool const other = results(model, x).at("y") != kept.at("y");
    CHECK(other);
}

TEST_CASE("The more is recomputed in the backward pass, the less is kept for it") {
    Rng rng(2);
    auto o = small();
    o.attention.head_scale = true;
    MaskedSwinIR<> model(o, rng);
    auto const x = picture(2, 32, 32);
    std::map<Recompute, std::size_t> kept;
    for (auto const recompute : {Recompute::none, Recompute::attention, Recompute::block}) {
        model.options.recompute = recompute;
        auto const before = memory_statistics().live;
        Variable const y = model(Variable<float, 4>(x));
        y.value();
        kept[recompute] = memory_statistics().live - before;
    }
    CHECK(kept[Recompute::none] > kept[Recompute::attention] * 5 / 4);
    CHECK(kept[Recompute::attention] > kept[Recompute::block] * 2);
}

TEST_CASE("Blocks as one operation give what their operations give one by one, with masks and dropped paths") {
    auto o = small();
    o.drop_path_rate = 0.5;
    auto const pass = [&] {
        Rng rng(2);
        MaskedSwinIR<> model(o, rng);
        set_training(model, true);
        model.draws = {.seed = 3, .draw = 8};
        CHECK(model.layers[0].blocks[0].one_pass() != o.attention.head_scale);
        return results(model, picture(3, 8, 12));
    };
    auto const fused = pass();
    o.attention.head_scale = true;  // by 1, and so with the same result; the same weights
    auto const composed = pass();
    CHECK(composed.size() == fused.size() + 5);
    for (auto const& [name, values] : fused) {
        INFO(name);
        CHECK(near(values, composed.at(name)));
    }
}

TEST_CASE("Masks act in evaluation, by seed and draw; without masks nothing is drawn; dropped paths are for training") {
    Rng rng(2);
    MaskedSwinIR<> model(small(), rng);
    auto const x = picture(1, 16, 16);
    auto const once = run(model, x);
    CHECK(same_bits(run(model, x), once));
    model.draws.draw = 1;
    CHECK_FALSE(same_bits(run(model, x), once));
    model.draws = {}, model.draws.seed = 1;
    CHECK_FALSE(same_bits(run(model, x), once));
    model.options.use_mask = false;
    auto const open = run(model, x);
    CHECK_FALSE(same_bits(open, once));
    model.draws.seed = 2;
    CHECK(same_bits(run(model, x), open));
    set_training(model, true);
    auto const dropped = run(model, picture(8, 4, 4));
    set_training(model, false);
    CHECK_FALSE(same_bits(run(model, picture(8, 4, 4)), dropped));
}

TEST_CASE("A mask's place in the image, and the picture's in the batch, decide: parts give what the whole gives") {
    Rng rng(3);
    auto o = small();
    o.depths = {2}, o.num_heads = {2};
    MaskedSwinIR<> model(o, rng);
    auto const x = picture(3, 48, 48);
    auto const whole = run(model, x);
    model.draws.image = 2;
    auto const last = run(model, Tensor<float, 4>(slice<0>(x, 2, 3)));
    CHECK(std::equal(last.data(), last.data() + last.size(), whole.data() + 2 * last.size()));
    model.draws = {}, model.draws.top = 16, model.draws.left = 8;
    auto const tile = run(model, Tensor<float, 4>(slice(x, Shape{0, 16, 8, 0}, Shape{1, 48, 48, 3})));
    REQUIRE(model.context < 26);
    for (Index i = 26; i < 32; ++i)
        for (Index j = 26; j < 40; ++j)
            for (Index c = 0; c < 3; ++c) CHECK(tile(0, i, j, c) == Approx(whole(0, i + 16, j + 8, c)).epsilon(1e-5));
}

TEST_CASE("Context covers what a pixel can reach") {
    Rng rng(1);
    auto o = small();
    o.resi_connection = ResiConnection::conv1, o.use_mask = false;
    MaskedSwinIR<> const model(o, rng);
    Index const size = 128;
    auto const image = picture(1, size, size);
    auto const before = run(model, image);
    Index reach = 0;
    for (Index at = 60; at < 64; ++at) {
        auto const changed = image.clone();
        for (Index c = 0; c < 3; ++c) changed(0, at, at, c) += 50;
        auto const after = run(model, changed);
        for (Index i = 0; i < size; ++i)
            for (Index j = 0; j < size; ++j)
                if (before(0, i, j, 0) != after(0, i, j, 0)) reach = std::max({reach, std::abs(i - at), std::abs(j - at)});
    }
    CHECK(reach <= model.context);
    CHECK(2 * reach >= model.context);
}

TEST_CASE("Contradictory sizes are refused with what is wrong") {
    auto const with = [](auto&& change) {
        auto o = small();
        change(o);
        return refusal(o);
    };
    CHECK(with([](auto& o) { o.num_heads = {5, 2}; }) == "a SwinIR with 12 features cannot have 5 heads of at most 64 each");
    CHECK(with([](auto& o) { o.num_heads = {3}; }) == "a SwinIR with 2 groups of blocks and heads for 1");
    CHECK(with([](auto& o) { o.img_size = 4; }).starts_with("a SwinIR with windows of 4 pixels for images of 4"));
    CHECK(with([](auto& o) { o.upscale = 2; }) == "this SwinIR cannot enlarge 2 times");
    CHECK(with([](auto& o) { o.first_kernel = 2; }) == "a SwinIR whose first convolution is 2 x 2");
    CHECK(with([](auto& o) { o.mask_ratio1 = 80; }) == "attention mask: 80 to 75 percent");
    CHECK(with([](auto& o) { o.attention.mask_is_diff = true, o.use_mask = false; }) == "mask_is_diff needs use_mask");
    CHECK(with([](auto& o) { o.attention.on_attn = true, o.attention.type = HeadMerge::sum; }) ==
          "on_attn and the type sum exclude each other");
    CHECK(with([](auto& o) { o.upsampler = Upsampler::nearest_conv, o.upscale = 2, o.global_residual = true; })
              .ends_with("cannot add the image: global_residual"));
}

TEST_CASE("Options are read and written by the names of the option files") {
    auto const o = options_from_json<SwinIROptions>(parse_json(R"({"embed_dim": 180, "depths": [6, 6], "num_heads": [6, 6], "resi_connection": "1conv",
        "upsampler": "nearest+conv", "upscale": 4, "attention": {"attn_fn": "entmax15", "type": "sum"}})"));
    CHECK(o.embed_dim == 180);
    CHECK(o.depths == std::vector<Index>{6, 6});
    CHECK(o.resi_connection == ResiConnection::conv1);
    CHECK(o.upsampler == Upsampler::nearest_conv);
    CHECK(o.attention.attn_fn == AttentionFunction::entmax15);
    CHECK(o.attention.type == HeadMerge::sum);
    CHECK(options_from_json<SwinIROptions>(options_to_json(o)) == o);
}

TEST_CASE("A network is rebuilt from the shapes of its weights, with its switches") {
    Rng rng(0);
    auto const same = [&](char const* what, auto&& change) {
        INFO(what);
        auto o = small();
        change(o);
        MaskedSwinIR<> const model(o, rng);
        auto const copy = MaskedSwinIR<>::sized_by(Shapes(model), rng);
        CHECK(options_to_json(copy.options).dump() == options_to_json(o).dump());
    };
    same("released", [](auto&) {});
    same("larger images, one channel", [](auto& o) { o.img_size = 32, o.in_chans = 1; });
    for (auto const kind : {ResiConnection::conv0, ResiConnection::conv1, ResiConnection::conv6})
        same("connection", [&](auto& o) { o.resi_connection = kind; });
    same("original", [](auto& o) { o = o.original(); });
    same("original with absolute positions", [](auto& o) { o = o.original(), o.ape = true, o.patch_norm = false; });
    same("jpeg", [](auto& o) { o = o.original(), o.window_size = 7, o.img_size = 21, o.img_range = 255; });
    same("talking heads", [](auto& o) { o.attention.talking_heads = o.attention.head_scale = o.attention.mask_is_diff = true; });
    same("on_attn", [](auto& o) { o.attention.on_attn = true; });
    same("sum", [](auto& o) { o.attention.type = HeadMerge::sum; });
    for (auto const& [kind, scale] : {std::pair{Upsampler::pixelshuffle, 1}, {Upsampler::pixelshuffle, 2}, {Upsampler::pixelshuffle, 3},
                                      {Upsampler::pixelshuffle, 8}, {Upsampler::nearest_conv, 2}, {Upsampler::nearest_conv, 4},
                                      {Upsampler::pixelshuffledirect, 3}})
        same("upsampler", [&](auto& o) { o.upsampler = kind, o.upscale = scale, o = o.original(); });
}

TEST_CASE("Shapes that no SwinIR has are refused before any network is made") {
    Rng rng(0);
    Shapes const right{MaskedSwinIR<>(small(), rng)};
    auto const with = [&](std::string const& name, std::vector<Index> extents) {
        auto shapes = right;
        shapes.extents[name] = std::move(extents);
        return message_of([&] { MaskedSwinIR<>::sized_by(shapes, rng); });
    };
    CHECK(with("conv_first.weight", {12, 3}) == "the tensor conv_first.weight has 2 dimensions instead of 4");
    CHECK(with("conv_first.weight", {Index(1) << 40, 3, 1, 1}).starts_with("the tensor conv_first.weight has an extent"));
    CHECK(with("conv_first.weight", {12, 3, 5, 5}) == "a SwinIR whose first convolution is 5 x 5");
    CHECK(with("layers.0.residual_group.blocks.0.attn.relative_position_bias_table", {50, 3}).ends_with("is no square"));
    CHECK(with("layers.1.residual_group.blocks.2.attn.qkv.weight", {3, 12}) == "layers.1.residual_group.blocks.2. does not have 12 features");
    CHECK(with("layers.0.residual_group.blocks.0.mlp.fc1.weight", {1 << 20, 12}).starts_with("a SwinIR from 3 channels"));
}
}  // namespace masked_swinir_test
