#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Disassembles the hot kernels (kernels.cpp, compiled) and fails when one has no packed multiply-add of the build's width.

A kernel is a function of namespace kernels::vectors or kernels::loops together with all functions that it refers to; kernels.cpp says
what each namespace demands. Functions of kernels::elements have none, which shows that this check can fail.
"""
import argparse
import collections
import math
import re
import subprocess
import sys

# The instructions that do the work, per instruction set: the full width, and what the compiler may choose for loops.
# SSE2 has no fused multiply-add: there a product and a sum, both packed, stand for one.
FUSED = r"vfn?m(?:add|sub)\d+ps\b.*%{}\b"
INSTRUCTIONS = {
    "Avx512": {"vectors": [FUSED.format(r"zmm\d+")], "loops": [FUSED.format(r"[yz]mm\d+")]},
    "Avx2": {"vectors": [FUSED.format(r"ymm\d+")], "loops": [FUSED.format(r"ymm\d+")]},
    "Neon": {"vectors": [r"\bfml[as]\s+v\d+\.4s"], "loops": [r"\bfml[as]\s+v\d+\.4s"]},
    "Sse2": {"vectors": [r"\bmulps\b", r"\b(?:add|sub)ps\b"], "loops": [r"\bmulps\b", r"\b(?:add|sub)ps\b"]},
}
FUNCTION = re.compile(r"^[0-9a-f]+ <(.*)>:$")
REFERENCE = re.compile(r"\s[0-9a-f]+: R_\w+\s+(.*?)(?:[-+]0x[0-9a-f]+)?$")
KERNEL = re.compile(r"\bkernels::(vectors|loops|elements)::(\w+(?:<[\d, ]+>)?)\(")
PART = re.compile(r"(?: \[clone [^\]]*\])+$")   # the compiler splits functions: all parts are one


class Functions:
    """What `objdump -d -r -C` prints, by function: the lines of its instructions, and the names of the functions it refers to."""

    def __init__(self, text):
        self.lines = collections.defaultdict(list)
        self.references = collections.defaultdict(set)
        name = ""
        for line in text.splitlines():
            if match := FUNCTION.match(line):
                name = PART.sub("", match[1])
                self.lines[name]   # noqa: B018  (functions without instructions exist, too)
            elif line[:1].isspace():
                self.lines[name].append(line)
                if match := REFERENCE.search(line):
                    self.references[name].add(PART.sub("", match[1]))

    def reached(self, name):
        """`name` and all functions that it refers to, however indirectly."""
        seen, todo = {name}, [name]
        while todo:
            for other in self.references[todo.pop()]:
                if other not in seen and other in self.lines:
                    seen.add(other)
                    todo.append(other)
        return seen

    def count(self, name, patterns):
        """How many multiply-adds it holds: the number of the rarest of the instructions that make one."""
        lines = [line for other in self.reached(name) for line in self.lines[other]]
        return min(sum(bool(re.search(pattern, line)) for line in lines) for pattern in patterns)


def instruction_set(functions):
    for name in functions.lines:
        if match := re.search(r"\bkernels::compiled_for<tacet::instruction_set::(\w+)>", name):
            return match[1]
    raise ValueError("kernels::compiled_for is missing: nothing says what this was compiled for")


def check(functions):
    """Yields (kernel, multiply-adds found, multiply-adds demanded, whether that is as it should be)."""
    demands = INSTRUCTIONS[instruction_set(functions)]
    for name in sorted(functions.lines):
        if match := KERNEL.search(name):
            space, kernel = match.groups()
            least = math.prod(int(number) for number in re.findall(r"\b\d+\b", kernel.partition("<")[2]))
            found = functions.count(name, demands["loops" if space == "elements" else space])
            yield f"{space}::{kernel}", found, least, (found == 0) if space == "elements" else found >= least


def report(functions):
    """Prints a line for each kernel; gives the number of those that are not as they should be."""
    results = list(check(functions))
    for kernel, found, least, good in results:
        expected = "none" if kernel.startswith("elements::") else f"at least {least}"
        print(f"{'ok  ' if good else 'FAIL'}  {kernel:40} {found:4} packed multiply-adds ({expected})")
    spaces = {kernel.partition("::")[0] for kernel, *_ in results}
    missing = {"vectors", "loops", "elements"} - spaces
    for space in sorted(missing):
        print(f"FAIL  no function of kernels::{space}")
    return sum(not good for *_, good in results) + len(missing)


def main():
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--objdump", default="objdump")
    parser.add_argument("object", help="kernels.cpp, compiled")
    arguments = parser.parse_args()
    command = [arguments.objdump, "--disassemble", "--reloc", "--demangle", "--wide", "--no-show-raw-insn", arguments.object]
    functions = Functions(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
    name = instruction_set(functions)
    if name not in INSTRUCTIONS:
        print(f"SKIPPED: instruction set {name} has no packed instructions")
        return 77
    print(f"instruction set {name}")
    return 1 if report(functions) else 0


if __name__ == "__main__":
    sys.exit(main())
