// SPDX-License-Identifier: MIT
#pragma once
// A small check that markup written by the library is well formed: tags are closed in order, attributes quoted, text escaped.
#include <string>
#include <string_view>
#include <vector>

namespace xml_check {

/// What is wrong with `text`, or an empty string. Void elements of HTML (meta, img) need no end; style and pre are read like the rest.
inline std::string problem(std::string_view text) {
    std::vector<std::string> open;
    for (std::size_t i = 0; i < text.size(); ++i) {
        if (text[i] == '&') {
            std::size_t const end = text.find(';', i);
            std::string_view const name = end == text.npos ? "" : text.substr(i + 1, end - i - 1);
            if (name != "amp" && name != "lt" && name != "gt" && name != "quot" && name != "#39") return "bare & at " + std::to_string(i);
        }
        if (text[i] == '>') return "bare > at " + std::to_string(i);
        if (text[i] != '<') continue;
        std::size_t end = i + 1;
        for (bool in_quotes = false; end < text.size() && (in_quotes || text[end] != '>'); ++end) {
            if (text[end] == '"') in_quotes = !in_quotes;
            if (text[end] == '<') return "< within a tag at " + std::to_string(end);
        }
        if (end == text.size()) return "unfinished tag at " + std::to_string(i);
        std::string_view const tag = text.substr(i + 1, end - i - 1);
        std::string const name(tag.substr(0, tag.find_first_of(" /", 1)));
        if (tag.starts_with('/')) {
            if (open.empty() || open.back() != tag.substr(1)) return "</" + std::string(tag.substr(1)) + "> closes nothing";
            open.pop_back();
        } else if (!tag.ends_with('/') && !tag.starts_with('!') && name != "meta" && name != "img") {
            open.push_back(name);
        }
        i = end;
    }
    return open.empty() ? "" : "<" + open.back() + "> is not closed";
}

/// How often `part` occurs in `text`.
inline int count(std::string_view text, std::string_view part) {
    int n = 0;
    for (std::size_t i = text.find(part); i != text.npos; i = text.find(part, i + part.size())) ++n;
    return n;
}

}  // namespace xml_check
