# SPDX-License-Identifier: MIT
"""Cost curves of our side: nanoseconds per pixel over the size of a picture and over the batch, for threads and instruction sets."""
import json
import subprocess

from worker import Worker

OTHER_BUILDS = ["x86-64-v3", "x86-64"]   # -march, beside preset release, which is for this machine
SIDES = [64, 128, 256, 512, 1024, 2048, 4096]
BATCHES = [1, 2, 4, 8, 16, 32, 64]
PLOTS = [("inference", SIDES, "Noise2Noise U-Net, inference", "side of the picture in pixels"),
         ("training", BATCHES, "Noise2Noise U-Net, training step on patches of 64 x 64", "patches in a batch")]


def build(source, march):
    """Our side for a given -march."""
    folder = source / f"build/curves-{march}"
    subprocess.run(["cmake", "--preset", "release", "-B", folder, "-DTACET_NATIVE=OFF", f"-DCMAKE_CXX_FLAGS=-march={march}"],
                   cwd=source, check=True, stdout=subprocess.DEVNULL)
    subprocess.run(["cmake", "--build", folder, "--target", "benchmark_peers"], check=True, stdout=subprocess.DEVNULL)
    return folder / "benchmarks/peers"


def measure(program, what, sizes, threads, note):
    """Nanoseconds per pixel for each size."""
    with Worker([program], {"TACET_NUM_THREADS": str(threads)}, None) as worker:
        worker.answer()
        isa = worker.ask("about").split(", ")[1]
        costs = []
        for size in sizes:
            costs.append(float(worker.ask(f"cost {what} {size}")))
            note(f"{what}, {isa}, {threads} thread(s), {size}: {costs[-1]:.1f} ns per pixel")
    return {"name": f"{isa}, {threads} thread{'s' * (threads > 1)}", "x": sizes, "y": costs}


def run(programs, folder, note):
    """Writes FOLDER/{inference,training}.json and .svg."""
    folder.mkdir(parents=True, exist_ok=True)
    for what, sizes, title, x_label in PLOTS:
        series = [measure(program, what, sizes, threads, note) for program in programs for threads in (1, 2)]
        data = {"title": title, "x_label": x_label, "y_label": "ns per pixel", "series": series}
        (folder / f"{what}.json").write_text(json.dumps(data, indent=1) + "\n")
        with Worker([programs[0]], {}, None) as worker:
            worker.answer()
            worker.ask(f"plot {folder / what}.json {folder / what}.svg")
