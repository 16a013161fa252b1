"""Parts of a results folder that are written by processes of their own, beside each other.

The report needs Matplotlib and the scene needs Slicer's libraries, seconds and hundreds of megabytes each: a process
that ends takes them with it. The result goes to its standard input; steps, and an error, come back from its standard
output, both pickled by this library alone.
"""

import os
import pickle
import signal
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import IO, cast

from ..data.errors import PerfusionError
from ..data.result import StudyResult
from .result_parts import PARTS


def write_in_process(
    parts: Sequence[str], folder: Path, result: StudyResult, *, progress: Callable[[str], None] = lambda step: None
) -> None:
    """Write parts of `result_parts.PARTS` into a folder, one after the other, in one new process.

    The error that stopped the process is raised here.
    """
    command = [sys.executable, "-m", __name__, str(folder), *parts]
    search_path = {"PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=os.environ | search_path
    ) as process:
        try:
            with cast(IO[bytes], process.stdin) as stdin:
                pickle.dump(result, stdin, protocol=pickle.HIGHEST_PROTOCOL)
        except OSError:
            pass  # it ended early: its answers or its exit code say why
        _listen(cast(IO[bytes], process.stdout), progress)
    if process.returncode:
        raise PerfusionError(
            f"The process that writes {' and '.join(parts)} ended with code {process.returncode}.",
            "Try again. Where memory is short, --workers 1 writes one part after the other.",
        )


def _listen(answers: IO[bytes], progress: Callable[[str], None]) -> None:
    """Pass on steps until the process ends; raise the error that it met."""
    while True:
        try:
            answer = pickle.load(answers)
        except (EOFError, pickle.UnpicklingError):
            return
        if isinstance(answer, BaseException):
            raise answer
        progress(answer)


def main() -> None:
    """Write what the command line names."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)  # whoever started it says that it was interrupted
    channel = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # whatever a library prints is not an answer

    def answer(message: object) -> None:
        pickle.dump(message, channel)
        channel.flush()

    folder, parts = Path(sys.argv[1]), sys.argv[2:]
    try:
        result = pickle.load(sys.stdin.buffer)
        for part in parts:
            answer(part)
            PARTS[part](folder, result)
    except Exception as error:
        answer(error)


if __name__ == "__main__":
    main()
