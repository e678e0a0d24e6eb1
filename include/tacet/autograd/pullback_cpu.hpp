// SPDX-License-Identifier: MIT
#pragma once
#include <tacet/autograd/pullback.hpp>
#include <tacet/expr/reduce.hpp>
#include <array>
#include <optional>

#ifdef __clang__  // loops that cannot be vectorised, such as those over std::pow, are no reason to warn
#pragma clang diagnostic push
#pragma clang diagnostic ignored "-Wpass-failed"
#endif

namespace tacet {
namespace detail {

/// Collects one variable's gradient during the walk: straight into a tensor where the variable has the shape of the result,
/// into sums where it was broadcast, nowhere where none is wanted.
template <class T, int Q, int R, class D> class GradientSink {
public:
    using value_type = T;

    GradientSink(Variable<T, Q, D> const& x, Walk<R> const& walk) {
        if (!x.requires_grad()) return;
        gradient_ = Tensor<T, Q, D>(x.shape());
        stride_ = broadcast(row_major(x.shape()), x.shape(), walk.shape);
        direct_ = x.shape().size() == walk.shape.size();
        sums_wanted_ = !direct_ && x.size() > 0;
    }
    bool sums() const { return sums_wanted_; }
    Index count() const { return gradient_.size(); }
    void begin(Walk<R> const& walk, Index tasks) {
        if (sums()) sums_.emplace(walk, stride_, count(), tasks);
    }
    /// Where the gradients of the elements from `offset` on are written.
    T* place(Index offset, T* scratch) const { return direct_ ? gradient_.data() + offset : scratch; }
    void written(Index task, Shape<R> const& i, Index j, T const* values, Index n) {
        if (sums_) sums_->add(task, i, j, values, n);
    }
    Tensor<T, Q, D> finish() const {
        if (sums_) sums_->finish(gradient_.data());
        return gradient_;
    }

private:
    Tensor<T, Q, D> gradient_;
    Shape<R> stride_{};
    bool direct_ = false, sums_wanted_ = false;
    std::optional<PartialSums<T, R>> sums_;
};

/// out[k][m] = g[m] * d(row)/d(variable k) at the elements j + m, m < n. See evaluate_run.
template <bool Unit, int K, class T, class G, class E>
[[gnu::flatten]] void pull_run(std::array<T*, K> const out, E row, G const* g, Index j, Index n) {
#ifdef __clang__
#pragma clang loop vectorize(assume_safety)
#else
#pragma GCC ivdep
#endif
    for (Index m = 0; m < n; ++m) {
        Wide<T> gradient[K];
        row.pull(row.template trace<Unit>(j + m), g[m], gradient);
        [&]<std::size_t... k>(std::index_sequence<k...>) { ((out[k][m] = static_cast<T>(gradient[k])), ...); }
        (std::make_index_sequence<K>{});
    }
}

}  // namespace detail

template <> struct PullbackKernel<Cpu> {
    template <class E, class T, int Q, class... V>
    static auto run(E const& e, Tensor<T, Q, Cpu> const& gy, std::tuple<V...> const& variables) {
        auto const shape = detail::walkable(e.shape());
        constexpr int R = E::rank ? E::rank : 1;
        auto const lowered = lower(e, shape);
        bool const same = std::apply([&](auto const&... x) { return ((x.shape().size() == shape.size()) && ...); }, variables);
        detail::Walk<R> const walk{shape, same && lowered.contiguous(shape)};
        auto sinks = std::apply([&](auto const&... x) {
            return std::tuple{detail::GradientSink<typename V::value_type, V::rank, R, Cpu>(x, walk)...};
        }, variables);
        std::apply([&](auto&... sink) {
            Index summed = 0;
            ((summed = std::max(summed, sink.sums() ? sink.count() : 0)), ...);
            Index const tasks =
                summed ? detail::PartialSums<T, R>::tasks(walk, summed) : std::max<Index>(1, walk.chunks() / detail::chunks_per_task(walk));
            (sink.begin(walk, tasks), ...);
            if (shape.size() > 0) run_parts(walk, tasks, detail::differentiable<0>(e, shape), walk.flat || lowered.unit(), gy, sink...);
        }, sinks);
        return std::apply([](auto const&... sink) { return std::tuple{sink.finish()...}; }, sinks);
    }

private:
    template <int R, class P, class T, int Q, class... S>
    static void run_parts(detail::Walk<R> const& walk, Index tasks, P const& part, bool unit, Tensor<T, Q, Cpu> const& gy, S&... sink) {
        constexpr int K = sizeof...(S);
        constexpr Index chunk = detail::Walk<R>::chunk;
        detail::parallel_parts(walk, tasks, [&](Index task, Index begin, Index end) {
            using X = typename std::tuple_element_t<0, std::tuple<S...>>::value_type;
            X scratch[K][chunk];
            T constant[Q == 0 ? chunk : 1];
            if constexpr (Q == 0) std::fill_n(constant, chunk, *gy.data());
            walk.run(begin, end, [&](Shape<R> const& i, Index j, Index n, Index offset) {
                T const* const g = Q == 0 ? constant : gy.data() + offset;
                int k = 0;
                std::array<X*, K> const out{sink.place(offset, scratch[k++])...};
                auto const row = walk.flat ? part.flat() : part.row(i);
                if (unit) detail::pull_run<true, K>(out, row, g, j, n);
                else detail::pull_run<false, K>(out, row, g, j, n);
                k = 0;
                (sink.written(task, i, j, out[static_cast<std::size_t>(k++)], n), ...);
            });
        });
    }
};

}  // namespace tacet

#ifdef __clang__
#pragma clang diagnostic pop
#endif
