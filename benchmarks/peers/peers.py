#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The same work in tacet and in PyTorch and ONNX Runtime (CPU, strict fp32), on the same two cores in the same run.

Every configuration of the peer is probed three times: {NCHW, channels_last} x {default, tuned malloc} x {eager, torch.compile}, where it
matters; of works that take long, only those that were the faster ones. The best one, the runner-up where it is near, and tacet then take
turns in processes that stay; the better peer counts; the table holds medians and quartiles. The exit status is 0 when every requested
row was measured, whatever the ratios.
"""
import argparse
import os
import pathlib
import subprocess
import sys
import tempfile
import time

import curves
import measure
import report
import rows
from worker import Worker, WorkerError

HERE = pathlib.Path(__file__).resolve().parent
SOURCE = HERE.parents[1]
PAGE = SOURCE / "docs/benchmarks.md"
CACHE = pathlib.Path(os.environ.get("XDG_CACHE_HOME") or pathlib.Path.home() / ".cache") / "tacet"
REQUIREMENTS = ["torch>=2.4,<3", "numpy", "onnx", "onnxruntime"]
THREADS = 2


def note(text):
    print(text, file=sys.stderr, flush=True)


def arguments(words):
    parser = argparse.ArgumentParser(prog="run.sh", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter,
                                     epilog="rows: " + ", ".join(row.name for row in rows.ROWS))
    parser.add_argument("--only", metavar="NAME,...", default="", help="measure these rows")
    parser.add_argument("--json", metavar="FILE", type=pathlib.Path, help="write the results as JSON")
    parser.add_argument("--update-docs", action="store_true",
                        help="write the results into the table of docs/benchmarks.md, or the curves' section")
    parser.add_argument("--curves", metavar="FOLDER", type=pathlib.Path,
                        help="instead: tacet's cost per pixel over size, batch, threads and instruction sets, as JSON and SVG")
    parser.add_argument("--seconds", metavar="S", type=float, default=20.0, help="each curve ends where one point would take more (20)")
    parser.add_argument("--ours", metavar="PROGRAM", type=pathlib.Path,
                        help="a build of benchmarks/peers, such as one for another instruction set; otherwise preset release is built")
    options = parser.parse_args(words)
    try:
        options.rows = rows.chosen([name.strip() for name in options.only.split(",") if name.strip()])
    except ValueError as error:
        parser.error(str(error))
    return options


def python_with_peers():
    """The Python of an environment that has the peers; made on the first call, of some gigabytes, and kept."""
    environment = CACHE / "peers-venv"
    python, stamp = environment / "bin/python", environment / "requirements.txt"
    wanted = "\n".join(REQUIREMENTS) + "\n"
    if not stamp.exists() or stamp.read_text() != wanted:
        note(f"installing {', '.join(REQUIREMENTS)} into {environment}")
        subprocess.run([sys.executable, "-m", "venv", environment], check=True, stdout=sys.stderr)
        subprocess.run([python, "-m", "pip", "install", "--quiet", *REQUIREMENTS], check=True, stdout=sys.stderr)
        stamp.write_text(wanted)
    return python


def build():
    """Our side, built with preset release."""
    note("building preset release, target benchmark_peers")
    folder = SOURCE / "build/release"
    subprocess.run(["cmake", "--preset", "release"], cwd=SOURCE, check=True, stdout=subprocess.DEVNULL)
    subprocess.run(["cmake", "--build", folder, "--target", "benchmark_peers", "--parallel", "2"], check=True, stdout=subprocess.DEVNULL)
    return folder / "benchmarks/peers"


class Bench:
    """Starts the processes of both sides."""
    threads = THREADS

    def __init__(self, program, python, folder):
        self.program, self.python, self.folder = program.resolve(), python, folder
        self.log = open(folder / "log", "w")
        self.files = {name: folder / name for name in ("inputs", "results")}
        self.peer_environment = {
            "OMP_NUM_THREADS": str(THREADS), "MKL_NUM_THREADS": str(THREADS), "ONEDNN_DEFAULT_FPMATH_MODE": "STRICT",
            "CUDA_VISIBLE_DEVICES": "", "TORCHINDUCTOR_CACHE_DIR": str(CACHE / "inductor"), "TORCHINDUCTOR_COMPILE_THREADS": "1"}

    def file(self, name):
        return self.files[name]

    def ours(self):
        return Worker([self.program], {"TACET_NUM_THREADS": str(THREADS)}, self.log)

    def peer(self, config):
        return Worker([self.python, HERE / "torch_side.py"], self.peer_environment | config.environment(), self.log)

    def machine(self):
        """The processor and the versions of both sides."""
        with open("/proc/cpuinfo") as file:
            models = [line.partition(":")[2].strip() for line in file if line.startswith("model name")]
        with self.ours() as ours, self.peer(rows.Config("eager", "NCHW", "default")) as peer:
            ours.answer(), peer.answer()
            return f"{models[0] if models else 'unknown processor'}, {THREADS} threads; {ours.ask('about')}; {peer.ask('about')}"


def use_two_cores():
    """Keeps this process and its children on two processors, of different cores where that is known."""
    allowed, cores = sorted(os.sched_getaffinity(0)), {}
    for cpu in allowed:
        try:
            core = pathlib.Path(f"/sys/devices/system/cpu/cpu{cpu}/topology/thread_siblings_list").read_text()
        except OSError:
            core = cpu
        cores.setdefault(core, cpu)
    chosen = (list(cores.values()) + [cpu for cpu in allowed if cpu not in cores.values()])[:THREADS]
    if len(chosen) < THREADS:
        note("this machine lends only one processor: two threads share it")
    os.sched_setaffinity(0, chosen)


def machine_idle(seconds=1.0):
    """The share of all processors' time that nobody used in the next second."""
    def times():
        with open("/proc/stat") as file:
            fields = [int(x) for x in file.readline().split()[1:9]]
        return fields[3] + fields[4], sum(fields)

    (idle, total), _ = times(), time.sleep(seconds)
    idle_after, total_after = times()
    return (idle_after - idle) / max(total_after - total, 1)


