# SPDX-License-Identifier: MIT
"""What is compared on a GPU: the rows of the table, and the configurations of the peer that are tried for each."""
import dataclasses

from rows import Config

COPY, GEMM = "copy_gb_s", "bfloat16_tflop_s"   # ceilings, as torch_gpu.py names them


@dataclasses.dataclass(frozen=True)
class Row:
    name: str
    title: str
    work: str   # as in benchmarks/gpu/*.cpp and torch_gpu.py
    unit: str
    eager: tuple   # time of eager PyTorch / ours, at least, and the aim; empty where only the best peer counts
    best: tuple   # the same against the peer's best configuration
    tried: tuple   # (engine, layout), those first that must not be missing
    bytes: float = 0   # that must be read and written
    flops: float = 0   # operations on the tensor cores
    type: str = "bfloat16"   # of images
    gradients: bool = False   # of a whole network, in which rounding decides signs and maxima
    share: float = 1   # of the stage's time, relative to other rows

    @property
    def limit(self):
        """The largest relative L2 distance of the results from those of PyTorch in float32: squared, 1e-4 for bfloat16."""
        return 1e-6 if self.type == "float32" else 0.1 if self.gradients else 1e-2

    def configs(self):
        return [Config(engine, layout) for engine, layout in self.tried]

    def quick(self):
        """The configurations that need not be compiled."""
        return [config for config in self.configs() if config.engine != "autotune"]

    def compiled(self):
        return [config for config in self.configs() if config.engine == "autotune"]

    def floor(self, ceilings):
        """The least time in the row's unit: what must be moved at the speed of a copy, what must be computed at that of a product."""
        seconds = max(self.bytes / (ceilings[COPY] * 1e9), self.flops / (ceilings[GEMM] * 1e12))
        return seconds * {"us": 1e6, "ms": 1e3}[self.unit]


def pairs(engines, layouts):
    return tuple((engine, layout) for engine in engines for layout in layouts)


FORMATS, ATTENTION = ("NCHW", "channels_last"), ("matmul", "SDPA_padded")
IMAGES = pairs(("eager",), FORMATS) + pairs(("graph",), FORMATS) + pairs(("autotune",), ("channels_last",))
WINDOWS = pairs(("eager",), ATTENTION) + pairs(("graph",), ATTENTION) + pairs(("autotune",), ATTENTION)
READY = (("eager", "SDPA_ready"), ("graph", "SDPA_ready"))
TOKENS, CHANNELS = 4 * 256 * 256, 180   # of the attention: 4096 windows
PIXEL_UNET = 2 * 173_945.25   # operations for a pixel: specification of the network
PIXEL_SWINIR = 2 * (24 * (8 * 60**2 + 2 * 64 * 60) + 5 * (9 * 60 * 15 + 15**2 + 9 * 15 * 60) + 3 * 60 + 27 * 60)
CONV = 2 * 256**2 * 64 * 64 * 9

ROWS = [
    Row("window_attention_fwd", "window attention, 4096 windows x 6 heads x 64 tokens x d 30, bias, shift and token mask, forward",
        "window_attention_forward", "us", (4, 6), (1.5, 2), WINDOWS[:2] + READY + WINDOWS[2:],
        bytes=TOKENS * (4 * CHANNELS * 2 + 1), share=3),
    Row("window_attention_bwd", "same, backward alone", "window_attention_backward", "us", (4, 6), (1.5, 2), WINDOWS,
        bytes=TOKENS * (7 * CHANNELS * 2 + 1), share=3),
    Row("conv3x3_fwd", "conv 3x3 64->64, 256x256, forward", "conv_forward", "us", (), (0.8, 1), IMAGES, flops=CONV,
        bytes=256**2 * 128 * 2, share=2),
    Row("conv3x3_wgrad", "same, gradient of the weights alone", "conv_weight_gradient", "us", (), (0.7, 1), IMAGES[:4], flops=CONV,
        bytes=256**2 * 128 * 2, share=2),
    Row("pixel_unshuffle", "pixel_unshuffle r=5, 8 x 1020 x 1020 x 3, float32", "pixel_unshuffle", "us", (), (1.5, 2.5),
        pairs(("eager", "graph", "autotune"), FORMATS), bytes=2 * 8 * 1020**2 * 3 * 4, type="float32", share=2),
    Row("n2n_infer", "N2N U-Net inference, 512x512", "unet_inference", "ms", (2, 3), (1.2, 1.6), IMAGES, flops=PIXEL_UNET * 512**2,
        share=2),
    Row("n2n_train", "N2N U-Net train step (L2, Adam), 4 x 64x64", "unet_training", "ms", (6, 10), (1.5, 2.5), IMAGES,
        flops=3 * PIXEL_UNET * 4 * 64**2, gradients=True, share=3),
    Row("masked_swinir_fwd", "masked SwinIR (embed 60, 4x6), attention mask 75 %, 64x64, forward", "masked_swinir_forward", "ms", (6, 10),
        (2, 3), WINDOWS, flops=PIXEL_SWINIR * 64**2, share=3),
    Row("masked_swinir_train_b64", "same, train step (L1, Adam), batch 64", "masked_swinir_training_64", "ms", (3, 5), (1.3, 2), WINDOWS,
        flops=3 * PIXEL_SWINIR * 64 * 64**2, gradients=True, share=4),
]
