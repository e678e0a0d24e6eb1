#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Known answers of SwinIR networks, from PyTorch: python3 swinir.py [--files DIR]

swinir.json   results and gradients, in double, of small networks with every option: original SwinIR by the implementation of the package
              spandrel (PyPI), whose state_dict and forward pass are taken as they are; the switches of the masked variant, which no package
              has, by the functions below, which are compared with spandrel where both apply
masked_swinir.json   gets the cases with softmax, the others being from elsewhere: the masked variant of the released sizes, filled with
              numbers by the index of the entry
swinir_*.pth  files as torch.save makes them of a small masked SwinIR with all 386 entries: see SMALL_FILES
With --files, files of the released sizes (17 MB each) in DIR, as in FILES: TACET_SWINIR_FILES=DIR makes the test read them.
Made with torch 2.15.0 and spandrel 0.4.2.
"""
import argparse
import collections
import json
import math
import pathlib
import zlib

import torch
import torch.nn.functional as F
from spandrel.architectures.SwinIR import SwinIR

torch.set_default_dtype(torch.float64)
torch.set_num_threads(1)
here = pathlib.Path(__file__).parent

DEFAULTS = dict(in_chans=3, embed_dim=12, img_size=16, window_size=4, depths=[2, 2], num_heads=[3, 2], mlp_ratio=2, img_range=1,
                first_kernel=1, upsampler="none", upscale=1, resi_connection="3conv", global_residual=False, shallow_residual=False,
                ape=False, patch_norm=True, use_mask=False)
SWITCHES = dict(attn_fn="softmax", talking_heads=False, head_scale=False, on_attn=False, type="stand", mask_is_diff=False)
ORIGINAL = dict(first_kernel=3, resi_connection="1conv", shallow_residual=True, global_residual=True)


def original(**changes):
    o = DEFAULTS | ORIGINAL | changes
    return o | dict(global_residual=o["upsampler"] == "none", attention=dict(SWITCHES))


def switched(use_mask=False, resi_connection="3conv", **switches):
    return DEFAULTS | dict(use_mask=use_mask, resi_connection=resi_connection, attention=SWITCHES | switches)


CASES = {
    "original": original(),
    "original, 3conv, range 255, windows of 7": original(resi_connection="3conv", img_range=255, window_size=7, img_size=21),
    "original, one channel": original(in_chans=1),
    "original, absolute positions": original(ape=True),
    "original, no patch norm": original(patch_norm=False),
    "pixelshuffle 2": original(upsampler="pixelshuffle", upscale=2),
    "pixelshuffle 3": original(upsampler="pixelshuffle", upscale=3),
    "pixelshuffle 4": original(upsampler="pixelshuffle", upscale=4),
    "pixelshuffledirect 3": original(upsampler="pixelshuffledirect", upscale=3),
    "nearest+conv 4": original(upsampler="nearest+conv", upscale=4),
    "masked": switched(use_mask=True),
    "masks off": switched(),
    "0conv": switched(resi_connection="0conv"),
    "6conv": switched(resi_connection="6conv"),
    "talking heads": switched(talking_heads=True),
    "head scale": switched(head_scale=True),
    "on_attn": switched(on_attn=True),
    "sum": switched(type="sum"),
    "head scale, sum": switched(head_scale=True, type="sum"),
    "masks that differ": switched(use_mask=True, mask_is_diff=True),
    "stable_softmax": switched(attn_fn="stable_softmax"),
    "entmax15": switched(attn_fn="entmax15"),
    "none": switched(attn_fn="none"),
    "all": switched(use_mask=True, mask_is_diff=True, talking_heads=True, head_scale=True, on_attn=True, attn_fn="entmax15"),
}


# ---- numbers that both sides make ----

def values(name, shape):
    """The parameter of this name: the phase of its numbers is the checksum of the name."""
    i = torch.arange(math.prod(shape))
    u = ((i * 2654435761 + zlib.crc32(name.encode())) % 2**32).double() / 2**32 - 0.5
    if name.endswith("relative_position_bias_table"):
        w = u
    elif len(shape) >= 2:
        w = 3 * u / math.sqrt(math.prod(shape[1:]))
    else:
        w = 1 + 0.2 * u if name.endswith("weight") else 0.1 * u
    return w.view(shape)


def picture(n, c, h, w):
    b, c, i, j = torch.meshgrid(*map(torch.arange, (n, c, h, w)), indexing="ij")
    return 0.5 + 0.4 * torch.sin(0.37 * i + 0.61 * j + 1.3 * c + 0.9 * b)


def keep_mask(layer, n, h, w, heads):
    b, i, j, k = torch.meshgrid(*map(torch.arange, (n, h, w, heads)), indexing="ij")
    return ((layer * 7919 + b * 104729 + i * 1299709 + j * 15485863 + k * 32452843) % 1009 % 7 >= 4).double()


# ---- the masked variant, from its description ----

def shapes(o):
    """Names and shapes of the parameters."""
    a, c, heads = o["attention"], o["embed_dim"], o["num_heads"]
    s = {}

    def conv(name, cin, cout, k):
        s[f"{name}.weight"], s[f"{name}.bias"] = (cout, cin, k, k), (cout,)

    def connection(name, last):
        kind = o["resi_connection"]
        if kind == "1conv" or kind == "0conv" and last:
            conv(name, c, c, 3 if kind == "1conv" else 1)
        for stack in range({"3conv": 1, "6conv": 2}.get(kind, 0)):
            for at, (cin, cout, k) in enumerate(((c, c // 4, 3), (c // 4, c // 4, 1), (c // 4, c, 3))):
                conv(f"{name}.{6 * stack + 2 * at}", cin, cout, k)

    conv("conv_first", o["in_chans"], c, o["first_kernel"])
    s |= {"patch_embed.norm.weight": (c,), "patch_embed.norm.bias": (c,)}
    for g, depth in enumerate(o["depths"]):
        for b in range(depth):
            pre, h = f"layers.{g}.residual_group.blocks.{b}.", heads[g]
            for norm in ("norm1", "norm2"):
                s[f"{pre}{norm}.weight"], s[f"{pre}{norm}.bias"] = (c,), (c,)
            s[f"{pre}attn.relative_position_bias_table"] = ((2 * o["window_size"] - 1) ** 2, h)
            for q in [f"qkv{k + 1}" for k in range(h)] if a["mask_is_diff"] else ["qkv"]:
                n = 3 * c // h if a["mask_is_diff"] else 3 * c
                s[f"{pre}attn.{q}.weight"], s[f"{pre}attn.{q}.bias"] = (n, c), (n,)
            if a["on_attn"]:
                s[f"{pre}attn.proj.0.weight"] = (2 * c, c)
            else:
                s[f"{pre}attn.proj.weight"], s[f"{pre}attn.proj.bias"] = (c, c // h if a["type"] == "sum" else c), (c,)
            if a["talking_heads"]:
                for when in ("pre", "post"):
                    s[f"{pre}attn.{when}_softmax_talking_heads.weight"] = (h, h, 1, 1)
            if a["head_scale"]:
                s[f"{pre}attn.head_scale_params"] = (1, h, 1, 1)
            n = int(c * o["mlp_ratio"])
            for fc, cin, cout in (("fc1", c, n), ("fc2", n, c)):
                s[f"{pre}mlp.{fc}.weight"], s[f"{pre}mlp.{fc}.bias"] = (cout, cin), (cout,)
        connection(f"layers.{g}.conv", False)
    s |= {"norm.weight": (c,), "norm.bias": (c,)}
    connection("conv_after_body", True)
    conv("conv_last", c, o["in_chans"], 3)
    return s


def entmax15(x):
    """By bisection, then one exact step for the support that was found."""
    z = x / 2
    low = z.detach().amax(-1, keepdim=True) - 1
    high = low + 1
    for _ in range(60):
        middle = (low + high) / 2
        above = ((z.detach() - middle).clamp(min=0) ** 2).sum(-1, keepdim=True) > 1
        low, high = torch.where(above, middle, low), torch.where(above, high, middle)
    inside = (z.detach() > low).double()
    count = inside.sum(-1, keepdim=True)
    mean = (z * inside).sum(-1, keepdim=True) / count
    spread = (((z - mean) * inside) ** 2).sum(-1, keepdim=True)
    threshold = mean - ((1 - spread) / count).clamp(min=0).sqrt()
    return (z - threshold).clamp(min=0) ** 2 * inside


def windows(x, m):
    b, h, w, c = x.shape
    return x.view(b, h // m, m, w // m, m, c).permute(0, 1, 3, 2, 4, 5).reshape(-1, m * m, c)


def bias_of(table, m):
    at = torch.stack(torch.meshgrid(torch.arange(m), torch.arange(m), indexing="ij")).flatten(1)
    d = at[:, :, None] - at[:, None, :] + m - 1
    return table[d[0] * (2 * m - 1) + d[1]].permute(2, 0, 1)


def attention(p, pre, x, o, heads, shift, layer, keep_mask):
    a, m = o["attention"], o["window_size"]
    b, h, w, c = x.shape
    d = c // heads
    x = torch.roll(x, (-shift, -shift), (1, 2))
    t = windows(x, m)
    copies = [t] * (heads if a["mask_is_diff"] else 1)
    if o["use_mask"]:
        keep = windows(torch.roll(keep_mask(layer, b, h, w, len(copies)), (-shift, -shift), (1, 2)), m)
        copies = [t * keep[..., k:k + 1] for k in range(len(copies))]
    if a["mask_is_diff"]:
        parts = [F.linear(v, p[f"{pre}qkv{k + 1}.weight"], p[f"{pre}qkv{k + 1}.bias"]).view(-1, m * m, 3, d) for k, v in enumerate(copies)]
        q, k, v = torch.stack(parts).permute(3, 1, 0, 2, 4)
    else:
        q, k, v = F.linear(copies[0], p[f"{pre}qkv.weight"], p[f"{pre}qkv.bias"]).view(-1, m * m, 3, heads, d).permute(2, 0, 3, 1, 4)
    s = q * d**-0.5 @ k.transpose(-2, -1)
    if a["talking_heads"]:
        s = F.conv2d(s, p[f"{pre}pre_softmax_talking_heads.weight"])
    s = s + bias_of(p[f"{pre}relative_position_bias_table"], m)
    if shift:
        region = torch.zeros(1, h, w, 1)
        for n, (i, j) in enumerate((i, j) for i in (slice(0, -m), slice(-m, -shift), slice(-shift, None))
                                   for j in (slice(0, -m), slice(-m, -shift), slice(-shift, None))):
            region[:, i, j] = n
        r = windows(region, m).squeeze(-1)
        s = s.view(b, -1, heads, m * m, m * m) + torch.where(r[:, :, None] == r[:, None, :], 0.0, -100.0)[None, :, None]
        s = s.view(-1, heads, m * m, m * m)
    s = {"softmax": lambda v: v.softmax(-1), "stable_softmax": lambda v: (v - v.amax(-1, keepdim=True).detach()).softmax(-1),
         "entmax15": entmax15, "none": lambda v: v}[a["attn_fn"]](s)
    if a["talking_heads"]:
        s = F.conv2d(s, p[f"{pre}post_softmax_talking_heads.weight"])
    y = s @ v
    if a["head_scale"]:
        y = y * p[f"{pre}head_scale_params"]
    y = y.sum(1) if a["type"] == "sum" else y.transpose(1, 2).reshape(-1, m * m, c)
    if a["on_attn"]:
        y = F.glu(F.linear(y, p[f"{pre}proj.0.weight"]))
    else:
        y = F.linear(y, p[f"{pre}proj.weight"], p[f"{pre}proj.bias"])
    y = y.view(b, h // m, w // m, m, m, c).permute(0, 1, 3, 2, 4, 5).reshape(b, h, w, c)
    return torch.roll(y, (shift, shift), (1, 2))


def forward(p, o, x, keep_mask=keep_mask):
    def conv(name, y):
        return F.conv2d(y, p[f"{name}.weight"], p[f"{name}.bias"], padding=p[f"{name}.weight"].shape[-1] // 2)

    def connection(name, y):
        if f"{name}.weight" in p:
            return conv(name, y)
        for k in (k for k in range(0, 12, 2) if f"{name}.{k}.weight" in p):
            y = conv(f"{name}.{k}", y if k == 0 else F.leaky_relu(y, 0.2))
        return y

    def norm(name, y):
        return F.layer_norm(y, y.shape[-1:], p[f"{name}.weight"], p[f"{name}.bias"])

    m = o["window_size"]
    h, w = x.shape[2:]
    x = F.pad(x, (0, -w % m, 0, -h % m), mode="reflect")
    mean = torch.tensor([0.4488, 0.4371, 0.4040]).view(1, 3, 1, 1) if o["in_chans"] == 3 else 0.0
    x = (x - mean) * o["img_range"]
    first = conv("conv_first", x)
    y, layer = norm("patch_embed.norm", first.permute(0, 2, 3, 1)), 0
    for g, depth in enumerate(o["depths"]):
        z = y
        for b in range(depth):
            pre = f"layers.{g}.residual_group.blocks.{b}."
            z = z + attention(p, pre + "attn.", norm(pre + "norm1", z), o, o["num_heads"][g], m // 2 if b % 2 else 0, layer, keep_mask)
            t = F.gelu(F.linear(norm(pre + "norm2", z), p[pre + "mlp.fc1.weight"], p[pre + "mlp.fc1.bias"]))
            z, layer = z + F.linear(t, p[pre + "mlp.fc2.weight"], p[pre + "mlp.fc2.bias"]), layer + 1
        y = connection(f"layers.{g}.conv", z.permute(0, 3, 1, 2)).permute(0, 2, 3, 1) + y
    y = connection("conv_after_body", norm("norm", y).permute(0, 3, 1, 2))
    y = conv("conv_last", y + first if o["shallow_residual"] else y)
    return ((y + x if o["global_residual"] else y) / o["img_range"] + mean)[:, :, :h, :w]


# ---- spandrel ----

def spandrel_network(o):
    net = SwinIR(img_size=o["img_size"], in_chans=o["in_chans"], embed_dim=o["embed_dim"], depths=o["depths"], num_heads=o["num_heads"],
                 window_size=o["window_size"], mlp_ratio=o["mlp_ratio"], ape=o["ape"], patch_norm=o["patch_norm"], upscale=o["upscale"],
                 img_range=o["img_range"], upsampler="" if o["upsampler"] == "none" else o["upsampler"],
                 resi_connection=o["resi_connection"]).double().eval()
    if o["in_chans"] == 3:
        net.mean = torch.tensor([0.4488, 0.4371, 0.4040]).view(1, 3, 1, 1)   # it keeps floats, which would differ in the eighth digit
    return net


def is_buffer(name):
    return name.endswith(("attn_mask", "relative_position_index"))


def answers(o, run, parameters):
    x = picture(2, o["in_chans"], *((16, 16) if o["ape"] else (10, 14))).requires_grad_()
    y = run(x)
    target = picture(2, o["in_chans"], *y.shape[2:]).flip(3)
    loss = (y - target).abs().mean()
    loss.backward()
    g = {name: p.grad for name, p in parameters.items()}
    flat = y.flatten()
    some = [float(v) for v in flat[:: max(1, flat.numel() // 7)]]
    return dict(options=o, input=list(x.shape), shape=list(y.shape), l1=y.abs().sum().item(), norm=y.norm().item(), some=some,
                loss=loss.item(), dx=[x.grad.flatten()[0].item(), x.grad.norm().item()],
                gradients={name: [float(f"{v.flatten()[0]:.12g}"), float(f"{v.norm():.12g}")] for name, v in g.items()})


def solve(o):
    if o["first_kernel"] == 3:
        net = spandrel_network(o)
        with torch.no_grad():
            for name, p in net.named_parameters():
                p.copy_(values(name, p.shape))
        result = answers(o, net, dict(net.named_parameters()))
        if o["upsampler"] == "none" and o["patch_norm"] and not o["ape"]:   # ours and theirs are the same network
            p = {name: v.detach() for name, v in net.named_parameters()}
            x = picture(2, o["in_chans"], 10, 14)
            assert torch.allclose(forward(p, o, x), net(x), rtol=1e-11, atol=1e-11), o
        return result
    p = {name: values(name, shape).requires_grad_() for name, shape in shapes(o).items()}
    return answers(o, lambda x: forward(p, o, x), p)


# ---- the released sizes ----

def keep_by_window(layer, n, h, w, heads):
    """As masked_swinir.json has it: by layer, window and token of the windows that the layer sees."""
    b, i, j, _ = torch.meshgrid(*map(torch.arange, (n, h, w, heads)), indexing="ij")
    window = (b * (h // 8) + i // 8) * (w // 8) + j // 8
    s = window * 73856093 + (i % 8 * 8 + j % 8) * 19349663 + layer * 83492791 + 12345
    keep = ((s * 2654435761 & 0xffffffff).double() / 2**32 >= 0.75).double()
    return torch.roll(keep, (4, 4), (1, 2)) if layer % 2 else keep


def released(masked, n, h, w, attn_fn):
    o = RELEASED | dict(use_mask=masked, attention=SWITCHES | dict(attn_fn=attn_fn or "none"))
    p = {}
    for t, (name, v) in enumerate(entries(o).items()):
        if not is_buffer(name):
            i = torch.arange(v.numel())
            u = ((i * 2654435761 + t * 40503 + 12345) % 2**32).double() / 2**32 - 0.5
            table, matrix = name.endswith("relative_position_bias_table"), 2 * u / math.sqrt(math.prod(v.shape[1:]))
            u = u if table else matrix if v.dim() > 1 else 1 + 0.2 * u if name.endswith("weight") else 0.1 * u
            p[name] = u.view(v.shape).requires_grad_()
    x = picture(n, 3, h, w).requires_grad_()
    y = forward(p, o, x, keep_by_window)
    loss = (y - x.detach().flip(3)).abs().mean()
    loss.backward()
    y, block = y.detach(), "layers.{}.residual_group.blocks.{}."
    names = dict(conv_first="conv_first.weight", qkv0=block.format(0, 0) + "attn.qkv.weight",
                 table1=block.format(0, 1) + "attn.relative_position_bias_table", fc2_last=block.format(3, 5) + "mlp.fc2.weight",
                 norm="norm.weight")
    total = math.sqrt(sum(v.grad.norm().item() ** 2 for v in p.values()))
    result = dict(attn_fn=attn_fn, shape=list(y.shape), mean=y.mean().item(), std=y.std(unbiased=False).item(), l1=y.abs().sum().item(),
                  first3=y.flatten()[:3].tolist(), last=y.flatten()[-1].item(), loss=loss.item(), grad_norm=total,
                  dx_first3=x.grad.flatten()[:3].tolist(), dx_norm=x.grad.norm().item())
    for key, name in names.items():
        g = p[name].grad
        result[key] = [*g.flatten()[:2].tolist(), g.norm().item()]
    return result


def add_softmax_cases(path):
    cases = {k: v for k, v in json.loads(path.read_text()).items() if v["attn_fn"] is None}
    for key, expected in cases.items():   # what is from elsewhere agrees
        n, _, h, w = expected["shape"]
        found = released(key.startswith("mask=True"), n, h, w, None)
        for k, v in expected.items():
            if k not in ("attn_fn", "shape"):
                assert torch.allclose(torch.tensor(found[k]), torch.tensor(v), rtol=1e-8, atol=1e-8 * abs(found["grad_norm"])), (key, k)
    cases["mask=False 1x3x24x40"] = released(False, 1, 24, 40, "softmax")
    cases["mask=True 2x3x20x28"] = released(True, 2, 20, 28, "softmax")
    text = ",\n".join(f' "{key}": {{\n' + ",\n".join(f'  "{k}": {json.dumps(v)}' for k, v in case.items()) + "\n }"
                      for key, case in cases.items())
    path.write_text("{\n" + text + "\n}\n")


# ---- files ----

def prefixed(sd):
    return collections.OrderedDict((f"module.{k}", v) for k, v in sd.items())


FILES = {
    "zip": lambda sd, path: torch.save(sd, path),
    "legacy": lambda sd, path: torch.save(sd, path, _use_new_zipfile_serialization=False),
    "params": lambda sd, path: torch.save({"params": sd}, path),
    "params_ema": lambda sd, path: torch.save({"params": {k: v * 0 for k, v in sd.items()}, "params_ema": sd}, path),
    "module": lambda sd, path: torch.save(prefixed(sd), path),
}
SMALL_FILES = {   # the same ways in fewer files, which are kept
    "zip": FILES["zip"],
    "legacy": FILES["legacy"],
    "params": FILES["params"],
    "module": lambda sd, path: FILES["legacy"](prefixed(sd), path),
    "params_ema": lambda sd, path: FILES["legacy"]({"params_ema": prefixed(sd), "params": {"module.norm.weight": torch.zeros(3)}}, path),
}


def entries(o):
    """What the released code's state_dict holds, in its order; spandrel's has the same but for the first convolution."""
    net = spandrel_network(o)
    net.conv_first = torch.nn.Conv2d(o["in_chans"], o["embed_dim"], 1)
    sd = collections.OrderedDict()
    for name, v in net.float().state_dict().items():
        sd[name] = v.clone() if is_buffer(name) else values(name, v.shape).float()
    assert len(sd) == 386
    return sd


def write_files(folder, o, files):
    sd = entries(o)
    for kind, write in files.items():
        write(sd, folder / f"swinir_{kind}.pth")
    x = picture(1, 3, 16, 16)
    p = {k: v.double() for k, v in sd.items() if not is_buffer(k)}
    return dict(parameters=sum(v.numel() for v in p.values()), y=[float(v) for v in forward(p, o, x).flatten()[::97]])


SMALL = switched() | dict(embed_dim=6, depths=[6] * 4, num_heads=[6] * 4, window_size=2, img_size=4)
RELEASED = SMALL | dict(embed_dim=60, window_size=8, img_size=64)

if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--files", type=pathlib.Path)
    folder = parser.parse_args().files
    if folder:
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "swinir_files.json").write_text(json.dumps(write_files(folder, RELEASED, FILES)) + "\n")
    else:
        (here / "swinir_files.json").write_text(json.dumps(write_files(here, SMALL, SMALL_FILES)) + "\n")
        add_softmax_cases(here / "masked_swinir.json")
        lines = [f" {json.dumps(name)}: {json.dumps(solve(o))}" for name, o in CASES.items()]
        (here / "swinir.json").write_text("{\n" + ",\n".join(lines) + "\n}\n")
