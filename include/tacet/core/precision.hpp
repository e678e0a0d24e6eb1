// SPDX-License-Identifier: MIT
#pragma once

namespace tacet {

/// While one lives, convolutions of this thread, and their gradients whenever they are computed, are sums as they are defined: in float
/// their relative error is some 1e-7, and the bits of a pixel depend on what it sees alone. Without, 3 x 3 convolutions with a stride of
/// 1 take Winograd's method: two to three times as fast, with a relative error of about 1e-6, and bits that depend on the pixel's tile
/// of 4 x 4. `DirectConvolutions guard(false)` asks for the latter again.
class DirectConvolutions {
public:
    explicit DirectConvolutions(bool wanted = true) : before_(state()) { state() = wanted; }
    ~DirectConvolutions() { state() = before_; }
    DirectConvolutions(DirectConvolutions const&) = delete;
    DirectConvolutions& operator=(DirectConvolutions const&) = delete;

    /// Whether this thread's convolutions are to be direct.
    static bool wanted() { return state(); }

private:
    static bool& state() {
        thread_local bool direct = false;
        return direct;
    }
    bool before_;
};

/// What a network is told to keep its images in between layers: `model(x, computed_in<BFloat16>)`. What enters and leaves it, its
/// parameters and all sums remain as they are.
template <class X> struct ComputedIn {};
template <class X> inline constexpr ComputedIn<X> computed_in{};

/// The types that images can have between the layers of a network. Those of 16 bits are for GPUs.
enum class Precision { float32, bfloat16, half };

}  // namespace tacet
