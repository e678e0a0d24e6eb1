#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Plants one violation of each kind in a small tree and requires that the checker names it, and nothing else."""
import pathlib
import sys
import tempfile

import check

SPDX = "// SPDX-License-Identifier: MIT\n"
HEADER = SPDX + "#pragma once\n"
SOUND = {
    "include/tacet/tacet.hpp": HEADER + "#include <tacet/ops/conv.hpp>\n#include <tacet/tensor/print.hpp>\n",
    "include/tacet/core/shape.hpp": HEADER + "#include <array>\n",
    "include/tacet/tensor/tensor.hpp": HEADER + "#include <tacet/core/shape.hpp>\n",
    "include/tacet/tensor/print.hpp": HEADER + "#include <iostream>\n#include <tacet/tensor/tensor.hpp>\n",
    "include/tacet/ops/gemm.hpp": HEADER + "#include <vector>\n",
    "include/tacet/ops/conv.hpp": HEADER + "#include <tacet/ops/gemm.hpp>\n#include <tacet/tensor/tensor.hpp>\n\nint f();\n"
                                  "#ifdef __CUDACC__\n#include <tacet/ops/conv.cuh>\n#endif\n",
    "include/tacet/io/json.hpp": HEADER + "#include <nlohmann/json.hpp>\n",
    "include/tacet/denoise/tiles.hpp": HEADER + "#include <tacet/io/json.hpp>\n",
    "cuda/tacet/core/launch.cuh": HEADER + "f<<<1, 2>>>();\n",
    "cuda/tacet/ops/conv.cuh": HEADER + "#include <tacet/ops/conv.hpp>\n#include <tacet/ops/conv_rows.cuh>\n#include <tacet/core/launch.cuh>\n",
    "cuda/tacet/ops/conv_rows.cuh": HEADER + "#include <tacet/ops/conv.hpp>\n",
}


def appended(name, text):
    return {name: SOUND[name] + text}


CORE, CONV, TENSOR = "include/tacet/core/shape.hpp", "include/tacet/ops/conv.hpp", "include/tacet/tensor/tensor.hpp"
UNFINISHED = "TO" + "DO"
VIOLATIONS = [
    # what is planted, and what the one complaint must contain
    (appended(CORE, "#include <tacet/tensor/print.hpp>\n"), "core may include core"),
    (appended(TENSOR, "#include <tacet/tacet.hpp>\n"), "nothing in the library includes tacet.hpp"),
    (appended(TENSOR, "#include <tacet/core/none.hpp>\n"), "does not exist"),
    (appended(TENSOR, '#include "tensor.hpp"\n'), "write <tacet/...>"),
    (appended(TENSOR, "#include <cuda_runtime_api.h>\n"), "CUDA runtime only in core/cuda.hpp"),
    ({"include/tacet/io/more.hpp": HEADER + "#include <nlohmann/json.hpp>\n"}, "one header is enough"),
    (appended(TENSOR, "#include <png.h>\n"), "libpng only in io"),
    (appended(TENSOR, "#include <boost/any.hpp>\n"), "neither the standard library"),
    (appended(TENSOR, "#include <sstream>\n"), "streams only in tensor/print.hpp"),
    (appended(TENSOR, "#include <format>\n"), "g++ 12 has no <format>"),
    (appended(TENSOR, "#include <immintrin.h>\n"), "intrinsics only in core/simd"),
    (appended(TENSOR, "#ifdef __CUDACC__\n#endif\nint a;\nint b;\n"), "__CUDACC__ belongs into the last three lines"),
    (appended(CONV, "int g();\n"), "must be guarded by __CUDACC__"),
    ({"cuda/tacet/ops/conv.cuh": SOUND["cuda/tacet/ops/conv.cuh"] + "#include <tacet/tensor/tensor.hpp>\n"}, "its own .hpp, parts of itself and core/*.cuh"),
    ({"cuda/tacet/ops/pool.cuh": HEADER}, "has no .hpp of the same name"),
    ({"cuda/tacet/ops/conv.cuh": SOUND["cuda/tacet/ops/conv.cuh"] + "f<<<1, 2>>>();\n"}, "launched by core/launch.cuh"),
    (appended(TENSOR, "#define MAXIMUM 3\n"), "macro MAXIMUM"),
    (appended(TENSOR, "using namespace std;\n"), "using namespace"),
    (appended(TENSOR, "\n" * 300), "lines, at most 300"),
    ({TENSOR: SPDX + "\n\n\n#pragma once\n"}, "#pragma once must stand"),
    ({TENSOR: "#pragma once\n"}, "the first line must be"),
    ({TENSOR: HEADER + f"// {UNFINISHED}: more\n"}, "unfinished"),
    ({TENSOR: HEADER + "// " + "x" * 140 + "\n"}, "143 columns"),
    ({TENSOR: HEADER + "\tint a;\n"}, "a tab"),
    ({"include/tacet/tensor/a.txt": "\n"}, "only *.hpp files"),
    ({"include/tacet/tensor/extra.hpp": HEADER}, "does not bring tensor/extra.hpp"),
    (appended("include/tacet/tacet.hpp", "#include <tacet/denoise/tiles.hpp>\n"), "needs more than the standard library"),
    ({TENSOR: HEADER + "#include <tacet/tensor/print.hpp>\n"}, "which includes it"),
    ({"include/tacet/other/a.hpp": HEADER + "#include <tacet/core/shape.hpp>\n",
      "include/tacet/tacet.hpp": SOUND["include/tacet/tacet.hpp"] + "#include <tacet/other/a.hpp>\n"}, "there is no layer other"),
]


def problems_of(files):
    with tempfile.TemporaryDirectory() as root:
        for name, text in files.items():
            path = pathlib.Path(root, name)
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
        return check.Checker(root).run()


def main():
    wrong = []
    if problems := problems_of(SOUND):
        wrong.append(f"the sound tree: {problems}")
    for planted, expected in VIOLATIONS:
        problems = problems_of({**SOUND, **planted})
        # What is planted can break a second rule as well.
        if not any(expected in problem for problem in problems) or len(problems) > 2:
            wrong.append(f"planted '{expected}', found {problems}")
    for text in wrong:
        print(text)
    total = len(VIOLATIONS) + 1
    print(f"cases: {total - len(wrong)} passed, {len(wrong)} failed, 0 skipped")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
