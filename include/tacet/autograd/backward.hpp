// SPDX-License-Identifier: MIT
#pragma once
#include <tacet/autograd/variable.hpp>

namespace tacet {

namespace detail {
/// All nodes that `root` depends on, dependencies first, found without recursion.
inline std::vector<std::shared_ptr<Node>> topological_order(std::shared_ptr<Node> const& root) {
    std::vector<std::shared_ptr<Node>> order;
    std::vector<std::pair<std::shared_ptr<Node>, std::size_t>> stack{{root, 0}};
    root->visited = true;
    while (!stack.empty()) {
        auto& [node, next] = stack.back();
        if (next < node->inputs.size()) {
            auto const input = node->inputs[next++];
            if (!input->visited) {
                input->visited = true;
                stack.emplace_back(input, 0);
            }
        } else {
            order.push_back(std::move(node));
            stack.pop_back();
        }
    }
    for (auto const& node : order) node->visited = false;
    return order;
}
}  // namespace detail

/// Propagates gy = d(loss)/dy to everything y was computed from; the gradients of leaves are added to what they hold.
/// The graph is consumed on the way: memory falls while it runs. Throws Error when y depends on nothing that requires a gradient.
template <class T, int R, class D> void backward(Variable<T, R, D> const& y, Tensor<T, R, D> gy) {
    check(y.requires_grad(), "backward: the result does not depend on any variable that requires a gradient");
    auto order = detail::topological_order(y.slot());
    y.slot()->accumulate(std::move(gy));
    while (!order.empty()) {
        auto const node = std::move(order.back());
        order.pop_back();
        node->push();
        node->inputs.clear();
    }
}

/// Propagates d(loss)/d(.) to everything a scalar loss was computed from.
template <class T, class D> void backward(Variable<T, 0, D> const& loss) {
    backward(loss, Tensor<T, 0, D>(Constant<T, 0, D>{{}, T(1)}));
}

}  // namespace tacet
