#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Checks the rules of the library that can be read off the text of its files: who may include whom, and the form of a file.

Usage: check.py ROOT    (the root of the source tree)
Prints one line per violation; the exit status says whether there was one.
"""
import pathlib
import re
import sys

# What a layer may include besides itself. From left to right: core, expr, tensor, autograd, ops, nn, {optim, models}, denoise, train;
# io, metrics and data stand on tensor, and the layers that do the work of programs (denoise, train) may use them.
BASE = ["core", "expr", "tensor"]
LAYERS = {
    "core": [],
    "expr": ["core"],
    "tensor": ["core", "expr"],
    "io": BASE,
    "metrics": BASE,
    "data": BASE + ["io", "metrics"],
    "autograd": BASE,
    "ops": BASE + ["autograd"],
    "nn": BASE + ["autograd", "ops"],
    "optim": BASE + ["autograd", "ops", "nn"],
    "models": BASE + ["autograd", "ops", "nn"],
    "parallel": BASE + ["autograd", "ops", "nn", "optim"],
    "denoise": BASE + ["autograd", "ops", "nn", "optim", "models", "io", "metrics", "data"],
    "train": BASE + ["autograd", "ops", "nn", "optim", "models", "io", "metrics", "data", "denoise", "parallel"],
}

# The layers of which tacet.hpp brings every header.
WHOLE = {"core", "expr", "tensor", "autograd", "ops", "nn", "optim", "models", "metrics"}

STANDARD = set("""algorithm any array atomic barrier bit bitset cassert cctype cerrno cfenv cfloat charconv chrono cinttypes climits clocale
    cmath codecvt compare complex concepts condition_variable coroutine csetjmp csignal cstdarg cstddef cstdint cstdio cstdlib cstring ctime
    cuchar cwchar cwctype deque exception execution filesystem forward_list fstream functional future initializer_list iomanip ios iosfwd
    iostream istream iterator latch limits list locale map memory memory_resource mutex new numbers numeric optional ostream queue random
    ranges ratio regex scoped_allocator semaphore set shared_mutex source_location span sstream stack stdexcept stop_token streambuf string
    string_view syncstream system_error thread tuple type_traits typeindex typeinfo unordered_map unordered_set utility valarray variant
    vector version assert.h errno.h limits.h math.h setjmp.h signal.h stdarg.h stddef.h stdint.h stdio.h stdlib.h string.h
    time.h""".split())
SYSTEM = re.compile(r"(sys/[a-z]+|unistd|fcntl|sched|pthread|termios|poll|malloc)\.h")
INTRINSICS = re.compile(r"(immintrin|x86intrin|emmintrin|arm_neon)\.h")

# Outside libraries: each may be included by one header only, in the given layers. A pattern with a file must be included by that file.
OUTSIDE = {
    "nlohmann-json": (r"nlohmann/.*", "io"),
    "stb_image": (r"(stb/)?stb_image\.h", "io"),
    "stb_image_write": (r"(stb/)?stb_image_write\.h", "io"),
    "stb_truetype": (r"(stb/)?stb_truetype\.h", "io"),
    "libpng": (r"png\.h", "io"),
    "libtiff": (r"tiff(io)?\.h", "io"),
    "libjpeg": (r"(jpeglib|jerror|turbojpeg)\.h", "io"),
    "zlib": (r"zlib\.h", "io"),
    "OpenEXR": (r"(OpenEXR|Imath)/.*", "io"),
    "matio": (r"matio\.h", "io"),
    "MPI": (r"mpi\.h", "parallel"),
    "NCCL": (r"nccl\.h", "parallel"),
    "CUDA runtime": (r"cuda_runtime_api\.h", "core/cuda.hpp"),
}
# In .cuh files, below cuda/tacet.
OUTSIDE_CUDA = {
    "CUDA": (r"(cuda\w*|mma|nvtx3/.*)\.(h|hpp)|cuda_\w+\.h", "core"),
    "cuBLAS": (r"cublas\w*\.h", "ops/gemm.cuh"),
    "cuDNN": (r"cudnn\w*\.h", "ops/conv2d_cudnn.cuh"),
}
FORBIDDEN = {
    "format": "g++ 12 has no <format>",
    "print": "g++ 12 has no <print>",
    "mdspan": "g++ 12 has no <mdspan>",
    "random": "the standard distributions differ between libraries: use core/random.hpp",
    "regex": "it is slow and recurses: parse by hand",
}
STREAMS = {"iostream", "ostream", "istream", "sstream", "fstream", "iomanip", "syncstream"}

MAX_LINES = {"autograd/pullback.hpp": 150}
INCLUDE = re.compile(r"^\s*#\s*include\s*([<\"])([^>\"]+)[>\"]")
DEFINE = re.compile(r"^\s*#\s*define\s+(\w+)")
UNDEF = re.compile(r"^\s*#\s*undef\s+(\w+)")
UNFINISHED = re.compile(r"\b(TO" r"DO|FIX" r"ME|XX" r"X|HA" r"CK)\b")
MACRO = re.compile(r"TACET_(VERSION|WITH_)\w*$|TACET_VERSION$|(STBI?|OMPI|MPICH)_")
SPDX = "SPDX-License-Identifier: MIT"


class Checker:
    def __init__(self, root):
        self.root = pathlib.Path(root)
        self.problems = []
        self.headers = {}    # "core/shape.hpp" -> its lines
        self.includes = {}   # "core/shape.hpp" -> the tacet headers that it includes, as such names

    def complain(self, path, line, text):
        self.problems.append(f"{path}:{line}: {text}" if line else f"{path}: {text}")

    def run(self):
        for base, suffix in (("include/tacet", "*.hpp"), ("cuda/tacet", "*.cuh")):
            folder = self.root / base
            for path in sorted(folder.rglob("*") if folder.is_dir() else []):
                if path.is_dir():
                    continue
                name = path.relative_to(folder).as_posix()
                if not path.match(suffix):
                    self.complain(f"{base}/{name}", 0, f"only {suffix} files belong here")
                    continue
                self.headers[name] = path.read_text().splitlines()
                self.check_header(f"{base}/{name}", name)
        self.check_outside_used_once()
        self.check_cycles()
        self.check_umbrella()
        self.check_mirrors()
        self.check_texts()
        return self.problems

    def check_header(self, path, name):
        lines = self.headers[name]
        self.includes[name] = set()
        limit = MAX_LINES.get(name, 300)
        if len(lines) > limit:
            self.complain(path, 0, f"{len(lines)} lines, at most {limit} are allowed")
        if "#pragma once" not in lines[:3]:
            self.complain(path, 1, "#pragma once must stand in the first three lines")
        last_undef = {match[1]: n for n, line in enumerate(lines, 1) if (match := UNDEF.match(line))}
        for number, line in enumerate(lines, 1):
            if match := INCLUDE.match(line):
                self.check_include(path, name, number, match[1], match[2])
            if (match := DEFINE.match(line)) and not MACRO.match(match[1]) and last_undef.get(match[1], 0) < number:
                if not match[1].startswith("stbi_"):   # the renaming of stb's functions
                    self.complain(path, number, f"macro {match[1]}: only TACET_VERSION* and TACET_WITH_* may leave a header")
            if "__CUDACC__" in line and name.endswith(".hpp") and number <= len(lines) - 3 and name != "core/config.hpp":
                self.complain(path, number, "__CUDACC__ belongs into the last three lines, to include the .cuh of the same name")
            if re.search(r"\busing namespace (std|tacet)\b", line):
                self.complain(path, number, "using namespace in a header")
            if "<<<" in line and name != "core/launch.cuh":
                self.complain(path, number, "kernels are launched by core/launch.cuh alone")

    def check_include(self, path, name, number, bracket, target):
        if bracket == '"':
            return self.complain(path, number, f'#include "{target}": write <tacet/...>')
        if target.startswith("tacet/"):
            return self.check_own_include(path, name, number, target[len("tacet/"):])
        if target in FORBIDDEN:
            return self.complain(path, number, f"<{target}>: {FORBIDDEN[target]}")
        if target in STREAMS and not (name == "tensor/print.hpp" and target in ("ostream", "iostream")):
            return self.complain(path, number, f"<{target}>: streams only in tensor/print.hpp")
        if target in STANDARD or SYSTEM.fullmatch(target):
            return None
        if INTRINSICS.fullmatch(target):
            if name.startswith(("core/simd", "io/stb")):
                return None
            return self.complain(path, number, f"<{target}>: intrinsics only in core/simd")
        outside = OUTSIDE_CUDA if name.endswith(".cuh") else OUTSIDE
        for library, (pattern, place) in outside.items():
            if re.fullmatch(pattern, target):
                if name != place and not name.startswith(place + "/"):
                    self.complain(path, number, f"<{target}>: {library} only in {place}")
                return None
        return self.complain(path, number, f"<{target}>: neither the standard library nor a library that tacet uses")

    def check_own_include(self, path, name, number, target):
        layer = name.split("/")[0] if "/" in name else ""
        other = target.split("/")[0]
        if target == "tacet.hpp":
            return self.complain(path, number, "nothing in the library includes tacet.hpp")
        self.includes[name].add(target)
        if target.endswith(".hpp") and not (self.root / "include/tacet" / target).is_file():
            return self.complain(path, number, f"<tacet/{target}> does not exist")
        if name.endswith(".cuh"):
            core = r"core/\w+\.(cuh|hpp)" if layer == "core" else r"core/(\w+\.cuh|half\.hpp)"
            own = self.mirrored(name)
            if target != own and not re.fullmatch(core, target) and not (target.endswith(".cuh") and self.mirrored(target) == own):
                self.complain(path, number, f"<tacet/{target}>: a .cuh includes its own .hpp, parts of itself and core/*.cuh only")
            return None
        if target.endswith(".cuh"):
            lines = self.headers[name]
            if target != name[:-4] + ".cuh" or number <= len(lines) - 3:
                self.complain(path, number, f"<tacet/{target}>: a header includes the .cuh of its own name, in its last three lines")
            elif not any("__CUDACC__" in line for line in lines[-3:]):
                self.complain(path, number, f"<tacet/{target}> must be guarded by __CUDACC__")
            return None
        if layer == "":
            return None   # tacet.hpp
        if layer not in LAYERS:
            return self.complain(path, number, f"there is no layer {layer}")
        if other != layer and other not in LAYERS[layer]:
            self.complain(path, number, f"<tacet/{target}>: {layer} may include {', '.join([layer] + LAYERS[layer])}")
        return None

    def check_outside_used_once(self):
        for library, (pattern, _) in OUTSIDE.items():
            users = [name for name, lines in self.headers.items() if name.endswith(".hpp")
                     and any((match := INCLUDE.match(line)) and re.fullmatch(pattern, match[2]) for line in lines)]
            if len(users) > 1:
                self.complain("include/tacet", 0, f"{library} is included by {' and '.join(users)}: one header is enough")

    def check_cycles(self):
        state = {}   # 1: on the path from the root of the walk, 2: done
        for start in sorted(self.includes):
            walk = [(start, iter(sorted(self.includes[start])))] if start not in state else []
            state.setdefault(start, 1)
            while walk:
                name, rest = walk[-1]
                for target in rest:
                    if target.endswith(".cuh") or target not in self.includes:
                        continue
                    if state.get(target) == 1 and not name.startswith(target[:-4] + "_"):   # x_cpu.hpp may be the end of x.hpp
                        self.complain(f"include/tacet/{name}", 0, f"includes <tacet/{target}>, which includes it")
                    elif target not in state:
                        state[target] = 1
                        walk.append((target, iter(sorted(self.includes[target]))))
                        break
                else:
                    state[name] = 2
                    walk.pop()

    def closure(self, name):
        found, todo = set(), [name]
        while todo:
            for target in self.includes.get(todo.pop(), ()):
                if target not in found and target.endswith(".hpp"):
                    found.add(target)
                    todo.append(target)
        return found

    def check_umbrella(self):
        """tacet.hpp needs nothing from outside, and brings all of the layers that need no more."""
        if "tacet.hpp" not in self.includes:
            return
        outside = [pattern for library, (pattern, _) in OUTSIDE.items() if library != "CUDA runtime"]
        needs_more = {name for name, lines in self.headers.items() for line in lines
                      if (match := INCLUDE.match(line)) and any(re.fullmatch(pattern, match[2]) for pattern in outside)}
        brought = self.closure("tacet.hpp")
        for name in sorted(self.includes):
            if name == "tacet.hpp" or name.endswith(".cuh"):
                continue
            heavy = needs_more & (self.closure(name) | {name})
            if name in needs_more and name in brought:
                self.complain("include/tacet/tacet.hpp", 0, f"brings {name}, which needs more than the standard library")
            if not heavy and name not in brought and name.split("/")[0] in WHOLE:
                self.complain("include/tacet/tacet.hpp", 0, f"does not bring {name}")

    def mirrored(self, name):
        """The header that a .cuh mirrors: that of its name, or of the beginning of its name, of which it is a part: x_y.cuh of x.hpp."""
        stem = name[:-4]
        while stem + ".hpp" not in self.headers and "_" in stem:
            stem = stem.rsplit("_", 1)[0]
        return stem + ".hpp"

    def check_mirrors(self):
        for name in self.headers:
            if not name.endswith(".cuh"):
                continue
            if name.split("/")[0] != "core" and self.mirrored(name) not in self.headers:
                self.complain(f"cuda/tacet/{name}", 0, "has no .hpp of the same name")

    def check_texts(self):
        """The form of all our text files: the licence line, nothing unfinished, the width of a line."""
        comment = {".hpp": "//", ".cuh": "//", ".cpp": "//", ".cu": "//", ".cmake": "#", ".py": "#", ".sh": "#"}
        for folder in ("include", "cuda", "examples", "benchmarks", "tests", "cmake", "scripts", "."):
            top = self.root / folder
            files = sorted(top.glob("*") if folder == "." else top.rglob("*") if top.is_dir() else [])
            for path in files:
                if not path.is_file() or "__pycache__" in path.parts:
                    continue
                mark = "#" if path.name == "CMakeLists.txt" else comment.get(path.suffix)
                if mark is None:
                    continue
                name = path.relative_to(self.root).as_posix()
                lines = path.read_text().splitlines() or [""]
                first = lines[1] if lines[0].startswith("#!") and len(lines) > 1 else lines[0]
                if first != f"{mark} {SPDX}" and not first.startswith("// expect:"):
                    self.complain(name, 1, f"the first line must be '{mark} {SPDX}'")
                for number, line in enumerate(lines, 1):
                    if UNFINISHED.search(line):
                        self.complain(name, number, f"unfinished: {line.strip()}")
                    if len(line) > 140 and folder not in ("tests", "scripts"):
                        self.complain(name, number, f"{len(line)} columns, at most 140 are allowed")
                    if "\t" in line:
                        self.complain(name, number, "a tab")


def main():
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    checker = Checker(sys.argv[1])
    problems = checker.run()
    for problem in problems:
        print(problem)
    if not checker.headers:
        sys.exit(f"no header below {sys.argv[1]}/include/tacet")
    print(f"{len(checker.headers)} headers, {len(problems)} violations")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
