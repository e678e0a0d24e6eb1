// SPDX-License-Identifier: MIT
#pragma once
#include <tacet/io/command_line.hpp>
#include <tacet/train/masked_options.hpp>
#include <tacet/train/option_file_keys.hpp>
#include <cstdio>
#include <map>

namespace tacet {

/// What an option file of masked image training asks for.
struct OptionFile {
    MaskedTrainOptions options;
    std::vector<std::string> ignored;  ///< keys of the file that mean nothing here, such as "datasets.train.dataloader_num_workers"
};

namespace detail {

/// Reads one option file. Every error names the file, the line of the value and the key.
class OptionFileReader {
public:
    OptionFileReader(Json const& root, std::string name, MaskedTrainOptions start)
        : root_(root), name_(std::move(name)), known_(option_file_keys()), result_{std::move(start), {}},
          fields_(describe_options(result_.options)) {}

    OptionFile read() && {
        collect(root_, "");
        for (auto const& [key, value] : fixed_keys)
            take(key, [&](Json const& v) { check(v.dump() == value, v.dump(), " is not possible here, only ", value); });
        read_same();
        read_folders();
        read_patches();
        read_network();
        check_sizes();
        return std::move(result_);
    }

private:
    [[noreturn]] void fail(Json const& at, std::string const& what) const {
        throw Error(concat_text(name_, at.line() > 0 ? ":" + std::to_string(at.line()) : "", ": ", what));
    }
    bool has_section(std::string const& key) const {
        return std::any_of(known_.begin(), known_.end(), [&](auto const& known) { return known.starts_with(key + "."); });
    }

    /// Sorts all keys of the file into those that are used, ignored and wrong.
    void collect(Json const& json, std::string const& prefix) {
        if (json.is_null() && !prefix.empty()) return;
        if (!json.is_object()) {
            std::string const section = prefix.empty() ? "an option file" : prefix.substr(0, prefix.size() - 1) + ":";
            fail(json, concat_text(section, " is ", json.type_name(), ", no object"));
        }
        for (auto const& [name, value] : json.members()) {
            std::string const key = prefix + name;
            if (has_section(key)) {
                collect(value, key + ".");
            } else if (std::find(std::begin(ignored_keys), std::end(ignored_keys), key) != std::end(ignored_keys)) {
                result_.ignored.push_back(key);
            } else {
                bool const known = std::find(known_.begin(), known_.end(), key) != known_.end();
                std::string const near = known ? "" : nearest_name(key, known_);
                std::string const advice = near.empty() ? "" : " (did you mean " + quote_text(near) + "?)";
                if (!known) fail(value, "unknown key " + quote_text(key) + advice);
                given_[key] = &value;
            }
        }
    }

    /// The value of a key; nullptr when it is missing or null.
    Json const* find(std::string const& key) const {
        auto const it = given_.find(key);
        return it == given_.end() || it->second->is_null() ? nullptr : it->second;
    }
    void take(std::string const& key, auto&& use) const {
        if (auto const* const value = find(key)) {
            try {
                use(*value);
            } catch (Error const& error) { fail(*value, key + ": " + error.what()); }
        }
    }
    /// Fails at the first of the keys that the file has.
    template <class... Parts> void require(bool ok, std::initializer_list<char const*> keys, Parts const&... parts) const {
        if (ok) return;
        for (auto const* const key : keys)
            if (auto const* const value = find(key)) fail(*value, concat_text(key, ": ", parts...));
        fail(root_, concat_text(*keys.begin(), ": ", parts...));
    }
    static int percent(Json const& value) {
        int const n = value.integer<int>();
        check(n >= 0 && n <= 100, n, " is no percentage of 0 to 100");
        return n;
    }

    /// The option of ours that has this name.
    OptionField& field(std::string_view option) const {
        return **std::find_if(fields_.begin(), fields_.end(), [&](auto const& f) { return f->name == option; });
    }
    /// Whether the key stands in the file, be it null.
    bool is_given(std::string const& key) const { return given_.contains(key); }

