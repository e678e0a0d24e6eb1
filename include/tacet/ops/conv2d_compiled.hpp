// SPDX-License-Identifier: MIT
#pragma once
#include <tacet/ops/conv2d_cpu.hpp>

// The kernels of convolutions and linear layers, which library tacet::kernels has compiled for the instruction set that Simd names: the
// units that include this do not compile them again. They are most of what a network costs to compile.
namespace tacet::detail::kernel {

extern template void forward<Simd<float>>(Conv2dGeometry const&, Images<float> const&, float const*, float const*, Epilogue<float> const&,
                                          float*);
extern template void transposed<Simd<float>>(Conv2dGeometry const&, float const*, float const*, float const*, float*);
extern template void input_gradient<Simd<float>>(Conv2dGeometry const&, float const*, float const*, float*);
extern template void plane_gradient<Simd<float>>(Conv2dGeometry const&, float const*, Index, Index, Index, float*);
extern template void weight_gradient<Simd<float>>(Conv2dGeometry const&, Images<float> const&, float const*, float*);
extern template void bias_gradient<Simd<float>>(Index, Index, float const*, float*);
extern template void undo_activation<Simd<float>>(Epilogue<float> const&, Index, Index, float const*, float const*, float*, float*);
extern template void undo_pool<Simd<float>>(Conv2dGeometry const&, Epilogue<float> const&, float const*, float const*, float*, float*);

extern template void forward<Simd<double>>(Conv2dGeometry const&, Images<double> const&, double const*, double const*,
                                           Epilogue<double> const&, double*);
extern template void transposed<Simd<double>>(Conv2dGeometry const&, double const*, double const*, double const*, double*);
extern template void input_gradient<Simd<double>>(Conv2dGeometry const&, double const*, double const*, double*);
extern template void plane_gradient<Simd<double>>(Conv2dGeometry const&, double const*, Index, Index, Index, double*);
extern template void weight_gradient<Simd<double>>(Conv2dGeometry const&, Images<double> const&, double const*, double*);
extern template void bias_gradient<Simd<double>>(Index, Index, double const*, double*);
extern template void undo_activation<Simd<double>>(Epilogue<double> const&, Index, Index, double const*, double const*, double*, double*);
extern template void undo_pool<Simd<double>>(Conv2dGeometry const&, Epilogue<double> const&, double const*, double const*, double*,
                                             double*);

}  // namespace tacet::detail::kernel
