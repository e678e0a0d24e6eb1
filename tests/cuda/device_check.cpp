// SPDX-License-Identifier: MIT
#include <device_case.hpp>
#include <device_check.hpp>
#include <nmse.hpp>
#include <orders.hpp>
#include <support/difference.hpp>
#include <support/op_case.hpp>
#include <algorithm>
#include <cmath>
#include <map>

namespace tacet::test {
namespace {

/// What a device stores images in, and how far its results may be from the CPU's in double: squared distance over squared norm.
struct Storage {
    char const* name;
    double limit;
    double (*rounded)(double);
    MakeRun const& (*run)(DeviceCase const&);
};
template <class T> double rounded(double v) {
    return static_cast<double>(static_cast<Wide<T>>(static_cast<T>(static_cast<Wide<T>>(v))));
}
Storage const storages[] = {
    {"float32", 1e-7, rounded<float>, [](DeviceCase const& c) -> MakeRun const& { return c.op.f32; }},
    {"bfloat16", 1e-4, rounded<BFloat16>, [](DeviceCase const& c) -> MakeRun const& { return c.bfloat16; }},
    {"half", 2e-6, rounded<Half>, [](DeviceCase const& c) -> MakeRun const& { return c.half; }},
};

/// The same numbers as `storage` holds them.
Array stored(Array a, Storage const& storage) {
    for (double& v : a.data) v = storage.rounded(v);
    return a;
}

/// The result and the gradients of all inputs.
Arrays results_of(MakeRun const& make, Arrays const& in, std::vector<bool> const& wants, bool differentiable, Storage const& storage) {
    auto const run = make(in, wants);
    run->forward();
    Arrays results{run->result()};
    if (!differentiable) return results;
    run->set_gradient(stored(probe(results[0].shape), storage));
    run->backward();
    for (std::size_t k = 0; k < in.size(); ++k) results.push_back(run->gradient(k));
    return results;
}

/// The distances of the results of a case, each over all runs: a single run may cancel to nearly nothing.
class Distance {
public:
    void add(Arrays const& found, Arrays const& expected) {
        sums_.resize(expected.size());
        for (std::size_t k = 0; k < expected.size(); ++k)
            for (std::size_t i = 0; i < expected[k].data.size(); ++i) {
                double const x = found[k].data.at(i), y = expected[k].data[i];
                if (x == y || (x != x && y != y)) sums_[k].norm += std::isfinite(y) ? y * y : 0;
                else sums_[k].distance += (x - y) * (x - y), sums_[k].norm += y * y;
            }
    }
    /// Of the result that is farthest away.
    double worst() const {
        double worst = 0;
        for (auto const& [distance, norm] : sums_)
            if (distance != 0) worst = std::max(worst, distance / norm);
        return worst;
    }

private:
    struct Sums {
        double distance = 0, norm = 0;
    };
    std::vector<Sums> sums_;
};

/// Element by element, in float: 16 bits leave single elements that are sums of others anywhere.
std::string compare(OpCase const& op, Arrays const& device, Arrays const& cpu) {
    for (std::size_t k = 0; k < cpu.size(); ++k)
        if (auto const d = difference(device[k], cpu[k], op.float_tolerance, "on the CPU it is", k ? op.gradient_floor : 0); !d.empty())
            return k ? concat_text("the gradient of input ", k - 1, ": ", d) : d;
    return "";
}

/// The runs of one case with images stored so, whose twin on the CPU is `twin`; their distances are added.
std::string check_runs(DeviceCase const& c, OpCase const& twin, Storage const& storage, Distance& distance) {
    OpCase const& op = c.op;
    std::string report;
    for (Shapes const& shapes : op.shapes) {
        Arrays in = inputs_of(op, shapes);
        std::vector<bool> wants;
        for (std::size_t k = 0; k < in.size(); ++k) {
            wants.push_back(op.differentiable && op.domain(k).differentiable);
            in[k] = stored(in[k], storage);
        }
        Arrays const cpu = results_of(twin.f64, in, wants, op.differentiable, storage);
        for (std::uint64_t order = 1; order <= device_orders; ++order) {
            set_device_order(order);
            std::string failure;
            try {
                Arrays const device = results_of(storage.run(c), in, wants, op.differentiable, storage);
                if (&storage.run(c) == &op.f32) failure = compare(op, device, cpu);
                distance.add(device, cpu);
            } catch (std::exception const& e) {
                failure = e.what();
            }
            if (failure.empty()) continue;
            report += op.title() + " with";
            for (auto const& shape : shapes) report += " " + text(shape);
            report += concat_text(", ", storage.name, ", order ", order, ": ", failure, "\n");
        }
    }
    return report;
}

/// The failures of the cases of one function, given with their twins.
std::string check_function(std::string const& name, std::vector<std::pair<DeviceCase const*, OpCase const*>> const& cases) {
    std::string report;
    for (Storage const& storage : storages) {
        double worst = 0;
        for (auto const& [c, twin] : cases) {
            if (!storage.run(*c)) continue;
            Distance distance;
            report += check_runs(*c, *twin, storage, distance);
            worst = std::max(worst, distance.worst());
            if (!(distance.worst() <= storage.limit))
                report += concat_text(c->op.title(), ", ", storage.name, ": the distance from the CPU is ", distance.worst(), "\n");
        }
        if (storage.run(*cases.front().first)) record_nmse(name, storage.name, worst, storage.limit);
    }
    return report;
}

/// The failures of all cases that `wanted` takes. Cases of one title are registered in the same order on both sides, as both compile the
/// same file.
std::string failures_where(auto const& wanted) {
    std::map<std::string, std::size_t> seen;
    std::map<std::string, std::vector<std::pair<DeviceCase const*, OpCase const*>>> functions;
    for (DeviceCase const& c : device_cases()) {
        auto const title = c.op.title();
        std::size_t skip = seen[title]++;
        if (!wanted(c)) continue;
        auto const is_twin = [&](OpCase const& t) { return t.title() == title && skip-- == 0; };
        auto const twin = std::find_if(op_cases().begin(), op_cases().end(), is_twin);
        if (twin == op_cases().end()) return title + ": the CPU has no such case\n";
        functions[c.op.name].emplace_back(&c, &*twin);
    }
    if (functions.empty()) return "no case runs on the device\n";
    std::string report;
    for (auto const& [name, cases] : functions) report += check_function(name, cases);
    return report;
}

}  // namespace

std::string device_failures_of(std::string const& name) {
    return failures_where([&](DeviceCase const& c) { return c.op.name == name; });
}
std::string device_failures_of_functions() {
    return failures_where([](DeviceCase const& c) { return c.file.find("/expr/") != std::string::npos; });
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
