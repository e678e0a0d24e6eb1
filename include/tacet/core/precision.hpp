// SPDX-License-Identifier: MIT
#pragma once
#include <tacet/core/limits.hpp>
#include <array>

namespace tacet {

namespace detail {
/// Something that this thread wants, or does not, while one lives; afterwards as before.
template <class Kind> class Wish {
public:
    explicit Wish(bool wanted = true) : before_(state()) { state() = wanted; }
    ~Wish() { state() = before_; }
    Wish(Wish const&) = delete;
    Wish& operator=(Wish const&) = delete;

    /// Whether this thread wants it now.
    static bool wanted() { return state(); }

private:
    static bool& state() {
        thread_local bool wanted = false;
        return wanted;
    }
    bool before_;
};
}  // namespace detail

/// While one lives, convolutions of this thread, and their gradients whenever they are computed, are sums as they are defined: in float
/// their relative error is some 1e-7, and on the CPU the bits of a pixel depend on what it sees alone. Without, 3 x 3 convolutions with a
/// stride of 1 take Winograd's method: two to three times as fast, with a relative error of about 1e-6, and bits that depend on the pixel's
/// tile of 4 x 4. `DirectConvolutions guard(false)` asks for the latter again.
class DirectConvolutions : public detail::Wish<DirectConvolutions> {
    using Wish::Wish;
};

/// While one lives, the GPU may round the factors of the products of floats that this thread computes, in convolutions, linear layers and
/// matrix products and in their gradients, to TF32: the tensor cores multiply numbers of 11 significant bits and add in float. A result's
/// relative error is then some 3e-4 instead of 1e-7. What is deferred or recorded counts from when it is computed, not from when it was
/// written down. Never without one, and of no effect on the CPU.
class TensorFloat32 : public detail::Wish<TensorFloat32> {
    using Wish::Wish;
};

/// What a network is told to keep its images in between layers: `model(x, computed_in<BFloat16>)`. What enters and leaves it, its
/// parameters and all sums remain as they are.
template <class X> struct ComputedIn {};
template <class X> inline constexpr ComputedIn<X> computed_in{};

/// The types that images can have between the layers of a network; tf32 is float32 whose products are rounded (see TensorFloat32). All but
/// float32 are for GPUs.
enum class Precision { float32, bfloat16, half, tf32 };
inline constexpr std::array precision_names{"float32", "bfloat16", "half", "tf32"};
inline std::string to_string(Precision precision) { return precision_names[static_cast<std::size_t>(precision)]; }

/// Lists the option `precision` of programs whose networks may be on a GPU.
void list_precision(auto& precision, auto&& field) {
    field("precision", precision,
          "type of images between layers, or tf32: float32 with rounded products; all but float32 need --device cuda, and parameters are "
          "float32 in any case",
          detail::Words{{precision_names.begin(), precision_names.end()}});
}

}  // namespace tacet
