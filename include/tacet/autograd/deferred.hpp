// SPDX-License-Identifier: MIT
#pragma once
#include <tacet/autograd/variable.hpp>

namespace tacet {

/// The result of an operation that the next one may do together with its own: a convolution waits for an activation, an upsampling for
/// the convolution that reads it. It is a Variable whose value is computed when it is first asked for, so nobody has to know.
/// What is passed on unnamed, `leaky_relu(conv2d(x, w, b))`, may be fused; what has a name is computed once, as it stands.
/// P, a Pending, holds the operands and must not change once it has been computed. It reads them when it is computed: nobody may write to
/// them before that, such as an optimizer to the weights of `auto y = layer(x)`.
template <class P> class Deferred : public Variable<typename P::value_type, P::rank, typename P::device_type> {
    using Base = Variable<typename P::value_type, P::rank, typename P::device_type>;

public:
    explicit Deferred(std::unique_ptr<P> pending) : Base(std::move(pending)) {}
    /// A result that is there already.
    explicit Deferred(Base const& x) : Base(x) {}
    Deferred(Deferred const& x) : Base(x) {}
    Deferred(Deferred&& x) : Base(std::move(x.pending())) {
        if (!this->pending()) Base::operator=(x);
    }
    /// Takes the value of any variable of its type, computed.
    Deferred& operator=(Base x) {
        Base::operator=(std::move(x));
        return *this;
    }
    Deferred& operator=(Deferred const& x) { return *this = Base(x); }

    /// The variable itself: what expressions hold.
    Base const& var() const {
        this->value();
        return *this;
    }
    /// What is still to be done, for an operation that takes it over and records under the same conditions; else null.
    P* waiting() {
        auto* const p = this->pending().get();
        return p && p->recording == detail::recording() ? static_cast<P*>(p) : nullptr;
    }
};
template <class P> struct is_expression<Deferred<P>> : std::true_type {};

/// A computation of type P put off, from the arguments of its constructor.
template <class P, class... A> Deferred<P> defer(A&&... a) { return Deferred<P>(std::make_unique<P>(std::forward<A>(a)...)); }

}  // namespace tacet
