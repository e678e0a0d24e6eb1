# SPDX-License-Identifier: MIT
"""Cost curves of our side: nanoseconds per pixel over the size of a picture and over the batch, for threads and instruction sets."""
import json
import os
import subprocess
from typing import NamedTuple

from worker import Worker, WorkerError

OTHER_BUILDS = {"avx2": "-march=x86-64-v3", "sse2": "-march=x86-64", "scalar": "-DTACET_WITH_SCALAR=1"}   # beside preset release
SIDES = [64, 128, 256, 512, 1024, 2048, 4096]
PATCH = 64   # the side of the patches that training takes


class Curve(NamedTuple):
    name: str
    sizes: list
    title: str
    x_label: str

    def pixels(self, size):
        return size * PATCH**2 if self.name == "training" else size**2


CURVES = [Curve("conv3x3", SIDES[:-1], "3x3 convolution of 64 to 64 channels, forward", "side of the picture in pixels"),
          Curve("inference", SIDES, "Noise2Noise U-Net, inference", "side of the picture in pixels"),
          Curve("training", [1, 2, 4, 8, 16, 32, 64], f"Noise2Noise U-Net, training step on patches of {PATCH} x {PATCH}",
                "patches in a batch")]


def build(source, name):
    """Our side for another instruction set."""
    folder = source / f"build/curves-{name}"
    subprocess.run(["cmake", "--preset", "release", "-B", folder, "-DTACET_NATIVE=OFF", "-DTACET_BUILD_EXAMPLES=OFF",
                    f"-DCMAKE_CXX_FLAGS={OTHER_BUILDS[name]}"], cwd=source, check=True, stdout=subprocess.DEVNULL)
    subprocess.run(["cmake", "--build", folder, "--target", "benchmark_peers"], check=True, stdout=subprocess.DEVNULL)
    return folder / "benchmarks/peers"


def measure(program, curve, threads, seconds, note):
    """Nanoseconds per pixel for each size, up to the last one that takes less than `seconds` by the one before."""
    with Worker([program], {"TACET_NUM_THREADS": str(threads)}, None) as worker:
        worker.answer()
        isa = worker.ask("about").split(", ")[1]
        costs = []
        for size in curve.sizes:
            if costs and costs[-1] * curve.pixels(size) > 1e9 * seconds:
                break
            costs.append(float(worker.ask(f"cost {curve.name} {size}")))
            note(f"{curve.name}, {isa}, {threads} thread(s), {size}: {costs[-1]:.1f} ns per pixel")
    return {"name": f"{isa}, {threads} thread{'s' * (threads > 1)}", "x": curve.sizes[:len(costs)], "y": costs}


def run(programs, folder, seconds, note):
    """Writes FOLDER/NAME.json and .svg for each curve, and returns their data by name."""
    folder.mkdir(parents=True, exist_ok=True)
    data = {}
    for curve in CURVES:
        series = []
        for program in programs:
            try:
                series += [measure(program, curve, threads, seconds, note) for threads in (1, 2)]
            except WorkerError as error:   # an instruction set that this machine lacks
                note(f"{curve.name}, {program}: not measured: {error}")
        data[curve.name] = {"title": curve.title, "x_label": curve.x_label, "y_label": "ns per pixel", "series": series}
        (folder / f"{curve.name}.json").write_text(json.dumps(data[curve.name], indent=1) + "\n")
        with Worker([programs[0]], {}, None) as worker:
            worker.answer()
            worker.ask(f"plot {folder / curve.name}.json {folder / curve.name}.svg")
    return data


def as_markdown(data, folder, page):
    """A table and the plot of each curve; `folder` holds the plots, `page` is the file that they are shown in."""
    lines = []
    for curve in CURVES:
        picture = os.path.relpath(folder / f"{curve.name}.svg", page.parent)
        lines += [f"{curve.title}, ns per pixel:", "", f"| {curve.x_label} | " + " | ".join(map(str, curve.sizes)) + " |",
                  "|" + "---|" * (len(curve.sizes) + 1)]
        for series in data[curve.name]["series"]:
            cells = [f"{cost:.3g}" if cost < 1000 else f"{cost:.0f}" for cost in series["y"]]
            lines.append(f"| {series['name']} | " + " | ".join(cells + ["-"] * (len(curve.sizes) - len(cells))) + " |")
        lines += ["", f"![{curve.title}]({picture})", ""]
    return "\n".join(lines[:-1])
