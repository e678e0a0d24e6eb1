#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Everything that wants a GPU, in one run: builds with preset cuda for this machine's GPU, runs the native tests, measures what the GPU
can do at best, times our side beside PyTorch's best configuration, and runs the tests again under compute-sanitizer.

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
import contextlib
import datetime
import json
import os
import pathlib
import re
import shutil
import signal
import subprocess
import sys
import tempfile
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
SHARES = {"build": 70, "test": 8, "ceilings": 3, "bench": 32, "sanitize": 7}   # of the time, relative to each other
QUICK = 0.7   # of the bench's time: for what the peer need not compile, at most
SPARE = 30   # seconds of it that the stages leave


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


def memory_folder():
    """Where files are memory: inputs and results of a row may be hundreds of megabytes."""
    folder = pathlib.Path("/dev/shm")
    return folder if folder.is_dir() and os.access(folder, os.W_OK) and shutil.disk_usage(folder).free > 4 << 30 else None


class Bench:
    """The processes of both sides."""

    def __init__(self, folder, errors):
        self.errors, self.work = errors, pathlib.Path(tempfile.mkdtemp(prefix="tacet-gpu-", dir=memory_folder() or folder))
        self.program = BUILD / "benchmarks/gpu"
        self.peer = compare.Peer(lambda: Worker([sys.executable, "-B", HERE / "torch_gpu.py"], {
            "TORCHINDUCTOR_CACHE_DIR": str(folder / "inductor"), "TRITON_CACHE_DIR": str(folder / "triton")}, self.errors))

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.peer.__exit__()
        shutil.rmtree(self.work, ignore_errors=True)

    def file(self, name):
        return self.work / name

    def ours(self):
        return Worker([self.program], {}, self.errors)

    def about(self):
        """The versions of both sides, as far as they answer."""
        told = []
        with contextlib.suppress(WorkerError), self.ours() as ours:
            ours.answer(30)
            told.append(ours.ask("about", 30))
        with contextlib.suppress(WorkerError):
            told.append(self.peer.ask("about", 60))
        return "; ".join(told)


def shared(rows, seconds):
    """The first row's part of the time that is left for all of these."""
    return seconds * rows[0].share / sum(row.share for row in rows)


class Run:
    """All chosen stages, and their files."""

    def __init__(self, options, gpu):
        self.options, self.gpu = options, gpu
        self.date = datetime.date.today().isoformat()
        for folder in (options.folder, options.results, WORK):
            folder.mkdir(parents=True, exist_ok=True)
        self.states = read_json(options.folder / "stages.json", {})
        self.log_file = open(options.folder / "log", "a", encoding="utf-8", errors="replace")
        self.comparison = options.results / f"{self.date}-gpu-{gpu.slug()}.json"
        self.work = stages.Stages(SOURCE, BUILD, gpu, self.log, note)
        self.processes = Bench(WORK, self.log_file)

    def log(self, text):
        self.log_file.write(text)
        self.log_file.flush()

    def stages(self):
        """Does them one after another; whether all is well."""
        end = time.perf_counter() + 60 * self.options.minutes - min(SPARE, 6 * self.options.minutes)
        well = True
        if {"ceilings", "bench"} & set(self.options.stages):
            self.processes.peer.warm_up()   # beside the build
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
        self.processes.peer.end = time.perf_counter() + max(seconds, 30)   # once for all rows
        found = json.loads(self.processes.peer.ask("ceilings"))
        return {"status": "done", "summary": ", ".join(f"{name} {rate:.4g}" for name, rate in found.items()), "found": found}

    def bench(self, seconds):
        """Every row twice, with its share of the time that is left: first beside what the peer need not compile, then beside the best of
        that and what it compiles, which may take minutes. Each is written when it was measured; what fails takes no other along."""
        end, program = time.perf_counter() + seconds, self.processes.program
        if not program.exists():
            return {"status": "failed", "summary": f"{program.relative_to(SOURCE)} was not built"}
        self.processes.peer.end = end
        about = {"gpu": self.gpu.name, "versions": f"{self.processes.about()}; driver {self.gpu.driver}", "date": self.date}
        rows, found, why = self.options.rows, {}, {}
        quick_end = end - (1 - QUICK) * max(0.0, end - time.perf_counter())
        for k, row in enumerate(rows):
            seconds = shared(rows[k:], max(0.0, quick_end - time.perf_counter()))
            self.measure(row, row.quick(), seconds, about, found, why)
        left = [row for row in rows if row.compiled() and row.name in found]
        for k, row in enumerate(left):
            seconds = shared(left[k:], max(0.0, end - time.perf_counter()))
            self.measure(row, found[row.name].winners + found[row.name].untried + row.compiled(), seconds, about, found, why)
        missing = [f"{name}: {reason}" for name, reason in why.items()]
        partly = {name: one.untried for name, one in found.items() if one.untried}
        but = f", {len(partly)} of them not beside every configuration" if partly else ""
        summary = f"{len(rows) - len(why)} of {len(rows)} rows{but}"
        missing += [f"{name}: not tried to the end: {'; '.join(map(str, configs))}" for name, configs in partly.items()]
        return {"status": "failed" if why else "cut" if partly else "done", "summary": summary, "missing": missing}

    def measure(self, row, configs, seconds, about, found, why):
        """Measures a row beside these configurations, and keeps the result and its comparison, found[row.name], or why there is none. What
        was found earlier, beside others, stays where there is no more."""
        earlier, comparison = found.get(row.name), compare.Comparison(self.processes, row, seconds, note, configs)
        try:
            if earlier:   # what was left out then, unless it has another chance
                again = tuple(f"{config}{compare.LEFT_OUT}" for config in configs)
                comparison.remarks += [line for line in earlier.remarks if compare.LEFT_OUT in line and not line.startswith(again)]
            counts = comparison.run()["counts"]
            why.pop(row.name, None)
            if not counts:
                why[row.name] = comparison.remarks[-1]
        except Exception as error:   # of a worker, or one that nobody foresaw: other rows are measured all the same
            told = str(error) if isinstance(error, WorkerError) else f"{type(error).__name__}: {error}"
            note(f"{row.name}: not measured beside {'; '.join(map(str, configs))}: {told}")
            if not earlier:
                why[row.name] = told
                return
            for config in row.compiled():
                earlier.leave_out(config, told)
            earlier.untried += row.compiled()
            comparison = earlier
        found[row.name] = comparison
        self.keep(gpu_report.entry(row, comparison.measured, self.states.get("ceilings", {}).get("found"), about))

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
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, lambda which, _: (run.work.stop(), sys.exit(128 + which)))
    with run.processes:
        well = run.stages()
    print(run.table())
    return 0 if well else 1


if __name__ == "__main__":
    try:
        sys.exit(main(sys.argv[1:]))
    except GpuError as error:
        sys.exit(f"gpu.sh: {error}")
