"""A scene file that may be damaged, opened for work: all of it is read and looked over before anything is computed."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from ..data.errors import PerfusionError
from ..data.flow import FlowModel
from ..data.slice_check import check_slice
from ..mrml.archive import make_damaged_error
from ..mrml.headless import HeadlessScene, openScene
from ..mrml.nodes import findScans
from ..mrml.scan_reader import ScanReader
from .choices import choicesOfScene
from .exporting import modelOfScene
from .history import forgetCorrections
from .tasks import Task, flowTask


@dataclass(frozen=True)
class OpenedScene:
    """A scene from a file, and the task that computes its flow."""

    headless: HeadlessScene
    flow: Task


def openStudy(
    path: Path, *, study: str | None = None, model: FlowModel | None = None, automatic: bool = False
) -> OpenedScene:
    """Read the scans of a scene file.

    study : label of the study, where the scene holds scans of several
    model : as in the scene by default
    automatic : with the contours as the networks found them

    Raises PerfusionError where the file is damaged, holds no such study, or holds no contours.
    """
    with _saidInWords(path):
        opened = openScene(path)
        scans = findScans(opened.scene)
        readers = [ScanReader(nodes) for nodes in scans if study in (None, nodes.study)]
        if scans and not readers:
            held = ", ".join(sorted({one.study or "a study without a label" for one in scans}))
            raise PerfusionError(f"The scene {path.name} holds no scan of {study}.", f"It holds scans of {held}.")
        for reader in readers:
            for nodes in reader.nodes.slices:
                if nodes.hasContours:
                    check_slice(reader.readSlice(nodes))
        for reader in readers if automatic else ():
            forgetCorrections(opened.scene, reader)
        model, choices = model or modelOfScene(opened.scene), choicesOfScene(opened.scene)
        return OpenedScene(opened, flowTask(opened.scene, readers, None, model=model, choices=choices))


@contextmanager
def _saidInWords(path: Path) -> Iterator[None]:
    """Whatever cannot be read in a scene file is said as a problem of the file."""
    try:
        yield
    except PerfusionError:
        raise
    except Exception as error:  # of any kind: what another program wrote may be wrong in any way
        raise make_damaged_error(path, f"what it says cannot be read ({type(error).__name__})") from error
