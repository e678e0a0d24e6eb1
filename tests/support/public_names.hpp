// SPDX-License-Identifier: MIT
#pragma once
#include <algorithm>
#include <cctype>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <stdexcept>
#include <string>
#include <vector>

// Reads the names of the public functions of a header: those declared directly in namespace tacet.
namespace tacet::test {

namespace detail {
inline bool word_character(char c) { return std::isalnum(static_cast<unsigned char>(c)) || c == '_'; }

/// The text without comments, string contents and preprocessor lines.
inline std::string code_only(std::string const& in) {
    std::string out;
    for (std::size_t i = 0; i < in.size(); ++i) {
        if (in.compare(i, 2, "//") == 0 || (in[i] == '#' && (i == 0 || in[i - 1] == '\n'))) i = std::min(in.find('\n', i), in.size() - 1);
        else if (in.compare(i, 2, "/*") == 0) {
            i = std::min(in.find("*/", i), in.size() - 2) + 1;
            continue;
        } else if (in[i] == '"') {
            for (++i; i < in.size() && in[i] != '"'; ++i) i += in[i] == '\\';
            out += "\"\"";
            continue;
        }
        out += i < in.size() ? in[i] : ' ';
    }
    return out;
}

/// The name that stands before the first parameter list of a declaration; empty when it declares no function.
inline std::string declared_name(std::string const& declaration) {
    std::istringstream words(declaration);
    std::string first;
    for (words >> first; first == "inline" || first == "constexpr" || first == "[[nodiscard]]";) words >> first;
    for (char const* other : {"struct", "class", "using", "namespace", "concept", "enum", "static_assert", "friend"})
        if (first == other) return "";
    int angle = 0;
    for (std::size_t i = 0; i < declaration.size(); ++i) {
        if (declaration.compare(i, 8, "operator") == 0) return declaration.substr(i, declaration.find('(', i) - i);
        if (declaration[i] == '=' && angle == 0) return "";  // a variable
        angle += (declaration[i] == '<') - (declaration[i] == '>' && declaration[i - 1] != '-');
        if (declaration[i] != '(') continue;
        std::size_t begin = i;
        while (begin > 0 && word_character(declaration[begin - 1])) --begin;
        auto const name = declaration.substr(begin, i - begin);
        bool const keyword = name.empty() || name == "decltype" || name == "noexcept" || name == "explicit" || name == "requires";
        if (angle == 0 && !keyword) return std::isupper(static_cast<unsigned char>(name[0])) ? "" : name;  // or a deduction guide
        for (int depth = 0; i < declaration.size(); ++i) {  // skips the parentheses of decltype(...) and its like
            depth += (declaration[i] == '(') - (declaration[i] == ')');
            if (depth == 0) break;
        }
    }
    return "";
}

/// A declaration without its leading `template <...>`.
inline std::string without_template(std::string text) {
    for (;;) {
        auto const at = text.find_first_not_of(" \n");
        if (at == std::string::npos || text.compare(at, 8, "template") != 0) return text;
        std::size_t i = text.find('<', at);
        for (int depth = 0, round = 0; i < text.size(); ++i) {
            round += (text[i] == '(') - (text[i] == ')');
            if (round == 0) depth += (text[i] == '<') - (text[i] == '>' && text[i - 1] != '-');
            if (depth == 0) break;
        }
        if (i >= text.size()) return "";
        text.erase(0, i + 1);
    }
}
}  // namespace detail

/// The functions declared directly in namespace tacet by this text, sorted, each once.
inline std::vector<std::string> public_functions(std::string const& source) {
    std::string const code = detail::code_only(source);
    std::vector<std::string> names;
    std::string statement;
    std::vector<bool> open;  // the braces around: whether each is namespace tacet
    int round = 0;
    for (char c : code) {
        round += (c == '(') - (c == ')');
        bool const here = std::count(open.begin(), open.end(), false) == 0;
        if (c == '{' && round == 0) {
            auto const begin = statement.find_first_not_of(" \n");
            bool const ours = begin != std::string::npos && statement.compare(begin, 15, "namespace tacet") == 0
                              && statement.find_first_not_of(" \n", begin + 15) == std::string::npos;
            if (here && !ours && !open.empty())
                if (auto const name = detail::declared_name(detail::without_template(statement)); !name.empty()) names.push_back(name);
            open.push_back(ours);
            statement.clear();
        } else if (c == '}' && round == 0) {
            if (!open.empty()) open.pop_back();
            statement.clear();
        } else if (c == ';' && round == 0) {
            if (here && !open.empty())
                if (auto const name = detail::declared_name(detail::without_template(statement)); !name.empty()) names.push_back(name);
            statement.clear();
        } else statement += c == '\n' ? ' ' : c;
    }
    std::sort(names.begin(), names.end());
    names.erase(std::unique(names.begin(), names.end()), names.end());
    return names;
}

/// The public functions of a header, or of all headers in a folder.
inline std::vector<std::string> public_functions_of(std::filesystem::path const& where) {
    std::vector<std::filesystem::path> files{where};
    if (is_directory(where)) {
        files.clear();
        for (auto const& entry : std::filesystem::directory_iterator(where))
            if (entry.path().extension() == ".hpp") files.push_back(entry.path());
    }
    std::string all;
    for (auto const& file : files) {
        std::ifstream in(file);
        if (!in) throw std::runtime_error("cannot read " + file.string());
        all += std::string(std::istreambuf_iterator<char>(in), {}) + '\n';
    }
    return public_functions(all);
}

}  // namespace tacet::test
