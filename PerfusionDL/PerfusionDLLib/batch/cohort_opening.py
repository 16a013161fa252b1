"""Opens the folder of a cohort for one command at a time, and puts in order what a crash left there."""

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout

from ..data.errors import PerfusionError
from ..results.atomic import atomic_file, forget_partial
from .folder import STATE, STUDIES, CohortFolder, make_unwritable_error


@contextmanager
def open_cohort(out: Path, settings: Mapping[str, object], *, resume: bool) -> Iterator[CohortFolder]:
    """The folder of a cohort, which nobody else writes meanwhile.

    settings : what its numbers depend on; a cohort is computed with one version and one model

    Raises PerfusionError where the folder holds something else, another cohort without ``resume``, a cohort with other
    settings, or where another command is at work on it.
    """
    check(out, resume=resume)
    occupied = PerfusionError(
        f"Another command is at work on the cohort in {out.name}.", "Wait until it has ended, or stop it."
    )
    with lock_folder(out, STATE, occupied):
        try:
            (out / STUDIES).mkdir(exist_ok=True)
        except OSError as error:
            raise make_unwritable_error(out, error) from error
        keep_settings(out, settings)
        remove_leftovers(out / STUDIES)
        yield CohortFolder(out)
        remove_leftovers(
            out / STUDIES
        )  # every study has ended: what is half written belongs to attempts that were killed


@contextmanager
def lock_folder(out: Path, state: str, occupied: PerfusionError) -> Iterator[None]:
    """Nobody else works on a folder meanwhile, which is made where it is missing.

    state : its subfolder in which the lock lies

    Raises ``occupied`` where somebody does, and PerfusionError where the folder cannot be written.
    """
    try:
        (out / state).mkdir(parents=True, exist_ok=True)
        lock = FileLock(out / state / "lock", timeout=0)
        lock.acquire()
    except Timeout as error:
        raise occupied from error
    except OSError as error:
        raise PerfusionError(
            f"The folder {out.name} could not be written: {error.strerror or error}.",
            "Check that the disk has room and that you may write there, or name another folder.",
        ) from error
    try:
        yield
    finally:
        lock.release()


def check(out: Path, *, resume: bool) -> None:
    """Raise PerfusionError unless a cohort may be computed in ``out``."""
    if not out.exists():
        return
    if not out.is_dir():
        raise PerfusionError(f"{out.name} is a file.", "Name a folder for the results.")
    inside = {path.name for path in out.iterdir()}
    if inside and STATE not in inside:
        raise PerfusionError(f"The folder {out.name} holds something that is no cohort.", "Name another folder.")
    if not resume and (out / STATE / "journal.jsonl").exists():
        raise PerfusionError(
            f"The folder {out.name} holds a cohort already.", "Add --resume to go on with it, or name another folder."
        )


def keep_settings(out: Path, settings: Mapping[str, object]) -> None:
    """Note the settings of a new cohort. Raises PerfusionError where it was begun with others."""
    path = out / STATE / "settings.json"
    if not path.exists() or not (out / STATE / "journal.jsonl").exists():
        with atomic_file(path) as target:
            target.write(json.dumps(dict(settings)).encode())
        return
    former = json.loads(path.read_text(encoding="utf-8"))
    other = [name for name in settings if former.get(name) != settings[name]]
    if other:
        said = ", ".join(f"{name.replace('_', ' ')} {former.get(name)} (now {settings[name]})" for name in other)
        raise PerfusionError(
            f"The cohort in {out.name} was begun with {said}.", "Go on with the same, or name another folder."
        )


def remove_leftovers(studies: Path) -> None:
    """Put back and take away what a crash left: former results that were set aside, and half-written ones."""
    for path in studies.glob(".*.partial-*"):
        forget_partial(path.with_name(path.name[1:].partition(".partial-")[0]), older_than_s=float("-inf"))
    for path in studies.glob(".*.former-*"):
        forget_partial(path.with_name(path.name[1:].partition(".former-")[0]))
