# SPDX-License-Identifier: MIT
"""The stages of gpu.sh besides the comparison and its ceilings: each is told how many seconds it has, keeps to that, and returns what it
found, also of work that was cut off."""
import concurrent.futures
import contextlib
import dataclasses
import importlib.util
import json
import os
import pathlib
import platform
import re
import shutil
import signal
import subprocess
import time

TARGET = "for_gpu"   # the tests and our side of the comparison
LABEL = "cuda"   # of the tests
TOGETHER = 8   # processes that share the GPU in tests
COUNTS = re.compile(r"^cases: (\d+) passed, (\d+) failed, (\d+) skipped$", re.MULTILINE)
SUMMARY = re.compile(r"={3,} (Error: Device not supported|(?:ERROR|RACECHECK) SUMMARY: .*)")   # of a sanitizer
LARGE = ("cases", "models", "replay", "trainer")   # tests of more than one operation
WITHOUT_CUDNN = re.compile(r"^-- +cuDNN +no: (.*)$", re.MULTILINE)   # in what CMake sums up


@dataclasses.dataclass
class Ended:
    """How a command ended."""
    status: int | None   # none: it was cut off
    output: str
    seconds: float


def run(command, seconds, cwd=None, environment=None):
    """Runs a command for so long at most, then ends it with all of its children."""
    start = time.perf_counter()
    process = subprocess.Popen(command, cwd=cwd, env=os.environ | (environment or {}), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                               stderr=subprocess.STDOUT, encoding="utf-8", errors="replace", start_new_session=True)
    RUNNING.add(process.pid)
    status, output = None, ""
    try:
        output, _ = process.communicate(timeout=max(seconds, 0))
        status = process.returncode
    except subprocess.TimeoutExpired:
        end_group(process.pid)
        try:
            output, _ = process.communicate(timeout=10)
        except subprocess.TimeoutExpired as held:   # something outside the group has the pipe, too
            output = (held.output or b"").decode(errors="replace")
    finally:
        RUNNING.discard(process.pid)
    return Ended(status, output, time.perf_counter() - start)


RUNNING = set()   # groups of processes


def end_group(group):
    with contextlib.suppress(ProcessLookupError):
        os.killpg(group, signal.SIGKILL)


class Stages:
    """`folder`: of the build; `log(text)` keeps what commands print."""

    def __init__(self, source, folder, gpu, log, note):
        self.source, self.folder, self.gpu, self.log, self.note, self.stopped = source, folder, gpu, log, note, False

    def stop(self):
        """Ends what runs, and begins nothing more."""
        self.stopped = True
        for group in list(RUNNING):
            end_group(group)

    def command(self, words, end, **options):
        ended = run(list(map(str, words)), end - time.perf_counter(), cwd=self.source, **options)
        self.log(f"$ {' '.join(map(str, words))}\n{ended.output}" + ("" if ended.status == 0 else f"status {ended.status}\n"))
        return ended

    def build(self, seconds):
        """Everything that the other stages need, for this GPU alone."""
        end = time.perf_counter() + seconds
        pack = self.source / "build/gpu_pack"
        packed = [f"-DCMAKE_PREFIX_PATH={pack}"] if pack.exists() else []
        configure = ["cmake", "--preset", "cuda", "-B", self.folder, f"-DCMAKE_CUDA_ARCHITECTURES={self.gpu.architecture}", *packed]
        configure += host_options() + ([] if (self.folder / "CMakeCache.txt").exists() else generator())
        environment = {"CUDNN_PATH": str(folder.parent) for folder in wheels("include/cudnn.h") if "CUDNN_PATH" not in os.environ}
        configured = self.command(configure, end, environment=environment)
        lacking = configured.status not in (0, None) and "cublas" in configured.output
        for include in wheels("include/cublas_v2.h"):   # for a toolkit without its libraries: PyTorch has them
            library = include.parent / "lib"
            if lacking or str(library) in read_text(self.folder / "CMakeCache.txt"):   # chosen at an earlier call
                environment |= including(include)
            if lacking:
                chosen = [f"-DCUDA_cublas_LIBRARY={file}" for file in sorted(library.glob("libcublas.so*"))[:1]]
                configured = self.command([*configure, *chosen], end, environment=environment)
        if configured.status != 0:
            advice = "" if packed else "; benchmarks/gpu_pack.sh gathers what it needs on a machine that has it"
            return failure(configured, "configuring" + advice)
        # One file that does not compile must not keep the other program from being built.
        go_on = ["-k", "0"] if (self.folder / "build.ninja").exists() else ["-k"]
        built = self.command(["cmake", "--build", self.folder, "-j", os.cpu_count() or 1, "--target", TARGET, "--", *go_on], end,
                             environment=environment)
        if built.status != 0:
            return failure(built, "building")
        off = WITHOUT_CUDNN.findall(configured.output)   # the other optional parts are not for a GPU
        return {"status": "done", "summary": f"built in {built.seconds:.0f} s" + (f"; cuDNN is off: {off[-1]}" if off else "")}

    def tests(self, end):
        """The native tests as ctest knows them: (name, command)."""
        listed = self.command(["ctest", "--test-dir", self.folder, "-L", LABEL, "--show-only=json-v1"], end)
        try:
            found = json.loads(listed.output[listed.output.index("{"):])["tests"]
        except (ValueError, KeyError):
            return []
        return [(one["name"], one["command"]) for one in found if "command" in one]

    def test(self, seconds):
        """Each native test, and the table of distances from the CPU that they write."""
        end = time.perf_counter() + seconds
        tests = self.tests(end)
        tables = self.folder / "nmse"
        shutil.rmtree(tables, ignore_errors=True)
        tables.mkdir(parents=True)
        found, _ = self.each([(name, command, {"TACET_NMSE": str(tables / f"{name}.json")}) for name, command in tests], end)
        nmse = [one for file in sorted(tables.glob("*.json")) for one in read_table(file)]
        return verdict(found, "tests") | {"nmse": nmse}

    def sanitize(self, seconds):
        """The same tests under memcheck and racecheck, which take long: as many as there is time for, those of single operations first."""
        end = time.perf_counter() + seconds
        tool = shutil.which("compute-sanitizer") or shutil.which("compute-sanitizer", path="/usr/local/cuda/bin")
        if not tool:
            return {"status": "off", "summary": "compute-sanitizer is not on this machine", "tests": {}}
        # Some tests ask the runtime for what it refuses: memcheck would report that.
        checks = {"memcheck": ["--report-api-errors", "no"], "racecheck": []}
        tests = [(name, command) for name, command in self.tests(end)   # what was built, not scripts, and no programs of programs
                 if pathlib.Path(command[0]).is_relative_to(self.folder) and not name.startswith("programs.")]
        tests.sort(key=lambda test: test[0].rpartition(".")[2] in LARGE)
        commands = [(f"{check} {name}", [tool, "--tool", check, *options, "--error-exitcode", "99", *command], {})
                    for name, command in tests for check, options in checks.items()]
        found, errors = self.each(commands[:1], end)
        if any("Device not supported" in text for text in errors.values()):
            return {"status": "off", "summary": "compute-sanitizer does not support this device", "tests": {}}
        for told, more in zip((found, errors), self.each(commands[1:], end)):
            told |= more
        return verdict(found, "runs of tests") | {"errors": errors}

    def each(self, commands, end):
        """What became of each command, by name, and the summaries of sanitizers that report something."""
        found, errors = {}, {}
        with concurrent.futures.ThreadPoolExecutor(TOGETHER) as pool:
            waiting = {pool.submit(self.one, command, environment, end): name for name, command, environment in commands}
            for done in concurrent.futures.as_completed(waiting):
                name, ended = waiting[done], done.result()
                found[name] = outcome(ended)
                summary = SUMMARY.findall(ended.output if ended else "")
                if found[name]["status"] == "failed" and summary:
                    errors[name] = summary[-1]
                if found[name]["status"] != "not reached":
                    self.note(f"{name}: {found[name]['status']}")
        return found, errors

    def one(self, command, environment, end):
        if self.stopped or time.perf_counter() >= end:
            return None
        return self.command(command, end, environment=environment)


