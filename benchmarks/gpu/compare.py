# SPDX-License-Identifier: MIT
"""How a row is measured on a GPU: one process for each side; every configuration of the peer is probed, then ours, eager PyTorch at its
best and the best configuration of all take turns. All within a time, of which compiling may take what measuring does not need."""
import math
import statistics
import time

from measure import PROBES, repetitions
from worker import WorkerError, WorkerGone

MEASUREMENT = 0.05   # seconds of steps in one
RESERVE = 10   # seconds that the turns need at the end


def count_for(milliseconds):
    """How many steps one measurement holds."""
    return max(1, math.ceil(1e3 * MEASUREMENT / max(milliseconds, 1e-3)))


def within(end, seconds=60):
    """So many seconds, or what is left of them before the end."""
    return max(0.0, min(seconds, end - time.perf_counter()))


class Peer:
    """PyTorch's process, which serves all rows; started again where it is gone, with the configurations at hand that it had."""

    def __init__(self, start):
        self.start, self.worker, self.row, self.file, self.end, self.held = start, None, None, None, math.inf, {}

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.worker:
            self.worker.__exit__()
            self.worker = None

    def begin(self, row, file, end):
        """From now on, questions are about this row, and all answers come before the end."""
        self.row, self.file, self.end, self.held = row, file, end, {}

    def ask(self, line, seconds=60):
        """An answer of the process. One that is gone, or whose GPU has an error, which stays, is started anew at the next question."""
        try:
            return self.running().ask(line, within(self.end, seconds))
        except WorkerError as error:
            if isinstance(error, WorkerGone) or "CUDA error" in str(error):
                self.__exit__()
            raise

    def running(self):
        if not self.worker:
            self.worker = self.start()
            self.worker.answer(within(self.end, 120))
            for config in self.held:
                self.worker.ask(self.open_line(config), within(self.end, 120))
        return self.worker

    def open_line(self, config):
        return f"open {self.row.work} {self.file} {self.row.type} {config.engine} {config.layout}"

    def open(self, config, seconds):
        """Makes a configuration ready; the distance of its results from those in float32."""
        distance = float(self.ask(self.open_line(config), seconds))
        self.held[config] = distance
        return distance

    def close(self, config):
        del self.held[config]
        self.ask(f"close {config.engine} {config.layout}")

    def time(self, config, count):
        """Milliseconds of a step, from so many."""
        self.ask(f"use {config.engine} {config.layout}")
        return float(self.ask(f"run {count}")) / 1e3


class Comparison:
    """`bench` has ours(), a process, peer, a Peer, and file(name), which names a file for both sides."""

    def __init__(self, bench, row, seconds, note):
        self.bench, self.row, self.note, self.peer = bench, row, note, bench.peer
        self.end = time.perf_counter() + seconds
        self.remarks, self.probes = [], {}

    def left(self):
        return self.end - RESERVE - time.perf_counter()

    def run(self):
        """The row's samples of each side in its unit, by name, and what is to be known of them. Raises WorkerError."""
        inputs, results = (self.bench.file(name) for name in ("inputs", "results"))
        with self.bench.ours() as ours:
            ours.answer(within(self.end))
            for line in (f"inputs {self.row.work} {inputs}", f"open {self.row.work} {inputs}", f"write {results}"):
                ours.ask(line, within(self.end))
            self.peer.begin(self.row, inputs, self.end)
            self.probe()
            eager, best = self.chosen(lambda config: config.engine == "eager"), self.chosen(lambda _: True)
            agreement = float(self.peer.ask(f"compare {results}"))
            samples = self.turns(ours, eager, best)
            remark = ours.ask("remark", within(self.end))
            if remark:
                self.remarks.append(remark)
        if not agreement <= self.row.limit:
            self.remarks.append(f"does not count: results differ by {agreement:.1e}, more than {self.row.limit:g}")
        return {"samples": samples, "eager_config": str(eager), "peer_config": str(best), "agreement": agreement,
                "counts": agreement <= self.row.limit, "remarks": self.remarks}

    def leave_out(self, config, why):
        self.remarks.append(f"{config} left out: {why}")
        self.note(f"{self.row.name}: {self.remarks[-1]}")

    def probe(self):
        """Times each configuration; of those that are not the best so far, the process keeps none."""
        for config in self.row.configs():
            if self.left() <= 0:
                self.leave_out(config, "no time was left")
                continue
            try:
                distance = self.peer.open(config, self.left())
                if not distance <= self.row.limit:
                    raise WorkerError(f"its results differ from those in float32 by {distance:.1e}")
                first = [self.peer.time(config, 1) for _ in range(3)][-1]
                self.probes[config] = statistics.median(self.peer.time(config, count_for(first)) for _ in range(PROBES))
                self.note(f"{self.row.name}: {config}: {self.in_unit(self.probes[config]):.4g} {self.row.unit}")
            except WorkerError as error:
                self.leave_out(config, error)
                self.peer.held.pop(config, None)
            for other in [held for held in self.peer.held if held not in self.candidates()]:
                self.peer.close(other)

    def candidates(self):
        return [min(group, key=self.probes.get) for group in ([c for c in self.probes if c.engine == "eager"], list(self.probes)) if group]

    def chosen(self, wanted):
        group = [config for config in self.probes if wanted(config)]
        if not group:
            raise WorkerError("no configuration of the peer works" + "".join(f"; {remark}" for remark in self.remarks))
        return min(group, key=self.probes.get)

    def turns(self, ours, eager, best):
        """Samples in turns; eager is sampled once where it is the best."""
        def our_step(count):
            return float(ours.ask(f"run {count}", within(self.end))) / 1e3

        our_time = our_step(count_for([our_step(1) for _ in range(3)][-1]))
        samples = {"ours": [], "eager": [], "best": []}
        for _ in range(repetitions(max(our_time, self.probes[eager]) / 1e3)):
            samples["ours"].append(our_step(count_for(our_time)))
            samples["eager"].append(self.peer.time(eager, count_for(self.probes[eager])))
            samples["best"].append(samples["eager"][-1] if best == eager else self.peer.time(best, count_for(self.probes[best])))
        return {side: [self.in_unit(x) for x in values] for side, values in samples.items()}

    def in_unit(self, milliseconds):
        return milliseconds * {"us": 1e3, "ms": 1}[self.row.unit]
