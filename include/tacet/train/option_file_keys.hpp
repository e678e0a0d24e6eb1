// SPDX-License-Identifier: MIT
#pragma once
#include <iterator>
#include <string>
#include <vector>

// The keys that option files of masked image training have, and what becomes of each.
namespace tacet::detail {

/// A key of option files and the option of ours that takes its value as it is.
struct SameKey {
    char const *key, *option;
};
inline constexpr SameKey same_keys[] = {
    {"path.pretrained_netG", "init"},
    {"datasets.train.dataloader_batch_size", "batch"},
    {"netG.upscale", "net.upscale"},
    {"netG.in_chans", "net.in_chans"},
    {"netG.img_size", "net.img_size"},
    {"netG.window_size", "net.window_size"},
    {"netG.img_range", "net.img_range"},
    {"netG.depths", "net.depths"},
    {"netG.embed_dim", "net.embed_dim"},
    {"netG.num_heads", "net.num_heads"},
    {"netG.mlp_ratio", "net.mlp_ratio"},
    {"netG.upsampler", "net.upsampler"},
    {"netG.resi_connection", "net.resi_connection"},
    {"netG.talking_heads", "net.attention.talking_heads"},
    {"netG.head_scale", "net.attention.head_scale"},
    {"netG.on_attn", "net.attention.on_attn"},
    {"netG.mask_is_diff", "net.attention.mask_is_diff"},
    {"netG.type", "net.attention.type"},
    {"netG.use_mask", "net.use_mask"},
    {"netG.mask_ratio1", "net.mask_ratio1"},
    {"netG.mask_ratio2", "net.mask_ratio2"},
    {"train.manual_seed", "seed"},
    {"train.G_lossfn_type", "loss"},
    {"train.E_decay", "ema"},
    {"train.G_optimizer_lr", "adam.rate"},
    {"train.G_optimizer_wd", "adam.weight_decay"},
    {"train.G_optimizer_clipgrad", "clip"},
    {"train.G_scheduler_milestones", "schedule.milestones"},
    {"train.G_scheduler_gamma", "schedule.gamma"},
    {"train.checkpoint_test", "valid_every"},
    {"train.checkpoint_save", "save_every"},
};

/// A key that must have one value, as JSON text, because nothing else can be done here.
struct FixedKey {
    char const *key, *value;
};
inline constexpr FixedKey fixed_keys[] = {
    {"model", "\"plain\""},
    {"scale", "1"},
    {"datasets.train.dataset_type", "\"masked_denoising\""},
    {"datasets.test.dataset_type", "\"plain\""},
    {"netG.net_type", "\"swinir\""},
    {"netG.patch_size", "1"},
    {"netG.init_type", "\"default\""},
    {"train.G_optimizer_type", "\"adam\""},
    {"train.G_scheduler_type", "\"MultiStepLR\""},
};

/// Keys that are read one by one.
inline constexpr char const* special_keys[] = {
    "task",
    "path.root",
    "n_channels",
    "datasets.train.dataroot_H",
    "datasets.train.H_size",
    "datasets.train.lq_patchsize",
    "datasets.train.noise_level",
    "datasets.train.if_mask",
    "datasets.train.mask1",
    "datasets.train.mask2",
    "datasets.test.dataroot_H",
    "datasets.test.dataroot_L",
    "netG.attn_fn",
    "train.G_optimizer_betas",
};

/// Keys that mean nothing here: of the released files, and those that the authors' parser adds with their defaults. The files that it
/// writes hold others too, which are unknown here.
inline constexpr char const* ignored_keys[] = {
    "gpu_ids",
    "dist",
    "num_gpu",
    "merge_bn",
    "find_unused_parameters",
    "use_static_graph",
    "path.pretrained_netE",
    "datasets.train.name",
    "datasets.train.dataroot_L",
    "datasets.train.dataloader_shuffle",
    "datasets.train.dataloader_num_workers",
    "datasets.test.name",
    "netG.resi_scale",
    "train.G_lossfn_weight",
    "train.G_optimizer_reuse",
    "train.G_scheduler_restart_weights",
    "train.G_regularizer_orthstep",
    "train.G_regularizer_clipstep",
    "train.G_param_strict",
    "train.E_param_strict",
    "train.checkpoint_print",
    "train.save_image",
    "train.F_feature_layer",
    "train.F_weights",
    "train.F_lossfn_type",
    "train.F_use_input_norm",
    "train.F_use_range_norm",
};

inline std::vector<std::string> option_file_keys() {
    std::vector<std::string> keys;
    for (auto const& same : same_keys) keys.emplace_back(same.key);
    for (auto const& fixed : fixed_keys) keys.emplace_back(fixed.key);
    keys.insert(keys.end(), std::begin(special_keys), std::end(special_keys));
    keys.insert(keys.end(), std::begin(ignored_keys), std::end(ignored_keys));
    return keys;
}

}  // namespace tacet::detail
