# SPDX-License-Identifier: MIT
"""Makes optimizers.json: 100 steps of PyTorch's optimizers and schedules, in double, on a small problem with a closed gradient.

Usage: python optimizers.py > optimizers.json      (PyTorch 2.x; the tests need only the file)
"""
import json
import math
import sys

import torch

STEPS = 100


def start():
    w = torch.tensor([[math.sin(1.3 * (4 * i + j) + 0.1) for j in range(4)] for i in range(3)], dtype=torch.float64, requires_grad=True)
    b = torch.tensor([0.5 * math.cos(k) for k in range(4)], dtype=torch.float64, requires_grad=True)
    return w, b


def loss(w, b, step):
    scale = 1 + 0.5 * math.sin(0.37 * step)
    return scale * (0.5 * ((w - 0.3) ** 2).sum() + torch.cos(3 * w).sum() + (w * b).sum() + 0.1 * (b ** 4).sum())


def run(make, limit=None, ema=None, rate=None):
    w, b = start()
    optimizer = make([w, b])
    average = [w.detach().clone(), b.detach().clone()]
    for step in range(STEPS):
        if rate:
            optimizer.param_groups[0]["lr"] = rate(step)
        optimizer.zero_grad()
        loss(w, b, step).backward()
        if limit:
            torch.nn.utils.clip_grad_norm_([w, b], limit)
        optimizer.step()
        if ema:
            for a, p in zip(average, (w, b)):
                a.mul_(ema).add_(p.detach(), alpha=1 - ema)
    values = average if ema else [w.detach(), b.detach()]
    return values[0].flatten().tolist() + values[1].flatten().tolist()


def schedule(make):
    p = torch.zeros(1, requires_grad=True)
    optimizer = torch.optim.SGD([p], lr=1.0)
    s = make(optimizer)
    factors = []
    for _ in range(STEPS):
        factors.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        s.step()
    return factors


def plateau():
    p = torch.zeros(1, requires_grad=True)
    optimizer = torch.optim.SGD([p], lr=1.0)
    s = torch.optim.lr_scheduler.ReduceLROnPlateau(optimizer, factor=0.5, patience=5)
    factors = []
    for step in range(STEPS):
        s.step(1 / (1 + step) if step < 30 else 0.05 + 0.001 * math.sin(step))
        factors.append(optimizer.param_groups[0]["lr"])
    return factors


o, lr = torch.optim, torch.optim.lr_scheduler
json.dump({
    "sgd": run(lambda p: o.SGD(p, lr=0.01)),
    "sgd_momentum": run(lambda p: o.SGD(p, lr=0.01, momentum=0.9, weight_decay=0.01)),
    "sgd_nesterov": run(lambda p: o.SGD(p, lr=0.01, momentum=0.9, nesterov=True)),
    "adam": run(lambda p: o.Adam(p, lr=0.003, betas=(0.9, 0.99))),
    "adam_decay": run(lambda p: o.Adam(p, lr=0.003, weight_decay=0.1)),
    "adamw": run(lambda p: o.AdamW(p, lr=0.003, weight_decay=0.1)),
    "adam_clipped": run(lambda p: o.Adam(p, lr=0.003), limit=0.5),
    "adam_ema": run(lambda p: o.Adam(p, lr=0.003), ema=0.95),
    "adam_cosine": run(lambda p: o.Adam(p, lr=0.003), rate=lambda s: 0.003 * 0.5 * (1 + math.cos(math.pi * s / STEPS))),
    "cosine": schedule(lambda q: lr.CosineAnnealingLR(q, T_max=STEPS, eta_min=0.1)),
    "multi_step": schedule(lambda q: lr.MultiStepLR(q, milestones=[20, 50, 80], gamma=0.3)),
    "plateau": plateau(),
}, sys.stdout, indent=0)
print()
