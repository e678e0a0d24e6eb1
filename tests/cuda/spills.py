#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Compiles and links train steps of networks (train_step.cpp) by nvcc, and says what its kernels take.

A table in Markdown goes to stdout: for each kernel and architecture the most registers of all its instances, and where there are any the
bytes of shared memory (of those that are not asked for at launch) and the bytes that spill to memory. It fails when a hot kernel spills,
or when one is missing. Where there is a GPU the train steps are run. Without nvcc it says that it skips.
"""
import argparse
import os
import re
import shutil
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
SKIPPED = 77
# Where networks spend their time: attention, convolutions, products and fused blocks.
HOT = ("window_attention", "tensor_product", "tile_product", "swin_block")
# Four rows of 64 numbers are all registers that a thread has: heads of more than 32 channels, in float or in windows of more than 64 tokens.
COLD = re.compile(r"(window_attention_backward)<[\w:]+, 64>")
ENTRY = re.compile(r"Compiling entry function '(\w+)' for 'sm_(\d+)'")
SPILLS = re.compile(r"(\d+) bytes spill stores, (\d+) bytes spill loads")
USED = re.compile(r"Used (\d+) registers(?:.*?(\d+) bytes smem)?")


def find_nvcc():
    """The path of nvcc, or None."""
    homes = [os.environ[name] for name in ("CUDA_PATH", "CUDA_HOME") if os.environ.get(name)]
    folders = [os.environ.get("PATH", ""), *(os.path.join(home, "bin") for home in (*homes, "/usr/local/cuda"))]
    return os.environ.get("CUDACXX") or shutil.which("nvcc", path=os.pathsep.join(folders))


def compile_program(nvcc, architectures, program):
    """What nvcc and the assembler say; None when they fail, which is then printed."""
    command = [nvcc, "-x", "cu", os.path.join(HERE, "train_step.cpp"), "-o", program, "-std=c++20", "--expt-relaxed-constexpr", "-O2",
               "-DNDEBUG", "--threads", "2", "-Xptxas", "-v", "-DTACET_WITH_CUDA=1", "-lcublas"]
    command += [f"-I{os.path.join(ROOT, folder)}" for folder in ("include", "cuda", "tests", os.path.join("tests", "cuda"))]
    for number in architectures:
        command += ["-gencode", f"arch=compute_{number},code=sm_{number}"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        print("\n".join(line for line in (done.stdout + done.stderr).splitlines() if "ptxas info" not in line)[-4000:])
        return None
    return done.stdout + done.stderr


def demangled(names):
    """{mangled: readable}."""
    lines = subprocess.run(["c++filt"], input="\n".join(names), capture_output=True, text=True, check=True).stdout.splitlines()
    return dict(zip(names, lines))


def kernel_of(readable):
    """'void tacet::gpu::window_attention<float, 16>(...)' -> 'window_attention'; what is not hot in a hot kernel keeps its size."""
    if match := COLD.search(readable):
        return f"{match[1]}<64>"
    return re.match(r"(?:void )?(?:\w+::)*(\w+)", readable.replace("(anonymous namespace)::", "")).group(1)


def parse(text):
    """[(mangled, architecture, registers, shared bytes, spilled bytes)] of what the assembler said."""
    found, name, spilled = [], None, 0
    for line in text.splitlines():
        if match := ENTRY.search(line):
            name = match.groups()
        elif match := SPILLS.search(line):
            spilled = sum(map(int, match.groups()))
        elif (match := USED.search(line)) and name:
            found.append((*name, int(match[1]), int(match[2] or 0), spilled))
            name, spilled = None, 0
    return found


def table(entries):
    """{(kernel, architecture): [instances, registers, shared, spilled]}: the most of all instances."""
    readable = demangled(sorted({entry[0] for entry in entries}))
    rows = {}
    for mangled, architecture, *numbers in entries:
        row = rows.setdefault((kernel_of(readable[mangled]), int(architecture)), [0, 0, 0, 0])
        row[:] = [row[0] + 1, *map(max, row[1:], numbers)]
    return rows


def hot(kernel):
    """Whether it may not spill."""
    return kernel.startswith(HOT) and not kernel.endswith(">")


def taken(registers, shared, spilled):
    """(213, 0, 4) -> '213, 4 B spilled'."""
    return f"{registers}" + (f", {shared} B shared" if shared else "") + (f", {spilled} B spilled" if spilled else "")


def markdown(rows, architectures):
    """One line for each kernel: what it takes on every architecture."""
    lines = ["| kernel | instances | " + " | ".join(f"sm_{number}" for number in architectures) + " |",
             "|---|--:|" + "--:|" * len(architectures)]
    for kernel in sorted({kernel for kernel, _ in rows}, key=lambda kernel: (not hot(kernel), kernel)):
        cells = [rows.get((kernel, number), [0, 0, 0, 0]) for number in architectures]
        lines.append(f"| {kernel} | {max(cell[0] for cell in cells)} | "
                     + " | ".join(taken(*cell[1:]) for cell in cells) + " |")
    return "\n".join(lines)


def problems(rows, architectures):
    """What is wrong with the hot kernels, one text each."""
    wrong = [f"{kernel} spills {row[3]} bytes on sm_{architecture}" for (kernel, architecture), row in sorted(rows.items())
             if hot(kernel) and row[3]]
    return wrong + [f"no kernel {name}* was compiled for sm_{architecture}" for name in HOT for architecture in architectures
                    if not any(kernel.startswith(name) and at == architecture for kernel, at in rows)]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--architectures", default="80,86,89,90", help="compute capabilities, separated by commas (default: %(default)s)")
    architectures = [int(number) for number in parser.parse_args().architectures.split(",")]
    nvcc = find_nvcc()
    if not nvcc:
        print("SKIPPED: nvcc was not found")
        return SKIPPED
    with tempfile.TemporaryDirectory() as folder:
        program = os.path.join(folder, "train_step")
        said = compile_program(nvcc, architectures, program)
        if said is None:
            return 1
        rows = table(parse(said))
        print(markdown(rows, architectures) + "\n")
        wrong = problems(rows, architectures)
        print("\n".join(wrong))
        status = subprocess.run([program], check=False).returncode
    return 1 if wrong or status not in (0, SKIPPED) else 0


if __name__ == "__main__":
    sys.exit(main())