def wheels(file):
    """Folders <python packages>/nvidia/*/include that hold this file: libraries of CUDA as PyTorch brings them."""
    found = importlib.util.find_spec("nvidia")
    places = found.submodule_search_locations if found else []
    return [path.parent for place in places for path in sorted(pathlib.Path(place).glob(f"*/{file}"))][:1]


def including(folder):
    """The environment by which compilers find headers in this folder as well."""
    return {"CPATH": os.pathsep.join(filter(None, [str(folder), os.environ.get("CPATH")]))}


def read_text(file):
    return file.read_text(errors="replace") if file.exists() else ""


def host_options():
    """The host's part is for any processor of the last decade: what nvcc makes of the newest ones' intrinsics is not what is tested."""
    if platform.machine() != "x86_64":
        return []
    level = "-march=x86-64-v3"
    return ["-DTACET_NATIVE=OFF", f"-DCMAKE_CXX_FLAGS={level}", f"-DCMAKE_CUDA_FLAGS=-Xcompiler={level}"]


def generator():
    """Ninja, where there is one, has no file wait for a whole target."""
    return ["-G", "Ninja"] if shutil.which("ninja") else []


def read_table(file):
    """The objects of a table of distances; one that was cut off while it was written has none."""
    try:
        return [one for one in json.loads(file.read_text()) if {"name", "type", "nmse", "device"} <= set(one)]
    except (ValueError, TypeError):
        return []


def failure(ended, what):
    """How a command that did not succeed shows in the results."""
    if ended.status is None:
        return {"status": "cut", "summary": f"{what}: cut off after {ended.seconds:.0f} s; it goes on from there at the next call"}
    errors = [line.strip() for line in ended.output.splitlines() if "rror" in line or "*** " in line]
    return {"status": "failed", "summary": f"{what}: status {ended.status}" + "".join(f"; {line[:200]}" for line in errors[:3])}


def outcome(ended):
    """What became of a test: done, failed, skipped, cut or not reached, and its counts of cases."""
    if ended is None:
        return {"status": "not reached"}
    counts = COUNTS.findall(ended.output)
    status = {None: "cut", 0: "done", 77: "skipped"}.get(ended.status, "failed")
    return {"status": status, "seconds": round(ended.seconds, 1), "cases": [int(x) for x in counts[-1]] if counts else None}


def verdict(found, what):
    """The sum of outcomes."""
    count = {state: sum(one["status"] == state for one in found.values()) for state in ("done", "failed", "skipped", "cut", "not reached")}
    cases = sum(one["cases"][0] for one in found.values() if one.get("cases"))
    told = ", ".join(f"{number} {state}" for state, number in count.items() if number)
    idle = not count["done"] and not count["cut"] and not count["not reached"]   # a driver that is too old makes all of them skip
    status = "failed" if count["failed"] or idle else "cut" if count["cut"] or count["not reached"] else "done"
    bad = [name for name, one in sorted(found.items()) if one["status"] == "failed"]
    summary = f"{what}: {told}, {cases} cases passed" + (f"; failed: {', '.join(bad)}" if bad else "")
    return {"status": status, "summary": summary if found else f"there are no {what} labelled {LABEL}: were they built?", "tests": found}
