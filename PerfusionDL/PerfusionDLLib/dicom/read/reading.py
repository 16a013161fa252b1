"""Perfusion studies from folders of DICOM files."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from ...data.flag import FlagCode
from ...data.study import Condition, Identity, Level, Scan, Study
from . import condition, geometry
from .between_scans import compare_scans
from .choices import NO_CHOICES, ReadChoices
from .choosing import Chosen, choose
from .consistency import Doubt, doubts, typical_text
from .doubles import without_copied_series, without_copies
from .frame import Frame
from .headers import Survey, survey, tolerance
from .loading import load
from .losses import late_beginnings, misfiled_images, stray_images
from .oddities import contradictions, differences
from .patients import one_patient
from .pixels import PixelReader
from .protocol import Header
from .scans import FEWEST_SHARE, FoundScan, about_the_pause, seconds_after


@tolerance()
def read_study(
    folders: Sequence[Path],
    *,
    rest: Path | None = None,
    stress: Path | None = None,
    choices: ReadChoices = NO_CHOICES,
) -> Study:
    """The rest and stress perfusion scans among whatever DICOM files lie in some folders.

    Parameters
    ----------
    folders : sequence of Path
        Searched with everything below them; files of other kinds and other series are passed over.
    rest, stress : Path, optional
        Folders whose scan is the rest or the stress scan, whatever its headers say.
    choices : ReadChoices
        Series that the user chose by number, and values that no header gives.

    Returns
    -------
    Study
        ``Scan.assumptions`` says what was decided and assumed, and how rest and stress were told apart.
        ``Acquisition.findings`` holds those of them that make every flow of the scan uncertain.
        Times count from the first frame of the scan, over all its slices.

    Raises
    ------
    PerfusionError
        Where the files are not a readable perfusion study of one patient.
    """
    told = folders_told(rest, stress)
    gathered = gather(survey([*map(Path, folders), *told.values()]))
    chosen = noting_all(choose(gathered.frames, told, choices), gathered)
    scans = load_visit(chosen, choices)
    return Study(rest=scans.get(Condition.REST), stress=scans.get(Condition.STRESS), identity=identity_of(chosen))


def load_visit(chosen: Mapping[Condition, Chosen], choices: ReadChoices = NO_CHOICES) -> dict[Condition, Scan]:
    """The scans of a visit with their pixels, compared with each other.

    Raises PerfusionError where pixels cannot be read or values cannot be right.
    """
    reader = PixelReader()
    found = {which: one.scan for which, one in chosen.items()}
    placed = levels(found)
    scans = {
        which: load(
            which,
            one.scan,
            one.how,
            placed[which],
            reader,
            choices.acquisition.get(which, {}),
            beside=next((other.scan for other in chosen.values() if other is not one), None),
        )
        for which, one in chosen.items()
    }
    if len(scans) < 2:
        return scans
    return {
        which: replace(scan, minutes_after_other=seconds_after(found[which], found[condition.other(which)]) / 60)
        for which, scan in compare_scans(scans).items()
    }


def folders_told(rest: Path | None, stress: Path | None) -> dict[Condition, Path]:
    """The folders that were chosen as rest and stress."""
    told = {Condition.REST: rest, Condition.STRESS: stress}
    return {which: Path(folder).absolute() for which, folder in told.items() if folder is not None}


@dataclass(frozen=True)
class Gathered:
    """The images of one patient, each once, and sentences on what was left out."""

    frames: tuple[Frame, ...]
    notes: tuple[str, ...]
    doubts: tuple[str, ...]


def gather(found: Survey) -> Gathered:
    """The images of one patient, each once.

    Raises PerfusionError where they belong to several patients.
    """
    originals, copied = without_copied_series(found.frames)
    patient = one_patient(originals)
    distinct = without_copies(originals)
    damaged = [f"Not used: {error.problem}" for error in found.damaged]
    lost = [one.sentence for one in distinct.aside]
    missing = doubts(FlagCode.IMAGES_MISSING, (*damaged, *lost))
    odd = [one for one in patient if isinstance(one, Doubt)]
    return Gathered(tuple(distinct.frames), (*patient, *copied, *distinct.notes), (*odd, *missing))


def noting_all(chosen: Mapping[Condition, Chosen], gathered: Gathered) -> dict[Condition, Chosen]:
    """The chosen scans, each with what holds for all images of the study."""
    counts = {which: len(one.scan.slices) for which, one in chosen.items()}
    notes = list(gathered.notes)
    if len(set(counts.values())) > 1:
        notes.append("The scans differ in slices: " + ", ".join(f"{which} {n}" for which, n in counts.items()) + ".")
    frames = {which: one.scan.frames for which, one in chosen.items()}
    if min(frames.values()) < FEWEST_SHARE * max(frames.values()):
        notes.append("The scans differ in frames: " + ", ".join(f"{which} {n}" for which, n in frames.items()) + ".")
    found = [one.scan for one in chosen.values()]
    if len(found) == 2:
        notes += about_the_pause(*found)
    headers = [Header(one.scan.all_frames) for one in chosen.values()]
    notes += differences(headers)
    late = dict(zip(chosen, late_beginnings([one.scan.slices for one in chosen.values()]), strict=True))
    used = [frame for one in chosen.values() for part in one.scan.all_slices for frame in (*part.frames, *part.aside)]
    strays = stray_images(gathered.frames, used)
    strays += misfiled_images([one.scan.slices for one in chosen.values()])
    grave = (*gathered.doubts, *doubts(FlagCode.IMAGES_MISSING, strays), *contradictions(headers))
    return {
        which: Chosen(one.scan.noting(*notes, *filter(None, [late[which]])).with_doubts(*grave), one.how)
        for which, one in chosen.items()
    }


def identity_of(chosen: Mapping[Condition, Chosen]) -> Identity:
    """Whose study it is, from all images of the scans."""
    frames = [frame for one in chosen.values() for frame in one.scan.all_frames]
    return Identity(
        patient_name=typical_text(frames, "PatientName"),
        patient_id=typical_text(frames, "PatientID"),
        study_instance_uid=next(iter(chosen.values())).scan.slices[0].first.text("StudyInstanceUID"),
    )


def levels(scans: Mapping[Condition, FoundScan]) -> dict[Condition, tuple[Level, ...]]:
    """Level of each slice; a scan with fewer slices than the other takes the levels of the nearest slices there."""

    def along_mm(scan: FoundScan) -> np.ndarray:
        matrices, shapes = [one.matrix for one in scan.slices], [one.shape for one in scan.slices]
        return geometry.base_to_apex(matrices, shapes)[1]

    found = {which: geometry.levels(along_mm(scan)) for which, scan in scans.items()}
    fullest = max(scans, key=lambda which: len(scans[which].slices))
    for which, scan in scans.items():
        if len(scan.slices) < min(3, len(scans[fullest].slices)):
            axis = geometry.normal(scans[fullest].slices[0].matrix)
            there = np.array([geometry.center(one.matrix, one.shape) @ axis for one in scans[fullest].slices])
            here = [geometry.center(one.matrix, one.shape) @ axis for one in scan.slices]
            nearest = [int(np.argmin(np.abs(there - place))) for place in here]
            if len(set(nearest)) == len(nearest):
                found[which] = tuple(found[fullest][index] for index in nearest)
    return found
