# SPDX-License-Identifier: MIT
"""The peers' side of the comparison: PyTorch or ONNX Runtime behind the same line protocol as main.cpp.

    about                                   versions
    open WORK FILE ENGINE LAYOUT THREADS    gets ready; ENGINE eager, compile or ort; LAYOUT NCHW or channels_last,
                                            for attention a way of torch_swinir.attended
    run COUNT                               microseconds per repetition; when COUNT > 1 after one that is not timed
    compare FILE                            relative L2 distance of outputs and gradients from those in the file, the largest of all arrays
"""
import dataclasses
import io
import json
import os
import sys
import time

import torch
import torch.nn.functional as F

from torch_swinir import attended, swinir

TYPES = {"F32": torch.float32, "BF16": torch.bfloat16}   # by their names in safetensors


def read_safetensors(path):
    with open(path, "rb") as file:
        header = json.loads(file.read(int.from_bytes(file.read(8), "little")))
        data = torch.frombuffer(bytearray(file.read()), dtype=torch.uint8)
    header.pop("__metadata__", None)
    return {name: data[slice(*entry["data_offsets"])].clone().view(TYPES[entry["dtype"]]).reshape(entry["shape"])
            for name, entry in header.items()}


class UNet(torch.nn.Module):
    """The U-Net of Noise2Noise, with the names and the arithmetic of tacet::Noise2NoiseUNet."""
    LAYERS = {"enc_conv0": (3, 48), "enc_conv1": (48, 48), "enc_conv2": (48, 48), "enc_conv3": (48, 48), "enc_conv4": (48, 48),
              "enc_conv5": (48, 48), "enc_conv6": (48, 48), "dec_conv5": (96, 96), "dec_conv5b": (96, 96), "dec_conv4": (144, 96),
              "dec_conv4b": (96, 96), "dec_conv3": (144, 96), "dec_conv3b": (96, 96), "dec_conv2": (144, 96), "dec_conv2b": (96, 96),
              "dec_conv1a": (99, 64), "dec_conv1b": (64, 32), "dec_conv1": (32, 3)}

    def __init__(self):
        super().__init__()
        for name, (inputs, outputs) in self.LAYERS.items():
            self.add_module(name, torch.nn.Conv2d(inputs, outputs, 3, padding=1))

    def forward(self, x):
        def level(name, y):
            return F.leaky_relu(getattr(self, name)(y), 0.1)

        skips, y = [x], level("enc_conv0", x)
        for k in range(1, 6):
            y = F.max_pool2d(level(f"enc_conv{k}", y), 2)
            skips.append(y)
        y = level("enc_conv6", skips.pop())
        for k in range(5, 1, -1):
            y = torch.cat([F.interpolate(y, scale_factor=2, mode="nearest"), skips.pop()], 1)
            y = level(f"dec_conv{k}b", level(f"dec_conv{k}", y))
        y = torch.cat([F.interpolate(y, scale_factor=2, mode="nearest"), skips.pop()], 1)
        return self.dec_conv1(level("dec_conv1b", level("dec_conv1a", y)))


@dataclasses.dataclass(frozen=True)
class How:
    """A configuration."""
    engine: str
    layout: str
    threads: int = 1
    type: torch.dtype = torch.float32   # of images; parameters of what is trained stay as they are


class Side:
    """One work in one configuration: step() is what is timed, results() the outputs and gradients for the inputs as they came."""
    modes = {"compile": {}}   # by engine, what torch.compile is told

    def __init__(self, inputs, how):
        self.inputs, self.how = inputs, how
        self.format = torch.channels_last if how.layout == "channels_last" else torch.contiguous_format

    def image(self, name):
        """An input (N, H, W, C) in PyTorch's order of dimensions and the configuration's layout."""
        return self.inputs[name].permute(0, 3, 1, 2).contiguous(memory_format=self.format)

    def stored(self, x):
        """Images come back as (N, H, W, C)."""
        return x.detach().permute(0, 2, 3, 1) if x.dim() == 4 else x.detach()

    def compiled(self, function):
        return torch.compile(function, dynamic=False, **self.modes[self.how.engine]) if self.how.engine in self.modes else function


class Forward(Side):
    """y = function(inputs), nothing recorded."""

    def __init__(self, function, *arguments):
        super().__init__(*arguments)
        self.arguments, function = function(self)
        self.function = self.compiled(function)

    @torch.inference_mode()
    def step(self):
        return self.function(*self.arguments)

    def results(self):
        return {"y": self.stored(self.step())}


