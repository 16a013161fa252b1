"""Keeps a process that computes studies within its limits of time and memory, and starts another where it was lost."""

import contextlib
import json
import queue
import socket
import subprocess
import sys
import threading
import time
from typing import IO, Any, cast

import psutil

from ..app.parallel import one_thread_environment
from .outcome import ERROR, LIMITS, LOST, Outcome
from .worker_process import MORE_MEMORY

TICK_S = 0.05
LONGEST_TICK_S = 1.0  # a longer one means that the machine slept or we were stopped, and so was the study
HOST = socket.gethostname()


class Supervisor:
    """One process at a time; not for several threads."""

    def __init__(self) -> None:
        self._process: subprocess.Popen | None = None
        self._lines: queue.Queue[str | None] = queue.Queue()

    def compute(self, job: dict, *, seconds: float, memory_bytes: int) -> Outcome:
        """One study. Whatever happens to it, an outcome comes back, within the limit of time.

        seconds : of waking time; pauses of the whole machine do not count
        """
        process, step, spent_s, peak_bytes = self._running(), "starting", 0.0, 0
        stdin = cast(IO[str], process.stdin)
        about = {"study": job["study"], "worker": f"{HOST}:{process.pid}"}
        began = last = time.monotonic()

        def ended(kind: str, problem: str = "", remedy: str = "") -> Outcome:
            took_s = time.monotonic() - began
            where = "" if kind == "done" else step
            said: dict[str, Any] = {"kind": kind, "step": where, "problem": problem, "remedy": remedy}
            return Outcome(**about, **said, seconds=round(took_s, 3), peak_bytes=peak_bytes)

        try:
            stdin.write(json.dumps(job) + "\n")
            stdin.flush()
        except OSError:
            self.stop()
            return ended(LOST, "The process that was to compute the study had died.", "Add --resume to try again.")
        while True:
            try:
                line = self._lines.get(timeout=TICK_S)
            except queue.Empty:
                line = ""
            now = time.monotonic()
            spent_s, last = spent_s + min(now - last, LONGEST_TICK_S), now
            peak_bytes = max(peak_bytes, read_memory(process.pid))
            if line is None:
                code = self.stop()
                reason = f"signal {-code}" if code is not None and code < 0 else f"exit code {code}"
                return ended(
                    LOST,
                    f"The process that computed the study died ({reason}).",
                    "If its machine lacked memory, use fewer --workers. Else report what `perfusiondl run` on it says.",
                )
            if line:
                said = json.loads(line)
                if "ended" in said:
                    return ended(said["ended"], said.get("problem", ""), said.get("remedy", ""))
                step = said["step"]
            if spent_s > seconds:
                self.stop()
                return ended(
                    LIMITS,
                    f"The study was not finished after {seconds:g} s.",
                    "Raise --time-limit, or look at what is unusual about it.",
                )
            if peak_bytes > memory_bytes:
                self.stop()
                used, limit = peak_bytes / 2**30, memory_bytes / 2**30
                problem = f"The study needed {used:.1f} GB of memory; {limit:.1f} GB are allowed."
                return ended(LIMITS, problem, MORE_MEMORY)

    def stop(self) -> int | None:
        """End the process; returns its exit code, None where it cannot be ended (a file system that hangs)."""
        if self._process is None:
            return None
        process, self._process = self._process, None
        process.kill()
        with contextlib.suppress(OSError):
            cast(IO[str], process.stdin).close()
        with contextlib.suppress(subprocess.TimeoutExpired):
            return process.wait(timeout=5)
        return None

    def _running(self) -> subprocess.Popen:
        if self._process is not None and self._process.poll() is None:
            return self._process
        self.stop()
        self._lines = queue.Queue()
        self._process = subprocess.Popen(
            [sys.executable, "-m", "PerfusionDLLib.batch.worker_process"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            encoding="utf-8",
            env=one_thread_environment(),
            start_new_session=True,  # Ctrl-C is for the command, not for the study
        )
        threading.Thread(target=read_lines, args=(self._process.stdout, self._lines), daemon=True).start()
        return self._process


def read_lines(stream, lines: "queue.Queue[str | None]") -> None:
    """Pass on every line, then None."""
    with contextlib.suppress(OSError, ValueError), stream:
        for line in stream:
            lines.put(line)
    lines.put(None)


def read_memory(pid: int) -> int:
    """Resident memory of a process in bytes, 0 where it is gone."""
    try:
        return psutil.Process(pid).memory_info().rss
    except psutil.Error:
        return 0


def describe_failed_start(study: str, error: OSError) -> Outcome:
    """The outcome where a worker could not even begin."""
    return Outcome(
        study=study,
        kind=ERROR,
        step="starting",
        problem=f"The worker could not begin: {error.strerror or error}.",
        remedy="Check the machine's disk and memory.",
        worker=HOST,
    )
