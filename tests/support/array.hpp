// SPDX-License-Identifier: MIT
#pragma once
#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <string>
#include <vector>

// What naive references are written with: an array of doubles whose rank is known at run time. It shares nothing with the library.
namespace tacet::test {

using Extents = std::vector<std::ptrdiff_t>;

inline std::ptrdiff_t count(Extents const& shape) {
    std::ptrdiff_t n = 1;
    for (auto e : shape) n *= e;
    return n;
}
/// "(2, 3)".
inline std::string text(Extents const& v) {
    std::string s = "(";
    for (std::size_t i = 0; i < v.size(); ++i) s += (i ? ", " : "") + std::to_string(v[i]);
    return s + ")";
}

/// A row-major array; new elements are 0.
struct Array {
    Extents shape;
    std::vector<double> data;

    Array() = default;
    explicit Array(Extents s, double value = 0) : shape(std::move(s)), data(static_cast<std::size_t>(count(shape)), value) {}

    std::ptrdiff_t extent(int d) const { return shape[static_cast<std::size_t>(d < 0 ? static_cast<int>(shape.size()) + d : d)]; }
    std::ptrdiff_t size() const { return static_cast<std::ptrdiff_t>(data.size()); }
    /// The element at the index given as a list: a[{n, h, w, c}].
    double& operator[](Extents const& i) { return data.at(offset(i)); }
    double operator[](Extents const& i) const { return data.at(offset(i)); }

private:
    std::size_t offset(Extents const& i) const {
        std::ptrdiff_t k = 0;
        for (std::size_t d = 0; d < shape.size(); ++d) k = k * shape[d] + i.at(d);
        return static_cast<std::size_t>(k);
    }
};
using Arrays = std::vector<Array>;

/// The multi-index of the n-th element of a row-major array.
inline Extents position(std::ptrdiff_t n, Extents const& shape) {
    Extents i(shape.size());
    for (std::size_t d = shape.size(); d-- > 0; n /= shape[d]) i[d] = n % shape[d];
    return i;
}

/// Calls body(index) for every index of a shape, in row-major order.
template <class Body> void for_each_index(Extents const& shape, Body&& body) {
    for (std::ptrdiff_t k = 0; k < count(shape); ++k) body(position(k, shape));
}

/// The shape to which NumPy's rules broadcast all arrays.
inline Extents broadcast_shape(Arrays const& arrays) {
    Extents shape;
    for (auto const& a : arrays) {
        if (a.shape.size() > shape.size()) shape.insert(shape.begin(), a.shape.size() - shape.size(), 1);
        auto const skip = shape.size() - a.shape.size();
        for (std::size_t d = 0; d < a.shape.size(); ++d)
            if (a.shape[d] != 1) shape[skip + d] = a.shape[d];
    }
    return shape;
}

/// f applied to the vectors of corresponding elements, with NumPy's broadcasting: the reference of elementwise functions.
template <class F> Array elementwise(Arrays const& arrays, F const& f) {
    Array y(broadcast_shape(arrays));
    std::vector<double> values(arrays.size());
    for_each_index(y.shape, [&](Extents const& i) {
        for (std::size_t k = 0; k < arrays.size(); ++k) {
            Array const& a = arrays[k];
            Extents at(i.end() - static_cast<std::ptrdiff_t>(a.shape.size()), i.end());
            for (std::size_t d = 0; d < at.size(); ++d)
                if (a.shape[d] == 1) at[d] = 0;
            values[k] = a[at];
        }
        y[i] = f(values);
    });
    return y;
}

/// Reproducible numbers, evenly spread over [low, high) and exact in float. `salt` tells the arrays of a test apart.
inline Array numbers(Extents const& shape, double low, double high, std::uint64_t salt) {
    Array a(shape);
    std::uint64_t state = salt * 0x9E3779B97F4A7C15u + 0x1234567u;
    for (double& v : a.data) {  // splitmix64
        std::uint64_t z = state += 0x9E3779B97F4A7C15u;
        z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9u;
        z = (z ^ (z >> 27)) * 0x94D049BB133111EBu;
        double const unit = static_cast<double>((z ^ (z >> 31)) >> 11) * 0x1p-53;
        v = static_cast<double>(static_cast<float>(low + (high - low) * unit));
    }
    return a;
}

}  // namespace tacet::test
