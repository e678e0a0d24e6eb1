// SPDX-License-Identifier: MIT
#pragma once
#include <tacet/core/percent_range.hpp>
#include <tacet/denoise/weight_shapes.hpp>
#include <tacet/io/json.hpp>
#include <tacet/io/options.hpp>
#include <algorithm>
#include <map>

// What files of weights say of a network beside its tensors, as text by key: which network it is, and what its tensors do not tell. A
// network with such options lists their names as `untold`; `set_untold` changes them.
namespace tacet {

using Metadata = std::map<std::string, std::string>;

namespace detail {
/// Calls visit(key in files, field) for every option of M that no tensor tells.
template <class M> void for_each_untold(auto& options, auto&& visit) {
    for (auto const& field : describe_options(options))
        if (std::ranges::find(M::untold, field->name) != std::ranges::end(M::untold)) visit("net." + field->name, *field);
}
}  // namespace detail

/// What a file should say of a network: see apply_metadata.
template <class M> Metadata network_metadata(M const& model) {
    Metadata all{{"network", model.name}};
    if constexpr (requires { model.own_mask(); }) {
        auto const mask = model.own_mask();
        all["attention_mask"] = mask.high > 0 ? percent_text(mask) : "off";
    }
    if constexpr (requires { M::untold; }) {
        auto options = model.options;
        detail::for_each_untold<M>(options, [&](std::string const& key, OptionField const& field) { all[key] = field.write().dump(); });
    }
    return all;
}

/// How the network that a file with these tensors alone is taken for differs from this one: "net.img_range is 255, not 1". Empty where it
/// does not.
template <class M> std::string misread_without_metadata(M const& model, Checkpoint const& tensors) {
    Rng rng(0);
    auto const taken_for = network_metadata(M::sized_by(detail::WeightShapes{tensors}, rng));
    std::string text;
    for (auto const& [key, value] : network_metadata(model))
        if (taken_for.at(key) != value) text += concat_text(text.empty() ? "" : ", ", key, " is ", value, ", not ", taken_for.at(key));
    return text;
}

/// Makes a network what its file says; what the file does not say stays. Throws Error naming the key for values that it cannot take.
template <class M> void apply_metadata(M& model, Metadata const& metadata) {
    if constexpr (requires { model.set_own_mask(PercentRange{}); })
        if (auto const mask = metadata.find("attention_mask"); mask != metadata.end())
            model.set_own_mask(parse_percent_range(mask->second, "the file's attention_mask").value_or(PercentRange{}));
    if constexpr (requires { M::untold; }) {
        auto options = model.options;
        detail::for_each_untold<M>(options, [&](std::string const& key, OptionField& field) {
            auto const found = metadata.find(key);
            if (found == metadata.end()) return;
            try {
                field.read(parse_json(found->second, key));
            } catch (Error const& error) { throw Error("the file's " + key + ": " + error.what()); }
        });
        model.set_untold(options);
    }
}

}  // namespace tacet
