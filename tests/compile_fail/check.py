#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Checks that a file does not compile, and that the first line with an error contains what its own first line, `// expect: text`, says.

The mistake stands between `#ifdef MISTAKE` and `#endif`: without that macro the file must compile, so that it fails for no other reason.
"""
import argparse
import os
import pathlib
import re
import subprocess
import sys


def messages(compiler, flags, source, *more):
    """None when the file compiles, otherwise all that the compiler says."""
    command = [compiler, *flags, "-fsyntax-only", "-fdiagnostics-color=never", *more, str(source)]
    done = subprocess.run(command, capture_output=True, text=True, env={**os.environ, "LC_ALL": "C"})
    return None if done.returncode == 0 else done.stderr


def check(compiler, flags, source):
    """What is wrong with the case, or None."""
    text = source.read_text()
    expected = re.match(r"// expect: (.+)\n", text)
    if not expected:
        return "the first line must be '// expect: text'"
    if "#ifdef MISTAKE\n" not in text:
        return "the mistake must stand between '#ifdef MISTAKE' and '#endif'"
    if sound := messages(compiler, flags, source):
        return f"does not compile without its mistake:\n{sound}"
    said = messages(compiler, flags, source, "-DMISTAKE")
    if said is None:
        return "compiles, mistake and all"
    first = next((line for line in said.splitlines() if "error:" in line), "(no line with an error)")
    if expected[1].strip() not in first:
        return f"expected in the first error: {expected[1].strip()}\nfound: {first}\n\n{said}"
    return None


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--compiler", default="g++")
    parser.add_argument("--flags", required=True, help="file with one compiler flag a line")
    parser.add_argument("source", type=pathlib.Path)
    options = parser.parse_args()
    flags = [line for line in pathlib.Path(options.flags).read_text().splitlines() if line]
    wrong = check(options.compiler, flags, options.source)
    if wrong:
        print(f"{options.source}: {wrong}")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
