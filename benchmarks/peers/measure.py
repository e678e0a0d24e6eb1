# SPDX-License-Identifier: MIT
"""How a row is measured: every configuration of the peer is probed, then the best ones and ours take turns."""
import contextlib
import dataclasses
import math
import resource
import statistics
import time

from worker import TICKS, WorkerError

PROBES = 3
NEAR = 1.25   # a runner-up whose probes took so much longer at most takes part as well: probes are few
REST = 0.02   # seconds after a repetition in which threads that spin for more work go to sleep


@dataclasses.dataclass
class Result:
    """A measured row: samples of both sides, in the row's unit."""
    row: object
    ours: list
    peer: list   # empty without a peer
    config: object
    agreement: float | None
    idle_load: float = 0.0   # cores that the waiting side took
    other_load: float = 0.0   # cores that other processes took meanwhile
    memory: float | None = None   # MB that ours took, where that was measured beside the time

    @property
    def ratio(self):
        return statistics.median(self.peer) / statistics.median(self.ours) if self.peer else None

    @property
    def counts(self):
        """Whether both sides computed the same."""
        return not self.peer or self.agreement <= self.row.limit


class OtherLoad:
    """What processes other than these workers and those that ended meanwhile take of the machine."""

    def __init__(self, *workers):
        self.workers = workers
        self.start = self.now()

    def now(self):
        ended = resource.getrusage(resource.RUSAGE_CHILDREN)
        with open("/proc/stat") as file:
            user, nice, system, _, _, *interrupts = (int(x) / TICKS for x in file.readline().split()[1:9])
        ours = ended.ru_utime + ended.ru_stime + sum(worker.processor_seconds() for worker in self.workers)
        return time.perf_counter(), user + nice + system + sum(interrupts) - ours

    def cores(self):
        (begin, before), (end, after) = self.start, self.now()
        return max(0.0, (after - before) / (end - begin))


def repetitions(seconds):
    """How often a measurement that takes so long is repeated."""
    return 15 if seconds < 0.3 else 9 if seconds < 1 else 7 if seconds <= 2 else 3


def inner_count(milliseconds):
    """How many steps one measurement holds: 0.1 s of them."""
    return max(1, math.ceil(100 / max(milliseconds, 1e-3)))


class Waiting:
    """How much those that wait compute all the same."""
    used = passed = 0.0

    def sample(self, others, sample):
        """Takes a sample while the others wait."""
        def processor_seconds():
            return sum(other.processor_seconds() for other in others)

        time.sleep(REST)
        start, before = time.perf_counter(), processor_seconds()
        value = sample()
        self.used += processor_seconds() - before
        self.passed += time.perf_counter() - start
        return value

    def cores(self):
        return self.used / max(self.passed, 1e-9)


