"""Gives studies to workers, as many at a time as there are workers, and each that fails once more to another one."""

import queue
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from uuid import uuid4

from distributed import Client, Future
from distributed.scheduler import KilledWorker

from ..data.errors import PerfusionError
from .outcome import DONE, ERROR, LOST, Outcome
from .worker import attempt_study as attempt_on_worker
from .worker import process_study

ATTEMPTS = 2
LOOK_S = 1.0  # how often the number of workers is asked for
LOST_S = 30.0  # how long a scheduler may be silent


@dataclass(frozen=True)
class QueuedStudy:
    """A study that is to be computed.

    images : makes the DICOM bytes that are sent along; None where workers share our folders
    """

    job: dict
    images: Callable[[], bytes] | None
    size: int


@dataclass(frozen=True)
class Running:
    """An attempt under way."""

    task: QueuedStudy
    attempt: int
    future: Future


def dispatch(
    client: Client,
    tasks: Sequence[QueuedStudy],
    *,
    seconds: float,
    memory_bytes: int,
    begin: Callable[[QueuedStudy], None] = lambda task: None,
    wait: Callable[[int], None] = lambda workers: None,
    function: Callable[..., Outcome] = process_study,
) -> Iterator[Outcome]:
    """The outcome of every study, as they come; the largest are begun first, so that none is waited for at the end.

    begin : called with each task before its first attempt; may raise to stop
    wait : called with the number of workers about every second
    function : what a worker does with a task

    Raises PerfusionError if the scheduler is lost.
    """
    waiting = deque((task, 1, "") for task in sorted(tasks, key=lambda task: (-task.size, task.job["study"])))
    running: dict[str, Running] = {}
    ended: queue.Queue[Future] = queue.Queue()
    run, workers, looked_s = uuid4().hex[:8], dict[str, int](), float("-inf")
    try:
        while waiting or running:
            if time.monotonic() - looked_s > LOOK_S:
                workers, looked_s = is_reachable(client), time.monotonic()
                wait(sum(workers.values()))
            while waiting and len(running) < sum(workers.values()):
                task, attempt, avoid = waiting.popleft()
                if attempt == 1:
                    begin(task)
                others = [address for address in workers if address != avoid] if avoid else []
                future = client.submit(
                    attempt_on_worker,
                    function,
                    task.job,
                    task.images() if task.images else None,
                    seconds,
                    memory_bytes,
                    key=f"{task.job['study']}-{run}-{attempt}",
                    pure=False,
                    workers=others or None,
                    allow_other_workers=bool(others),
                )
                running[str(future.key)] = Running(task, attempt, future)
                future.add_done_callback(ended.put)
            try:
                future = ended.get(timeout=LOOK_S)
            except queue.Empty:
                continue
            one = running.pop(str(future.key), None)
            if one is None:
                continue
            if future.status in ("cancelled", "lost"):
                is_reachable(client)  # raises where that is why
            outcome, worker = find_end(one, client)
            if outcome.kind != DONE and one.attempt < ATTEMPTS:
                waiting.append((one.task, one.attempt + 1, worker))
            else:
                yield outcome
    finally:
        if client.status == "running":
            client.cancel([one.future for one in running.values()], force=True)


def find_end(one: Running, client: Client) -> tuple[Outcome, str]:
    """How an attempt ended, and the address of the worker that made it."""
    study, worker = one.task.job["study"], ""
    try:
        if one.future.status == "finished":
            worker = next(iter(client.who_has([one.future])[one.future.key]), "")
        outcome = one.future.result(timeout=LOST_S * 4)
    except KilledWorker as error:
        outcome = Outcome(
            study=study,
            kind=LOST,
            problem=f"{error.allowed_failures + 1} workers died while they computed the study.",
            remedy="Look at the workers' machines: memory, disk, the log of the engine.",
            worker=str(error.last_worker.address),
        )
    except Exception as error:
        outcome = Outcome(
            study=study,
            kind=ERROR,
            problem=f"The worker could not compute: {type(error).__name__}: {error}.",
            remedy="Check that each worker has the same version of PerfusionDL, with `pip install perfusiondl[batch]`.",
        )
    return replace(outcome, attempts=one.attempt), worker or outcome.worker


def is_reachable(client: Client) -> dict[str, int]:
    """Threads by the address of each worker. Raises PerfusionError if the scheduler is lost."""
    try:
        if client.status == "running" and client.scheduler is not None:
            return dict(client.sync(client.scheduler.ncores, callback_timeout=LOST_S))
    except (OSError, TimeoutError):
        pass
    raise PerfusionError(
        "The scheduler does not answer any more.",
        "What is finished is kept. Start the scheduler again and repeat the command with --resume.",
    )
