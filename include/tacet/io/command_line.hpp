// SPDX-License-Identifier: MIT
#pragma once
#include <tacet/core/config.hpp>
#include <tacet/io/json.hpp>
#include <tacet/io/options.hpp>

namespace tacet {

/// A mistake on the command line; programs exit with status 2 after it.
struct UsageError : Error {
    using Error::Error;
};

/// What --help and --version tell about a program beside its options.
struct Program {
    struct Example {
        std::string command = {}, meaning = {};
    };
    std::string name = {};         ///< by default the file name of argv[0]
    std::string description = {};  ///< paragraphs separated by newlines
    std::vector<Example> examples = {};
    std::string version = TACET_VERSION;
};

/// What the command line asked for.
enum class Request { run, help, version };

namespace detail {

/// Sorts the words of a command line onto the options; nothing is applied before all of it is understood.
class CommandLine {
public:
    explicit CommandLine(OptionFields& fields) : fields_(fields), words_(fields.size()), given_(fields.size(), false) {}

    Request parse(std::vector<std::string> const& args) {
        for (std::size_t i = 0; i < args.size() && args[i] != "--"; ++i) {
            if (args[i] == "--help" || args[i] == "-h") return Request::help;
            if (args[i] == "--version") return Request::version;
        }
        for (std::size_t i = 0; i < args.size();) i = take(args, i);
        place_positionals();
        for (auto const& path : configs_) read_members(fields_, read_json(path), "", path);
        apply();
        return Request::run;
    }

private:
    // "-3" and "-.5" are values, "-" is a file name
    static bool is_option(std::string const& arg) {
        bool const number = arg.size() > 1 && ((arg[1] >= '0' && arg[1] <= '9') || arg[1] == '.');
        return arg.size() > 1 && arg[0] == '-' && !number;
    }

    std::size_t take(std::vector<std::string> const& args, std::size_t i) {
        std::string const& arg = args[i];
        if (only_positionals_ || !is_option(arg)) positionals_.push_back(arg);
        else if (arg == "--") only_positionals_ = true;
        else if (arg.starts_with("--")) return take_option(args, i);
        else throw UsageError("unknown option " + clip_text(valid_utf8(arg), 80) + " (options begin with --; see --help)");
        return i + 1;
    }

    std::size_t take_option(std::vector<std::string> const& args, std::size_t i) {
        std::size_t const equals = args[i].find('=');
        bool const attached = equals != std::string::npos;
        std::string name = args[i].substr(0, equals);
        std::ranges::replace(name, '_', '-');
        std::vector<std::string> words;
        if (attached) words.push_back(args[i].substr(equals + 1));
        if (name == "--config") {
            i = take_values(args, i + 1, name, 1, words);
            configs_.push_back(words.front());
            return i;
        }
        auto const [index, negated] = find(name);
        OptionField const& field = *fields_[index];
        if (negated || field.kind == OptionKind::flag) {
            check_usage(!(attached && negated), name + " takes no value");
            if (field.kind == OptionKind::flag && !attached) words.push_back(negated ? "false" : "true");
            i += 1;
        } else {
            bool const again = given_[index] && field.kind == OptionKind::list;
            std::size_t const room = field.traits.max_values - std::min(field.traits.max_values, again ? words_[index].size() : 0);
            i = take_values(args, i + 1, name, field.kind == OptionKind::list ? std::max<std::size_t>(room, 1) : 1, words);
        }
        if (field.kind != OptionKind::list) words_[index].clear();  // the last one counts; lists grow
        words_[index].insert(words_[index].end(), words.begin(), words.end());
        given_[index] = true;
        return i;
    }

    /// Appends up to `most` values that begin at args[i]; a value attached with = stands alone.
    static std::size_t take_values(std::vector<std::string> const& args, std::size_t i, std::string const& name, std::size_t most,
                                   std::vector<std::string>& words) {
        if (!words.empty()) return i;
        while (i < args.size() && words.size() < most && !is_option(args[i])) words.push_back(args[i++]);
        check_usage(!words.empty(), name + " needs a value");
        return i;
    }

