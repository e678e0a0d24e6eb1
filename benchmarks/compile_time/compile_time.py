#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""What tacet costs a compiler: CPU seconds and peak memory of typical units, beside the budgets of the project.

The budgets were set for g++ -O2 on two cores of a Zen 4 at about 4 GHz; another machine shifts all figures alike.
"""
import argparse
import json
import os
import pathlib
import subprocess
import sys
import tempfile

# (name, budget in CPU seconds, budget in MB): see cases() for what is compiled. None: no budget.
HEADERS, POINTWISE, DIFFERENTIABLE, OP_TEST, UNET = 0.6, 0.4, 0.4, (2.5, 250), (8, 450)


class Compiler:
    def __init__(self, options):
        self.options = options
        self.memory = {}   # by file and defines

    def seconds(self, source, *more):
        """The least CPU seconds of some runs, and the peak memory in MB."""
        key = (str(source), *more)
        if key not in self.memory:
            runs = [self.run(source, more) for _ in range(self.options.runs)]
            self.memory[key] = (min(run[0] for run in runs), max(run[1] for run in runs))
        return self.memory[key]

    def run(self, source, more):
        options = self.options
        command = [options.compiler, "-std=c++20", "-O2", "-c", "-o", "/dev/null", *more, f"-I{options.source}/include",
                   f"-I{options.source}/cuda", f"-I{options.source}/tests", "-isystem", "/usr/include/stb",
                   *options.flag, str(source)]
        child = subprocess.Popen(command)
        _, status, usage = os.wait4(child.pid, 0)
        child.returncode = os.waitstatus_to_exitcode(status)
        if child.returncode:
            sys.exit(f"{source} does not compile")
        return usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024


def cases(compiler, source, scratch):
    """Yields (name, seconds, MB, budget in seconds, budget in MB)."""
    here = source / "benchmarks/compile_time"

    def unit_of(text):
        path = pathlib.Path(scratch, "unit.cpp")
        path.write_text(text)
        compiler.memory.pop((str(path),), None)
        return path

    seconds, memory = compiler.seconds(unit_of("#include <string>\n#include <vector>\n#include <memory>\n#include <functional>\n"))
    yield "<string>, <vector>, <memory>, <functional>: the standard library alone", seconds, memory, None, None
    worst = ("", 0, 0)
    for layer in ("core", "expr", "tensor", "autograd"):
        for header in sorted((source / "include/tacet" / layer).glob("*.hpp")):
            name = f"tacet/{layer}/{header.name}"
            seconds, memory = compiler.seconds(unit_of(f"#include <{name}>\n"))
            if compiler.options.all:
                yield f"include <{name}>", seconds, memory, HEADERS, None
            worst = max(worst, (name, seconds, memory), key=lambda case: case[1])
    yield f"worst include of core, expr, tensor, autograd: <{worst[0]}>", worst[1], worst[2], HEADERS, None

    none, _ = compiler.seconds(here / "pointwise.cpp", "-DEXPRESSIONS=0")
    one, memory = compiler.seconds(here / "pointwise.cpp", "-DEXPRESSIONS=1")
    yield "one pointwise expression, forward, on top of its includes", one - none, memory, POINTWISE, None
    one, _ = compiler.seconds(here / "differentiable.cpp", "-DEXPRESSIONS=1")
    five, memory = compiler.seconds(here / "differentiable.cpp", "-DEXPRESSIONS=5")
    yield "each further differentiable expression", (five - one) / 4, memory, DIFFERENTIABLE, None

    worst = ("none yet", 0, 0)
    for test in sorted((source / "tests/ops").glob("*.cpp")):
        seconds, memory = compiler.seconds(test)
        if compiler.options.all:
            yield f"tests/ops/{test.name}", seconds, memory, *OP_TEST
        worst = max(worst, (test.name, seconds, memory), key=lambda case: case[1])
    yield f"worst test unit of an op: tests/ops/{worst[0]}", worst[1], worst[2], *OP_TEST
    if (here / "unet_step.cpp").exists():
        yield "U-Net train step", *compiler.seconds(here / "unet_step.cpp"), *UNET


def main():
    here = pathlib.Path(__file__).resolve()
    source = next((path for path in here.parents if (path / "include/tacet").is_dir()), None)
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--source", type=pathlib.Path, default=source, help="root of the source tree (%(default)s)")
    parser.add_argument("--compiler", default=os.environ.get("CXX", "g++"), help="%(default)s")
    parser.add_argument("--flag", action="append", default=[], help="one more flag for the compiler, as --flag=-O3")
    parser.add_argument("--runs", type=int, default=3, help="runs of each unit, the least time counts (%(default)s)")
    parser.add_argument("--all", action="store_true", help="each header and each test unit, not only the worst")
    parser.add_argument("--json", action="store_true", help="one JSON line per unit")
    parser.add_argument("--check", action="store_true", help="exit with 1 when a budget is exceeded")
    options = parser.parse_args()
    if options.source is None:
        parser.error("--source is needed: this script does not lie in the source tree")

    exceeded = 0
    if not options.json:
        print(f"{'CPU s':>6} {'budget':>7}  {'MB':>5} {'budget':>7}  unit ({options.compiler} -O2)")
    with tempfile.TemporaryDirectory() as scratch:
        for name, seconds, memory, limit, limit_mb in cases(Compiler(options), options.source, scratch):
            over = (limit is not None and seconds > limit) or (limit_mb is not None and memory > limit_mb)
            exceeded += over
            if options.json:
                print(json.dumps({"unit": name, "seconds": round(seconds, 3), "budget_seconds": limit, "megabytes": round(memory),
                                  "budget_megabytes": limit_mb, "over": over}), flush=True)
            else:
                print(f"{seconds:6.2f} {limit or '':>7}  {memory:5.0f} {limit_mb or '':>7}  {name}{'  OVER' if over else ''}", flush=True)
    return 1 if exceeded and options.check else 0


if __name__ == "__main__":
    sys.exit(main())
