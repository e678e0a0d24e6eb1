# SPDX-License-Identifier: MIT
"""How a row is measured on a GPU: one process for each side; every configuration of the peer is probed, then ours, eager PyTorch at its
best and the best configuration of all take turns. All within a time, of which getting ready may take what measuring does not need."""
import contextlib
import math
import statistics
import time

from measure import PROBES, repetitions
from worker import WorkerError, WorkerGone

MEASUREMENT = 0.05   # seconds of steps in one
RESERVE = 10   # seconds that the turns need at the end: at most so many, and a quarter of the time
OPENING = 6   # seconds within which a configuration can be ready: at most so many, and an eighth of the time
ENOUGH = 3   # samples of each side, where there is no time for more
LEFT_OUT = " left out: "
FARTHER = 3   # times a row's limit: so far from float32 may a configuration of the peer be, which is then said


def count_for(milliseconds):
    """How many steps one measurement holds."""
    return max(1, math.ceil(1e3 * MEASUREMENT / max(milliseconds, 1e-3)))


def within(end, seconds=60):
    """So many seconds, or what is left of them before the end."""
    return max(0.0, min(seconds, end - time.perf_counter()))


class StillStarting(WorkerGone):
    """It has not said that it is there. It may yet, to whoever asks next."""


class Peer:
    """PyTorch's process, which serves all rows; started again where it is gone, with the configurations at hand that it had."""

    def __init__(self, start):
        self.start, self.row, self.file, self.end, self.held = start, None, None, math.inf, {}
        self.worker, self.there, self.ready = None, False, False   # ready: with all that it held

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.worker:
            self.worker.__exit__()
            self.worker, self.there, self.ready = None, False, False

    def warm_up(self):
        """Starts the process, which takes a while, and does not wait for it."""
        if not self.worker:
            self.worker = self.start()

    def begin(self, row, file, end):
        """From now on, questions are about this row, and all answers come before the end."""
        self.row, self.file, self.end, self.held = row, file, end, {}

    def ask(self, line, seconds=60):
        """An answer of the process. One that is gone, or whose GPU has an error, which stays, is started anew."""
        try:
            return self.running().ask(line, within(self.end, seconds))
        except WorkerError as error:
            gone = isinstance(error, WorkerGone) or not self.ready or "CUDA error" in str(error)
            if gone and not isinstance(error, StillStarting):
                self.__exit__()
                self.warm_up()
            raise

    def running(self):
        self.warm_up()
        if not self.there:
            try:
                self.worker.answer(within(self.end, 120))
            except WorkerGone as gone:
                if self.worker.process.poll() is None:
                    raise StillStarting(str(gone)) from None
                raise
            self.there = True
        if not self.ready:
            for config in self.held:
                self.worker.ask(self.open_line(config), within(self.end, 120))
            self.ready = True
        return self.worker

    def open_line(self, config):
        return f"open {self.row.work} {self.file} {self.row.type} {config.engine} {config.layout}"

    def open(self, config, seconds):
        """Makes a configuration ready; the distance of its results from those in float32."""
        distance = float(self.ask(self.open_line(config), seconds))
        self.held[config] = distance
        return distance

    def close(self, config):
        """Gives back what a configuration takes; one that is not at hand takes nothing."""
        if self.held.pop(config, None) is not None and self.ready:
            with contextlib.suppress(WorkerError):
                self.ask(f"close {config.engine} {config.layout}")

    def time(self, config, count):
        """Milliseconds of a step, from so many."""
        self.ask(f"use {config.engine} {config.layout}")
        return float(self.ask(f"run {count}")) / 1e3


class Comparison:
    """`bench` has ours(), a process, peer, a Peer, and file(name), which names a file for both sides."""

    def __init__(self, bench, row, seconds, note, configs=None):
        self.bench, self.row, self.note, self.peer, self.configs = bench, row, note, bench.peer, configs or row.configs()
        self.end = time.perf_counter() + seconds
        self.reserve, self.opening = min(RESERVE, seconds / 4), min(OPENING, seconds / 8)
        self.remarks, self.probes, self.untried, self.winners, self.measured = [], {}, [], [], None

    def left(self):
        return self.end - self.reserve - time.perf_counter()

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
            if statistics.median(samples["best"]) > statistics.median(samples["eager"]):   # probes are few
                best, samples["best"] = eager, samples["eager"]
            self.winners = list(dict.fromkeys((eager, best)))
        if not agreement <= self.row.limit:
            self.remarks.append(f"does not count: results differ by {agreement:.1e}, more than {self.row.limit:g}")
        self.measured = {"samples": samples, "eager_config": str(eager), "peer_config": str(best), "agreement": agreement,
                         "counts": agreement <= self.row.limit, "remarks": self.remarks}
        return self.measured

    def leave_out(self, config, why):
        self.remarks.append(f"{config}{LEFT_OUT}{why}")
        self.note(f"{self.row.name}: {self.remarks[-1]}")

    def probe(self):
        """Times each configuration; of those that are not the best so far, the process keeps none."""
        for config in self.configs:
            if self.left() <= self.opening:
                self.leave_out(config, "no time was left")
                self.untried.append(config)
                continue
            try:
                distance = self.peer.open(config, self.left())
                if not distance <= FARTHER * self.row.limit:
                    raise WorkerError(f"its results differ from those in float32 by {distance:.1e}")
                if distance > self.row.limit:
                    self.remarks.append(f"{config}: results differ from those in float32 by {distance:.1e}")
                first = [self.peer.time(config, 1) for _ in range(3)][-1]
                self.probes[config] = statistics.median(self.peer.time(config, count_for(first)) for _ in range(PROBES))
                self.note(f"{self.row.name}: {config}: {self.in_unit(self.probes[config]):.4g} {self.row.unit}")
            except WorkerError as error:
                self.leave_out(config, error)
                if isinstance(error, WorkerGone):
                    self.untried.append(config)
                self.peer.close(config)
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
        """Samples in turns, as many as there is time for; eager is sampled once where it is the best."""
        def our_step(count):
            return float(ours.ask(f"run {count}", within(self.end))) / 1e3

        our_time = our_step(count_for([our_step(1) for _ in range(3)][-1]))
        if remark := ours.ask("remark", within(self.end)):
            self.remarks.append(remark)
        taken = []
        for _ in range(repetitions(max(our_time, self.probes[eager]) / 1e3)):
            if len(taken) >= ENOUGH and self.end - time.perf_counter() < 1:
                break
            try:
                of_ours, of_eager = our_step(count_for(our_time)), self.peer.time(eager, count_for(self.probes[eager]))
                taken.append((of_ours, of_eager, of_eager if best == eager else self.peer.time(best, count_for(self.probes[best]))))
            except WorkerError:
                if len(taken) < ENOUGH:
                    raise
                break
        return {side: [self.in_unit(turn[k]) for turn in taken] for k, side in enumerate(("ours", "eager", "best"))}

    def in_unit(self, milliseconds):
        return milliseconds * {"us": 1e3, "ms": 1}[self.row.unit]
