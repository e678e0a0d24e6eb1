#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Tests of benchmarks/gpu with tools and processes that only pretend to work; PyTorch's side at small sizes on the CPU, where there is
PyTorch. Argument: the root of the project."""
import contextlib
import dataclasses
import json
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile
import textwrap
import time
import unittest

SOURCE = pathlib.Path(sys.argv.pop(1)).resolve()
BENCHMARKS = SOURCE / "benchmarks"
sys.path[:0] = [str(BENCHMARKS / "gpu"), str(BENCHMARKS / "peers"), str(SOURCE / "tests/support")]

import compare      # noqa: E402
import gpu_report   # noqa: E402
import gpu_rows     # noqa: E402
import stages       # noqa: E402
from cases import run_cases   # noqa: E402
from worker import Worker, WorkerError   # noqa: E402

NAMES = ["window_attention_fwd", "window_attention_bwd", "conv3x3_fwd", "conv3x3_wgrad", "pixel_unshuffle", "n2n_infer", "n2n_train",
         "masked_swinir_fwd", "masked_swinir_train_b64"]
KEYS = ["name", "unit", "ours", "eager", "best", "ratio_eager", "ratio", "peer_config", "runs",
        "ceiling_fraction", "gpu", "versions", "date"]
CEILINGS = {"copy_gb_s": 4000, "bfloat16_tflop_s": 800, "float32_tflop_s": 50}

# A side that answers. Argument: JSON; microseconds of ours, or by engine [microseconds, distance], or "hangs"; "compare", "remark".
FAKE = textwrap.dedent("""\
    #!/usr/bin/env python3
    import json, sys, time
    told = json.loads(sys.argv[1]) if len(sys.argv) > 1 else json.loads(PLANTED)
    at = told.get("ours")
    print("started", flush=True)
    for line in sys.stdin:
        command, *words = line.split()
        answer = "done"
        if command in ("open", "use") and "ours" not in told:
            engine = words[-2]
            if told[engine] == "hangs":
                time.sleep(600)
            at, answer = told[engine][0], told[engine][1] if command == "open" else "ready"
        elif command == "run":
            answer = at.pop(0) if isinstance(at, list) else at
        elif command in ("compare", "ceilings", "about", "remark"):
            answer = told.get(command, "")
        print(answer if isinstance(answer, str) else json.dumps(answer), flush=True)
