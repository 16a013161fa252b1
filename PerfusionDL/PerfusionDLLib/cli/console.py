"""What the command line says: results to standard output, steps and problems to standard error."""

import signal
import sys
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from enum import StrEnum
from time import perf_counter
from typing import Annotated

import typer
from rich.console import Console
from rich.markup import escape

output = Console(highlight=False, soft_wrap=True)
messages = Console(stderr=True, highlight=False, soft_wrap=True)
Overwrite = Annotated[bool, typer.Option("--overwrite", help="Replace a former result.")]
ReplaceCorrections = Annotated[
    bool,
    typer.Option("--replace-corrections", help="With --overwrite: also results that hold corrections of a reader."),
]


class Device(StrEnum):
    """Where the networks run."""

    AUTO = "auto"
    CPU = "cpu"
    CUDA = "cuda"
    MPS = "mps"


class Step(StrEnum):
    """A network, or all of them."""

    PEAK = "peak"
    BOX = "box"
    LABELS = "labels"
    POINTS = "points"
    ALL = "all"


def print_line(line: str) -> None:
    """A line on how far the work is."""
    messages.print(line, markup=False)


class Steps:
    """Says each step as it begins and adds up how long each kind of step took.

    A step is called by its name, after its place where it has one: ``rest basal: motion compensation``. Steps of
    several threads run beside each other, while the thread that made this object waits: a step of its own ends all
    others, and theirs end its.
    """

    def __init__(self, console: Console) -> None:
        self.seconds: dict[str, float] = {}
        self._console = console
        self._status = console.status("") if console.is_terminal else None
        self._running: dict[int, tuple[str, float]] = {}
        self._lock = threading.Lock()
        self._main, self._began = threading.get_ident(), perf_counter()

    def __call__(self, step: str) -> None:
        thread = threading.get_ident()
        with self._lock:
            self._count(list(self._running) if thread == self._main else [thread, self._main])
            self._running[thread] = (step.rpartition(": ")[2], perf_counter())
            self._show(step)

    def _show(self, step: str) -> None:
        if self._status is None:
            self._console.print(step, style="dim", markup=False)
        else:
            self._status.update(escape(step))
            self._status.start()

    def finish(self) -> None:
        """No step is running any more."""
        with self._lock:
            self._count(list(self._running))
        if self._status is not None:
            self._status.stop()

    def profile(self) -> str:
        """One line per kind of step, slowest first; with several workers they add up to more than the whole."""
        rows = sorted(self.seconds.items(), key=lambda row: -row[1])
        whole = ("in all", perf_counter() - self._began)
        return "\n".join(f"{seconds:7.2f} s  {name}" for name, seconds in [*rows, whole])

    def _count(self, threads: Iterable[int]) -> None:
        for thread in threads:
            if thread in self._running:
                name, began = self._running.pop(thread)
                self.seconds[name] = self.seconds.get(name, 0.0) + perf_counter() - began


ENDINGS = tuple(getattr(signal, name) for name in ("SIGTERM", "SIGHUP") if hasattr(signal, name))
"""How batch systems, shutdowns and closed terminals ask a command to end."""


@contextmanager
def end_on_signal(end: Callable[[int], BaseException]) -> Iterator[None]:
    """Requests to end become the exception that ``end`` makes of their number, so that nothing half-written stays.

    Further requests are passed over while the command tidies up. A request that was ignored before, as under `nohup`,
    stays ignored.
    """

    def stop(number: int, frame: object) -> None:
        for one in formers:
            signal.signal(one, signal.SIG_IGN)
        raise end(number)

    formers = {one: signal.getsignal(one) for one in ENDINGS}
    formers = {one: former for one, former in formers.items() if former is not signal.SIG_IGN}
    for one in formers:
        signal.signal(one, stop)
    try:
        yield
    finally:
        for one, former in formers.items():
            signal.signal(one, former)


def print_any_name() -> None:
    """File names that are no text of the terminal are printed with escapes, not refused."""
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")
