// SPDX-License-Identifier: MIT
#pragma once
// An options struct is a plain struct with defaults and one listing of its fields:
//
//     struct TrainOptions {
//         int steps = 1000;
//         std::vector<std::filesystem::path> train;
//         static void fields(auto& self, auto&& field) {
//             field("steps", self.steps, "optimizer steps", range(1, 10'000'000));
//             field("train", self.train, "folders of training images", metavar("DIR"), required);
//         }
//     };
//
// From it come JSON (here), the command line and --help (io/command_line.hpp) and the reference table (io/option_help.hpp).
#include <tacet/io/option_field.hpp>

namespace tacet {

/// What an option takes: nothing, one value, nothing or one, several.
enum class OptionKind { flag, single, optional, list };

/// One option of a struct with its type erased; it points into the struct it was described from.
class OptionField {
public:
    std::string name;  ///< dotted for members of nested structs: "noise.sigma_max"
    std::string help;
    std::string group;  ///< help of the nested struct it belongs to; empty at the top
    OptionTraits traits;
    OptionKind kind = OptionKind::single;

    virtual ~OptionField() = default;
    /// Words of the command line as JSON; checks that they are of the right type.
    virtual Json parse(std::vector<std::string> const& words) const = 0;
    /// Sets the member; Error without the option's name when type or range are wrong.
    virtual void read(Json const& json) = 0;
    virtual Json write() const = 0;

    /// "--noise.sigma-max", or "INPUT" when positional.
    std::string flag() const;
    /// The placeholder of its value.
    std::string placeholder() const { return traits.metavar; }
};
using OptionFields = std::vector<std::unique_ptr<OptionField>>;

namespace detail {

template <class T> class OptionFieldOf final : public OptionField {
public:
    explicit OptionFieldOf(T& member) : member_(&member) {}

    Json parse(std::vector<std::string> const& words) const override {
        if constexpr (is_vector<T>) {
            Json list = Json::array();
            for (auto const& word : words) list.push_back(json_from_word<typename T::value_type>(word));
            return list;
        } else if constexpr (is_optional<T>) return words.empty() ? Json() : json_from_word<typename T::value_type>(words.back());
        else return json_from_word<T>(words.back());
    }

    void read(Json const& json) override {
        if constexpr (is_vector<T>) {
            std::size_t const n = json.items().size();
            bool const fits = n == 0 || (n >= traits.min_values && n <= traits.max_values);
            check(fits, n < traits.min_values ? "needs " : "takes at most ", n < traits.min_values ? traits.min_values : traits.max_values,
                  " values, not ", n);
            T list;
            for (auto const& item : json.items()) list.push_back(value_from_json<typename T::value_type>(item, traits));
            *member_ = std::move(list);
        } else if constexpr (is_optional<T>) {
            if (json.is_null()) member_->reset();
            else *member_ = value_from_json<typename T::value_type>(json, traits);
        } else *member_ = value_from_json<T>(json, traits);
    }

    Json write() const override {
        if constexpr (is_vector<T>) {
            Json list = Json::array();
            for (typename T::value_type const& item : *member_) list.push_back(value_to_json(item, traits));
            return list;
        } else if constexpr (is_optional<T>) return *member_ ? value_to_json(**member_, traits) : Json();
        else return value_to_json(*member_, traits);
    }

private:
    T* member_;
};

template <class T> struct OptionValue { using type = T; };
template <class T> struct OptionValue<std::optional<T>> { using type = T; };
template <class T> struct OptionValue<std::vector<T>> { using type = T; };

template <class T> char const* default_metavar() {
    if constexpr (std::same_as<T, std::filesystem::path>) return "PATH";
    else if constexpr (std::floating_point<T>) return "X";
    else if constexpr (OptionNumber<T>) return "N";
    else if constexpr (std::is_enum_v<T>) return "NAME";
    else return "TEXT";
}

/// The visitor given to `fields`: collects a description of each member, walking into nested structs.
struct DescribeOptions {
    OptionFields& out;
    std::string prefix, group;

