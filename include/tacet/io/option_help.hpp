// SPDX-License-Identifier: MIT
#pragma once
#include <tacet/io/command_line.hpp>
#include <tacet/io/table.hpp>

namespace tacet {

namespace detail {

inline bool shows_each_value(OptionTraits const& t) { return t.min_values == t.max_values && t.max_values <= 4; }

/// "1 to 10000000", "above 0", "at least 0, below 1", "l1, l2 or charbonnier"; empty when everything is allowed.
inline std::string option_limits(OptionTraits const& t) {
    std::string text = list_words(t.names);
    bool const plain = t.low && t.high && !t.low->open && !t.high->open;
    if (t.low) text = (t.low->open ? "above " : plain ? "" : "at least ") + t.low->text;
    if (t.high) text += (plain ? " to " : t.low ? ", " : "");
    if (t.high) text += (plain ? "" : t.high->open ? "below " : "at most ") + t.high->text;
    if (t.max_values > 4096 || shows_each_value(t)) return text;
    text += text.empty() ? "" : ", ";
    if (t.min_values < t.max_values) text += number_text(t.min_values) + " to ";
    return text + number_text(t.max_values) + " values";
}

/// "default 1000"; empty where the default says nothing: an empty text or list, a flag that is off.
inline std::string option_default(OptionField const& field) {
    Json const value = field.write();
    if (value.is_null() || (value.is_array() && value.size() == 0) || (value.is_string() && value.string().empty())) return "";
    if (value.is_bool() && field.kind == OptionKind::flag) return value.boolean() ? "default on" : "";
    return "default " + option_text(value);
}

/// "DIR...", "A B", "N": what follows the name of an option.
inline std::string option_values(OptionField const& field) {
    if (field.kind == OptionKind::flag) return "";
    std::string const one = field.traits.positional && field.kind != OptionKind::list ? field.flag() : field.placeholder();
    if (field.kind != OptionKind::list) return one;
    if (field.traits.positional) return field.flag() + "...";
    if (!shows_each_value(field.traits)) return one + "...";
    std::string text = one;
    for (std::size_t i = 1; i < field.traits.max_values; ++i) text += " " + one;
    return text;
}

inline std::string option_syntax(OptionField const& field) {
    if (field.traits.positional) return option_values(field);
    std::string const values = option_values(field);
    bool const on = field.kind == OptionKind::flag && field.write() == Json(true);
    return (on ? "--[no-]" + field.flag().substr(2) : field.flag()) + (values.empty() ? "" : " " + values);
}

inline std::string usage_line(std::string const& name, OptionFields const& fields) {
    std::string line = name, places;
    for (auto const& field : fields) {
        bool const needed = field->traits.required;
        if (field->traits.positional) places += needed ? " " + option_syntax(*field) : " [" + option_syntax(*field) + "]";
        else if (needed) line += " " + option_syntax(*field);
    }
    return line + " [OPTION]..." + places;
}

struct HelpEntry {
    std::string left, right;
};

inline std::string help_section(std::string const& title, std::vector<HelpEntry> const& entries, std::size_t column, std::size_t width) {
    std::string out = "\n" + title + ":\n";
    for (auto const& [left, right] : entries) {
        out += "  " + left;
        bool beside = display_width(left) + 4 <= column;
        std::size_t at = display_width(left) + 2;
        for (auto const& line : wrap_text(right, width - column)) {
            if (!beside) out += '\n';
            out.append(beside ? column - at : column, ' ');
            out += line;
            beside = false;
        }
        out += '\n';
    }
    return out;
}

inline HelpEntry help_entry(OptionField const& field) {
    std::string note = option_limits(field.traits);
    std::string const preset = option_default(field);
    if (!preset.empty()) note += (note.empty() ? "" : "; ") + preset;
    return {option_syntax(field), field.help + (note.empty() ? "" : " (" + note + ")")};
}

inline std::string indented(std::string const& text, std::size_t indent, std::size_t width) {
    std::string out;
    for (auto const& line : wrap_text(text, width - indent)) out += std::string(indent, ' ') + line + "\n";
    return out;
}

inline std::string format_help(Program const& program, OptionFields const& fields, std::size_t width) {
    struct Section {
        std::string title;
        std::vector<HelpEntry> entries;
    };
    std::vector<Section> sections{{"Arguments", {}}, {"Options", {}}};
    std::vector<HelpEntry> const common{{"--config FILE", "read options from a JSON file first; the command line wins"},
                                        {"--help", "show this text and exit"},
                                        {"--version", "show the version and exit"}};
    for (auto const& field : fields) {
        std::string const title = field->traits.positional ? "Arguments" : field->group.empty() ? "Options" : field->group;
        auto found = std::ranges::find(sections, title, &Section::title);
        if (found == sections.end()) found = sections.insert(found, {title, {}});
        found->entries.push_back(help_entry(*field));
    }
    sections.push_back({"Common options", common});

    std::size_t longest = 0;
    for (auto const& section : sections)
        for (auto const& entry : section.entries) longest = std::max(longest, display_width(entry.left));
    std::size_t const column = std::min<std::size_t>(longest + 4, 30);
    auto const usage = wrap_text(usage_line(program.name, fields), width - 9);
    std::string out;
    for (std::size_t i = 0; i < usage.size(); ++i) out += (i == 0 ? "Usage: " : std::string(9, ' ')) + usage[i] + "\n";
    if (!program.description.empty()) out += "\n" + indented(program.description, 0, width);
    for (auto const& section : sections)
        if (!section.entries.empty()) out += help_section(section.title, section.entries, column, width);
    if (!program.examples.empty()) out += "\nExamples:\n";
    for (auto const& example : program.examples)
        out += "  " + example.command + "\n" + (example.meaning.empty() ? "" : indented(example.meaning, 6, width));
    return out;
}

}  // namespace detail

#if TACET_WITH_COMPILED  // library tacet::compiled has it
namespace detail {
std::string compiled_format_help(Program const& program, OptionFields const& fields, std::size_t width, Cpu);
}
#endif

/// The text of --help in lines of at most `width` columns (longer words excepted); defaults are those of `defaults`.
template <class Options> std::string options_help(Program const& program, Options defaults = {}, int width = 100) {
    auto const columns = static_cast<std::size_t>(std::max(width, 60));
#if TACET_WITH_COMPILED
    return detail::compiled_format_help(program, describe_options(defaults), columns, Cpu{});
#else
    return detail::format_help(program, describe_options(defaults), columns);
#endif
}

/// A Markdown table of all options for a reference page: name, JSON key, values, default, meaning.
template <class Options> std::string options_markdown(Options defaults = {}) {
    Table table({"option", "JSON key", "values", "default", "meaning"});
    auto const code = [](std::string const& text) { return text.empty() ? "" : "`" + text + "`"; };
    for (auto const& field : describe_options(defaults)) {
        std::string values = detail::option_limits(field->traits), preset = detail::option_default(*field);
        if (values.empty() && field->kind == OptionKind::flag) values = "on or off";
        preset = preset.starts_with("default ") ? preset.substr(8) : field->kind == OptionKind::flag ? "off" : preset;
        table.add_row({code(detail::option_syntax(*field)), code(field->name), values,
                       preset == "on" || preset == "off" ? preset : code(preset),
                       field->help + (field->traits.required ? " (required)" : "")});
    }
    return table.markdown();
}

}  // namespace tacet
