// SPDX-License-Identifier: MIT
#include <tacet/tacet.hpp>
using namespace tacet;

int main() {
    Rng rng(0);
    auto image = randn(Shape{2, 4, 4, 3}, rng);              // (N, H, W, C)
    auto scale = full(Shape{3}, 2.f);                        // one per channel, broadcast over the rest
    auto lazy = gelu(image * scale + 1);                     // an expression: nothing is computed, nothing can dangle
    Tensor y = lazy;                                         // one fused loop (Cpu) or kernel (Cuda)
    y -= 0.1f * lazy;                                        // in place, still one pass
    std::cout << y.shape() << ' ' << y(1, 3, 3, 2) << '\n';
}
