#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Shows check.py disassemblies that are as they should be, and ones that are not."""
import unittest

import check

HEADER = "\nDisassembly of section .text:\n\n"
FUSED = {"Avx512": "vfmadd231ps %zmm1,%zmm2,%zmm3", "Avx2": "vfnmadd132ps (%rax),%ymm2,%ymm3", "Neon": "fmla\tv0.4s, v1.4s, v2.s[0]",
         "Sse2": "mulps  %xmm1,%xmm2\n   4:\taddps  %xmm1,%xmm2"}
NARROW = {"Avx512": "vfmadd231ps %ymm1,%ymm2,%ymm3", "Avx2": "vfmadd231ps %xmm1,%xmm2,%xmm3", "Neon": "fmla\tv0.2s, v1.2s, v2.2s",
          "Sse2": "mulps  %xmm1,%xmm2"}
ONE = {"Avx512": "vfmadd231ss %xmm1,%xmm2,%xmm3", "Avx2": "vfmadd231ss %xmm1,%xmm2,%xmm3", "Neon": "fmadd\ts0, s1, s2, s3",
       "Sse2": "mulss  %xmm1,%xmm2\n   4:\taddss  %xmm1,%xmm2"}


def function(name, *instructions):
    return f"0000000000000000 <{name}>:\n" + "".join(f"   0:\t{i}\n" for i in instructions) + "\n"


def call(name):
    return f"call   5 <somewhere+0x5>\t1: R_X86_64_PLT32\t{name}-0x4"


def program(name, *, vectors=(), loops=(), elements=(), more=""):
    return check.Functions(
        HEADER + function(f"void kernels::compiled_for<tacet::instruction_set::{name}>()", "ret")
        + function("void kernels::vectors::tile<2, 1>(float*)", *vectors) + function("kernels::loops::gelu(float*)", *loops)
        + function("kernels::elements::horner(float)", *elements) + more)


def unfit(functions):
    return [kernel for kernel, _, _, good in check.check(functions) if not good]


class Checks(unittest.TestCase):
    def test_packed_multiply_adds_pass(self):
        for name, fused in FUSED.items():
            self.assertEqual(unfit(program(name, vectors=[fused, fused], loops=[fused], elements=[ONE[name]])), [], name)

    def test_elementwise_ones_fail(self):
        for name, one in ONE.items():
            self.assertEqual(unfit(program(name, vectors=[one, one], loops=[one])), ["loops::gelu", "vectors::tile<2, 1>"], name)

    def test_half_the_width_fails(self):
        for name, narrow in NARROW.items():
            loops = [] if name == "Avx512" else ["loops::gelu"]   # whose width the compiler chooses there
            self.assertEqual(unfit(program(name, vectors=[narrow] * 2, loops=[narrow])), loops + ["vectors::tile<2, 1>"], name)

    def test_too_few_fail(self):
        fused = FUSED["Avx2"]
        self.assertEqual(unfit(program("Avx2", vectors=[fused], loops=[fused])), ["vectors::tile<2, 1>"])

    def test_the_functions_that_a_kernel_calls_count(self):
        inner, outer = "void tacet::run<2, 1>(float*)", "tacet::body(long) [clone .isra.0]"
        more = function(inner, call(outer)) + function(outer, *[FUSED["Avx512"]] * 2)
        functions = program("Avx512", vectors=[call(inner)], loops=[call(inner)], more=more)
        self.assertEqual(unfit(functions), [])

    def test_a_scalar_kernel_that_is_packed_fails(self):
        fused = FUSED["Neon"]
        self.assertEqual(unfit(program("Neon", vectors=[fused] * 2, loops=[fused], elements=[fused])), ["elements::horner"])

    def test_a_namespace_without_kernels_fails(self):
        text = function("void kernels::compiled_for<tacet::instruction_set::Avx2>()")
        self.assertEqual(check.report(check.Functions(text)), 3)

    def test_an_unknown_instruction_set_is_an_error(self):
        with self.assertRaises(ValueError):
            check.instruction_set(check.Functions(function("main")))


if __name__ == "__main__":
    unittest.main()