    struct Found {
        std::size_t index;
        bool negated;
    };

    Found find(std::string const& name) const {
        std::vector<std::string> known{"--config", "--help", "--version"};
        for (std::size_t i = 0; i < fields_.size(); ++i) {
            if (fields_[i]->traits.positional) continue;
            std::string const flag = fields_[i]->flag();
            if (name == flag) return {i, false};
            known.push_back(flag);
            if (fields_[i]->kind != OptionKind::flag && fields_[i]->kind != OptionKind::optional) continue;
            if (name == "--no-" + flag.substr(2)) return {i, true};
            if (name.starts_with("--no-")) known.push_back("--no-" + flag.substr(2));
        }
        std::string near = nearest_name(name, known);
        for (auto const& flag : known)
            if (near.empty() && flag.ends_with("." + name.substr(2))) near = flag;  // --rate for --schedule.rate
        throw UsageError(concat_text("unknown option ", clip_text(valid_utf8(name), 80), " (",
                                     near.empty() ? "see --help" : concat_text("did you mean ", near, "?"), ")"));
    }

    void place_positionals() {
        std::size_t singles = 0, next = 0;
        for (auto const& field : fields_) singles += field->traits.positional && field->kind != OptionKind::list;
        for (std::size_t i = 0; i < fields_.size(); ++i) {
            if (!fields_[i]->traits.positional) continue;
            std::size_t const left = positionals_.size() - next;
            std::size_t take = std::min<std::size_t>(left, 1);
            if (fields_[i]->kind == OptionKind::list) take = left - std::min(left, singles);
            else --singles;
            for (std::size_t k = 0; k < take; ++k) words_[i].push_back(positionals_[next++]);
            given_[i] = take > 0;
        }
        check_usage(next == positionals_.size(),
                    next == positionals_.size() ? "" : "unexpected argument " + quote_text(positionals_[next]));
    }

    void apply() {
        for (std::size_t i = 0; i < fields_.size(); ++i) {
            OptionField& field = *fields_[i];
            try {
                if (given_[i]) field.read(field.parse(words_[i]));
            } catch (Error const& e) { throw UsageError(field.flag() + ": " + e.what()); }
            Json const value = field.write();
            bool const missing =
                value.is_null() || (value.is_string() && value.string().empty()) || (value.is_array() && value.size() == 0);
            check_usage(!(field.traits.required && missing),
                        field.flag() + (field.traits.positional ? " is missing" : " is required") + " (see --help)");
        }
    }

    static void check_usage(bool ok, std::string const& message) {
        if (!ok) throw UsageError(message);
    }

    OptionFields& fields_;
    std::vector<std::vector<std::string>> words_;  // per option
    std::vector<bool> given_;
    std::vector<std::string> positionals_, configs_;
    bool only_positionals_ = false;
};

}  // namespace detail

#if TACET_WITH_COMPILED  // library tacet::compiled has it
namespace detail {
Request compiled_parse_words(OptionFields& fields, std::vector<std::string> const& args, Cpu);
}
#endif

/// Applies the words of a command line (without the program's name) to `options`; UsageError for every mistake in them.
/// `--config FILE` reads a JSON file first, wherever it stands: the command line wins. Unless Request::run is returned, `options` is
/// unchanged. A member function `validate() const` of the struct, if any, is called at the end and may throw.
template <class Options> Request parse_command_line(std::vector<std::string> const& args, Options& options) {
    Options copy = options;
    OptionFields fields = describe_options(copy);
#if TACET_WITH_COMPILED
    Request const request = detail::compiled_parse_words(fields, args, Cpu{});
#else
    Request const request = detail::CommandLine(fields).parse(args);
#endif
    if (request != Request::run) return request;
    if constexpr (requires(Options const& o) { o.validate(); }) static_cast<Options const&>(copy).validate();
    options = std::move(copy);
    return request;
}

}  // namespace tacet