class Training(Side):
    """The same with the gradients of all arguments for a given gy."""

    def __init__(self, function, *arguments):
        super().__init__(*arguments)
        self.leaves, function = function(self)
        self.leaves = [x.requires_grad_() for x in self.leaves]
        self.function = self.compiled(function)
        gy = self.inputs["gy"]
        self.gy = self.image("gy") if gy.dim() == 4 else gy

    def step(self):
        y = self.function(*self.leaves)
        return y, torch.autograd.grad(y, self.leaves, self.gy)

    def results(self):
        y, gradients = self.step()
        named = {"y": self.stored(y)}
        for name, g in zip("xwbz", gradients):
            named["g" + name] = self.stored(g) if name == "x" else g
        return named


# Works: arguments, and the function of them.
def conv(side):
    w = side.inputs["w"].contiguous(memory_format=side.format)
    return [side.image("x"), w, side.inputs["b"]], lambda x, w, b: F.conv2d(x, w, b, padding=1)


def fused(side):
    return [side.inputs[name] for name in "xwbz"], lambda x, w, b, z: F.gelu(x * w + b) * torch.sigmoid(z)


def unshuffle(side):
    return [side.image("x")], lambda x: F.pixel_unshuffle(x, 5)


def layer_norm(side):
    return [side.inputs[name] for name in "xwb"], lambda x, w, b: F.layer_norm(x, (x.shape[-1],), w, b)


def gelu(side):
    return [side.inputs["x"]], lambda x: F.gelu(x)


