// SPDX-License-Identifier: MIT
#pragma once
#include <tacet/core/buffer.hpp>
#include <tacet/expr/evaluator.hpp>
#include <tacet/expr/functions.hpp>
#include <cassert>

namespace tacet {

/// A dense row-major array of rank R on device D. Copying a Tensor shares its memory; clone() copies it.
/// Images of networks are (N, H, W, C), a single picture is (H, W, C).
template <class T, int R, Device D = Cpu> class Tensor {
public:
    using value_type = T;
    using device_type = D;
    static constexpr int rank = R;

    /// No tensor: no memory, all extents 0. Only assigning to it and defined() make sense.
    Tensor() = default;
    /// New memory, not initialised.
    explicit Tensor(Shape<R> shape) : buffer_((check_extents(shape), shape.size()), sizeof(T)), shape_(shape) {}
    /// The value of an expression, computed in one pass into new memory.
    template <Expression E> requires (E::rank == R && !std::is_same_v<E, Tensor>)
    Tensor(E const& e) : Tensor(e.shape()) { tacet::assign(*this, e); }

    /// A tensor over foreign memory with the given strides (in elements), which `keep` keeps alive. Shares the memory when it
    /// is contiguous and copies it otherwise. Without `keep`, the caller's memory must outlive the tensor.
    static Tensor over(T* data, Shape<R> shape, Shape<R> stride, std::shared_ptr<void> keep = nullptr) {
        static_assert(std::is_same_v<D, Cpu>, "foreign memory is host memory");
        check_extents(shape);
        View<T, R> const foreign{data, stride};
        if (foreign.contiguous(shape)) return Tensor(Buffer<D>(const_cast<std::remove_const_t<T>*>(data), std::move(keep)), shape);
        Tensor copy(shape);
        auto const walk = detail::walkable(shape);
        Evaluator<D>::run(copy.data(), walk, View<T, R ? R : 1>{data, broadcast(stride, shape, walk)});
        return copy;
    }
    static Tensor over(T* data, Shape<R> shape, std::shared_ptr<void> keep = nullptr) {
        return over(data, shape, row_major(shape), std::move(keep));
    }

    Shape<R> const& shape() const { return shape_; }
    Index size() const { return defined() ? shape_.size() : 0; }
    T* data() const { return static_cast<T*>(buffer_.data()); }
    View<T, R> view() const { return View<T, R>{data(), row_major(shape_)}; }
    bool defined() const { return buffer_.data() || shape_.size() == 0; }
    /// Whether no other tensor shares this memory.
    bool unique() const { return buffer_.unique(); }

    /// Writes an expression into this memory, seen by every tensor that shares it. The expression may read this tensor.
    template <class E> void assign(E const& e) const {
        static_assert(Operand<E>, "assign takes pointwise expressions and numbers: give the result of any other operation a name first");
        tacet::assign(*this, e);
    }
    template <Operand E> Tensor& operator+=(E const& e) { return update(*this + e); }
    template <Operand E> Tensor& operator-=(E const& e) { return update(*this - e); }
    template <Operand E> Tensor& operator*=(E const& e) { return update(*this * e); }
    template <Operand E> Tensor& operator/=(E const& e) { return update(*this / e); }

    /// The element at (i...); only on the host. Indices are not checked in release builds.
    template <class... I> T& operator()(I... i) const {
        static_assert(sizeof...(I) == R, "a tensor of rank R is indexed with R numbers");
        static_assert(std::is_same_v<D, Cpu>, "elements are read on the host: move the tensor with to<Cpu>(x)");
        Shape<R> const at{{static_cast<Index>(i)...}};
        assert(inside(at));
        return view().at(at);
    }
    /// A copy in memory of its own.
    Tensor clone() const {
        Tensor copy(shape_);
        tacet::assign(copy, *this);
        return copy;
    }
    /// The same memory seen with other extents. Throws ShapeError when the number of elements differs.
    template <int Q> Tensor<T, Q, D> reshape(Shape<Q> const& shape) const {
        check_shape(shape.size() == shape_.size(), "reshape: ", shape_, " has ", shape_.size(), " elements, ", shape, " has ",
                    shape.size());
        return Tensor<T, Q, D>(buffer_, shape);
    }

    /// The same memory from element `first` on, as a tensor of these extents. Throws ShapeError when it ends beyond this one.
    template <int Q> Tensor<T, Q, D> part(Index first, Shape<Q> const& shape) const {
        check_shape(first >= 0 && first + shape.size() <= shape_.size(), "part: ", shape, " from element ", first, " on is not within ",
                    shape_);
        return Tensor<T, Q, D>(Buffer<D>(data() + first, buffer_.keeper()), shape);
    }

private:
    template <class, int, Device> friend class Tensor;
    Tensor(Buffer<D> buffer, Shape<R> shape) : buffer_(std::move(buffer)), shape_(shape) {}

    static void check_extents(Shape<R> const& shape) {
        for (int d = 0; d < R; ++d) check_shape(shape[d] >= 0, "a tensor cannot have the extents ", shape);
        double n = 1;
        for (int d = 0; d < R; ++d) n *= static_cast<double>(shape[d]);
        check_shape(n < 1e18, "a tensor of extents ", shape, " has too many elements");
    }
    bool inside(Shape<R> const& i) const {
        for (int d = 0; d < R; ++d)
            if (i[d] < 0 || i[d] >= shape_[d]) return false;
        return true;
    }
    template <class E> Tensor& update(E const& e) {
        tacet::assign(*this, e);
        return *this;
    }

    Buffer<D> buffer_;
    Shape<R> shape_{};
};

template <class T, int R, class D> struct is_expression<Tensor<T, R, D>> : std::true_type {};

template <Expression E> Tensor(E const&) -> Tensor<typename E::value_type, E::rank, typename E::device_type>;

template <int R, class T, int Q, class D> View<T const, R> lower(Tensor<T, Q, D> const& t, Shape<R> const& target) {
    return View<T const, R>{t.data(), broadcast(row_major(t.shape()), t.shape(), target)};
}

}  // namespace tacet
