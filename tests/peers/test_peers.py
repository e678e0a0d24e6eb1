#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Tests of benchmarks/peers with processes that only pretend to work. Argument: the root of the project."""
import json
import pathlib
import subprocess
import sys
import tempfile
import textwrap
import time
import unittest

SOURCE = pathlib.Path(sys.argv.pop(1)).resolve()
PEERS = SOURCE / "benchmarks/peers"
sys.path[:0] = [str(PEERS), str(SOURCE / "tests/support")]

import curves    # noqa: E402
import measure   # noqa: E402
import report    # noqa: E402
import rows      # noqa: E402
from cases import run_cases   # noqa: E402
from worker import Worker, WorkerError   # noqa: E402

NAMES = ["conv3x3_fwd", "conv3x3_train", "n2n_train", "n2n_infer", "n2n_infer_ort", "pixel_unshuffle", "layer_norm", "gelu",
         "fused_expr_train", "fused_expr_train_compile", "window_attention_fwd", "window_attention_train", "masked_swinir_fwd",
         "masked_swinir_train_b1", "masked_swinir_train_b8", "swinir_e180_fwd", "masked_swinir_train_memory", "masked_swinir_1mp",
         "n2n_train_memory", "startup"]

# Answers as both sides do. Arguments: microseconds per step, distance from the other side, megabytes of a step, whether `open` fails.
FAKE = textwrap.dedent("""
    import sys, threading
    microseconds, distance, megabytes, fails, spins = sys.argv[1:]
    if spins == "True":
        threading.Thread(target=lambda: any(iter(int, 1)), daemon=True).start()
    held = []
    print("started", flush=True)
    for line in sys.stdin:
        command = line.split()[0]
        if command == "open" and fails == "True":
            print("error: no compiler", flush=True)
            continue
        if command == "run":
            held = [bytes([1]) * (int(megabytes) * 10**6)]
        print({"run": microseconds, "compare": distance, "open": "ready"}.get(command, "written"), flush=True)
""")


class FakeBench:
    threads = 2

    def __init__(self, **sides):
        """sides["ours"] and the engines: (microseconds, distance, megabytes, fails, spins)."""
        self.sides = sides

    def file(self, name):
        return name

    def fake(self, key):
        return Worker([sys.executable, "-S", "-c", FAKE, *map(str, self.sides[key])], {}, subprocess.DEVNULL)

    def ours(self):
        return self.fake("ours")

    def peer(self, config):
        return self.fake(config.engine)


def side(milliseconds=1000.0, distance=0.0, megabytes=0, fails=False, spins=False):
    return milliseconds * 1e3, distance, megabytes, fails, spins


def row(**changes):
    values = {"name": "op", "title": "an op", "work": "op", "unit": "ms", "required": 2, "aim": 3, "layouts": ("NCHW",)} | changes
    return rows.Row(**values)


def measured(bench, the_row):
    notes = []
    return measure.Measurement(bench, the_row, notes.append).run(), notes


class Rows(unittest.TestCase):
    def test_names(self):
        self.assertEqual([r.name for r in rows.chosen([])], NAMES)
        self.assertEqual([r.name for r in rows.chosen(["startup", "gelu"])], ["gelu", "startup"])

    def test_unknown_name_lists_the_rows(self):
        done = subprocess.run([PEERS / "run.sh", "--only", "gelu,geluu"], capture_output=True, text=True)
        self.assertEqual(done.returncode, 2)
        for word in ["'geluu'", *NAMES]:
            self.assertIn(word, done.stderr)

    def test_configurations(self):
        by_name = {r.name: [str(c) for c in r.configs()] for r in rows.ROWS}
        self.assertEqual(len(set(by_name["n2n_train"])), 8)
        self.assertIn("torch.compile, channels_last, tuned malloc", by_name["n2n_train"])
        self.assertEqual(by_name["fused_expr_train_compile"], ["torch.compile, default malloc", "torch.compile, tuned malloc"])
        self.assertEqual(by_name["n2n_infer_ort"], ["ONNX Runtime, default malloc", "ONNX Runtime, tuned malloc"])
        self.assertEqual(by_name["masked_swinir_train_b8"], ["eager, matmul, tuned malloc", "eager, SDPA, tuned malloc",
                                                             "torch.compile, matmul, tuned malloc"])
        tuned = [c for c in rows.ROWS[0].configs() if c.environment()]
        self.assertEqual({c.malloc for c in tuned}, {"tuned"})


