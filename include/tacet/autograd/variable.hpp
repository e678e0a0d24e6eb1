// SPDX-License-Identifier: MIT
#pragma once
#include <tacet/autograd/no_grad.hpp>
#include <tacet/tensor/tensor.hpp>
#include <memory>
#include <utility>
#include <vector>

namespace tacet {

/// A step of a recorded computation: knows the steps it depends on and how to push its gradient to them.
/// It holds no value: what the backward pass needs is captured by its pull, and freed when that has run.
struct Node {
    std::vector<std::shared_ptr<Node>> inputs;
    bool requires_grad = false;
    bool visited = false;
    virtual void push() {}
    Node() = default;
    Node(Node const&) = delete;
    Node& operator=(Node const&) = delete;
    virtual ~Node() = default;
};

namespace detail {
/// Deletes nodes in a loop: a chain of a million nodes must not recurse through a million destructors.
inline void release_node(Node* node) {
    thread_local std::vector<Node*>* pending = nullptr;
    if (pending) return pending->push_back(node);
    std::vector<Node*> queue{node};
    pending = &queue;
    while (!queue.empty()) {
        Node* next = queue.back();
        queue.pop_back();
        delete next;  // may call release_node, which then only queues
    }
    pending = nullptr;
}
}  // namespace detail

/// Where the gradient of a variable of this type is collected.
template <class T, int R, class D> struct Slot : Node {
    Shape<R> shape;
    Tensor<T, R, D> grad;  // undefined until something arrives

    explicit Slot(Shape<R> s) : shape(s) {}
    bool has_grad() const { return has_grad_; }
    /// Adds g to the gradient. The first arrival is taken over as it is, without a copy.
    void accumulate(Tensor<T, R, D> g) {
        if (!requires_grad) return;
        check_shape(g.shape() == shape, "a gradient of shape ", g.shape(), " arrived at a variable of shape ", shape);
        if (!has_grad_) grad = std::move(g);
        else {  // into memory of its own where it is also another variable's gradient
            Tensor<T, R, D> const sum = grad.unique() ? grad : Tensor<T, R, D>(shape);
            tacet::assign(flat(sum), flat(grad) + flat(g));
            grad = sum;
        }
        has_grad_ = true;
    }
    void clear() { grad = {}, has_grad_ = false; }

private:
    /// Sums of gradients are those of rows, whatever their rank: compiled once for all ranks.
    static Tensor<T, 1, D> flat(Tensor<T, R, D> const& x) { return x.reshape(Shape<1>{{x.size()}}); }

    bool has_grad_ = false;
};

namespace detail {
template <class T, int R, class D, class Pull> struct Recorded final : Slot<T, R, D> {
    std::unique_ptr<Pull> pull;
    Recorded(Shape<R> extents, Pull p) : Slot<T, R, D>(extents), pull(std::make_unique<Pull>(std::move(p))) {}
    void push() override {
        if (!pull) throw Error("backward ran through the same computation twice: its saved values were freed by the first pass");
        if (this->has_grad()) (*pull)(this->grad);
        pull.reset();
        this->clear();
    }
};
}  // namespace detail

/// A tensor that remembers how it was computed: a handle to a value and to the slot of its gradient.
template <class T, int R, Device D = Cpu> class Variable;

/// A computation put off until its result is used: what a Deferred (see deferred.hpp) still has to do.
template <class T, int R, class D> struct Pending {
    using value_type = T;
    using device_type = D;
    static constexpr int rank = R;
    bool const recording = detail::recording();  // what it computes is recorded as if it had been computed at once

    virtual Shape<R> shape() const = 0;
    virtual Variable<T, R, D> compute() const = 0;
    Pending() = default;
    Pending(Pending const&) = delete;
    Pending& operator=(Pending const&) = delete;
    virtual ~Pending() = default;
};

template <class T, int R, class D, Expression E> Variable<T, R, D> record_expression(E const& e);  // in pullback.hpp

template <class T, int R, Device D> class Variable {
public:
    using value_type = T;
    using device_type = D;
    static constexpr int rank = R;

    /// A leaf. With `requires_grad`, backward() leaves d(loss)/d(value) in grad().
    explicit Variable(Tensor<T, R, D> value, bool requires_grad = false) : value_(std::move(value)) {
        if (requires_grad) {
            slot_ = std::shared_ptr<Slot<T, R, D>>(new Slot<T, R, D>(value_.shape()), &detail::release_node);
            slot_->requires_grad = true;
        }
    }
    /// The value of an elementwise expression: one pass over memory and one node on the tape.
    template <Expression E> requires (E::rank == R && !std::is_same_v<E, Variable> && !std::is_base_of_v<Variable, E>)
    Variable(E const& e) : Variable(record_expression<T, R, D>(e)) {}
    Variable(Tensor<T, R, D> value, std::shared_ptr<Slot<T, R, D>> slot) : value_(std::move(value)), slot_(std::move(slot)) {}
    Variable(Variable const& x) : value_(x.value()), slot_(x.slot()) {}
    Variable(Variable&& x) : value_((x.settled(), std::move(x.value_))), slot_(std::move(x.slot_)) {}
    Variable& operator=(Variable x) {
        value_ = std::move(x.value_), slot_ = std::move(x.slot_), pending_.reset();
        return *this;
    }
    ~Variable() = default;

    Shape<R> shape() const { return pending_ ? pending_->shape() : value_.shape(); }
    Index size() const { return shape().size(); }
    Tensor<T, R, D> const& value() const { return settled().value_; }
    bool requires_grad() const { return slot() != nullptr; }
    bool has_grad() const { return slot() && slot_->has_grad(); }
    /// d(loss)/d(this), once backward() has run. Throws Error where there is none.
    Tensor<T, R, D> const& grad() const {
        check(has_grad(), "this variable of shape ", shape(),
              " has no gradient: it does not require one, or backward() has not reached it");
        return slot_->grad;
    }
    void zero_grad() const { if (slot()) slot_->clear(); }
    /// Where pulls deliver this variable's gradient; nothing where none is wanted.
    std::shared_ptr<Slot<T, R, D>> const& slot() const { return settled().slot_; }
    /// The same value, cut off from the computation that made it.
    Variable detach() const { return Variable(value(), false); }

protected:
    explicit Variable(std::unique_ptr<Pending<T, R, D>> pending) : pending_(std::move(pending)) {}
    /// What is still to be done for this result; null once it is there. Only a Deferred ever has something to do.
    std::unique_ptr<Pending<T, R, D>>& pending() { return pending_; }

private:
    /// This variable, its value computed.
    Variable const& settled() const {
        if (pending_) {
            detail::Recording const as_then(pending_->recording);
            Variable const result = pending_->compute();
            value_ = result.value_, slot_ = result.slot_;
            pending_.reset();
        }
        return *this;
    }
    mutable Tensor<T, R, D> value_;
    mutable std::shared_ptr<Slot<T, R, D>> slot_;
    mutable std::unique_ptr<Pending<T, R, D>> pending_;
};

template <class T, int R, class D> struct is_expression<Variable<T, R, D>> : std::true_type {};
template <Expression E> Variable(E const&) -> Variable<typename E::value_type, E::rank, typename E::device_type>;

template <int R, class T, int Q, class D> auto lower(Variable<T, Q, D> const& v, Shape<R> const& target) {
    return lower(v.value(), target);
}

/// Whether a result computed from these inputs is recorded at this moment.
template <class... In> bool records(In const&... in) { return detail::recording() && (in.requires_grad() || ...); }

/// Delivers g to a slot, if a gradient is wanted there.
template <class T, int R, class D> void deliver(std::shared_ptr<Slot<T, R, D>> const& slot, Tensor<T, R, D> g) {
    if (slot) slot->accumulate(std::move(g));
}

/// Records y as the result of an operation on `in`. `pull(gy)` must deliver to the inputs' slots; it is called at most once,
/// and what it captures is what the tape keeps until then.
template <class T, int R, class D, class Pull, class... In>
Variable<T, R, D> record(Tensor<T, R, D> y, Pull pull, In const&... in) {
    if (!records(in...)) return Variable<T, R, D>(std::move(y));
    auto const shape = y.shape();
    std::shared_ptr<Slot<T, R, D>> node(new detail::Recorded<T, R, D, Pull>(shape, std::move(pull)), &detail::release_node);
    node->requires_grad = true;
    auto const depend = [&](auto const& slot) { if (slot) node->inputs.push_back(slot); };
    (depend(in.slot()), ...);
    return Variable<T, R, D>(std::move(y), std::move(node));
}

}  // namespace tacet
