# SPDX-License-Identifier: MIT
"""What is compared: the rows of the table, and the configurations in which a peer may run."""
import dataclasses
import itertools

TUNED_MALLOC = "glibc.malloc.mmap_threshold=8589934592:glibc.malloc.trim_threshold=17179869184:glibc.malloc.top_pad=268435456"


@dataclasses.dataclass(frozen=True)
class Config:
    """How a peer runs."""
    engine: str   # eager, compile, ort; on a GPU graph and autotune
    layout: str   # NCHW, channels_last; for attention a way of torch_swinir.attended
    malloc: str = ""   # default, tuned
    layouts: bool = True   # whether the layout makes a difference

    def __str__(self):
        engine = {"eager": "eager", "compile": "torch.compile", "ort": "ONNX Runtime", "graph": "CUDA graph",
                  "autotune": "torch.compile max-autotune"}[self.engine]
        return ", ".join([engine] + [self.layout] * self.layouts + [f"{self.malloc} malloc"] * bool(self.malloc))

    def environment(self):
        return {"GLIBC_TUNABLES": TUNED_MALLOC} if self.malloc == "tuned" else {}


@dataclasses.dataclass(frozen=True)
class Row:
    name: str
    title: str
    work: str   # as in works.hpp and torch_side.py
    unit: str
    required: float | None   # peer / ours, at least; none without a peer
    aim: float | None
    network: bool = False   # rather than one operation
    engines: tuple = ("eager", "compile")
    layouts: tuple = ("NCHW", "channels_last")
    mallocs: tuple = ("default", "tuned")
    measure: str = "steps"   # time of a step; startup: of a process up to the end of its first; memory: of a process in five;
    # alone: time and memory of a step, without a peer
    tried: tuple = ()   # (engine, layout) where not all combinations are: those that were the faster ones, of works that take long

    @property
    def limit(self):
        """The largest distance between the two sides' results; signs of a network's activations flip."""
        return 1e-3 if self.network else 1e-5

    def configs(self):
        pairs = self.tried or itertools.product(self.engines, self.layouts)
        return [Config(engine, layout, malloc, len(self.layouts) > 1)
                for (engine, layout), malloc in itertools.product(pairs, self.mallocs)]


PLAIN = ("NCHW",)
ATTENTION = ("matmul", "SDPA")   # how it is written
TUNED = ("tuned",)   # by far the faster one for these, and the other one takes minutes
EAGER, COMPILED, ONNX = tuple(("eager", how) for how in ATTENTION), (("compile", "matmul"),), (("ort", "matmul"),)
ROWS = [
    Row("conv3x3_fwd", "conv 3x3 64->64, 256x256, forward", "conv_forward", "ms", 2.0, 2.8),
    Row("conv3x3_train", "same, forward + input and weight gradients", "conv_training", "ms", 2.2, 3.0),
    Row("n2n_train", "N2N U-Net train step (L2, Adam), 4 x 64x64", "unet_training", "ms", 2.0, 2.7, True),
    Row("n2n_infer", "N2N U-Net inference, 512x512; against PyTorch", "unet_inference", "ms", 1.9, 2.4, True),
    Row("n2n_infer_ort", "same; against ONNX Runtime", "unet_inference", "ms", 2.0, 2.6, True, ("ort",), PLAIN),
    Row("pixel_unshuffle", "pixel_unshuffle r=5, 8 x 1020 x 1020 x 3", "pixel_unshuffle", "ms", 3.0, 4.3),
    Row("layer_norm", "layer_norm 4096x180, forward", "layer_norm", "ms", 1.3, 2.5, layouts=PLAIN),
    Row("gelu", "gelu 4096x360, forward", "gelu", "ms", 1.3, 2.5, layouts=PLAIN),
    Row("fused_expr_train", "gelu(x*w+b)*sigmoid(z), four of 2^24, all gradients; against eager", "fused_training", "ms", 1.8, 2.4, False,
        ("eager",), PLAIN),
    Row("fused_expr_train_compile", "same; against torch.compile", "fused_training", "ms", 0.95, 1.2, False, ("compile",), PLAIN),
    Row("window_attention_fwd", "window attention, 4096 windows x 6 heads x d 30, shift and token mask, forward",
        "window_attention_forward", "ms", 2.5, 3.6, layouts=ATTENTION, mallocs=TUNED),
    Row("window_attention_train", "same, forward + all gradients", "window_attention_training", "ms", 2.2, 3.0, layouts=ATTENTION,
        mallocs=TUNED),
    Row("masked_swinir_fwd", "masked SwinIR (embed 60, 4x6), attention mask 75 %, 64x64, forward", "masked_swinir_forward", "ms", 2.5, 4.5,
        True, layouts=ATTENTION, mallocs=TUNED, tried=EAGER + COMPILED + ONNX),
    Row("masked_swinir_train_b1", "same, train step (L1, Adam), batch 1", "masked_swinir_training_1", "ms", 2.5, 4.5, True,
        layouts=ATTENTION, mallocs=TUNED, tried=EAGER + COMPILED),
    Row("masked_swinir_train_b8", "same, batch 8", "masked_swinir_training_8", "ms", 2.5, 4.5, True, layouts=ATTENTION, mallocs=TUNED,
        tried=EAGER + COMPILED),
    Row("swinir_e180_fwd", "SwinIR (embed 180, 6x6), 128x128, forward", "swinir_e180_forward", "ms", 1.9, 2.5, True, layouts=ATTENTION,
        mallocs=TUNED, tried=EAGER + COMPILED + ONNX),
    Row("masked_swinir_train_memory", "memory of five masked SwinIR train steps, batch 1", "masked_swinir_training_1", "MB", 4, 10, True,
        layouts=ATTENTION, measure="memory", tried=EAGER),
    Row("masked_swinir_1mp", "masked SwinIR on a photo of 1024 x 1024, tiled within 1 GB", "masked_swinir_photo", "ms", None, None, True,
        measure="alone"),
    Row("n2n_train_memory", "memory of five U-Net train steps", "unet_training", "MB", 2, 4, True, ("eager",), measure="memory"),
    Row("startup", "process start to the end of the first U-Net train step", "unet_training", "ms", 20, 100, True, ("eager",),
        measure="startup"),
]


def known(names, table, what):
    """These names in the table's order, all for none. Raises ValueError, listing the names, for an unknown one."""
    for name in names:
        if name not in table:
            raise ValueError(f"there is no {what} '{name}'; the {what}s are {', '.join(table)}")
    return [name for name in table if not names or name in names]


def chosen(names, table=ROWS):
    """The rows of these names, as known() does."""
    wanted = known(names, [row.name for row in table], "row")
    return [row for row in table if row.name in wanted]