    void read_same() {
        for (auto const& [key, option] : same_keys) {
            auto& target = field(option);
            bool const nothing = find(key) && find(key)->is_string() && find(key)->string().empty();  // SwinIR's word for no upsampler
            if (!nothing) take(key, [&](Json const& value) { target.read(value); });
            if (target.kind == OptionKind::flag && has_section_of(key) && !find(key))
                target.read(Json(false));  // a switch that is null, or missing, is off there
        }
    }
    /// Whether the file has the section that a key belongs to.
    bool has_section_of(std::string const& key) const {
        Json const* section = &root_;
        for (std::size_t begin = 0, end; section && (end = key.find('.', begin)) != std::string::npos; begin = end + 1)
            section = section->is_object() ? section->find(key.substr(begin, end - begin)) : nullptr;
        return section && section->is_object();
    }
    void read_folders() {
        auto& o = result_.options;
        std::filesystem::path root, task;
        take("path.root", [&](Json const& v) { root = v.string(); });
        take("task", [&](Json const& v) { task = v.string(); });
        if (!task.empty()) o.output = root / task;
        take("datasets.train.dataroot_H", [&](Json const& v) { o.train = {v.string()}; });
        take("datasets.test.dataroot_H", [&](Json const& v) { o.valid = {v.string()}; });
        take("datasets.test.dataroot_L", [&](Json const& v) {
            check(!o.valid.empty(), "noisy pictures without dataroot_H, the clean ones");
            o.valid_pairs = {v.string(), o.valid.front()};
        });
    }
    void read_patches() {
        auto& o = result_.options;
        Index cut = o.crop;
        take("datasets.train.H_size", [&](Json const& v) {
            cut = positive(v);
            if (!find("datasets.train.lq_patchsize")) field("crop").read(v);
        });
        take("datasets.train.lq_patchsize", [&](Json const& v) { field("crop").read(v); });  // cut once more, from the patch
        require(o.crop <= cut, {"datasets.train.lq_patchsize"}, o.crop, " is larger than H_size, ", cut);
        Index const window = window_size();
        require(cut % window == 0, {"datasets.train.H_size"}, cut, " is no multiple of netG.window_size, ", window);
        require(o.crop % window == 0, {"datasets.train.lq_patchsize"}, o.crop, " is no multiple of netG.window_size, ", window);
        take("datasets.train.noise_level", [&](Json const& v) {
            o.noise = "gaussian:" + number_text(v.number());
            parse_noise(o.noise);
        });
        read_input_mask();
    }
    static Index positive(Json const& value) {
        auto const n = value.integer<Index>();
        check(n >= 1, n, " is below 1");
        return n;
    }
    /// Not below 1, so that sizes can be divided by it.
    Index window_size() const { return std::max<Index>(result_.options.net.window_size, 1); }
    void read_input_mask() {
        bool masked = false;
        PercentRange range;
        take("datasets.train.if_mask", [&](Json const& v) { masked = v.boolean(); });
        take("datasets.train.mask1", [&](Json const& v) { range.low = percent(v); });
        take("datasets.train.mask2", [&](Json const& v) { range.high = percent(v); });
        bool const any = find("datasets.train.mask1") || find("datasets.train.mask2");
        bool const both = find("datasets.train.mask1") && find("datasets.train.mask2");
        require(!any || is_given("datasets.train.if_mask"), {"datasets.train.mask1", "datasets.train.mask2"},
                "needs if_mask, true or false");
        require(!masked || both, {"datasets.train.if_mask"}, "needs mask1 and mask2");
        require(!both || range.low <= range.high, {"datasets.train.mask1"}, range.low, " is larger than mask2, ", range.high);
        if (has_section_of("datasets.train.if_mask"))
            result_.options.input_mask = percent_text(masked ? std::optional(range) : std::nullopt);
    }
    void read_network() {
        auto& o = result_.options;
        if (auto const it = given_.find("netG.attn_fn"); it != given_.end()) {  // null is the word for no function
            auto const& v = *it->second;
            constexpr std::string_view names[] = {"softmax", "stable_softmax", "entmax15"};
            auto const found = std::find(std::begin(names), std::end(names), v.is_string() ? v.string() : "");
            bool const none = v.is_null() || v == Json(false);
            if (!none && found == std::end(names))
                fail(v, concat_text("netG.attn_fn: ", v.dump(), " is neither softmax, stable_softmax, entmax15 nor null"));
            o.net.attention.attn_fn = none ? AttentionFunction::none : static_cast<AttentionFunction>(found - std::begin(names));
        }
        take("train.G_optimizer_betas", [&](Json const& v) {
            check(v.items().size() == 2, "needs 2 values, not ", v.items().size());
            auto& adam = o.training.adam;
            adam.beta1 = v.items()[0].number(), adam.beta2 = v.items()[1].number();
            check(adam.beta1 >= 0 && adam.beta1 < 1 && adam.beta2 >= 0 && adam.beta2 < 1, v.dump(), " are not within 0 to 1");
        });
        take("n_channels", [&](Json const& v) {
            check(v.integer<Index>() == o.net.in_chans, v.dump(), " differs from netG.in_chans, ", o.net.in_chans);
        });
        require(o.net.in_chans == 3, {"netG.in_chans"}, "pictures of the training have 3 channels, not ", o.net.in_chans);
        require(o.net.upscale == 1, {"netG.upscale"}, "a network that denoises does not enlarge ", o.net.upscale, " times");
    }
    /// What contradicts itself within the network.
    void check_sizes() const {
        auto const& n = result_.options.net;
        require(n.depths.size() == n.num_heads.size(), {"netG.num_heads", "netG.depths"}, n.num_heads.size(), " groups have heads, but ",
                n.depths.size(), " have depths");
        for (Index const heads : n.num_heads)
            require(n.embed_dim % heads == 0, {"netG.num_heads", "netG.embed_dim"}, heads, " heads do not divide embed_dim, ", n.embed_dim);
        require(n.img_size > n.window_size && n.img_size % window_size() == 0, {"netG.img_size", "netG.window_size"}, "images of ",
                n.img_size, " pixels are no larger multiple of window_size, ", n.window_size);
        require(n.mask_ratio1 <= n.mask_ratio2, {"netG.mask_ratio1", "netG.mask_ratio2"}, n.mask_ratio1, " is larger than mask_ratio2, ",
                n.mask_ratio2);
        require(!n.attention.mask_is_diff || n.use_mask, {"netG.mask_is_diff"}, "masks of each head need use_mask");
        require(!n.attention.on_attn || n.attention.type == HeadMerge::stand, {"netG.on_attn"}, "excludes the type sum");
        try {
            n.check_sizes();
        } catch (Error const& error) {
            auto const* const at = root_.find("netG");
            fail(at ? *at : root_, std::string("netG: ") + error.what());
        }
    }

