#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Compiles every header of the library alone, in a unit that holds nothing but its #include."""
import argparse
import concurrent.futures
import os
import pathlib
import subprocess
import sys


def compile_alone(compiler, flags, header):
    """The compiler's messages, or None when the header compiles without one."""
    command = [compiler, *flags, "-Werror", "-fsyntax-only", "-x", "c++", "-"]
    unit = f"#include <{header}>\n#include <{header}>\n"
    done = subprocess.run(command, input=unit, capture_output=True, text=True)
    return None if done.returncode == 0 and not done.stderr else done.stderr or "(no message)"


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--compiler", default="g++")
    parser.add_argument("--flags", required=True, help="file with one compiler flag a line")
    parser.add_argument("--include", required=True, help="the include root")
    parser.add_argument("--bare", action="store_true", help="without the optional libraries (TACET_WITH_*): the headers that ask for them")
    parser.add_argument("headers", nargs="*", help="headers relative to the include root (default: all)")
    options = parser.parse_args()

    flags = [line for line in pathlib.Path(options.flags).read_text().splitlines() if line]
    root = pathlib.Path(options.include)
    headers = options.headers or sorted(str(path.relative_to(root)) for path in root.rglob("*.hpp"))
    if options.bare:
        flags = [flag for flag in flags if not flag.startswith("-DTACET_WITH_")]
        headers = [header for header in headers if "TACET_WITH_" in (root / header).read_text()]
    jobs = min(2, os.cpu_count() or 1)
    with concurrent.futures.ThreadPoolExecutor(jobs) as pool:
        results = list(pool.map(lambda header: compile_alone(options.compiler, flags, header), headers))

    failed = 0
    for header, messages in zip(headers, results):
        if messages is not None:
            failed += 1
            print(f"<{header}> does not compile alone:\n{messages}")
    print(f"cases: {len(headers) - failed} passed, {failed} failed, 0 skipped")
    return 1 if failed or not headers else 0


if __name__ == "__main__":
    sys.exit(main())
