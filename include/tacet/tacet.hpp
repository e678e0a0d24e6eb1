// SPDX-License-Identifier: MIT
#pragma once
// Every layer that needs the standard library alone. What reads or writes files (tacet/io/*.hpp), trains in folders
// (tacet/train/*.hpp) or recognises checkpoints is included by name and needs stb and nlohmann-json.

#include <tacet/autograd/backward.hpp>
#include <tacet/autograd/checkpoint.hpp>
#include <tacet/autograd/deferred.hpp>
#include <tacet/autograd/gradcheck.hpp>
#include <tacet/core/half.hpp>
#include <tacet/core/replay.hpp>
#include <tacet/data/augment.hpp>
#include <tacet/data/dead_leaves.hpp>
#include <tacet/data/mask.hpp>
#include <tacet/data/noise.hpp>
#include <tacet/data/patches.hpp>
#include <tacet/denoise/denoise.hpp>
#include <tacet/metrics/blur.hpp>
#include <tacet/metrics/cka.hpp>
#include <tacet/metrics/histogram.hpp>
#include <tacet/metrics/image_metrics.hpp>
#include <tacet/metrics/luma.hpp>
#include <tacet/metrics/psnr.hpp>
#include <tacet/metrics/ssim.hpp>
#include <tacet/models/dncnn.hpp>
#include <tacet/models/masked_swinir.hpp>
#include <tacet/models/noise2noise.hpp>
#include <tacet/nn/activation.hpp>
#include <tacet/nn/attention_mask.hpp>
#include <tacet/nn/linear.hpp>
#include <tacet/nn/norm.hpp>
#include <tacet/ops/dropout.hpp>
#include <tacet/ops/loss.hpp>
#include <tacet/ops/matmul.hpp>
#include <tacet/ops/pixel_shuffle.hpp>
#include <tacet/ops/reduce.hpp>
#include <tacet/ops/shape.hpp>
#include <tacet/ops/softmax.hpp>
#include <tacet/ops/total_variation.hpp>
#include <tacet/ops/window_attention.hpp>
#include <tacet/optim/adam.hpp>
#include <tacet/optim/ema.hpp>
#include <tacet/optim/optimizer.hpp>
#include <tacet/optim/schedule.hpp>
#include <tacet/optim/sgd.hpp>
#include <tacet/tensor/factory.hpp>
#include <tacet/tensor/move.hpp>
#include <tacet/tensor/print.hpp>