def wait_until_quiet(patience=15):
    """Waits until 92 % of the machine have been idle for a second, or no longer."""
    for _ in range(patience):
        if machine_idle() >= 0.92:
            break


def measured(bench, chosen):
    """The results of rows by name; a row that fails is reported and left out."""
    results = {}
    for row in chosen:
        try:
            wait_until_quiet()
            result = results[row.name] = measure.Measurement(bench, row, note).run()
            ratio = f"ratio {result.ratio:.2f} ({row.required:g} required, {row.aim:g} aimed at)" if result.peer else "no peer"
            note(f"{row.name}: {ratio} {report.remark(result)}".rstrip())
        except WorkerError as error:
            note(f"{row.name}: not measured: {error}")
    return results


def write_curves(options):
    """The cost curves of the program given, or of builds for all instruction sets."""
    start = time.perf_counter()
    programs = [options.ours] if options.ours else [build(), *(curves.build(SOURCE, name) for name in curves.OTHER_BUILDS)]
    use_two_cores()
    folder = options.curves.resolve()
    data = curves.run([program.resolve() for program in programs], folder, options.seconds, note)
    if options.update_docs:
        text = curves.as_markdown(data, folder, PAGE)
        PAGE.write_text(report.replace_between_markers(PAGE.read_text(), text, report.CURVES_BEGIN, report.CURVES_END))
    note(f"{len(programs)} programs in {time.perf_counter() - start:.0f} s")


def main(words):
    options = arguments(words)
    if options.curves:
        write_curves(options)
        return 0
    start = time.perf_counter()
    program, python = options.ours or build(), python_with_peers()
    use_two_cores()
    with tempfile.TemporaryDirectory(prefix="tacet-peers-") as folder:
        bench = Bench(program, python, pathlib.Path(folder))
        machine = bench.machine()
        results = measured(bench, options.rows)
    ordered = [results[row.name] for row in options.rows if row.name in results]
    print(machine)
    if ordered:
        print(report.as_table(ordered))
    if options.json:
        options.json.write_text(report.as_json(options.rows, results))
    if options.update_docs and ordered:
        try:
            PAGE.write_text(report.updated(PAGE.read_text(), ordered, machine))
        except ValueError as error:
            sys.exit(f"run.sh: {PAGE.name} was not changed: {error}")
    note(f"{len(results)} of {len(options.rows)} rows in {time.perf_counter() - start:.0f} s")
    return 0 if len(results) == len(options.rows) and all(result.counts for result in ordered) else 1


if __name__ == "__main__":
    try:
        sys.exit(main(sys.argv[1:]))
    except subprocess.CalledProcessError as error:
        sys.exit(f"run.sh: {' '.join(map(str, error.cmd))} failed with status {error.returncode}")
