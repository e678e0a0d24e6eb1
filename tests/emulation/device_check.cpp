// SPDX-License-Identifier: MIT
#include <device_check.hpp>
#include <emulator.hpp>
#include <support/difference.hpp>
#include <support/op_case.hpp>
#include <algorithm>
#include <map>

namespace tacet::test {
namespace {

struct Results {
    Array y;
    Arrays gradients;
};

Results results_of(MakeRun const& make, Arrays const& in, std::vector<bool> const& wants, bool differentiable) {
    auto const run = make(in, wants);
    run->forward();
    Results results{run->result(), {}};
    if (!differentiable) return results;
    run->set_gradient(probe(results.y.shape));
    run->backward();
    for (std::size_t k = 0; k < in.size(); ++k) results.gradients.push_back(run->gradient(k));
    return results;
}

std::string compare(OpCase const& op, Results const& device, Results const& cpu) {
    if (auto const d = difference(device.y, cpu.y, op.float_tolerance, "on the CPU it is"); !d.empty()) return d;
    for (std::size_t k = 0; k < cpu.gradients.size(); ++k)
        if (auto const d = difference(device.gradients[k], cpu.gradients[k], op.float_tolerance, "on the CPU it is", op.gradient_floor); !d.empty())
            return concat_text("the gradient of input ", k, ": ", d);
    return "";
}

/// The runs of one case, whose twin on the CPU is `twin`.
std::string check_case(OpCase const& op, OpCase const& twin) {
    std::string report;
    for (Shapes const& shapes : op.shapes) {
        Arrays const in = inputs_of(op, shapes);
        std::vector<bool> wants;
        for (std::size_t k = 0; k < in.size(); ++k) wants.push_back(op.differentiable && op.domain(k).differentiable);
        Results const cpu = results_of(twin.f64, in, wants, op.differentiable);
        for (std::uint64_t seed = 1; seed <= 2; ++seed) {
            emulation::set_seed(seed);
            std::string failure;
            try {
                failure = compare(op, results_of(op.f32, in, wants, op.differentiable), cpu);
            } catch (std::exception const& e) {
                failure = e.what();
            }
            if (failure.empty()) continue;
            report += op.title() + " with";
            for (auto const& shape : shapes) report += " " + text(shape);
            report += concat_text(", order ", seed, ": ", failure, "\n");
        }
    }
    return report;
}

/// The failures of all cases that `wanted` takes. Cases of one title are registered in the same order on both sides, as both compile the
/// same file.
std::string failures_where(auto const& wanted) {
    std::string report;
    std::map<std::string, std::size_t> seen;
    std::size_t cases = 0;
    for (auto const& [op, file] : device_cases()) {
        auto const title = op.title();
        std::size_t skip = seen[title]++;
        if (!wanted(op, file)) continue;
        auto const twin = std::find_if(op_cases().begin(), op_cases().end(), [&](OpCase const& t) { return t.title() == title && skip-- == 0; });
        if (twin == op_cases().end()) return title + ": the CPU has no such case\n";
        ++cases;
        report += check_case(op, *twin);
    }
    return cases ? report : "no case runs on the device\n";
}

}  // namespace

std::string device_failures_of(std::string const& name) {
    return failures_where([&](OpCase const& op, std::string const&) { return op.name == name; });
}
std::string device_failures_of_functions() {
    return failures_where([](OpCase const&, std::string const& file) { return file.find("/expr/") != std::string::npos; });
}
std::string cases_missing_on_device() {
    std::map<std::string, int> surplus;
    for (auto const& op : op_cases()) ++surplus[op.title()];
    for (auto const& c : device_cases()) --surplus[c.op.title()];
    std::string missing;
    for (auto const& [title, count] : surplus)
        if (count) missing += title + "\n";
    return missing;
}

}  // namespace tacet::test
