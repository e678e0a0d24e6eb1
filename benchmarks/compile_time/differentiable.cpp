// SPDX-License-Identifier: MIT
// -DEXPRESSIONS=n different expressions with gradients: what each further one costs.
#include <tacet/autograd/pullback.hpp>

using Image = tacet::Variable<float, 4>;
using Scale = tacet::Variable<float, 1>;

#if EXPRESSIONS > 0
Image first(Image const& x, Scale const& s) { return gelu(x * s + 1); }
#endif
#if EXPRESSIONS > 1
Image second(Image const& x, Scale const& s) { return sigmoid(x) * s - x; }
Image third(Image const& x, Scale const& s) { return tanh(x / s) + 2 * x; }
Image fourth(Image const& x, Scale const& s) { return x * silu(x - s); }
Image fifth(Image const& x, Scale const& s) { return exp(-square(x + s)); }
#endif