class Measuring(unittest.TestCase):
    def setUp(self):
        self.rest, measure.REST = measure.REST, 0

    def tearDown(self):
        measure.REST = self.rest

    def test_best_configuration_in_turns(self):
        result, notes = measured(FakeBench(ours=side(1200), eager=side(5000), compile=side(3000, 2e-6)), row())
        self.assertEqual(result.config.engine, "compile")
        self.assertEqual((result.ours, result.peer), ([1200] * 3, [3000] * 3))
        self.assertEqual((result.ratio, result.agreement, result.counts), (2.5, 2e-6, True))
        self.assertEqual(len(notes), 4)

    def test_a_near_runner_up_takes_part(self):
        class Fickle(FakeBench):   # what the default malloc is probed with is not what it takes later
            probed = set()

            def peer(self, config):
                again = config in self.probed
                self.probed.add(config)
                return self.fake("slow" if again and config.malloc == "default" else config.malloc)

        bench = Fickle(ours=side(1000), default=side(2900), tuned=side(3000, 2e-6), slow=side(5000))
        result, _ = measured(bench, row(engines=("eager",)))
        self.assertEqual((result.config.malloc, result.peer, result.agreement), ("tuned", [3000] * 3, 2e-6))

    def test_a_configuration_that_fails_is_left_out(self):
        result, notes = measured(FakeBench(ours=side(), eager=side(5000), compile=side(1, fails=True)), row())
        self.assertEqual(result.config.engine, "eager")
        self.assertIn("op: torch.compile, default malloc left out: no compiler", notes)

    def test_nothing_works(self):
        with self.assertRaisesRegex(WorkerError, "no configuration"):
            measured(FakeBench(ours=side(), eager=side(fails=True)), row(engines=("eager",)))

    def test_different_results_do_not_count(self):
        bench = FakeBench(ours=side(), eager=side(3000, 1e-4))
        self.assertFalse(measured(bench, row(engines=("eager",)))[0].counts)
        self.assertTrue(measured(bench, row(engines=("eager",), network=True))[0].counts)
        bench = FakeBench(ours=side(), eager=side(3000, float("nan")))
        self.assertFalse(measured(bench, row(engines=("eager",)))[0].counts)

    def test_memory_of_a_process(self):
        result, _ = measured(FakeBench(ours=side(megabytes=5), eager=side(megabytes=20)), row(measure="memory", engines=("eager",)))
        # A step makes its bytes while those of the step before are still held.
        self.assertTrue(9.5 < min(result.ours) < 14 and 39 < min(result.peer) < 45, (result.ours, result.peer))

    def test_without_a_peer(self):
        result, notes = measured(FakeBench(ours=side(3000, megabytes=20)), row(measure="alone", required=None, aim=None))
        self.assertEqual((result.ours, result.peer, result.ratio, result.counts, notes), ([3000] * 3, [], None, True, []))
        self.assertTrue(19 < result.memory < 45, result.memory)
        self.assertIn("at most", report.as_table([result]))
        entry, = json.loads(report.as_json([result.row], {"op": result}))
        self.assertEqual((entry["ours"], entry["peer"], entry["ratio"], entry["memory_mb"]), (3000, None, None, result.memory))

    def test_who_computes_while_waiting_is_found_out(self):
        bench = FakeBench(ours=side(), eager=side(3000, spins=True))
        with bench.ours() as ours, bench.peer(rows.Config("eager", "NCHW", "default")) as peer:
            waiting, others = measure.Waiting(), measure.OtherLoad()
            waiting.sample([peer], lambda: time.sleep(0.2))
            self.assertGreater(waiting.cores(), 0.05)
            self.assertGreater(others.cores(), 0.05)   # asked for no worker: all are others
            waiting = measure.Waiting()
            waiting.sample([ours], lambda: time.sleep(0.05))
            self.assertLess(waiting.cores(), 0.05)

    def test_how_often(self):
        self.assertEqual([measure.repetitions(t) for t in (0.01, 0.5, 2.0, 2.1)], [15, 9, 7, 3])
        self.assertEqual([measure.inner_count(t) for t in (0.5, 30, 200)], [200, 4, 1])

    def test_a_process_that_ends(self):
        with Worker(["false"], {}, subprocess.DEVNULL) as worker, self.assertRaisesRegex(WorkerError, "ended with status 1"):
            worker.ask("run 1")