    Json const& root_;
    std::string name_;
    std::vector<std::string> known_;
    OptionFile result_;
    OptionFields fields_;  // of result_.options
    std::map<std::string, Json const*> given_;
};

}  // namespace detail

/// Reads an option file as the authors' code has them: JSON with // comments. What it says changes `start`, of which stays what belongs to
/// keys that are missing or null; but a switch that is null or missing in its section, use_mask and if_mask among them, is off, and attn_fn
/// that is null is no function, as there. Throws Error
/// "name:line: key: what is wrong" for unknown keys, for values that are out of range or mean what cannot be done here, and for values that
/// contradict each other, such as masks without if_mask.
inline OptionFile parse_option_file(std::string_view text, std::string const& name, MaskedTrainOptions start = {}) {
    Json const json = parse_json(text, name);
    return detail::OptionFileReader(json, name, std::move(start)).read();
}

/// The options of a command line, of which `given` came: those of the option file it names, if any, changed by what the command line says.
/// Where the command line names pictures to train on or to validate with, it replaces all of that kind. Says in one line on stderr which
/// keys of the file were ignored.
inline MaskedTrainOptions with_option_file(MaskedTrainOptions const& given, std::vector<std::string> const& args) {
    if (given.opt.empty()) return given;
    auto const bytes = read_file(given.opt, JsonRules{}.max_bytes);
    std::string_view const text(reinterpret_cast<char const*>(bytes.data()), bytes.size());
    auto [options, ignored] = parse_option_file(text, given.opt.string());
    std::string list;
    for (auto const& key : ignored) list += (list.empty() ? "" : ", ") + key;
    if (!ignored.empty()) std::fprintf(stderr, "%s: these keys mean nothing here: %s\n", given.opt.c_str(), list.c_str());
    if (!given.train.empty() || !given.pairs.empty()) options.train.clear(), options.pairs.clear();
    if (!given.valid.empty() || !given.valid_pairs.empty()) options.valid.clear(), options.valid_pairs.clear();
    parse_command_line(args, options);
    options.opt.clear();  // all it said is in the others
    return options;
}

}  // namespace tacet
