"""What the command line says: results to standard output, steps and problems to standard error."""

from time import perf_counter
from typing import Annotated

import typer
from rich.console import Console
from rich.markup import escape

output = Console(highlight=False, soft_wrap=True)
messages = Console(stderr=True, highlight=False, soft_wrap=True)
Overwrite = Annotated[bool, typer.Option("--overwrite", help="Replace a former result.")]


class Steps:
    """Says each step as it begins and adds up how long each kind of step took.

    A step is called by its name, after its place where it has one: ``rest basal: motion compensation``.
    """

    def __init__(self, console: Console) -> None:
        self.seconds: dict[str, float] = {}
        self._console = console
        self._status = console.status("") if console.is_terminal else None
        self._running: tuple[str, float] | None = None

    def __call__(self, step: str) -> None:
        self._count()
        self._running = (step.rpartition(": ")[2], perf_counter())
        if self._status is None:
            self._console.print(step, style="dim", markup=False)
        else:
            self._status.update(escape(step))
            self._status.start()

    def finish(self) -> None:
        """No step is running any more."""
        self._count()
        if self._status is not None:
            self._status.stop()

    def profile(self) -> str:
        """One line per kind of step, slowest first."""
        rows = sorted(self.seconds.items(), key=lambda row: -row[1])
        return "\n".join(
            f"{seconds:7.2f} s  {name}" for name, seconds in [*rows, ("in all", sum(self.seconds.values()))]
        )

    def _count(self) -> None:
        if self._running is not None:
            name, began = self._running
            self.seconds[name] = self.seconds.get(name, 0.0) + perf_counter() - began
        self._running = None