    template <class T, class... A> void operator()(std::string const& name, T& member, char const* help, A const&... attributes) const {
        using Value = typename OptionValue<T>::type;
        if constexpr (requires { T::fields(member, *this); }) {
            static_assert(sizeof...(A) == 0, "a nested option struct takes no attributes");
            T::fields(member, DescribeOptions{out, prefix + name + ".", help});
        } else {
            static_assert(OptionScalar<Value>, "an option is a bool, a number, a string, a path, an enum, an optional or vector "
                                               "of one of these, or a struct with fields");
            auto field = std::make_unique<OptionFieldOf<T>>(member);
            field->name = prefix + name;
            field->help = help;
            field->group = group;
            field->kind = is_vector<T>                ? OptionKind::list
                          : is_optional<T>            ? OptionKind::optional
                          : std::same_as<Value, bool> ? OptionKind::flag
                                                      : OptionKind::single;
            field->traits.metavar = default_metavar<Value>();
            (attributes.apply(field->traits), ...);
            out.push_back(std::move(field));
        }
    }
};

}  // namespace detail

/// The options of `options` in the order of its listing; they point into it.
template <class Options> OptionFields describe_options(Options& options) {
    OptionFields out;
    Options::fields(options, detail::DescribeOptions{out, "", ""});
    return out;
}

/// Throws Error "name: what is wrong" for the first value that the listing does not allow: for options that neither a file nor a command
/// line gave, where that was checked.
template <class Options> void check_options(Options options) {
    for (auto const& field : describe_options(options)) {
        try {
            field->read(field->write());
        } catch (Error const& error) { throw Error(field->name + ": " + error.what()); }
    }
}

inline std::string OptionField::flag() const {
    std::string text;
    for (char const c : name) {
        if (traits.positional) text += static_cast<char>(c >= 'a' && c <= 'z' ? c - 'a' + 'A' : c);
        else text += c == '_' ? '-' : c;
    }
    return traits.positional ? text : "--" + text;
}

/// A value as people read it: words without quotes, lists separated by blanks, "none" for an empty optional.
inline std::string option_text(Json const& value) {
    if (value.is_null()) return "none";
    if (value.is_string()) return value.string().empty() ? "\"\"" : valid_utf8(value.string());
    if (!value.is_array()) return value.dump();
    std::string text;
    for (auto const& item : value.items()) text += (text.empty() ? "" : " ") + option_text(item);
    return text.empty() ? "none" : text;
}

namespace detail {

/// The keys that may stand in the object at `prefix`.
inline std::vector<std::string> keys_below(OptionFields const& fields, std::string const& prefix) {
    std::vector<std::string> keys;
    for (auto const& field : fields) {
        if (!field->name.starts_with(prefix)) continue;
        std::string const key = field->name.substr(prefix.size(), field->name.find('.', prefix.size()) - prefix.size());
        if (keys.empty() || keys.back() != key) keys.push_back(key);
    }
    return keys;
}

inline void read_members(OptionFields& fields, Json const& json, std::string const& prefix, std::string const& source) {
    auto const fail = [&](Json const& at, std::string const& what) {
        throw Error(source + (at.line() > 0 && !source.empty() ? ":" + number_text(at.line()) : "") + (source.empty() ? "" : ": ") + what);
    };
    if (!json.is_object())
        fail(json, (prefix.empty() ? "" : prefix.substr(0, prefix.size() - 1) + ": ") + "expected an object, found " + json.type_name());
    for (auto const& [key, value] : json.members()) {
        std::string const name = prefix + key;
        auto const found = std::ranges::find_if(fields, [&](auto const& field) { return field->name == name; });
        if (found != fields.end() && key.find('.') == std::string::npos) {
            try {
                (*found)->read(value);
            } catch (Error const& e) { fail(value, name + ": " + e.what()); }
        } else if (!key.empty() && std::ranges::any_of(fields, [&](auto const& field) { return field->name.starts_with(name + "."); })) {
            read_members(fields, value, name + ".", source);
        } else {
            std::string const near = nearest_name(key, keys_below(fields, prefix));
            fail(value, "unknown key " + quote_text(name) + (near.empty() ? "" : " (did you mean " + quote_text(prefix + near) + "?)"));
        }
    }
}

inline Json write_members(OptionFields const& fields) {
    Json json = Json::object();
    for (auto const& field : fields) {
        Json* target = &json;
        std::size_t begin = 0;
        for (std::size_t dot; (dot = field->name.find('.', begin)) != std::string::npos; begin = dot + 1)
            target = &(*target)[std::string_view(field->name).substr(begin, dot - begin)];
        (*target)[std::string_view(field->name).substr(begin)] = field->write();
    }
    return json;
}

}  // namespace detail

/// `start` with the values that the JSON object gives. Unknown keys, wrong types and values out of range are Errors, which begin with
/// "source:line: " when `source` names a file and the Json was read from it.
template <class Options> Options options_from_json(Json const& json, Options start = {}, std::string const& source = "") {
    OptionFields fields = describe_options(start);
    detail::read_members(fields, json, "", source);
    return start;
}

/// Every option with its value, nested structs as nested objects.
template <class Options> Json options_to_json(Options options) { return detail::write_members(describe_options(options)); }

/// One line "steps: 100 -> 200" for each option in which the two differ; those marked not_compared are passed over.
template <class Options> std::vector<std::string> options_difference(Options a, Options b) {
    OptionFields const before = describe_options(a), after = describe_options(b);
    std::vector<std::string> lines;
    for (std::size_t i = 0; i < before.size(); ++i) {
        Json const was = before[i]->write(), is = after[i]->write();
        if (before[i]->traits.compared && !(was == is))
            lines.push_back(before[i]->name + ": " + option_text(was) + " -> " + option_text(is));
    }
    return lines;
}

}  // namespace tacet
