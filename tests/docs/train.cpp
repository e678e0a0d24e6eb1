// SPDX-License-Identifier: MIT
#include <support/catch.hpp>
#include <cstdio>
// docs/headers.md shows the program between the marks.
#include <tacet/tacet.hpp>
using namespace tacet;

// A model: a struct that lists its parts once.
struct Denoiser {
    Conv2d<> head, body, tail;
    explicit Denoiser(Rng& rng)
        : head(3, 16, 3, rng, {.padding = 1}), body(16, 16, 3, rng, {.padding = 1}), tail(16, 3, 3, rng, {.padding = 1}) {}
    Variable<float, 4> operator()(Variable<float, 4> const& noisy) const {
        Variable x = relu(head(noisy));
        x = x + relu(body(x));
        return noisy - tail(x);
    }
    static void fields(auto& self, auto&& field) { field("head", self.head), field("body", self.body), field("tail", self.tail); }
};

double train(int steps) {
    Rng rng(0);
    Denoiser model(rng);
    Adam adam(model, {.rate = 3e-3});
    double last = 0;
    for (int step = 0; step < steps; ++step) {
        auto clean = dead_leaves(32, 32, rng).reshape(Shape{1, 32, 32, 3});     // a picture, generated
        Tensor noisy = clean + 0.1f * randn(clean.shape(), rng);                 // two noisy versions of it:
        Tensor target = clean + 0.1f * randn(clean.shape(), rng);                // no clean data is needed
        Variable loss = l2_loss(model(Variable(noisy)), target);
        backward(loss);
        adam.step();
        last = item(loss.value());
    }
    return last;
}

TEST_CASE("A model, a loss and a training loop in thirty lines") {
    double const first = train(1), last = train(150);
    INFO(first << " -> " << last);
    REQUIRE(last < 0.6 * first);
    REQUIRE(last > 0.01);  // the variance of the targets' noise cannot be learned
}