class Report(unittest.TestCase):
    def setUp(self):
        config = rows.Config("eager", "NCHW", "tuned")
        self.result = measure.Result(row(), [10.0, 11, 12], [20.0, 22, 30], config, 1e-7)

    def test_json(self):
        measured_row, other = json.loads(report.as_json([row(), row(name="alone")], {"op": self.result}))
        self.assertEqual(measured_row, {"name": "op", "unit": "ms", "ours": 11, "peer": 22, "ratio": 2, "runs": 3, "agreement": 1e-7,
                                        "peer_config": "eager, NCHW, tuned malloc"})
        self.assertEqual((other["peer"], other["ratio"]), (None, None))
        self.assertEqual(set(other), set(measured_row))

    def test_tables(self):
        for text in (report.as_table([self.result]), report.as_markdown([self.result], "a machine")):
            for cell in ("11 (10.5-11.5)", "22 (21-26)", "2.00", "1.0e-07"):
                self.assertIn(cell, text)
        self.assertEqual(report.remark(self.result), "")
        self.result.agreement, self.result.idle_load, self.result.other_load = 1e-3, 0.5, 0.5
        for remark in ("does not count", "the waiting side took 50 %", "other processes took 0.5 cores"):
            self.assertIn(remark, report.as_table([self.result]))

    def test_page(self):
        page = f"a\n{report.BEGIN}\nold\n{report.END}\nb\n"
        once = report.replace_between_markers(page, "new")
        self.assertEqual(once, f"a\n{report.BEGIN}\nnew\n{report.END}\nb\n")
        self.assertEqual(report.replace_between_markers(once, "new"), once)
        with self.assertRaisesRegex(ValueError, "markers|lacks"):
            report.replace_between_markers("a page", "new")
        page = f"a\n{report.BEGIN}\n{report.as_markdown([self.result], 'a machine')}\n{report.END}\nb\n"
        self.assertEqual(report.updated(page, [self.result], "another machine").count("\n| "), 2)
        other = page.replace(f"`{self.result.row.name}`", "`gelu`")
        both = report.updated(other, [self.result], "a machine")
        self.assertEqual(both.count("\n| "), 3)
        self.assertEqual(report.updated(both, [self.result], "a machine"), both)
        with self.assertRaisesRegex(ValueError, "another machine"):
            report.updated(other, [self.result], "another machine")
        self.assertIn(report.END, (SOURCE / "docs/benchmarks.md").read_text())
        self.assertIn(report.CURVES_END, (SOURCE / "docs/benchmarks.md").read_text())


class Curves(unittest.TestCase):
    FAKE = textwrap.dedent("""\
        #!/usr/bin/env python3
        import pathlib, sys
        print("started", flush=True)
        for line in sys.stdin:
            words = line.split()
            if words[0] == "plot":
                pathlib.Path(words[2]).write_text("<svg/>")
            print({"about": "tacet 1, abacus, cc", "cost": 1e4}.get(words[0], "written"), flush=True)
    """)

    def test_a_curve_ends_where_a_point_would_take_too_long(self):
        with tempfile.TemporaryDirectory() as name:
            folder = pathlib.Path(name)
            program = folder / "program"
            program.write_text(self.FAKE)
            program.chmod(0o755)
            data = curves.run([program], folder / "plots", 1.0, lambda text: None)
            self.assertEqual([series["name"] for series in data["inference"]["series"]], ["abacus, 1 thread", "abacus, 2 threads"])
            self.assertEqual(data["inference"]["series"][0]["x"], [64, 128, 256])   # 512: 2.6 s
            self.assertEqual(data["training"]["series"][0]["x"], [1, 2, 4, 8, 16])
            self.assertEqual(json.loads((folder / "plots/inference.json").read_text()), data["inference"])
            text = curves.as_markdown(data, folder / "plots", folder / "page.md")
            self.assertIn("| abacus, 1 thread | 10000 | 10000 | 10000 | - | - | - | - |", text)
            self.assertIn("](plots/inference.svg)", text)


if __name__ == "__main__":
    run_cases(sys.modules[__name__])
