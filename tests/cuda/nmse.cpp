// SPDX-License-Identifier: MIT
#include <nmse.hpp>
#include <tacet/core/cuda.hpp>
#include <tacet/io/table.hpp>
#include <cstdlib>
#include <fstream>
#include <sstream>
#include <vector>

namespace tacet::test {
namespace {

struct Row {
    std::string name, type, nmse, limit;
};
std::string number(double v) {
    std::ostringstream s;
    s.precision(2);
    s << v;
    return s.str();
}
std::string as_json(std::vector<Row> const& rows) {
    std::string text;
    for (auto const& [name, type, nmse, limit] : rows)
        text += concat_text(text.empty() ? "[\n" : ",\n", R"(  {"name": ")", name, R"(", "type": ")", type, R"(", "nmse": )", nmse,
                            R"(, "limit": )", limit, R"(, "device": ")", device_name(), R"("})");
    return text + "\n]\n";
}
std::string as_markdown(std::vector<Row> const& rows) {
    Table table({"what", "stored as", "NMSE", "at most"});
    for (auto const& [name, type, nmse, limit] : rows) table.add_row({name, type, nmse, limit});
    return concat_text("From what the CPU gives for the same inputs, on: ", device_name(), "\n\n", table.markdown());
}

}  // namespace

double record_nmse(std::string const& name, std::string const& type, double nmse, double limit) {
    static std::vector<Row> rows;
    char const* const file = std::getenv("TACET_NMSE");
    if (!file || !*file) return nmse;
    rows.push_back({name, type, nmse == nmse ? number(nmse) : "null", number(limit)});
    std::ofstream out(file);
    out << (std::string(file).ends_with(".md") ? as_markdown(rows) : as_json(rows));
    check(static_cast<bool>(out.flush()), "TACET_NMSE: cannot write ", file);
    return nmse;
}

}  // namespace tacet::test
