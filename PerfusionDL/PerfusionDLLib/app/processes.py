"""Functions called in processes of their own, beside this one.

Python computes Python code on one core only, and libraries stay in memory once they are imported: Matplotlib, Slicer's
and those of DICOM need seconds and hundreds of megabytes each. A process that ends takes them with it. The call goes to
its standard input; steps, and the result or the error, come back from its standard output, all of them pickled by this
library alone. A function may be given values after it has begun, so that it loads its libraries meanwhile.
"""

import gc
import inspect
import os
import pickle
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from functools import partial
from typing import IO, Any, Generic, Self, TypeVar, cast

from ..data.errors import PerfusionError
from .parallel import one_thread_environment

Result = TypeVar("Result")


class ProcessCall(Generic[Result]):
    """A call that is being computed by a process of its own, which ends with the block in which it was started.

    Parameters
    ----------
    function : callable
        Of the file scope of a module, so that the process finds it. Arguments and result are values that can be
        pickled.

    Examples
    --------
    >>> with ProcessCall(divmod, 17, 5) as call:
    ...     call.result()
    (3, 2)
    """

    def __init__(self, function: Callable[..., Result], *arguments: object, **options: object) -> None:
        self._name = function.__name__
        self._process = subprocess.Popen(
            [sys.executable, "-m", __name__],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env=one_thread_environment(),
        )
        self.send((function, arguments, options))

    def send(self, value: object) -> None:
        """Give the function the next of the values that it asks ``receive`` for; waits until it takes it."""
        stdin = cast(IO[bytes], self._process.stdin)
        with suppress(OSError):  # where it ended early its answers or its exit code say why
            pickle.dump(value, stdin, protocol=pickle.HIGHEST_PROTOCOL)
            stdin.flush()

    def result(self, progress: Callable[[str], None] = lambda step: None) -> Result:
        """Wait for the result; ``progress`` is called with each step of a function that says its steps.

        Raises the error that the function met, and PerfusionError where the process ended without any.
        """
        answers = cast(IO[bytes], self._process.stdout)
        while True:
            try:
                kind, value = cast(tuple[str, Any], pickle.load(answers))
            except (EOFError, pickle.UnpicklingError) as error:
                raise PerfusionError(
                    f"The process that computes {self._name} ended with code {self._process.wait()}.",
                    "Try again. Where memory is short, --workers 1 takes one step after the other.",
                ) from error
            match kind:
                case "step":
                    progress(value)
                case "error":
                    raise value
                case _:
                    return cast(Result, value)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *about: object) -> None:
        self._process.kill()
        self._process.wait()
        with suppress(OSError):  # what it was not given any more
            cast(IO[bytes], self._process.stdin).close()
        cast(IO[bytes], self._process.stdout).close()


@contextmanager
def loading_to_stay() -> Iterator[None]:
    """Libraries that are loaded inside stay to the end: they are never searched for garbage, which would take a tenth
    of the time of loading them, and half a second of each study that is computed afterwards.
    """
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()
        if was_enabled:
            gc.enable()


def main() -> None:
    """Compute the call that standard input holds.

    A function that takes ``progress`` says its steps by it; one that takes ``receive`` is given further values by it.
    """
    gc.disable()  # the process ends with its call, and its garbage with it
    signal.signal(signal.SIGINT, signal.SIG_DFL)  # whoever started it says that it was interrupted
    channel = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # whatever a library prints is not an answer

    def answer(kind: str, value: object) -> None:
        pickle.dump((kind, value), channel, protocol=pickle.HIGHEST_PROTOCOL)
        channel.flush()

    try:
        function, arguments, options = pickle.load(sys.stdin.buffer)
        parameters = inspect.signature(function).parameters
        if "progress" in parameters:
            options["progress"] = partial(answer, "step")
        if "receive" in parameters:
            options["receive"] = partial(pickle.load, sys.stdin.buffer)
        value = function(*arguments, **options)
    except Exception as error:
        answer("error", error)
    else:
        answer("result", value)


if __name__ == "__main__":
    main()
