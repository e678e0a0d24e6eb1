// SPDX-License-Identifier: MIT
// What no tensor tells of a network is in the file's metadata: it denoises as it was trained.
#include <support/catch.hpp>
#include <support/values.hpp>
#include <tacet/denoise/any_denoiser.hpp>
#include <tacet/denoise/known_networks.hpp>
#include <tacet/tensor/factory.hpp>
#include <functional>

namespace network_metadata_test {
using namespace tacet;
using namespace tacet::test;

namespace {

SwinIROptions small() {
    SwinIROptions o;
    o.embed_dim = 12, o.depths = {2}, o.num_heads = {2}, o.window_size = 4, o.img_size = 16;
    return o;
}
MaskedSwinIR<> network(SwinIROptions const& o) {
    Rng rng(3);
    MaskedSwinIR<> model(o, rng);
    for_each_state(model, [](std::string const& name, auto const& x) {  // as large as after training: what is left out would show
        if (name.ends_with("qkv.weight") || name.ends_with("table")) x.assign(x * 20.f);
    });
    return model;
}
Checkpoint file_of(MaskedSwinIR<> const& model) { return {save(model).tensors, network_metadata(model)}; }
Tensor<float, 3> picture() {
    Rng rng(4);
    return uniform(Shape{Index(9), Index(14), Index(3)}, rng);
}

struct Variant {
    char const* name;
    std::function<void(SwinIROptions&)> change;
    bool told_by_tensors = false;
};
std::vector<Variant> const variants{
    {"released", [](auto&) {}, true},
    {"img_range", [](auto& o) { o.img_range = 255; }},
    {"windows of 7, range 1", [](auto& o) { o.window_size = 7, o.img_size = 21; }},
    {"global_residual", [](auto& o) { o.global_residual = true; }},
    {"shallow_residual", [](auto& o) { o.shallow_residual = true; }},
    {"first_kernel without residuals", [](auto& o) { o.first_kernel = 3; }},
    {"no function", [](auto& o) { o.attention.attn_fn = AttentionFunction::none; }},
    {"entmax15", [](auto& o) { o.attention.attn_fn = AttentionFunction::entmax15; }},
    {"masks off", [](auto& o) { o.use_mask = false; }},
    {"other masks", [](auto& o) { o.mask_ratio1 = 20, o.mask_ratio2 = 30; }},
    {"masks of each head that hide nothing", [](auto& o) { o.attention.mask_is_diff = true, o.mask_ratio1 = o.mask_ratio2 = 0; }},
    {"original", [](auto& o) { o = o.original(); }, true},
};

}  // namespace

TEST_CASE("A network read from its file gives what it gave before, whatever its options") {
    for (auto const& variant : variants) {
        INFO(variant.name);
        auto o = small();
        variant.change(o);
        auto const model = network(o);
        auto const file = file_of(model);
        auto const expected = denoise(model, picture());
        CHECK(same_bits(AnyDenoiser(file).denoise(picture()), expected));
        CHECK(misread_without_metadata(model, file).empty() == variant.told_by_tensors);
        if (!variant.told_by_tensors) CHECK(!same_bits(AnyDenoiser(Checkpoint{file.tensors, {}}).denoise(picture()), expected));
    }
}

TEST_CASE("What a file says of a network and cannot be is refused with its key") {
    auto file = file_of(network(small()));
    auto const message = [&](char const* key, char const* value) {
        auto other = file;
        other.metadata[key] = value;
        return message_of([&] { AnyDenoiser{other}; });
    };
    CHECK_THAT(message("net.img_range", "-1"), contains("the file's net.img_range"));
    CHECK_THAT(message("net.img_range", "wide"), contains("the file's net.img_range"));
    CHECK_THAT(message("net.attention.attn_fn", "\"hardmax\""), contains("the file's net.attention.attn_fn"));
    CHECK_THAT(message("attention_mask", "120"), contains("the file's attention_mask"));
    CHECK(message("net.depths", "[64]") == "nothing thrown");  // what tensors tell is read from them alone
}
}  // namespace network_metadata_test