class Measurement:
    """`bench` makes processes: bench.ours(), bench.peer(config), and bench.file(name) names a file for both."""

    def __init__(self, bench, row, note):
        self.bench, self.row, self.note = bench, row, note
        self.sample = {"memory": self.sample_memory, "startup": self.sample_startup}.get(row.measure, self.sample_steps)

    def open_line(self, config):
        line = f"open {self.row.work} {self.bench.file('inputs')}"
        return line if config is None else f"{line} {config.engine} {config.layout} {self.bench.threads}"

    def start(self, config):
        """A process that is ready; None is ours."""
        worker = self.bench.ours() if config is None else self.bench.peer(config)
        worker.answer()
        return worker

    def opened(self, config):
        worker = self.start(config)
        try:
            worker.ask(self.open_line(config))
            worker.ask("run 1")
        except WorkerError:
            worker.__exit__()
            raise
        return worker

    def sample_steps(self, worker, count):
        time.sleep(REST)
        return float(worker.ask(f"run {count}")) / 1e3

    def sample_memory(self, config):
        with self.start(config) as worker:
            before = worker.memory_mb("VmRSS")
            worker.reset_peak()
            worker.ask(self.open_line(config))
            for _ in range(5):
                worker.ask("run 1")
            return worker.memory_mb("VmHWM") - before

    def sample_startup(self, config):
        with (self.bench.ours() if config is None else self.bench.peer(config)) as worker:
            worker.send(self.open_line(config))
            worker.send("run 1")
            for _ in ("started", "ready", "time"):
                worker.answer()
            return 1e3 * (time.perf_counter() - worker.born)

    def run(self):
        with self.bench.ours() as worker:
            worker.answer()
            worker.ask(f"inputs {self.row.work} {self.bench.file('inputs')}")
        return {"steps": self.compare_steps, "alone": self.alone}.get(self.row.measure, self.compare_processes)()

    def agreement(self, ours, peer):
        ours.ask(f"write {self.bench.file('results')}")
        return float(peer.ask(f"compare {self.bench.file('results')}"))

    def best(self, probe):
        """The configuration of the smallest median of three probes, with that median, and the runner-up where it is near. One that fails is
        left out, with a note."""
        times = {}
        for config in self.row.configs():
            try:
                times[config] = statistics.median(probe(config))
                self.note(f"{self.row.name}: {config}: {times[config]:.4g} {self.row.unit}")
            except WorkerError as error:
                self.note(f"{self.row.name}: {config} left out: {error}")
        if not times:
            raise WorkerError("no configuration of the peer works")
        first, *others = sorted(times.items(), key=lambda item: item[1])
        return [first] + [other for other in others[:1] if other[1] <= NEAR * first[1]]

    def compare_steps(self):
        def probe(config):
            with self.opened(config) as worker:
                count = inner_count(self.sample_steps(worker, 1))
                return [self.sample_steps(worker, count) for _ in range(PROBES)]

        contenders = self.best(probe)
        with contextlib.ExitStack() as stack:
            ours, *peers = (stack.enter_context(self.opened(config)) for config in (None, *(config for config, _ in contenders)))
            agreements = [self.agreement(ours, peer) for peer in peers]
            our_time = self.sample_steps(ours, inner_count(self.sample_steps(ours, 1)))
            our_count, counts = inner_count(our_time), [inner_count(peer_time) for _, peer_time in contenders]
            samples, of_peers, others, waiting = [], [[] for _ in peers], OtherLoad(ours, *peers), Waiting()
            for _ in range(repetitions(max(our_time, contenders[0][1]) / 1e3)):
                samples.append(waiting.sample(peers, lambda: self.sample_steps(ours, our_count)))
                for k, peer in enumerate(peers):
                    rest = [ours] + peers[:k] + peers[k + 1:]
                    of_peers[k].append(waiting.sample(rest, lambda: self.sample_steps(peer, counts[k])))
            best = min(range(len(peers)), key=lambda k: statistics.median(of_peers[k]))
            return Result(self.row, samples, of_peers[best], contenders[best][0], agreements[best], waiting.cores(), others.cores())

    def alone(self):
        """Time of a step without a peer, and the peak of memory beyond what the process had at its start."""
        with self.start(None) as ours:
            before = ours.memory_mb("VmRSS")
            ours.reset_peak()
            ours.ask(self.open_line(None))
            others = OtherLoad(ours)
            first = self.sample_steps(ours, 1)
            samples = [self.sample_steps(ours, inner_count(first)) for _ in range(repetitions(first / 1e3))]
            return Result(self.row, samples, [], None, None, 0.0, others.cores(), ours.memory_mb("VmHWM") - before)

    def compare_processes(self):
        """For what a process does once: every sample is a process of its own."""
        self.sample(None)
        config, _ = self.best(lambda config: [self.sample(config) for _ in range(PROBES)])[0]
        with contextlib.ExitStack() as stack:
            ours, peer = (stack.enter_context(self.opened(side)) for side in (None, config))
            result = Result(self.row, [], [], config, self.agreement(ours, peer))
        took, others = time.perf_counter(), OtherLoad()
        while len(result.ours) < 7:
            result.ours.append(self.sample(None))
            result.peer.append(self.sample(config))
            if len(result.ours) >= 3 and time.perf_counter() - took > 2 * len(result.ours):
                break   # a pair takes more than 2 s
        result.other_load = others.cores()
        return result
