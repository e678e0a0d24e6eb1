#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Makes the checkpoint files of this folder with PyTorch and safetensors themselves: python3 torch_checkpoints.py

torch_zip.pth, torch_legacy.pth   one state_dict in both containers: every element type, shared, sliced, transposed, expanded,
                                  empty and 0-dimensional tensors, a Parameter
torch_weights.safetensors         the same tensors as the reference implementation of safetensors writes them
torch_training.ckpt               a training state: weights of a DataParallel module, an optimizer, objects of foreign classes
Made with torch 2.15.0 and safetensors 0.8.0.
"""
import argparse
import collections
import pathlib

import safetensors.torch
import torch

here = pathlib.Path(__file__).parent
base = torch.arange(24, dtype=torch.float32)
weights = collections.OrderedDict(
    shaped=base.view(2, 3, 4), transposed=base.view(4, 6).t(), sliced=base[5:11], every_second=base[::2], expanded=base[3:4].expand(2, 3),
    half=base.half() / 7, bfloat16=base.bfloat16() / 7, double=base.double() / 3, truth=torch.tensor([True, False, True]),
    uint8=torch.tensor([0, 255], dtype=torch.uint8), int8=torch.tensor([-128, 127], dtype=torch.int8),
    int16=torch.tensor([-300], dtype=torch.int16), int32=torch.tensor([[70000]], dtype=torch.int32), int64=torch.tensor(-80000),
    complex=torch.tensor([1 + 2j], dtype=torch.complex64), empty=torch.zeros(0, 3), parameter=torch.nn.Parameter(torch.ones(2, 2)))
weights["größe"] = torch.tensor([1.5])
torch.save(weights, here / "torch_zip.pth")
torch.save(weights, here / "torch_legacy.pth", _use_new_zipfile_serialization=False)
plain = {name: x.detach().contiguous().clone() for name, x in weights.items()}
safetensors.torch.save_file(plain, here / "torch_weights.safetensors", {"format": "pt", "note": "a\tb"})

torch.manual_seed(0)
net = torch.nn.DataParallel(torch.nn.Sequential(torch.nn.Conv2d(1, 2, 3), torch.nn.BatchNorm2d(2)))
optimizer = torch.optim.Adam(net.parameters())
net(torch.ones(1, 1, 5, 5)).sum().backward()
optimizer.step()
state = {"epoch": 3, "state_dict": net.state_dict(),
         "optimizer": optimizer.state_dict(), "options": argparse.Namespace(depth=1, path=here.name),
         "names": {"a", "b"}, "device": torch.device("cpu"), "dtype": torch.float32, "steps": collections.Counter([1, 1, 2])}
torch.save(state, here / "torch_training.ckpt")
