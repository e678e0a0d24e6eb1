# SPDX-License-Identifier: MIT
"""SwinIR and the masked SwinIR in PyTorch, with the names and the arithmetic of tacet::MaskedSwinIR. All masks are made beforehand."""
import torch
import torch.nn.functional as F
from torch import nn

WINDOW = 8
TOKENS = WINDOW * WINDOW


def windows_of(x, shift):
    """(N, H, W, C), rolled by -shift, as (N windows, tokens, C)."""
    if shift:
        x = torch.roll(x, (-shift, -shift), (1, 2))
    n, h, w, c = x.shape
    return x.view(n, h // WINDOW, WINDOW, w // WINDOW, WINDOW, c).transpose(2, 3).reshape(-1, TOKENS, c)


def image_of(x, shape, shift):
    """The reverse."""
    n, h, w, c = shape
    x = x.view(n, h // WINDOW, w // WINDOW, WINDOW, WINDOW, c).transpose(2, 3).reshape(n, h, w, c)
    return torch.roll(x, (shift, shift), (1, 2)) if shift else x


def region_mask(h, w, shift):
    """(windows, tokens, tokens): -100 where rolling brought tokens of opposite edges together."""
    region = torch.zeros(1, h, w, 1)
    region[:, h - shift:] += 1
    region[:, :, w - shift:] += 2
    region = windows_of(region, 0).squeeze(2)
    return torch.where(region[:, :, None] == region[:, None, :], 0.0, -100.0)


def position_index():
    at = torch.arange(WINDOW)
    y, x = (c.flatten() for c in torch.meshgrid(at, at, indexing="ij"))
    return ((y[:, None] - y[None, :] + WINDOW - 1) * (2 * WINDOW - 1) + x[:, None] - x[None, :] + WINDOW - 1).flatten()


def attended(way, q, k, v, *biases):
    """softmax(q k / sqrt(d) + biases) v: by matrix products (matmul), by PyTorch's fused operation (SDPA), or by that with d filled up to
    a multiple of 8, without which it takes its slow way (SDPA_padded; SDPA_ready is told the sum of the biases)."""
    d = q.shape[-1]
    if way == "matmul":
        return sum(biases, q * d**-0.5 @ k.transpose(-2, -1)).softmax(-1) @ v
    bias = sum(biases[1:], biases[0]).to(q.dtype)
    if way != "SDPA":
        q, k, v = (F.pad(x, (0, -d % 8)) for x in (q, k, v))
    return F.scaled_dot_product_attention(q, k, v, attn_mask=bias, scale=d**-0.5)[..., :d]


class Attention(nn.Module):
    def __init__(self, channels, heads, way):
        super().__init__()
        self.heads, self.way = heads, way
        self.relative_position_bias_table = nn.Parameter(torch.zeros((2 * WINDOW - 1) ** 2, heads))
        self.register_buffer("index", position_index(), persistent=False)
        self.qkv, self.proj = nn.Linear(channels, 3 * channels), nn.Linear(channels, channels)

    def forward(self, x, region):
        windows, _, channels = x.shape
        q, k, v = self.qkv(x).view(windows, TOKENS, 3, self.heads, -1).permute(2, 0, 3, 1, 4)
        bias = self.relative_position_bias_table[self.index].view(TOKENS, TOKENS, self.heads).permute(2, 0, 1)
        if region is not None:   # (windows of all images, heads, tokens, tokens)
            bias = (bias + region[:, None]).repeat(windows // len(region), 1, 1, 1)
        y = attended(self.way, q, k, v, bias if region is not None else bias[None])
        return self.proj(y.transpose(1, 2).reshape(windows, TOKENS, channels))


class Mlp(nn.Module):
    def __init__(self, channels, hidden):
        super().__init__()
        self.fc1, self.fc2 = nn.Linear(channels, hidden), nn.Linear(hidden, channels)

    def forward(self, x):
        return self.fc2(F.gelu(self.fc1(x)))


class Block(nn.Module):
    def __init__(self, channels, heads, shift, region, keep, way):
        super().__init__()
        self.shift = shift
        self.norm1, self.attn = nn.LayerNorm(channels), Attention(channels, heads, way)
        self.norm2, self.mlp = nn.LayerNorm(channels), Mlp(channels, 2 * channels)
        self.register_buffer("region", region if shift else None, persistent=False)
        self.register_buffer("keep", None if keep is None else windows_of(keep, shift), persistent=False)

    def forward(self, x):
        tokens = windows_of(self.norm1(x), self.shift)
        if self.keep is not None:
            tokens = tokens * self.keep
        x = x + image_of(self.attn(tokens, self.region), x.shape, self.shift)
        return x + self.mlp(self.norm2(x))


class Group(nn.Module):
    def __init__(self, blocks, conv):
        super().__init__()
        self.residual_group = nn.Module()
        self.residual_group.blocks = nn.Sequential(*blocks)
        self.conv = conv

    def forward(self, x):
        return convolved(self.conv, self.residual_group.blocks(x)) + x


def convolved(conv, x):
    """conv of (N, H, W, C) memory, which is PyTorch's channels_last."""
    return conv(x.permute(0, 3, 1, 2)).permute(0, 2, 3, 1)


class SwinIR(nn.Module):
    """`masked`: the released masked SwinIR with its keep masks (N, H, W, 1) by layer; else SwinIR with one convolution after a group."""

    def __init__(self, channels, depths, heads, height, width, keeps, way):
        super().__init__()
        self.masked = bool(keeps)

        def conv():
            if not self.masked:
                return nn.Conv2d(channels, channels, 3, padding=1)
            quarter = channels // 4
            return nn.Sequential(nn.Conv2d(channels, quarter, 3, padding=1), nn.LeakyReLU(0.2), nn.Conv2d(quarter, quarter, 1),
                                 nn.LeakyReLU(0.2), nn.Conv2d(quarter, channels, 3, padding=1))

        region = region_mask(height, width, WINDOW // 2)
        layers, number = [], 0
        for depth in depths:
            blocks = [Block(channels, heads, WINDOW // 2 * (k % 2), region, keeps[number + k] if keeps else None, way)
                      for k in range(depth)]
            layers.append(Group(blocks, conv()))
            number += depth
        kernel = 1 if self.masked else 3
        self.conv_first = nn.Conv2d(3, channels, kernel, padding=kernel // 2)
        self.patch_embed = nn.Module()
        self.patch_embed.norm = nn.LayerNorm(channels)
        self.layers, self.norm, self.conv_after_body = nn.Sequential(*layers), nn.LayerNorm(channels), conv()
        self.conv_last = nn.Conv2d(channels, 3, 3, padding=1)
        self.register_buffer("mean", torch.tensor([0.4488, 0.4371, 0.4040]).view(1, 3, 1, 1), persistent=False)

    def forward(self, x):
        image = x - self.mean
        shallow = self.conv_first(image)
        y = self.norm(self.layers(self.patch_embed.norm(shallow.permute(0, 2, 3, 1))))
        y = self.conv_after_body(y.permute(0, 3, 1, 2))
        y = self.conv_last(y) if self.masked else image + self.conv_last(y + shallow)
        return y + self.mean


def swinir(side):
    """The network for the inputs of a work: its sizes follow from the weights."""
    names = [name for name in side.inputs if name.endswith("relative_position_bias_table")]
    depths = [sum(name.startswith(f"layers.{k}.") for name in names) for k in range(64)]
    keeps = [side.inputs[f"keep.{k}"] for k in range(len(names)) if f"keep.{k}" in side.inputs]
    _, height, width, _ = side.inputs["x"].shape
    return SwinIR(len(side.inputs["norm.weight"]), [depth for depth in depths if depth], side.inputs[names[0]].shape[1], height, width,
                  keeps, side.how.layout)