""")
OURS = {"ours": 100.0, "about": "tacet 1"}
PEER = {"eager": [600.0, 1e-7], "graph": [400.0, 1e-7], "autotune": [200.0, 1e-7], "compare": 3e-7, "ceilings": CEILINGS,
        "about": "PyTorch 3"}


def fake(told):
    return Worker([sys.executable, "-S", "-c", FAKE, json.dumps(told)], {}, subprocess.DEVNULL)


class FakeBench:
    def __init__(self, ours, peer):
        self.told, self.started = ours, 0
        self.peer = compare.Peer(lambda: self.begin(peer))

    def begin(self, peer):
        self.started += 1
        return fake(peer)

    def ours(self):
        return fake(self.told)

    def file(self, name):
        return name


def row(**changes):
    values = {"name": "conv3x3_fwd", "title": "a conv", "work": "conv", "unit": "us", "eager": (4, 6), "best": (1.5, 2),
              "tried": gpu_rows.pairs(("eager", "graph", "autotune"), ("NCHW",)), "bytes": 4e8} | changes
    return gpu_rows.Row(**values)


def compared(ours=None, peer=None, the_row=None, seconds=60):
    bench, notes = FakeBench(OURS | (ours or {}), PEER | (peer or {})), []
    with bench.peer:
        return compare.Comparison(bench, the_row or row(), seconds, notes.append).run(), bench, notes


class Comparing(unittest.TestCase):
    def test_eager_and_the_best_take_turns_with_ours(self):
        measured, bench, notes = compared()
        self.assertEqual((measured["eager_config"], measured["peer_config"]), ("eager, NCHW", "torch.compile max-autotune, NCHW"))
        self.assertEqual({side: set(samples) for side, samples in measured["samples"].items()},
                         {"ours": {100}, "eager": {600}, "best": {200}})
        self.assertEqual((measured["agreement"], measured["counts"], measured["remarks"], bench.started), (3e-7, True, [], 1))
        self.assertEqual(len(notes), 3)

    def test_what_hangs_is_cut_and_the_rest_stays(self):
        measured, bench, _ = compared(peer={"autotune": "hangs"}, seconds=12)
        self.assertEqual((measured["peer_config"], set(measured["samples"]["best"])), ("CUDA graph, NCHW", {400}))
        self.assertRegex(measured["remarks"][0], "^torch.compile max-autotune, NCHW left out: no answer within")
        self.assertEqual(bench.started, 2)

    def test_a_peer_that_computes_something_else_is_left_out(self):
        for distance in (0.5, float("nan")):
            measured, _, _ = compared(peer={"autotune": [200.0, distance]})
            self.assertEqual(measured["peer_config"], "CUDA graph, NCHW")
            self.assertIn("left out: its results differ", measured["remarks"][0])
        measured, _, _ = compared(peer={"autotune": [200.0, 0.02]})   # 16 bits, rounded more often than ours: not another thing
        self.assertEqual(measured["peer_config"], "torch.compile max-autotune, NCHW")
        self.assertRegex(measured["remarks"][0], "max-autotune, NCHW: results differ from those in float32 by 2.0e-02")

    def test_the_best_is_no_slower_than_eager(self):
        measured, _, _ = compared(peer={"graph": [[400.0] * 8 + [700.0] * 99, 1e-7], "autotune": [900.0, 1e-7]})
        self.assertEqual((measured["peer_config"], set(measured["samples"]["best"])), ("eager, NCHW", {600}))

    def test_turns_that_are_cut_keep_what_there_is(self):
        slow = Worker([sys.executable, "-S", "-c", "import sys, time; print('started', flush=True)\nfor line in sys.stdin: "
                       "time.sleep(0.6 * line.startswith('run')); print(100.0, flush=True)"], {}, subprocess.DEVNULL)
        bench = FakeBench(OURS, PEER)
        bench.ours = lambda: slow
        with bench.peer:
            measured = compare.Comparison(bench, row(), 8, str).run()
        self.assertTrue(compare.ENOUGH <= len(measured["samples"]["ours"]) < 15)
        self.assertEqual(len({len(samples) for samples in measured["samples"].values()}), 1)

    def test_results_of_ours_that_differ_do_not_count(self):
        for distance in (0.5, float("nan")):
            measured, _, _ = compared(peer={"compare": distance})
            self.assertFalse(measured["counts"])
            self.assertIn("does not count", measured["remarks"][0])
        self.assertTrue(compared(peer={"compare": 0.05}, the_row=row(gradients=True))[0]["counts"])

    def test_a_side_of_ours_that_hangs_is_cut(self):
        start = time.perf_counter()
        bench = FakeBench(OURS, PEER)
        bench.ours = lambda: Worker([sys.executable, "-S", "-c", "import time; print('started', flush=True); time.sleep(600)"], {}, None)
        with self.assertRaisesRegex(WorkerError, "no answer"):
            compare.Comparison(bench, row(), 1, str).run()
        self.assertLess(time.perf_counter() - start, 10)

    def test_what_is_to_be_known_of_ours(self):
        self.assertEqual(compared(ours={"remark": "not recorded"})[0]["remarks"], ["not recorded"])

    def test_without_time_or_a_peer(self):
        with self.assertRaisesRegex(WorkerError, "no configuration .* no time was left"):
            comparison = compare.Comparison(FakeBench(OURS, PEER), row(), 30, str)
            comparison.reserve = 30
            comparison.run()

    def test_how_many_steps(self):
        self.assertEqual([compare.count_for(t) for t in (0.01, 20, 200)], [5000, 3, 1])


class Report(unittest.TestCase):
    ABOUT = {"gpu": "NVIDIA H1", "versions": "a, b", "date": "2026-01-02"}

    MEASURED = {"samples": {"ours": [90.0, 100, 110], "eager": [600.0, 600, 630], "best": [200.0, 200, 200]}, "peer_config": "graph",
                "eager_config": "eager", "agreement": 1e-3, "counts": True, "remarks": []}

    def entry(self, ceilings=CEILINGS, **changes):
        return gpu_report.entry(row(**changes), self.MEASURED, ceilings, self.ABOUT)

    def test_entry(self):
        one = self.entry()
        self.assertLessEqual(set(KEYS), set(one))
        self.assertEqual((one["ours"], one["eager"], one["best"], one["ratio_eager"], one["ratio"], one["runs"]), (100, 600, 200, 6, 2, 3))
        self.assertAlmostEqual(one["ceiling_fraction"], 1)   # 400 MB at 4000 GB/s
        self.assertAlmostEqual(self.entry(bytes=0, flops=4e10)["ceiling_fraction"], 0.5)
        self.assertIsNone(self.entry(ceilings=None)["ceiling_fraction"])

    def test_rows_of_a_file(self):
        both = gpu_report.merged([self.entry(name="n2n_train")], self.entry())
        self.assertEqual([one["name"] for one in both], ["conv3x3_fwd", "n2n_train"])
        again = gpu_report.merged(both, self.entry() | {"runs": 7})
        self.assertEqual([one["runs"] for one in again], [7, 3])
        self.assertEqual(json.loads(gpu_report.as_json(again)), again)
        for cell in ("conv3x3_fwd", "100 (95-105)", "6.00", "2.00", "100 %"):
            self.assertIn(cell, gpu_report.as_table(both))

    def test_page(self):
        page = (SOURCE / "docs/benchmarks_gpu.md").read_text()
        text = gpu_report.updated(page, [self.entry()], {}, [])
        self.assertIn("| `conv3x3_fwd` | us | 100 (95-105) | 600 (600-615) | 200 (200-200) | 6.00 | - | 2.00 | 0.8, aim 1 | graph |", text)
        self.assertEqual(text.count("waits: not measured yet"), len(NAMES) - 1)
        self.assertIn("Waiting: window_attention_fwd", text)
        self.assertIn("NVIDIA H1, 2026-01-02: a, b", text)
        empty = gpu_report.updated(text, [], {}, [])
        self.assertEqual(empty.count("waits: not measured yet"), len(NAMES))
        self.assertIn("nothing has been measured", empty)
        self.assertEqual(gpu_report.updated(empty, [], {}, []), empty)

    def test_distances(self):
        table = [{"name": "conv2d", "type": "float32", "nmse": x, "device": "H1"} for x in (1e-12, 3e-9)]
        table.append({"name": "gelu", "type": "bfloat16", "nmse": None, "device": "H1"})
        text = gpu_report.nmse_section(table)
        self.assertIn("| conv2d | 3.0e-09 | - |", text)
        self.assertIn("| gelu | - | nan |", text)

    def test_rows(self):
        self.assertEqual([r.name for r in gpu_rows.ROWS], NAMES)
        self.assertEqual([r.best for r in gpu_rows.ROWS],
                         [(1.5, 2), (1.5, 2), (0.8, 1), (0.7, 1), (1.5, 2.5), (1.2, 1.6), (1.5, 2.5), (2, 3), (1.3, 2)])
        self.assertEqual([r.eager for r in gpu_rows.ROWS], [(4, 6), (4, 6), (), (), (), (2, 3), (6, 10), (6, 10), (3, 5)])
        for one in gpu_rows.ROWS:
            self.assertEqual({c.engine for c in one.configs()} - {"autotune"}, {"eager", "graph"})
        self.assertAlmostEqual(gpu_rows.ROWS[0].floor(CEILINGS), 94.4, 1)


class Stages(unittest.TestCase):
    def test_a_command_is_cut_with_its_children(self):
        with tempfile.TemporaryDirectory() as name:
            mark = pathlib.Path(name) / "mark"
            start = time.perf_counter()
            ended = stages.run(["bash", "-c", f"echo begun; (sleep 2; touch {mark}) & wait"], 0.5)
            self.assertLess(time.perf_counter() - start, 1.9)
            self.assertEqual((ended.status, ended.output), (None, "begun\n"))
            time.sleep(2)
            self.assertFalse(mark.exists())

    def test_outcomes(self):
        def ended(status, output="cases: 3 passed, 0 failed, 1 skipped\n"):
            return stages.outcome(stages.Ended(status, output, 1.0))

        self.assertEqual(ended(0), {"status": "done", "seconds": 1.0, "cases": [3, 0, 1]})
        self.assertEqual([ended(status, "")["status"] for status in (None, 77, 1, -11)], ["cut", "skipped", "failed", "failed"])
        found = {"a": ended(0), "b": ended(1), "c": stages.outcome(None)}
        told = stages.verdict(found, "tests")
        self.assertEqual((told["status"], told["summary"]), ("failed", "tests: 1 done, 1 failed, 1 not reached, 6 cases passed; failed: b"))
        self.assertEqual(stages.verdict({"a": ended(0), "b": ended(None, "")}, "tests")["status"], "cut")
        self.assertEqual(stages.verdict({"a": ended(0)}, "tests")["status"], "done")
        self.assertEqual(stages.verdict({}, "tests")["status"], "failed")


class Machine:
    """A copy of the scripts, and a folder of tools of which each is a shell script."""

    def __init__(self, folder):
        self.root, self.tools = folder / "checkout", folder / "tools"
        for part in ("benchmarks/gpu", "benchmarks/peers"):
            shutil.copytree(BENCHMARKS.parent / part, self.root / part, ignore=shutil.ignore_patterns("*.cpp", "*.hpp", "__pycache__"))
        shutil.copy(BENCHMARKS / "gpu.sh", self.root / "benchmarks")
        (self.root / "docs").mkdir()
        shutil.copy(SOURCE / "docs/benchmarks_gpu.md", self.root / "docs")
        self.tools.mkdir()
        self.tool("nvidia-smi", "echo NVIDIA H1 Super, 9.0, 580.1")
        self.tool("cmake", "echo cmake \"$@\"")
        self.tests(good="echo 'cases: 2 passed, 0 failed, 0 skipped'; echo '[{\"name\": \"op\", \"type\": \"float32\", \"nmse\": 1e-9, "
                        "\"device\": \"H1\"}]' > ${TACET_NMSE:-/dev/null}")
        self.tool("compute-sanitizer", "while [[ $1 == --* ]]; do shift 2; done; \"$@\"")
        self.program(self.root / "build/cuda/benchmarks/gpu", OURS)
        self.program(self.root / "benchmarks/gpu/torch_gpu.py", PEER)

    def tool(self, name, text):
        self.script(self.tools / name, f"#!/usr/bin/env bash\n{text}\n")

    def tests(self, **commands):
        listed = {"tests": [{"name": "script", "command": ["true"]}]}
        for name, text in commands.items():
            program = self.root / "build/cuda/tests" / name
            program.parent.mkdir(parents=True, exist_ok=True)
            self.script(program, f"#!/usr/bin/env bash\n{text}\n")
            listed["tests"].append({"name": name, "command": [str(program)]})
        (self.tools / "listed.json").write_text(json.dumps(listed))
        self.tool("ctest", f"cat {self.tools}/listed.json")

    def program(self, file, told):
        file.parent.mkdir(parents=True, exist_ok=True)
        self.script(file, FAKE.replace("PLANTED", repr(json.dumps(told))).replace("len(sys.argv) > 1", "False"))

    def script(self, file, text):
        file.write_text(text)
        file.chmod(0o755)

    def environment(self, **more):
        path = os.pathsep.join([str(self.tools), str(pathlib.Path(sys.executable).parent), "/usr/bin", "/bin"])
        return os.environ | {"PATH": path} | more

    def run(self, *words, **environment):
        return subprocess.run([self.root / "benchmarks/gpu.sh", *words], capture_output=True, text=True, timeout=120,
                              env=self.environment(**environment))

    def state(self, folder="build/gpu"):
        return json.loads((self.root / folder / "stages.json").read_text())


@contextlib.contextmanager
def machine():
    with tempfile.TemporaryDirectory(prefix="tacet-gpu-") as name:
        yield Machine(pathlib.Path(name))


class Script(unittest.TestCase):
    def test_unknown_names_are_refused(self):
        for words, known in ((["--only", "n2n_infer,n2n_inferr"], NAMES), (["--stage", "build,tests"], ["sanitize", "ceilings"])):
            done = subprocess.run([BENCHMARKS / "gpu.sh", *words], capture_output=True, text=True)
            self.assertEqual(done.returncode, 2)
            for word in [words[1].split(",")[1], *known]:
                self.assertIn(word, done.stderr)

    def test_a_machine_without_a_gpu(self):
        with machine() as there:
            for text in ("echo 'NVIDIA-SMI has failed'; exit 9", "exit 127"):
                there.tool("nvidia-smi", text)
                done = there.run()
                self.assertEqual((done.returncode, done.stdout, done.stderr.count("\n")), (1, "", 1), done.stderr)
                self.assertRegex(done.stderr, "^gpu.sh: this machine has no NVIDIA GPU that can be used")
            self.assertFalse((there.root / "build/gpu").exists())

    def test_everything(self):
        with machine() as there:
            out = there.root / "out"
            done = there.run("--out", out)
            self.assertEqual(done.returncode, 0, done.stderr)
            state = there.state("out")
            self.assertEqual({name: one["status"] for name, one in state.items()},
                             dict.fromkeys(("build", "test", "ceilings", "bench", "sanitize"), "done"))
            self.assertEqual(list(state), ["build", "test", "ceilings", "bench", "sanitize"])
            self.assertEqual(set(state["sanitize"]["tests"]), {"memcheck good", "racecheck good"})
            self.assertIn("-DCMAKE_CUDA_ARCHITECTURES=90", (out / "log").read_text())
            results, = out.glob("*-gpu-h1-super.json")
            entries = json.loads(results.read_text())
            self.assertEqual([one["name"] for one in entries], NAMES)
            self.assertEqual((entries[0]["ratio"], entries[0]["versions"]), (2, "tacet 1; PyTorch 3; driver 580.1"))
            self.assertEqual(json.loads((out / "nmse.json").read_text())[0]["name"], "op")
            self.assertIn("masked_swinir_train_b64  ms", done.stdout)
            self.check_docs(there, out)

    def check_docs(self, there, out):
        (there.root / "benchmarks/results").mkdir()
        self.assertEqual(there.run("--update-docs", "--out", out).returncode, 0)
        page = (there.root / "docs/benchmarks_gpu.md").read_text()
        self.assertNotIn("waits: not measured", page)
        for text in ("tests: 2 done, 2 cases passed", "| op | 1.0e-09 |", "copy_gb_s 4000"):
            self.assertIn(text, page)
        self.assertEqual(len(list((there.root / "benchmarks/results").glob("*-gpu-h1-super.json"))), 1)
        self.assertIn("holds no results", there.run("--update-docs", "--out", there.root / "docs").stderr)

    def test_an_overrun_loses_nothing(self):
        with machine() as there:
            there.tests(good="echo 'cases: 2 passed, 0 failed, 0 skipped'", slow="sleep 60", bad="exit 3")
            start = time.perf_counter()
            done = there.run("--stage", "build,test,ceilings", "--minutes", "0.1")
            self.assertLess(time.perf_counter() - start, 15)
            self.assertEqual(done.returncode, 1)
            state = there.state()
            self.assertEqual({name: one["status"] for name, one in state.items()}, {"build": "done", "test": "failed", "ceilings": "done"})
            self.assertEqual({name: one["status"] for name, one in state["test"]["tests"].items()},
                             {"script": "done", "good": "done", "slow": "cut", "bad": "failed"})
            there.tool("cmake", "[[ $1 == --preset ]] || sleep 60")
            self.assertEqual(there.run("--stage", "build", "--minutes", "0.05").returncode, 1)
            state = there.state()
            self.assertEqual((state["build"]["status"], state["test"]["status"]), ("cut", "failed"))
            self.assertIn("goes on from there", state["build"]["summary"])

    def test_rows_survive_each_other_and_what_the_peer_compiles(self):
        with machine() as there:
            there.program(there.root / "benchmarks/gpu/torch_gpu.py", PEER | {"autotune": "hangs"})
            done = there.run("--stage", "bench", "--only", "n2n_infer,conv3x3_fwd,conv3x3_wgrad", "--minutes", "0.3")
            self.assertEqual(done.returncode, 1)
            state = there.state()["bench"]
            self.assertEqual((state["status"], state["summary"]), ("cut", "3 of 3 rows, 2 of them not beside every configuration"))
            entries = json.loads(next((there.root / "benchmarks/results").glob("*.json")).read_text())
            self.assertEqual({one["peer_config"] for one in entries}, {"CUDA graph, NCHW"})
            self.assertEqual([any("max-autotune" in remark for remark in one["remarks"]) for one in entries], [True, False, True])
            there.program(there.root / "benchmarks/gpu/torch_gpu.py", PEER | {"compare": "no number"})
            self.assertEqual(there.run("--stage", "bench", "--only", "n2n_infer,conv3x3_fwd").returncode, 1)
            state = there.state()["bench"]
            self.assertEqual((state["status"], state["summary"], len(state["missing"])), ("failed", "0 of 2 rows", 2))
            self.assertIn("ValueError", state["missing"][0])

    def test_libraries_of_a_toolkit_without_them_are_pytorchs(self):
        with machine() as there:
            for file in ("cu13/include/cublas_v2.h", "cu13/lib/libcublas.so.13", "cudnn/include/cudnn.h"):
                path = there.root / "packages/nvidia" / file
                path.parent.mkdir(parents=True, exist_ok=True)
                path.touch()
            there.tool("cmake", "echo cudnn $CUDNN_PATH cpath $CPATH; [[ $* != *--preset* || $* == *-DCUDA_cublas_LIBRARY=*13* ]] || "
                                "{ echo 'no CUDA::cublas'; exit 1; }")
            self.assertEqual(there.run("--stage", "build", PYTHONPATH=str(there.root / "packages")).returncode, 0)
            log = (there.root / "build/gpu/log").read_text()
            self.assertRegex(log, "(?m)/packages/nvidia/cudnn cpath$")
            self.assertRegex(log, "(?m)/packages/nvidia/cudnn cpath .*/packages/nvidia/cu13/include$")
            cache = there.root / "build/cuda/CMakeCache.txt"   # at the next call the libraries are known, and the headers must be
            cache.write_text(f"CUDA_cublas_LIBRARY:FILEPATH={there.root}/packages/nvidia/cu13/lib/libcublas.so.13")
            there.tool("cmake", "[[ $1 != --build || $CPATH == */cu13/include ]]")
            self.assertEqual(there.run("--stage", "build", PYTHONPATH=str(there.root / "packages")).returncode, 0)

    def test_a_sanitizer_that_cannot_work_here_is_off(self):
        with machine() as there:
            there.tool("compute-sanitizer", "echo '========= Error: Device not supported'; exit 1")
            self.assertEqual(there.run("--stage", "sanitize").returncode, 0)
            self.assertEqual(there.state()["sanitize"]["status"], "off")

    def test_an_end_from_outside_leaves_nothing_running(self):
        with machine() as there:
            mark = there.root / "mark"
            there.tool("cmake", f"echo $$ > {mark}.new; mv {mark}.new {mark}; sleep 60")
            gpu = subprocess.Popen([there.root / "benchmarks/gpu.sh", "--stage", "build"], env=there.environment(),
                                   stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            for _ in range(600):
                if mark.exists():
                    break
                self.assertIsNone(gpu.poll())
                time.sleep(0.05)
            gpu.terminate()
            self.assertEqual(gpu.wait(30), 143)
            with self.assertRaises(ProcessLookupError):   # its group
                for _ in range(200):
                    os.killpg(int(mark.read_text()), 0)
                    time.sleep(0.05)

    def test_what_is_missing_is_said(self):
        with machine() as there:
            there.tool("cmake", "echo '--     cuDNN           no: cudnn.h was not found: set CUDNN_PATH'")
            done = there.run("--stage", "build")
            self.assertEqual(done.returncode, 0)
            self.assertIn("s; cuDNN is off: cudnn.h was not found: set CUDNN_PATH\n", done.stderr)
            there.tool("cmake", "echo 'CMake Error: the tests need Catch2'; exit 1")
            done = there.run("--stage", "build")
            self.assertIn("gpu_pack.sh gathers", done.stderr)
            self.assertIn("the tests need Catch2", done.stderr)
            (there.root / "build/cuda/benchmarks/gpu").unlink()
            done = there.run("--stage", "bench", "--only", "n2n_infer")
            self.assertEqual((done.returncode, there.state()["bench"]["status"]), (1, "failed"))
            self.assertIn("was not built", done.stderr)
            self.assertEqual(there.state()["build"]["status"], "failed")

    def test_rows_are_added_to_those_of_the_day(self):
        with machine() as there:
            for names in ("n2n_infer", "conv3x3_fwd,pixel_unshuffle"):
                self.assertEqual(there.run("--stage", "bench", "--only", names).returncode, 0)
            results, = (there.root / "benchmarks/results").glob("*.json")
            entries = json.loads(results.read_text())
            self.assertEqual([one["name"] for one in entries], ["conv3x3_fwd", "pixel_unshuffle", "n2n_infer"])
            self.assertEqual({one["ceiling_fraction"] for one in entries}, {None})   # nobody measured them


def python_with_torch():
    """A Python that has PyTorch: this one, or that of peers.py."""
    find = "import importlib.util as u; raise SystemExit(u.find_spec('torch') is None)"
    cache = pathlib.Path(os.environ.get("XDG_CACHE_HOME") or pathlib.Path.home() / ".cache")
    for python in (sys.executable, cache / "tacet/peers-venv/bin/python"):
        with contextlib.suppress(OSError):
            if subprocess.run([python, "-c", find], capture_output=True).returncode == 0:
                return python
    return None


# Writes inputs of the works at small sizes, under their names. Arguments: benchmarks/peers, the folder.
INPUTS = textwrap.dedent("""\
    import json, pathlib, sys, torch
    sys.path.insert(0, sys.argv[1])
    import torch_side, torch_swinir
    torch.manual_seed(0)

    def write(name, tensors):
        header, data = {}, b""
        for key, x in tensors.items():
            raw = x.detach().contiguous().view(torch.uint8).numpy().tobytes()
            kind = {torch.float32: "F32", torch.bfloat16: "BF16"}[x.dtype]
            header[key] = {"dtype": kind, "shape": list(x.shape), "data_offsets": [len(data), len(data) + len(raw)]}
            data += raw
        text = json.dumps(header).encode()
        (pathlib.Path(sys.argv[2]) / name).write_bytes(len(text).to_bytes(8, "little") + text + data)

    def images(*shape):
        return torch.randn(*shape).bfloat16()

    conv = {"x": images(1, 16, 16, 8), "w": torch.randn(8, 8, 3, 3) / 10, "b": torch.randn(8), "gy": images(1, 16, 16, 8)}
    write("conv_forward", conv), write("conv_weight_gradient", conv)
    attention = {"x": images(1, 16, 16, 90), "w": torch.randn(225, 6) / 2, "keep": (torch.rand(1, 16, 16) < 0.75).float(),
                 "gy": images(1, 16, 16, 30)}
    write("window_attention_forward", attention), write("window_attention_backward", attention)
    write("pixel_unshuffle", {"x": torch.randn(1, 10, 10, 3)})
    pictures = {"x": torch.randn(1, 32, 32, 3) / 4, "target": torch.randn(1, 32, 32, 3) / 4}
    unet = torch_side.UNet().state_dict() | pictures
    write("unet_inference", unet), write("unet_training", unet)
    keeps = [(torch.rand(1, 32, 32, 1) < 0.25).float() for _ in range(2)]
    swinir = torch_swinir.SwinIR(12, [2], 2, 32, 32, keeps, "matmul").state_dict() | {f"keep.{k}": keep for k, keep in enumerate(keeps)}
    write("masked_swinir_forward", swinir | pictures), write("masked_swinir_training_64", swinir | pictures)
