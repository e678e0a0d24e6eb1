#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Checks the code blocks of README.md, CHANGELOG.md and docs/**/*.md against what is compiled and run.

  ```cpp     the lines must stand, one after the other and with any indentation, in a .cpp or .hpp file of the project
  ```cmake   likewise in a CMakeLists.txt below tests/install
  ```sh      the programs of examples/ that it calls must exist, and know the options that it gives them
  ```json, ```text and blocks without a language are not checked; any other language is an error
"""
import argparse
import os
import pathlib
import re
import shlex
import subprocess
import sys

FENCE = re.compile(r"^( *)```(\w*).*$")
UNCHECKED = {"", "text", "json", "bibtex"}


def blocks(page):
    """Yields (line number, language, lines) of the code blocks of a page."""
    inside = None
    for number, line in enumerate(page.read_text().splitlines(), 1):
        fence = FENCE.match(line)
        if inside is None and fence:
            inside = (number, fence[2], [], len(fence[1]))
        elif inside and fence and not fence[2]:
            yield inside[:3]
            inside = None
        elif inside:
            inside[2].append(line[inside[3]:])
    if inside:
        yield inside[0], "unclosed", inside[2]


def words(lines):
    """The lines without indentation and empty lines, so that a block may be indented differently in its source."""
    return [text for line in lines if (text := line.strip())]


def contains(whole, part):
    if not part:
        return False
    return any(whole[i:i + len(part)] == part for i, line in enumerate(whole) if line == part[0])


class Commands:
    """Checks commands of shell blocks."""

    def __init__(self, source, programs):
        self.source, self.programs = source, programs
        self.helps = {}

    def help_of(self, command):
        if command not in self.helps:
            done = subprocess.run([command, "--help"], capture_output=True, text=True, stdin=subprocess.DEVNULL, cwd=self.source)
            self.helps[command] = done.stdout + done.stderr
        return self.helps[command]

    def problem(self, line):
        """What is wrong with one command, or None."""
        try:
            arguments = shlex.split(line, comments=True)
        except ValueError as error:
            return f"not a command: {error}"
        while arguments and re.fullmatch(r"\w+=.*|time|env|sudo|\$", arguments[0]):
            arguments = arguments[1:]
        if not arguments:
            return None
        called = pathlib.PurePosixPath(arguments[0])
        program = None
        if called.parent.name == "examples" or (self.source / "examples" / f"{called.name}.cpp").exists():
            if not (self.source / "examples" / f"{called.name}.cpp").exists():
                return f"there is no examples/{called.name}.cpp"
            program = self.programs / called.name
        elif called.suffix == ".sh":
            program = self.source / called
        if program is None:
            return None
        if not os.access(program, os.X_OK):
            return f"{program} was not built"
        known = self.help_of(str(program))
        for argument in arguments[1:]:
            if argument in ("|", "&&", ";", ">", "2>"):
                break
            option = argument.split("=")[0]
            if option.startswith("--") and option not in ("--help", "--version") and not re.search(rf"{re.escape(option)}\b", known):
                return f"{called.name} has no option {option}"
        return None


def joined(lines):
    """The commands of a shell block: continued lines are one."""
    text = "\n".join(lines).replace("\\\n", " ")
    return [part for line in text.splitlines() for part in re.split(r"&&|\|\||;|\|", line) if part.strip()]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--source", type=pathlib.Path, required=True)
    parser.add_argument("--programs", type=pathlib.Path, required=True, help="the folder with the built examples")
    options = parser.parse_args()
    source = options.source.resolve()

    compiled = [words(path.read_text().splitlines()) for folder in ("tests", "examples", "include", "cuda", "benchmarks")
                for suffix in ("*.cpp", "*.hpp", "*.cuh", "*.cu") for path in (source / folder).rglob(suffix)]
    cmake = [words(path.read_text().splitlines()) for path in (source / "tests/install").rglob("CMakeLists.txt")]
    commands = Commands(source, options.programs)
    pages = [page for name in ("README.md", "CHANGELOG.md") if (page := source / name).exists()] + sorted((source / "docs").rglob("*.md"))

    problems, total = [], 0
    for page in pages:
        for number, language, lines in blocks(page):
            place = f"{page.relative_to(source)}:{number}"
            if language in UNCHECKED:
                continue
            total += 1
            if language == "cpp":
                if not any(contains(text, words(lines)) for text in compiled):
                    problems.append(f"{place}: this C++ code stands in no source that is compiled: put it into tests/docs")
            elif language == "cmake":
                if not any(contains(text, words(lines)) for text in cmake):
                    problems.append(f"{place}: this CMake code stands in no CMakeLists.txt below tests/install")
            elif language in ("sh", "bash", "console"):
                wrong = [problem for line in joined(lines) if (problem := commands.problem(line))]
                problems += [f"{place}: {problem}" for problem in wrong[:1]]
            else:
                problems.append(f"{place}: a block of the language '{language}' is not checked: use cpp, cmake, sh or text")
    for problem in problems:
        print(problem)
    if not pages:
        print("SKIPPED: there is no documentation yet")
        return 77
    print(f"cases: {total - len(problems)} passed, {len(problems)} failed, 0 skipped")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
