#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Everything that wants a GPU, in one run: builds with preset cuda for this machine's GPU, runs the native tests, these again under
compute-sanitizer, measures what the GPU can do at best, and times our side beside PyTorch's best configuration.

It needs nvcc, g++, CMake and a python3 with PyTorch, no network and nothing outside the checkout: benchmarks/gpu_pack.sh gathers beforehand
what else the build needs. Each stage has its share of the time, and of what earlier ones did not take; what it found is written before the
next one begins, and rows of the comparison as they are measured, into the output folder:
    stages.json                   what became of each stage
    nmse.json                     distances between CPU and GPU, as the tests found them
    YYYY-MM-DD-gpu-NAME.json      the comparison: earlier rows of the same day stay
    log                           what commands printed
The exit status is 0 when all chosen stages were done, all tests passed and every requested row was measured, whatever the ratios.
"""
import argparse
import datetime
import json
import os
import pathlib
import re
import shutil
import subprocess
import sys
import time

HERE = pathlib.Path(__file__).resolve().parent
SOURCE = HERE.parents[1]
sys.path.insert(0, str(HERE.parent / "peers"))

import compare   # noqa: E402
import gpu_report   # noqa: E402
import stages   # noqa: E402
from gpu_rows import ROWS   # noqa: E402
from rows import chosen, known   # noqa: E402
from worker import Worker, WorkerError   # noqa: E402

PAGE = SOURCE / "docs/benchmarks_gpu.md"
RESULTS = SOURCE / "benchmarks/results"
BUILD, WORK = SOURCE / "build/cuda", SOURCE / "build/gpu"
SHARES = {"build": 55, "test": 8, "sanitize": 7, "ceilings": 2, "bench": 28}   # of the time
SPARE = 15   # seconds of it that the stages leave


def note(text):
    print(text, file=sys.stderr, flush=True)


class GpuError(Exception):
    """Why nothing can be done."""


class Gpu:
    """The first GPU, as nvidia-smi names it: compute capability 9.0 is architecture 90."""

    def __init__(self, tool="nvidia-smi"):
        try:
            told = subprocess.run([tool, "--query-gpu=name,compute_cap,driver_version", "--format=csv,noheader"], capture_output=True,
                                  text=True, timeout=60)
        except (OSError, subprocess.TimeoutExpired) as error:
            raise GpuError(f"this machine has no NVIDIA GPU, or no driver for it: nvidia-smi: {error}") from None
        fields = [field.strip() for field in told.stdout.split("\n")[0].split(",")]
        if told.returncode != 0 or len(fields) != 3 or not re.fullmatch(r"\d+\.\d", fields[1]):
            said = " ".join((told.stdout + told.stderr).split())[:200]
            raise GpuError(f"this machine has no NVIDIA GPU that can be used: nvidia-smi says: {said}")
        self.name, capability, self.driver = fields
        self.architecture = capability.replace(".", "")

    def slug(self):
        return re.sub(r"[^a-z0-9]+", "-", self.name.lower().replace("nvidia", "")).strip("-")


def words_of(text):
    """What stands between commas."""
    return [word.strip() for word in text.split(",") if word.strip()]


def arguments(words):
    parser = argparse.ArgumentParser(prog="gpu.sh", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter,
                                     epilog="rows: " + ", ".join(row.name for row in ROWS))
    parser.add_argument("--stage", metavar="NAME,...", default="", help=f"do these: {','.join(SHARES)} (all)")
    parser.add_argument("--only", metavar="NAME,...", default="", help="measure these rows")
    parser.add_argument("--out", metavar="DIR", type=pathlib.Path,
                        help="write everything into DIR (the comparison into benchmarks/results, the rest into build/gpu)")
    parser.add_argument("--minutes", metavar="M", type=float, default=10, help="time for all stages together (10)")
    parser.add_argument("--update-docs", action="store_true",
                        help="instead: take the results from DIR, the comparison into benchmarks/results, and write them into "
                             "docs/benchmarks_gpu.md; needs no GPU")
    options = parser.parse_args(words)
    if options.minutes <= 0:
        parser.error("--minutes takes a positive number")
    try:
        options.stages = known(words_of(options.stage), list(SHARES), "stage")
        options.rows = chosen(words_of(options.only), ROWS)
    except ValueError as error:
        parser.error(str(error))
    options.folder, options.results = options.out or WORK, options.out or RESULTS
    return options


def read_json(file, otherwise):
    """What a file of results holds; `otherwise` where there is none."""
    return json.loads(file.read_text()) if file.exists() else otherwise


def write(file, text):
    """Replaces a file at once, so that one that is cut off leaves what was there."""
    beside = file.with_name(file.name + ".new")
    beside.write_text(text)
    beside.replace(file)


class Bench:
    """The processes of both sides."""

    def __init__(self, folder, errors):
        self.folder, self.errors = folder, errors
        self.program = BUILD / "benchmarks/gpu"
        self.peer = compare.Peer(lambda: Worker([sys.executable, "-B", HERE / "torch_gpu.py"], {
            "TORCHINDUCTOR_CACHE_DIR": str(self.folder / "inductor"), "TRITON_CACHE_DIR": str(self.folder / "triton")}, self.errors))

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.peer.__exit__()
        for name in ("inputs", "results"):
            self.file(name).unlink(missing_ok=True)

    def file(self, name):
        return self.folder / name

    def ours(self):
        return Worker([self.program], {}, self.errors)

    def about(self):
        """The versions of both sides."""
        with self.ours() as ours:
            ours.answer()
            return f"{ours.ask('about')}; {self.peer.ask('about', 120)}"


class Run:
    """All chosen stages, and their files."""

    def __init__(self, options, gpu):
        self.options, self.gpu = options, gpu
        self.date = datetime.date.today().isoformat()
        for folder in (options.folder, options.results, WORK):
            folder.mkdir(parents=True, exist_ok=True)
        self.states = read_json(options.folder / "stages.json", {})
        self.log_file = open(options.folder / "log", "a")
        self.comparison = options.results / f"{self.date}-gpu-{gpu.slug()}.json"
        self.work = stages.Stages(SOURCE, BUILD, gpu, self.log, note)

    def log(self, text):
        self.log_file.write(text)
        self.log_file.flush()

    def stages(self):
        """Does them one after another; whether all is well."""
        end = time.perf_counter() + 60 * self.options.minutes - min(SPARE, 6 * self.options.minutes)
        well = True
        for k, name in enumerate(self.options.stages):
            share = SHARES[name] / sum(SHARES[later] for later in self.options.stages[k:])
            limit, start = max(0.0, end - time.perf_counter()) * share, time.perf_counter()
            note(f"{name}: at most {limit:.0f} s")
            state = self.done(name, limit)
            nmse = state.pop("nmse", None)
            if nmse:
                write(self.options.folder / "nmse.json", json.dumps(nmse, indent=1) + "\n")
            self.states[name] = state | {"seconds": round(time.perf_counter() - start, 1), "gpu": self.gpu.name, "date": self.date}
            write(self.options.folder / "stages.json", json.dumps(self.states, indent=1) + "\n")
            note(f"{name}: {state['status']}: {state['summary']}")
            well = well and state["status"] in ("done", "off")
        return well

    def done(self, name, seconds):
        """What a stage found. One that breaks must not take the others along."""
        try:
            return (getattr(self, name, None) or getattr(self.work, name))(seconds)
        except Exception as error:
            return {"status": "failed", "summary": f"{type(error).__name__}: {error}"}

    def ceilings(self, seconds):
        with Bench(WORK, self.log_file) as bench:
            found = json.loads(bench.peer.ask("ceilings", seconds))
        return {"status": "done", "summary": ", ".join(f"{name} {rate:.4g}" for name, rate in found.items()), "found": found}

    def bench(self, seconds):
        """Every row has its share of the time that is left; each is written when it was measured."""
        end, missing = time.perf_counter() + seconds, []
        with Bench(WORK, self.log_file) as bench:
            if not bench.program.exists():
                return {"status": "failed", "summary": f"{bench.program.relative_to(SOURCE)} was not built"}
            about = {"gpu": self.gpu.name, "versions": f"{bench.about()}; driver {self.gpu.driver}", "date": self.date}
            for k, row in enumerate(self.options.rows):
                share = row.share / sum(later.share for later in self.options.rows[k:])
                try:
                    measured = compare.Comparison(bench, row, max(0.0, end - time.perf_counter()) * share, note).run()
                except WorkerError as error:
                    missing.append(f"{row.name}: {error}")
                    note(f"{row.name}: not measured: {error}")
                    continue
                self.keep(gpu_report.entry(row, measured, self.states.get("ceilings", {}).get("found"), about))
                if not measured["counts"]:
                    missing.append(f"{row.name}: {measured['remarks'][-1]}")
        count = len(self.options.rows) - len(missing)
        return {"status": "failed" if missing else "done", "summary": f"{count} of {len(self.options.rows)} rows", "missing": missing}

    def keep(self, one):
        entries = gpu_report.merged(read_json(self.comparison, []), one)
        write(self.comparison, gpu_report.as_json(entries))
        note(f"{one['name']}: {one['ratio_eager']:.2f} against eager, {one['ratio']:.2f} against {one['peer_config']}")

    def table(self):
        """What there is to be seen at the end."""
        entries = read_json(self.comparison, [])
        lines = [f"{name}: {state['status']} in {state['seconds']} s: {state['summary']}" for name, state in self.states.items()
                 if name in self.options.stages]
        return "\n".join([self.gpu.name] + lines + ([gpu_report.as_table(entries)] if entries else []))


def update_docs(options):
    """Brings the results of a run home."""
    if options.out:
        if not (options.out / "stages.json").exists():
            raise GpuError(f"{options.out} holds no results of a run: there is no stages.json")
        for file in options.out.glob("*-gpu-*.json"):
            shutil.copy(file, RESULTS)
    entries = {}
    for file in sorted(RESULTS.glob("*-gpu-*.json")):   # later days replace earlier ones
        entries |= {one["name"]: one for one in read_json(file, [])}
    states, nmse = read_json(options.folder / "stages.json", {}), read_json(options.folder / "nmse.json", [])
    write(PAGE, gpu_report.updated(PAGE.read_text(), [entries[row.name] for row in ROWS if row.name in entries], states, nmse))
    note(f"{PAGE.relative_to(SOURCE)}: {len(entries)} of {len(ROWS)} rows measured")


def main(words):
    options = arguments(words)
    if options.update_docs:
        update_docs(options)
        return 0
    run = Run(options, Gpu())
    note(f"{run.gpu.name}, architecture {run.gpu.architecture}, driver {run.gpu.driver}; {os.cpu_count()} processors")
    well = run.stages()
    print(run.table())
    return 0 if well else 1


if __name__ == "__main__":
    try:
        sys.exit(main(sys.argv[1:]))
    except GpuError as error:
        sys.exit(f"gpu.sh: {error}")
