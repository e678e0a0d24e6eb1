# SPDX-License-Identifier: MIT
"""A process that works on request: one line in, one line out."""
import os
import select
import subprocess
import time

TICKS = os.sysconf("SC_CLK_TCK")


class WorkerError(Exception):
    """What the process reported, or how it ended."""


class WorkerGone(WorkerError):
    """It ended, or takes too long: it will not answer again."""


class Worker:
    def __init__(self, command, environment, log):
        self.born = time.perf_counter()
        self.process = subprocess.Popen(command, bufsize=0, env=os.environ | environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                        stderr=log)
        self.answers = b""

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.kill()
        self.process.wait()
        self.process.stdin.close()
        self.process.stdout.close()

    def send(self, line):
        try:
            self.process.stdin.write(line.encode() + b"\n")
        except BrokenPipeError:
            pass   # answer() tells how it ended

    def answer(self, seconds=600):
        end = time.perf_counter() + seconds
        while b"\n" not in self.answers:
            ready, _, _ = select.select([self.process.stdout], [], [], max(0, end - time.perf_counter()))
            if not ready:
                raise WorkerGone(f"no answer within {seconds:.3g} s")
            read = os.read(self.process.stdout.fileno(), 65536)
            if not read:
                raise WorkerGone(f"ended with status {self.process.wait()}")
            self.answers += read
        line, _, self.answers = self.answers.partition(b"\n")
        if line.startswith(b"error: "):
            raise WorkerError(line[7:].decode())
        return line.decode()

    def ask(self, line, seconds=600):
        self.send(line)
        return self.answer(seconds)

    def processor_seconds(self):
        """User and system time that the process has taken so far."""
        with open(f"/proc/{self.process.pid}/stat") as file:
            fields = file.read().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / TICKS

    def memory_mb(self, key):
        """VmRSS, the resident set, or VmHWM, its peak since reset_peak()."""
        with open(f"/proc/{self.process.pid}/status") as file:
            return next(int(line.split()[1]) * 1024 / 1e6 for line in file if line.startswith(key + ":"))

    def reset_peak(self):
        with open(f"/proc/{self.process.pid}/clear_refs", "w") as file:
            file.write("5")
