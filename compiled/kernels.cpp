// SPDX-License-Identifier: MIT
#include <tacet/ops/conv2d_cpu.hpp>
#include <tacet/ops/pixel_shuffle_cpu.hpp>
#include <tacet/ops/swin_block_gradients.hpp>
#include <tacet/ops/window_attention_cpu.hpp>

namespace tacet::detail::kernel {

template void forward<Simd<float>>(Conv2dGeometry const&, Images<float> const&, float const*, float const*, Epilogue<float> const&, float*);
template void transposed<Simd<float>>(Conv2dGeometry const&, float const*, float const*, float const*, float*);
template void input_gradient<Simd<float>>(Conv2dGeometry const&, float const*, float const*, float*);
template void plane_gradient<Simd<float>>(Conv2dGeometry const&, float const*, Index, Index, Index, float*);
template void weight_gradient<Simd<float>>(Conv2dGeometry const&, Images<float> const&, float const*, float*);
template void bias_gradient<Simd<float>>(Index, Index, float const*, float*);
template void undo_activation<Simd<float>>(Epilogue<float> const&, Index, Index, float const*, float const*, float*, float*);
template void undo_pool<Simd<float>>(Conv2dGeometry const&, Epilogue<float> const&, float const*, float const*, float*, float*);

template void forward<Simd<double>>(Conv2dGeometry const&, Images<double> const&, double const*, double const*, Epilogue<double> const&,
                                    double*);
template void transposed<Simd<double>>(Conv2dGeometry const&, double const*, double const*, double const*, double*);
template void input_gradient<Simd<double>>(Conv2dGeometry const&, double const*, double const*, double*);
template void plane_gradient<Simd<double>>(Conv2dGeometry const&, double const*, Index, Index, Index, double*);
template void weight_gradient<Simd<double>>(Conv2dGeometry const&, Images<double> const&, double const*, double*);
template void bias_gradient<Simd<double>>(Index, Index, double const*, double*);
template void undo_activation<Simd<double>>(Epilogue<double> const&, Index, Index, double const*, double const*, double*, double*);
template void undo_pool<Simd<double>>(Conv2dGeometry const&, Epilogue<double> const&, double const*, double const*, double*, double*);

template void shuffle_to_wide<Simd<float>>(float*, float const*, Index, Shape<4> const&, Index);
template void shuffle_to_deep<Simd<float>>(float*, float const*, Index, Shape<4> const&, Index);
template void shuffle_to_wide<Simd<double>>(double*, double const*, Index, Shape<4> const&, Index);
template void shuffle_to_deep<Simd<double>>(double*, double const*, Index, Shape<4> const&, Index);

template void window_attention<Simd<float>>(WindowGrid const&, float*, float const*, float const*, std::uint8_t const*);
template void window_attention_gradients<Simd<float>>(WindowGrid const&, float*, float*, float const*, float const*, float const*,
                                                      std::uint8_t const*);
template void swin_block<Simd<float>>(SwinProblem const&, SwinPointers<float const> const&, float const*, float*);
template void swin_block_gradients<Simd<float>>(SwinProblem const&, SwinPointers<float const> const&, float const*, float const*, float*,
                                                SwinPointers<float> const&);

}  // namespace tacet::detail::kernel
