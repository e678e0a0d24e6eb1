#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Tests of benchmarks/ops on the processor. Argument: the program."""
import json
import pathlib
import subprocess
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))

from cases import run_cases   # noqa: E402

OPS = pathlib.Path(sys.argv.pop(1)).resolve()


def ops(*words):
    return subprocess.run([OPS, *words], capture_output=True, text=True, timeout=300)


class Ops(unittest.TestCase):
    def test_rows_of_shapes_that_were_asked_for(self):
        done = ops("--device=cpu", "--shape=pixel_unshuffle:1x4x6x3", "--benchmark_filter=^pixel_unshuffle.*1x4x6x3",
                   "--benchmark_min_time=0.001", "--benchmark_format=json")
        self.assertEqual(done.returncode, 0, done.stderr)
        found = json.loads(done.stdout)
        self.assertGreater(float(found["context"]["copy_GB/s"]), 0)
        self.assertGreater(float(found["context"]["peak_GFLOP/s"]), 0)
        rows = [row for row in found["benchmarks"] if not row.get("error_occurred")]   # 4 x 6 pixels have no blocks of 5 x 5
        self.assertEqual({row["name"].split("/")[1] for row in rows}, {"forward", "train"})
        for row in rows:
            self.assertGreater(row["real_time"], 0)
            self.assertAlmostEqual(row["of_copy"], row["GB/s"] / float(found["context"]["copy_GB/s"]), 3)

    def test_what_is_refused(self):
        for words, text in ((["--device=gpu"], "--device takes cpu or cuda, not \"gpu\""),
                            (["--type=int8"], "--type takes float, bfloat16 or half, not \"int8\""),
                            (["--conv=theirs"], "--conv takes ours or cudnn, not \"theirs\""),
                            (["--device=cpu", "--type=half"], "--type=half is for GPUs: --device=cuda"),
                            (["--device=cpu", "--conv=cudnn"], "--conv=cudnn is for GPUs: --device=cuda"),
                            (["--device=cpu", "--shape=conv3d:1x2"], "there is no operation \"conv3d\""),
                            (["--device=cpu", "--shape=conv2d:1xa"], "is not like 8x64x64x32,96x32x3x3")):
            done = ops(*words)
            self.assertEqual((done.returncode, done.stdout, done.stderr.count("\n")), (2, "", 1), done.stderr)
            self.assertIn(text, done.stderr)


if __name__ == "__main__":
    if not OPS.exists():
        print(f"SKIPPED: {OPS.name} was not built")
        print("cases: 0 passed, 0 failed, 1 skipped")
        sys.exit(77)
    run_cases(sys.modules[__name__])