""")


class PyTorch(unittest.TestCase):
    def test_every_work_on_the_cpu(self):
        python = python_with_torch()
        if not python:
            self.skipTest("PyTorch was not found")
        with tempfile.TemporaryDirectory() as folder:
            subprocess.run([python, "-B", "-c", INPUTS, BENCHMARKS / "peers", folder], check=True)
            with Worker([python, "-B", BENCHMARKS / "gpu/torch_gpu.py", "cpu"], {}, subprocess.DEVNULL) as worker:
                worker.answer()
                self.assertTrue(worker.ask("about").startswith("PyTorch "))
                for one in gpu_rows.ROWS:
                    configs = [config for config in one.configs() if config.engine == "eager"]
                    for config in configs:
                        line = f"open {one.work} {folder}/{one.work} {one.type} {config.engine} {config.layout}"
                        distance = float(worker.ask(line))
                        self.assertTrue(distance <= one.limit, (one.name, config, distance))
                        self.assertEqual(distance > 0, one.type != "float32")
                    worker.ask(f"use {configs[0].engine} {configs[0].layout}")
                    self.assertGreater(float(worker.ask("run 2")), 0)
                    worker.ask(f"close {configs[1].engine} {configs[1].layout}")
                self.assertEqual(set(json.loads(worker.ask("ceilings"))), set(CEILINGS))
                with self.assertRaisesRegex(WorkerError, "KeyError"):
                    worker.ask("use graph NCHW")


if __name__ == "__main__":
    run_cases(sys.modules[__name__])
