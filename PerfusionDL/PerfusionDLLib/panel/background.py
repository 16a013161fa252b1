"""Work that takes longer than a blink, done while the views stay alive."""

import queue
import threading
from collections.abc import Callable
from typing import Any

import qt

from ..data.errors import PerfusionError
from ..session.tasks import Task

POLL_MS = 10
YIELD_S = 0.03


class Canceled(Exception):  # noqa: N818
    """The user pressed Cancel."""


class BackgroundWork:
    """Computes the middle of a task on a worker thread, and its end on the main thread.

    The event loop of Slicer holds the lock of the Python interpreter while it waits, so a worker gets on only while
    the main thread waits inside Python: that is what the timer does, in slices short enough to keep the views alive.
    """

    def __init__(self, onStep: Callable[[str, int], None]) -> None:
        self._onStep = onStep
        self._messages: queue.SimpleQueue = queue.SimpleQueue()
        self._cancel = threading.Event()
        self._thread: threading.Thread | None = None
        self._task: Task | None = None
        self._steps = 0
        self._timer = qt.QTimer()
        self._timer.setInterval(POLL_MS)
        self._timer.connect("timeout()", self.poll)

    @property
    def busy(self) -> bool:
        """Whether a task is running."""
        return self._task is not None

    @property
    def name(self) -> str:
        """What is running; empty where nothing is."""
        return self._task.name if self._task else ""

    @property
    def share(self) -> int:
        """How far the task is, percent."""
        return min(100 * self._steps // max(self._task.steps, 1), 100) if self._task else 100

    def start(self, task: Task, onDone: Callable[[Any], None], onError: Callable[[Exception], None]) -> None:
        """Begin a task; the one that is running is canceled."""
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
        self._task = self._thread = None

    def poll(self) -> None:
        """Let the worker work, and pass on what it reports."""
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
            self.stop()
            if kind == "error":
                self._onError(value)
                return
            try:
                result = task.apply(value)
            except PerfusionError as error:
                self._onError(error)
            else:
                self._onDone(result)


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
