#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""What spills.py reads in the words of the assembler, and what it refuses."""
import unittest

import spills


def said(name, architecture, registers, shared, spilled):
    """What ptxas says of one kernel."""
    return (f"ptxas info    : Compiling entry function '{name}' for 'sm_{architecture}'\n"
            f"ptxas info    : Function properties for {name}\n"
            f"    8 bytes stack frame, {spilled} bytes spill stores, {spilled} bytes spill loads\n"
            f"ptxas info    : Used {registers} registers, used 1 barriers, {shared} bytes smem, 464 bytes cmem[0]\n")


ATTENTION = "_ZN5tacet3gpu25window_attention_backwardIfLi{}EEEvl"
OTHERS = "".join(said(f"_ZN5tacet3gpu{len(name)}{name}IfEEvl", 80, 100, 0, 0) for name in ("tensor_product", "tile_product", "swin_block"))


class Spills(unittest.TestCase):
    def wrong(self, text):
        return spills.problems(spills.table(spills.parse(text)), [80])

    def test_the_most_of_all_instances_counts(self):
        rows = spills.table(spills.parse(said(ATTENTION.format(16), 80, 171, 12, 0) + said(ATTENTION.format(32), 80, 254, 8, 0)))
        self.assertEqual(rows, {("window_attention_backward", 80): [2, 254, 12, 0]})
        self.assertIn("| window_attention_backward | 2 | 254, 12 B shared |", spills.markdown(rows, [80]))

    def test_a_hot_kernel_that_spills_is_refused(self):
        self.assertEqual(self.wrong(OTHERS + said(ATTENTION.format(32), 80, 255, 0, 4)),
                         ["window_attention_backward spills 8 bytes on sm_80"])

    def test_what_is_not_hot_may_spill(self):
        text = OTHERS + said(ATTENTION.format(32), 80, 255, 0, 0) + said(ATTENTION.format(64), 80, 255, 0, 4)
        self.assertEqual(self.wrong(text + said("_ZN5tacet3gpu7softmaxIfEEvl", 80, 255, 0, 4)), [])

    def test_a_hot_kernel_that_is_missing_is_refused(self):
        self.assertEqual(self.wrong(OTHERS), ["no kernel window_attention* was compiled for sm_80"])


if __name__ == "__main__":
    unittest.main()
