# SPDX-License-Identifier: MIT
"""PyTorch's side of the comparison on a GPU: torch_side.py's works and protocol, with several configurations of a work at hand at once,
because a process takes seconds to start. Argument: the device, cuda, or cpu to try it without a GPU.

    open WORK FILE TYPE ENGINE LAYOUT   gets ready, images in TYPE; answers the distance of its results from those in float32; ENGINE
                                        eager, graph (the same as a CUDA graph) or autotune (torch.compile max-autotune, as a CUDA graph)
    use ENGINE LAYOUT                   the configuration that `run` is about
    close ENGINE LAYOUT                 gives its memory back
    run COUNT                           as in torch_side.py, by the GPU's own clock
    compare FILE                        distance of the results in the file from those of eager PyTorch in float32
    ceilings                            JSON: what this GPU can do at best
"""
import gc
import json
import pathlib
import statistics
import sys
import time

import torch
import torch.nn.functional as F

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "peers"))

import torch_side   # noqa: E402
from torch_swinir import swinir   # noqa: E402


class WeightGradient(torch_side.Forward):
    """The gradient of a convolution's weights alone."""

    def results(self):
        return {"gw": self.step()}


def conv_weight_gradient(side):
    x, w, gy = side.image("x"), side.inputs["w"].contiguous(memory_format=side.format), side.image("gy")
    return [gy, x, w], lambda gy, x, w: torch.ops.aten.convolution_backward(
        gy, x, w, None, [1, 1], [1, 1], [1, 1], False, [0, 0], 1, [False, True, False])[1]


class WindowsBackward(torch_side.WindowsTraining):
    """All gradients, without the forward pass before them."""

    def __init__(self, *arguments):
        torch._functorch.config.donated_buffer = False
        super().__init__(*arguments)
        self.y = self.function(*self.leaves)

    def step(self):
        return torch.autograd.grad(self.y, self.leaves, self.gy, retain_graph=True)

    def results(self):
        return {"g" + name: self.stored(g) for name, g in zip("xw", self.step())}


class HostTrainStep(torch_side.TrainStep):
    """A train step on a batch in the host's memory."""

    def __init__(self, *arguments):
        super().__init__(*arguments)
        self.batch = [(x, x.cpu().pin_memory() if x.is_cuda else x.clone()) for x in (self.x, self.target)]

    def upload(self):
        for x, host in self.batch:
            x.copy_(host, non_blocking=True)


WORKS = {"conv_forward": (torch_side.Forward, torch_side.conv), "conv_weight_gradient": (WeightGradient, conv_weight_gradient),
         "window_attention_forward": (torch_side.WindowsForward, torch_side.window_attention),
         "window_attention_backward": (WindowsBackward, torch_side.window_attention),
         "pixel_unshuffle": (torch_side.Forward, torch_side.unshuffle),
         "unet_inference": (torch_side.Inference, torch_side.unet), "unet_training": (HostTrainStep, torch_side.unet, F.mse_loss),
         "masked_swinir_forward": (torch_side.Inference, swinir), "masked_swinir_training_64": (HostTrainStep, swinir, F.l1_loss)}
NETWORKS = (torch_side.Inference, torch_side.TrainStep)   # whose parameters are not cast


def captured(step):
    """step() as a CUDA graph, on the stream that all of this process uses."""
    for _ in range(3):
        step()
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph, stream=torch.cuda.current_stream()):
        results = step()   # kept with the graph: their memory is in use

    def replay(_=results):
        graph.replay()
    return replay


class Prepared:
    """A side, and what is timed of it."""

    def __init__(self, side):
        self.side, self.upload = side, getattr(side, "upload", lambda: None)
        self.compute = captured(side.step) if side.how.engine != "eager" and torch.cuda.is_available() else side.step

    def step(self):
        self.upload()
        self.compute()


