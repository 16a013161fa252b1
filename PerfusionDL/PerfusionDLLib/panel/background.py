"""Work that takes longer than a blink, done while the views stay alive."""

import math
import queue
import threading
import time
from collections.abc import Callable, Generator
from typing import Any

import qt

from ..data.errors import PerfusionError
from ..session.tasks import Task
from .drawing import Drawing

POLL_MS = 10
YIELD_S = 0.03
WRITE_S = 0.03
"""How long nodes are written until the views get a turn; chosen: with the longest piece it stays below 0.1 s."""


class Canceled(Exception):  # noqa: N818
    """The user pressed Cancel."""


class BackgroundWork:
    """Computes the middle of a task on a worker thread, and its end on the main thread.

    The event loop of Slicer holds the lock of the Python interpreter while it waits, so a worker gets on only while
    the main thread waits inside Python: that is what the timer does, in slices short enough to keep the views alive.
    """

    def __init__(self, onStep: Callable[[str, int], None]) -> None:
        self._onStep = onStep
        self._drawing = Drawing()
        self._messages: queue.SimpleQueue = queue.SimpleQueue()
        self._cancel = threading.Event()
        self._thread: threading.Thread | None = None
        self._task: Task | None = None
        self._pieces: Generator[None, None, Any] | None = None
        self._steps = 0
        self._timer = qt.QTimer()
        self._timer.setInterval(POLL_MS)
        self._timer.connect("timeout()", self.poll)

    @property
    def busy(self) -> bool:
        """Whether a task is running."""
        return self._task is not None

    @property
    def writing(self) -> bool:
        """Whether a result is being put into the scene, piece by piece."""
        return self._pieces is not None

    @property
    def name(self) -> str:
        """What is running; empty where nothing is."""
        return self._task.name if self._task else ""

    @property
    def share(self) -> int:
        """How far the task is, percent."""
        return min(100 * self._steps // max(self._task.steps, 1), 100) if self._task else 100

    def start(self, task: Task, onDone: Callable[[Any], None], onError: Callable[[Exception], None]) -> None:
        """Begin a task; the one that is running is canceled, one that is being written is finished first."""
        self.finish()
        self.stop()
        self._onDone, self._onError = onDone, onError
        self._task, self._steps, self._cancel, self._messages = task, 0, threading.Event(), queue.SimpleQueue()
        self._thread = threading.Thread(target=_compute, args=(task, self._cancel, self._messages), daemon=True)
        self._thread.start()
        self._timer.start()

    def stop(self) -> None:
        """Forget the running task; its thread ends at its next step and nothing of it is shown."""
        self._cancel.set()
        self._timer.stop()
        self._task = self._thread = self._pieces = None
        self._drawing.release()

    def finish(self) -> None:
        """Write the rest of a result at once: half of one would belong to no contours."""
        while self._pieces is not None:
            self._writePieces(math.inf)

    def poll(self) -> None:
        """Let the worker work, and pass on what it reports; write a result piece by piece."""
        if self._pieces is not None:
            self._writePieces(WRITE_S)
            self._drawing.releaseWhenLong()
            return
        if self._thread is None:
            return
        self._thread.join(YIELD_S)
        while self._task is not None and not self._messages.empty():
            kind, value = self._messages.get()
            task = self._task
            if kind == "step":
                self._onStep(value, self.share)
                self._steps += 1
                continue
            if kind == "error":
                self.stop()
                self._onError(value)
                return
            self._drawing.hold()
            self._pieces = task.pieces(value)
            self._writePieces(WRITE_S)

    def _writePieces(self, seconds: float) -> None:
        """Write for so long, at least one piece; the views are drawn and the user is heard before the next."""
        pieces, until = self._pieces, time.monotonic() + seconds
        while pieces is not None and self._pieces is pieces:
            try:
                next(pieces)
            except StopIteration as end:
                self.stop()
                self._onDone(end.value)
            except PerfusionError as error:
                self.stop()
                self._onError(error)
            if time.monotonic() >= until:
                return


def _compute(task: Task, cancel: threading.Event, messages: queue.SimpleQueue) -> None:
    """What the worker thread does: everything it says goes through the queue."""

    def progress(step: str) -> None:
        if cancel.is_set():
            raise Canceled
        messages.put(("step", step))

    try:
        messages.put(("done", task.compute(progress)))
    except Canceled:
        pass
    except Exception as error:
        messages.put(("error", error))
