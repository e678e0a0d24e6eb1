// SPDX-License-Identifier: MIT
#pragma once
#include <tacet/core/launch.cuh>
#include <tacet/ops/concat.hpp>

namespace tacet {
namespace gpu {

/// Element k of the whole and its twin in one of K parts: join copies to the whole, otherwise from it.
template <class T, int K, bool join> struct MoveParts {
    T* whole;  // (rows, length)
    ConcatPart<T> parts[K];
    Index length;
    __device__ void operator()(Index k) const {
        Index const row = k / length;
        Index column = k % length;
        for (int i = 0; i < K; ++i) {
            Index const n = parts[i].length;
            if (column < n) {
                T* const in_part = parts[i].data ? parts[i].data + row * n + column : nullptr;
                if (join) whole[k] = *in_part;
                else if (in_part) *in_part = whole[k];
                return;
            }
            column -= n;
        }
    }
};

}  // namespace gpu

template <> struct ConcatKernel<Cuda> {
    template <class T, std::size_t K> static void join(T* whole, std::array<ConcatPart<T>, K> const& parts, Index rows) {
        move<true>("concat", whole, parts, rows);
    }
    template <class T, std::size_t K> static void split(T* whole, std::array<ConcatPart<T>, K> const& parts, Index rows) {
        move<false>("concat_backward", whole, parts, rows);
    }

private:
    template <bool join, class T, std::size_t K>
    static void move(char const* name, T* whole, std::array<ConcatPart<T>, K> const& parts, Index rows) {
        gpu::MoveParts<T, static_cast<int>(K), join> move{whole, {}, 0};
        for (std::size_t k = 0; k < K; ++k) move.parts[k] = parts[k], move.length += parts[k].length;
        launch_each(name, Shape{rows, move.length}, move);
    }
};

}  // namespace tacet