class Server(torch_side.Server):
    def __init__(self, device):
        self.device, self.prepared = torch.device(device), {}
        self.work = self.current = self.expected = None
        # Without the graphs that PyTorch would make: they copy inputs at each call. Ours hold the whole step, Adam included.
        torch_side.Side.modes = {"autotune": {"mode": "max-autotune-no-cudagraphs"}}
        torch.backends.cudnn.benchmark, torch.backends.cudnn.allow_tf32 = True, False
        if self.on_gpu():
            torch.cuda.set_stream(torch.cuda.Stream())   # the default one cannot be recorded

    def on_gpu(self):
        return self.device.type == "cuda"

    def about(self):
        versions = [f"PyTorch {torch.__version__}"]
        if self.on_gpu():
            versions.append(f"cuDNN {torch.backends.cudnn.version()}")
        return ", ".join(versions)

    def side_of(self, type, engine, layout):
        kind, *what = WORKS[self.work]
        inputs = self.inputs if issubclass(kind, NETWORKS) else {name: x.to(type) for name, x in self.inputs.items()}
        with self.device:
            side = kind(*what, inputs, torch_side.How(engine, layout, type=type))
        return side

    def load(self, work, file):
        self.forget()
        self.work, self.inputs = work, {name: x.to(self.device) for name, x in torch_side.read_safetensors(file).items()}
        plain = "matmul" if any(name in work for name in ("attention", "swinir")) else "NCHW"
        self.expected = {name: x.clone() for name, x in self.side_of(torch.float32, "eager", plain).results().items()}

    def forget(self):
        self.prepared.clear()
        self.current = self.expected = None
        torch.compiler.reset()
        self.tidy()

    def tidy(self):
        gc.collect()
        if self.on_gpu():
            torch.cuda.empty_cache()

    def open(self, work, file, type, engine, layout):
        if work != self.work or self.expected is None:
            self.load(work, file)
        try:
            side = self.side_of(getattr(torch, type), engine, layout)
            distance = torch_side.distance(self.expected, side.results())
            self.prepared[engine, layout] = Prepared(side)
        finally:
            self.tidy()
        self.use(engine, layout)
        return repr(distance)

    def use(self, engine, layout):
        self.current = self.prepared[engine, layout]
        return "ready"

    def close(self, engine, layout):
        del self.prepared[engine, layout]
        self.current = None
        self.tidy()
        return "closed"

    def compare(self, file):
        return repr(torch_side.distance(self.expected, torch_side.read_safetensors(file)))

    def run(self, count):
        count = int(count)
        if count > 1:
            self.current.step()
        return str(1e6 * self.seconds(self.current.step, count) / count)

    def seconds(self, step, count):
        """Time of so many steps, together."""
        if not self.on_gpu():
            start = time.perf_counter()
            for _ in range(count):
                step()
            return time.perf_counter() - start
        begin, end = (torch.cuda.Event(enable_timing=True) for _ in range(2))
        torch.cuda.synchronize()
        begin.record()
        for _ in range(count):
            step()
        end.record()
        end.synchronize()
        return begin.elapsed_time(end) / 1e3

    def ceilings(self):
        """Bandwidth of a copy of 4 GB, read and written bytes together, and products of random matrices of 8192 x 8192."""
        n, side = (1 << 30, 8192) if self.on_gpu() else (1 << 20, 256)
        rates = {}
        with self.device:
            x, y = torch.rand(n), torch.empty(n)
            rates["copy_gb_s"] = 2 * n * x.element_size() / self.best_seconds(lambda: y.copy_(x)) / 1e9
            del x, y
            for type in (torch.bfloat16, torch.float32):
                a, b = (torch.randn(side, side).to(type) for _ in range(2))
                name = str(type).removeprefix("torch.") + "_tflop_s"
                rates[name] = 2 * side**3 / self.best_seconds(lambda: a @ b) / 1e12
        self.tidy()
        return json.dumps(rates)

    def best_seconds(self, step):
        """The median of seven measurements of five steps, for a step."""
        self.seconds(step, 3)
        return statistics.median(self.seconds(step, 5) / 5 for _ in range(7))


if __name__ == "__main__":
    torch_side.serve(Server(sys.argv[1] if len(sys.argv) > 1 else "cuda"))
