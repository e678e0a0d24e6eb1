// SPDX-License-Identifier: MIT
#include <support/catch.hpp>
#include <tacet/autograd/backward.hpp>
#include <tacet/io/json.hpp>
#include <tacet/io/option_help.hpp>
#include <tacet/optim/adam.hpp>
#include <tacet/optim/ema.hpp>
#include <tacet/optim/schedule.hpp>
#include <tacet/optim/sgd.hpp>
#include <tacet/tensor/factory.hpp>

namespace optimizers_test {
using namespace tacet;

namespace {

// The problem of tests/golden/optimizers.py.
template <class T> struct Problem {
    Parameter<T, 2> w{detail::filled<T, Cpu>(Shape{3, 4}, [](T* p, Index n) {
        for (Index k = 0; k < n; ++k) p[k] = T(std::sin(1.3 * double(k) + 0.1));
    })};
    Parameter<T, 1> b{detail::filled<T, Cpu>(Shape{4}, [](T* p, Index n) {
        for (Index k = 0; k < n; ++k) p[k] = T(0.5 * std::cos(double(k)));
    })};
    static void fields(auto& self, auto&& field) { field("w", self.w), field("b", self.b); }

    /// Leaves the gradients of the loss at this step, by hand.
    void differentiate(int step) {
        T const scale = T(1 + 0.5 * std::sin(0.37 * step));
        Tensor<T, 2> gw(w.shape());
        Tensor<T, 1> gb(b.shape());
        for (Index j = 0; j < 4; ++j) {
            T const bj = b.value()(j);
            gb(j) = T(0.4) * bj * bj * bj;
            for (Index i = 0; i < 3; ++i) {
                T const v = w.value()(i, j);
                gw(i, j) = scale * (v - T(0.3) - 3 * std::sin(3 * v) + bj);
                gb(j) += v;
            }
            gb(j) *= scale;
        }
        w.slot()->accumulate(gw);
        b.slot()->accumulate(gb);
    }
    std::vector<double> values() const {
        std::vector<double> all(w.value().data(), w.value().data() + 12);
        all.insert(all.end(), b.value().data(), b.value().data() + 4);
        return all;
    }
};

std::vector<double> golden(char const* key) {
    static Json const all = read_json(std::filesystem::path(test::source_dir()) / "tests" / "golden" / "optimizers.json");
    std::vector<double> values;
    for (auto const& v : all.at(key).items()) values.push_back(v.number());
    return values;
}

void require_close(std::vector<double> const& ours, std::vector<double> const& theirs, double tolerance) {
    REQUIRE(ours.size() == theirs.size());
    double difference = 0, norm = 0;
    for (std::size_t k = 0; k < ours.size(); ++k) {
        difference += (ours[k] - theirs[k]) * (ours[k] - theirs[k]);
        norm += theirs[k] * theirs[k];
    }
    INFO("relative error " << std::sqrt(difference / norm));
    REQUIRE(std::sqrt(difference) <= tolerance * std::sqrt(norm));
}

template <class T> constexpr double tolerance = std::is_same_v<T, double> ? 1e-12 : 1e-6;

template <class T, class Make> void compare(char const* key, Make make, double limit = 0, bool cosine = false) {
    Problem<T> problem;
    auto optimizer = make(problem);
    for (int step = 0; step < 100; ++step) {
        if (cosine) optimizer.set_rate(0.003 * cosine_factor(step, 100));
        problem.differentiate(step);
        if (limit > 0) clip_gradients<T>(problem, limit);
        optimizer.step();
    }
    INFO(key);
    require_close(problem.values(), golden(key), tolerance<T>);
}

template <class T> void compare_all() {
    compare<T>("sgd", [](auto& p) { return Sgd<T>(p, {.rate = 0.01}); });
    compare<T>("sgd_momentum", [](auto& p) { return Sgd<T>(p, {.rate = 0.01, .momentum = 0.9, .weight_decay = 0.01}); });
    compare<T>("sgd_nesterov", [](auto& p) { return Sgd<T>(p, {.rate = 0.01, .momentum = 0.9, .nesterov = true}); });
    compare<T>("adam", [](auto& p) { return Adam<T>(p, {.rate = 0.003, .beta2 = 0.99}); });
    compare<T>("adam_decay", [](auto& p) { return Adam<T>(p, {.rate = 0.003, .weight_decay = 0.1}); });
    compare<T>("adamw", [](auto& p) { return Adam<T>(p, {.rate = 0.003, .weight_decay = 0.1, .decoupled = true}); });
    compare<T>("adam_clipped", [](auto& p) { return Adam<T>(p, {.rate = 0.003}); }, 0.5);
    compare<T>("adam_cosine", [](auto& p) { return Adam<T>(p, {.rate = 0.003}); }, 0, true);
}

}  // namespace

TEST_CASE("Optimizers equal PyTorch's for 100 steps in double") { compare_all<double>(); }
TEST_CASE("Optimizers equal PyTorch's for 100 steps in float") { compare_all<float>(); }

TEST_CASE("The moving average equals PyTorch's, and swap() exchanges it with the weights") {
    Problem<double> problem;
    Adam<double> adam(problem, {.rate = 0.003});
    Ema<double> ema(problem, 0.95);
    for (int step = 0; step < 100; ++step) {
        problem.differentiate(step);
        adam.step();
        ema.update();
    }
    auto const weights = problem.values();
    ema.swap();
    require_close(problem.values(), golden("adam_ema"), 1e-12);
    ema.swap();
    REQUIRE(problem.values() == weights);
    REQUIRE_THROWS_WITH((Ema<double>(problem, 1.0)), test::contains("[0, 1)"));
}

TEST_CASE("A step makes what is decided: gradients are scaled, the average follows, young ones faster; or nothing moves") {
    Problem<double> problem, plain;
    Adam<double> adam(problem), other(plain);
    Ema<double> const ema(problem, 0.5);
    auto expected = problem.values();
    for (int step = 0; step < 20; ++step) {
        problem.differentiate(step), plain.differentiate(step);
        scale_gradients<double>(plain, 0.25);
        if (step == 7) problem.b.zero_grad(), plain.b.zero_grad();  // the average of b goes on without
        adam.step([] { return StepDecision{.gradient_factor = 0.25}; }, &ema);
        other.step();
        double const decay = std::min(0.5, (step + 1) / (step + 11.0));
        auto const w = problem.values();
        for (std::size_t k = 0; k < w.size(); ++k) expected[k] += (1 - decay) * (w[k] - expected[k]);
    }
    require_close(problem.values(), plain.values(), 1e-14);
    auto const before = problem.values();
    problem.differentiate(20);
    adam.step([] { return StepDecision{.moves = false}; }, &ema);
    CHECK(problem.values() == before);
    CHECK((!problem.w.has_grad() && adam.steps() == 20));
    auto averaged = ema;
    averaged.swap();
    require_close(problem.values(), expected, 1e-12);
}

TEST_CASE("An optimizer that continues from another's state makes the same steps; a skipped step changes and counts nothing") {
    auto const check_state = [](auto make, std::vector<std::string> const& expected) {
        Problem<double> first, second;
        auto a = make(first);
        for (int step = 0; step < 7; ++step) first.differentiate(step), a.step();
        auto b = make(second);
        std::vector<Tensor<double, 1>> state;
        std::vector<std::string> names;
        a.for_each_state([&](std::string const& name, auto const& t) { names.push_back(name), state.push_back(t.clone()); });
        CHECK(names == expected);
        std::size_t k = 0;
        b.for_each_state([&](std::string const&, auto const& t) { t.assign(state[k++]); });
        b.set_steps(a.steps()), b.set_rate(0.001), a.set_rate(0.001);
        second.w.value().assign(first.w.value()), second.b.value().assign(first.b.value());
        second.differentiate(50);
        b.skip();
        CHECK(!second.w.has_grad());
        CHECK((b.steps() == 7 && b.rate() == 0.001));
        CHECK(second.values() == first.values());
        for (int step = 7; step < 12; ++step) first.differentiate(step), a.step(), second.differentiate(step), b.step();
        CHECK(second.values() == first.values());
        CHECK(b.steps() == 12);
    };
    check_state([](auto& p) { return Adam<double>(p); }, {"exp_avg.w", "exp_avg.b", "exp_avg_sq.w", "exp_avg_sq.b"});
    check_state([](auto& p) { return Sgd<double>(p, {.momentum = 0.9}); }, {"momentum.w", "momentum.b"});
}

TEST_CASE("Schedules equal PyTorch's") {
    auto const cosine = golden("cosine"), steps = golden("multi_step"), plateau = golden("plateau");
    Plateau p(0.5, 5);
    for (int step = 0; step < 100; ++step) {
        auto const at = static_cast<std::size_t>(step);
        REQUIRE(cosine_factor(step, 100, 0.1) == Approx(cosine[at]).epsilon(1e-12));
        REQUIRE(multi_step_factor(step, {20, 50, 80}, 0.3) == Approx(steps[at]).epsilon(1e-12));
        REQUIRE(p.observe(step < 30 ? 1.0 / (1 + step) : 0.05 + 0.001 * std::sin(step)) == Approx(plateau[at]).epsilon(1e-12));
    }
}

TEST_CASE("Noise2Noise's ramp is flat, then falls smoothly to zero") {
    REQUIRE(ramp_down_factor(0, 1000) == 1);
    REQUIRE(ramp_down_factor(699, 1000) == 1);
    REQUIRE(ramp_down_factor(850, 1000) == Approx(0.25));  // t = 1/2: (0.5 + 0)^2
    REQUIRE(ramp_down_factor(1000, 1000) == Approx(0).margin(1e-30));
    REQUIRE(ramp_down_factor(5, 10, 0) == 1);
    REQUIRE_THROWS_WITH(schedule_factor({.kind = "linear"}, 0, 1), test::contains("ramp_down"));
    REQUIRE_THROWS_WITH(schedule_factor({.kind = "plateau"}, 0, 1), test::contains("no function of the step"));
}

TEST_CASE("The norm of gradients is that of all parameters together, and not finite when one is not") {
    Problem<double> problem;
    problem.w.slot()->accumulate(full(Shape{3, 4}, 2.0));
    problem.b.slot()->accumulate(full(Shape{4}, 1.0));
    REQUIRE(gradient_norm<double>(problem) == Approx(std::sqrt(12 * 4 + 4)));
    REQUIRE(clip_gradients<double>(problem, 1.0) == Approx(std::sqrt(52)));
    REQUIRE(gradient_norm<double>(problem) == Approx(1).epsilon(1e-6));
    problem.w.grad().data()[5] = NAN;
    REQUIRE(!std::isfinite(gradient_norm<double>(problem)));
    zero_gradients(problem);
    REQUIRE(gradient_norm<double>(problem) == 0);
}

TEST_CASE("The ranges of optimizers and schedules are what JSON and the command line allow") {
    CHECK_THROWS_WITH(options_from_json<SgdOptions>(parse_json(R"({"rate": 0})", "x")), "rate: 0 is not above 0");
    CHECK_THROWS_WITH(options_from_json<SgdOptions>(parse_json(R"({"momentum": 1})", "x")), "momentum: 1 is not below 1");
    CHECK_THROWS_WITH(options_from_json<SgdOptions>(parse_json(R"({"weight_decay": -1})", "x")), "weight_decay: -1 is below 0");
    CHECK_THROWS_WITH(options_from_json<AdamOptions>(parse_json(R"({"beta1": 1})", "x")), "beta1: 1 is not below 1");
    CHECK(options_from_json<AdamOptions>(parse_json(R"({"beta1": 0, "beta2": 0.9999999})", "x")).beta2 == 0.9999999);
    Program const program{.name = "p", .description = "", .examples = {}};
    auto const help = options_help<AdamOptions>(program, {}, 100) + options_help<ScheduleOptions>(program, {}, 100);
    CHECK_THAT(help, test::contains("at least 0, below 1"));
    CHECK_THAT(help, test::contains("above 0, at most 1"));
    CHECK_THAT(help, test::contains("(constant, multi_step, cosine"));
}
}  // namespace optimizers_test