class Windows:
    """Images as windows of tokens: cut before and put together after what is timed, as are the masks."""
    WINDOW, SHIFT, HEADS = 8, 4, 6
    TOKENS = WINDOW * WINDOW

    def cut(self, x):
        """(N, H, W, C), rolled, as (windows, tokens, C)."""
        x = torch.roll(x, (-self.SHIFT, -self.SHIFT), (1, 2)).unflatten(1, (-1, self.WINDOW)).unflatten(3, (-1, self.WINDOW))
        return x.transpose(2, 3).flatten(0, 2).flatten(1, 2).contiguous()

    def image(self, name):
        return self.cut(self.inputs[name]) if self.inputs[name].dim() == 4 else self.inputs[name]

    def stored(self, x):
        if x.dim() != 3:
            return x.detach()
        n, h, w, _ = self.inputs["x"].shape
        x = x.detach().unflatten(0, (n, h // self.WINDOW, w // self.WINDOW)).unflatten(3, (self.WINDOW, self.WINDOW))
        return torch.roll(x.transpose(2, 3).flatten(1, 2).flatten(2, 3), (self.SHIFT, self.SHIFT), (1, 2))

    def mask(self):
        """(windows, 1, tokens, tokens): -infinity for keys of other regions and those that are not kept."""
        _, h, w, _ = self.inputs["x"].shape
        wrapped = torch.zeros(1, h, w, 1)
        wrapped[:, :self.SHIFT] += 1
        wrapped[:, :, :self.SHIFT] += 2
        region = self.cut(wrapped.expand(len(self.inputs["keep"]), -1, -1, -1)).squeeze(2)
        kept = self.cut(self.inputs["keep"].unsqueeze(3)).squeeze(2)
        seen = (region[:, :, None] == region[:, None, :]) & (kept[:, None, :] != 0)
        return torch.zeros(seen.shape).masked_fill(~seen, float("-inf")).unsqueeze(1)

    def table_index(self):
        at = torch.arange(self.WINDOW)
        y, x = (c.flatten() for c in torch.meshgrid(at, at, indexing="ij"))
        offset = [c[:, None] - c[None, :] + self.WINDOW - 1 for c in (y, x)]
        return (offset[0] * (2 * self.WINDOW - 1) + offset[1]).flatten()


def window_attention(side):
    mask, index, heads = side.mask().to(side.inputs["w"].dtype), side.table_index(), side.HEADS

    def from_table(w):
        return w[index].view(side.TOKENS, side.TOKENS, heads).permute(2, 0, 1)

    def attention(x, *biases):
        windows, tokens, channels = x.shape
        q, k, v = x.view(windows, tokens, 3, heads, -1).permute(2, 0, 3, 1, 4)
        return attended(side.how.layout, q, k, v, *biases).transpose(1, 2).reshape(windows, tokens, channels // 3)

    if side.how.layout == "SDPA_ready":   # for inference: the table does not change
        return [side.image("x"), (from_table(side.inputs["w"]) + mask).to(side.how.type).contiguous()], attention
    return [side.image("x"), side.inputs["w"]], lambda x, w: attention(x, from_table(w), mask)


class WindowsForward(Windows, Forward):
    pass


class WindowsTraining(Windows, Training):
    pass


class Inference(Side):
    """The network that `network(side)` makes, applied to x."""

    def __init__(self, network, *arguments):
        super().__init__(*arguments)
        model = network(self)
        model.load_state_dict({name: self.inputs[name] for name in model.state_dict()})
        model = model.eval().to(self.how.type, memory_format=self.format)
        self.x = self.image("x").to(self.how.type)
        self.model = self.exported(model) if self.how.engine == "ort" else self.compiled(model)

    def exported(self, model):
        """The network in ONNX Runtime."""
        import onnxruntime
        file = io.BytesIO()
        torch.onnx.export(model, (self.x,), file, input_names=["x"], output_names=["y"], dynamo=False)
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads, options.inter_op_num_threads = self.how.threads, 1
        session = onnxruntime.InferenceSession(file.getvalue(), options, providers=["CPUExecutionProvider"])
        feed = {"x": self.x.contiguous().numpy()}
        return lambda _: torch.from_numpy(session.run(None, feed)[0])

    @torch.inference_mode()
    def step(self):
        return self.model(self.x)

    def results(self):
        return {"y": self.stored(self.step())}


class TrainStep(Side):
    """A step of Adam that lowers loss(network(x), target)."""

    def __init__(self, network, loss, *arguments):
        super().__init__(*arguments)
        self.loss, self.net = loss, network(self).to(memory_format=self.format)
        self.load()
        self.model = self.compiled(self.net)
        self.x, self.target = self.image("x"), self.image("target")
        self.adam = torch.optim.Adam(self.net.parameters(), lr=1e-3, betas=(0.9, 0.99), eps=1e-8, fused=True, capturable=self.x.is_cuda)

    def load(self):
        self.net.load_state_dict({name: self.inputs[name] for name in self.net.state_dict()})

    def backward(self):
        with torch.autocast(self.x.device.type, self.how.type, enabled=self.how.type != torch.float32):
            y = self.model(self.x)
            loss = self.loss(y, self.target)
        self.adam.zero_grad(set_to_none=True)
        loss.backward()
        return y, loss

    def step(self):
        self.backward()
        self.adam.step()

    def results(self):
        self.load()
        y, loss = self.backward()
        named = sorted(self.net.named_parameters())
        gradient = torch.cat([p.grad.flatten() for _, p in named])   # all parameters' as one vector
        return {"y": self.stored(y), "loss": loss.detach(), "gradient": gradient}


def unet(_):
    return UNet()


WORKS = {"conv_forward": (Forward, conv), "conv_training": (Training, conv), "fused_training": (Training, fused),
         "window_attention_forward": (WindowsForward, window_attention),
         "window_attention_training": (WindowsTraining, window_attention),
         "pixel_unshuffle": (Forward, unshuffle), "layer_norm": (Forward, layer_norm), "gelu": (Forward, gelu),
         "unet_inference": (Inference, unet), "unet_training": (TrainStep, unet, F.mse_loss),
         "masked_swinir_forward": (Inference, swinir), "swinir_e180_forward": (Inference, swinir),
         "masked_swinir_training_1": (TrainStep, swinir, F.l1_loss), "masked_swinir_training_8": (TrainStep, swinir, F.l1_loss)}


def distance(theirs, ours):
    """The largest relative L2 distance of all arrays of `ours`; NaN where one has it."""
    if set(theirs) != set(ours):
        raise ValueError(f"different results: {sorted(set(theirs) ^ set(ours))}")
    distances = []
    for name, x in ours.items():
        y = theirs[name].double()
        x = x.to(y.device)
        if x.shape != y.shape:
            raise ValueError(f"{name}: shapes {tuple(x.shape)} and {tuple(y.shape)}")
        distances.append((x.double() - y).norm() / y.norm())
    return torch.stack(distances).max().item()


class Server:
    """Answers commands, of which its methods are the names."""
    side = None

    def about(self):
        import onnxruntime
        return f"PyTorch {torch.__version__}, ONNX Runtime {onnxruntime.__version__}"

    def open(self, work, file, engine, layout, threads):
        torch.set_num_threads(int(threads))
        torch.set_num_interop_threads(1)
        kind, *how = WORKS[work]
        self.side = kind(*how, read_safetensors(file), How(engine, layout, int(threads)))
        return "ready"

    def run(self, count):
        count = int(count)
        if count > 1:
            self.side.step()
        start = time.perf_counter()
        for _ in range(count):
            self.side.step()
        return str(1e6 * (time.perf_counter() - start) / count)

    def compare(self, file):
        return repr(distance(self.side.results(), read_safetensors(file)))


def serve(server):
    """Answers until stdin ends."""
    torch.set_float32_matmul_precision("highest")   # strict fp32: no bf16, no AMX, no TF32
    torch.manual_seed(0)
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)   # what libraries print must not be taken for an answer
    print("started", file=answers, flush=True)
    for line in sys.stdin:
        command, *arguments = line.split()
        try:
            answer = getattr(server, command)(*arguments)
        except Exception as error:   # reported to the driver, which goes on with another configuration
            answer = "error: " + " ".join(f"{type(error).__name__}: {error}".split())[:500]
        print(answer, file=answers, flush=True)


if __name__ == "__main__":
    serve(Server())
