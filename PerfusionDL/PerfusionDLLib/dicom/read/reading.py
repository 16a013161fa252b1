"""Perfusion studies from folders of DICOM files."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from ...data.flag import FlagCode
from ...data.study import Condition, Identity, Level, Scan, Study
from . import condition, geometry
from .anatomy import flag_anatomy
from .between_scans import compare_scans
from .choices import NO_CHOICES, ReadChoices
from .choosing import Chosen, choose
from .consistency import Uncertainty, find_typical_text, make_uncertainties
from .doubles import remove_copied_series, remove_copies
from .flagging import reduce_scans
from .frame import Frame
from .headers import Survey, survey_files, tolerate_broken_rules
from .loading import load
from .losses import find_late_beginnings, find_misfiled_images, find_stray_images
from .oddities import find_contradictions, find_differences
from .patients import describe_unnamed_patient
from .pauses import compute_seconds_after, describe_pause
from .pixels import PixelReader
from .protocol import Header
from .scans import FEWEST_SHARE, FoundScan


@tolerate_broken_rules()
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
    told = collect_chosen_folders(rest, stress)
    gathered = gather(survey_files([*map(Path, folders), *told.values()]))
    chosen = add_notes_of_study(choose(gathered.frames, told, choices), gathered)
    scans = load_visit(chosen, choices)
    return Study(rest=scans.get(Condition.REST), stress=scans.get(Condition.STRESS), identity=read_identity(chosen))


def load_visit(chosen: Mapping[Condition, Chosen], choices: ReadChoices = NO_CHOICES) -> dict[Condition, Scan]:
    """The scans of a visit with their pixels, compared with each other.

    Raises PerfusionError where pixels cannot be read or values cannot be right.
    """
    reader = PixelReader()
    found = {which: one.scan for which, one in chosen.items()}
    placed = choose_levels(found)
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
        return flag_anatomy(scans, reduce_scans(scans))
    return {
        which: replace(
            scan, minutes_after_other=compute_seconds_after(found[which], found[condition.swap_condition(which)]) / 60
        )
        for which, scan in compare_scans(scans).items()
    }


def collect_chosen_folders(rest: Path | None, stress: Path | None) -> dict[Condition, Path]:
    """The folders that were chosen as rest and stress."""
    told = {Condition.REST: rest, Condition.STRESS: stress}
    return {which: Path(folder).absolute() for which, folder in told.items() if folder is not None}


@dataclass(frozen=True)
class Gathered:
    """The images of one patient, each once, and sentences on what was left out."""

    frames: tuple[Frame, ...]
    notes: tuple[str, ...]
    uncertainties: tuple[str, ...]


def gather(found: Survey) -> Gathered:
    """The images of one patient, each once.

    Raises PerfusionError where they belong to several patients.
    """
    originals, copied = remove_copied_series(found.frames)
    patient = describe_unnamed_patient(originals)
    distinct = remove_copies(originals)
    damaged = [f"Not used: {error.problem}" for error in found.damaged]
    lost = [one.sentence for one in distinct.aside]
    missing = make_uncertainties(FlagCode.IMAGES_MISSING, (*damaged, *lost))
    odd = [one for one in patient if isinstance(one, Uncertainty)]
    return Gathered(tuple(distinct.frames), (*patient, *copied, *distinct.notes), (*odd, *missing))


def add_notes_of_study(chosen: Mapping[Condition, Chosen], gathered: Gathered) -> dict[Condition, Chosen]:
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
        notes += describe_pause(*found)
    headers = [Header(one.scan.all_frames) for one in chosen.values()]
    notes += find_differences(headers)
    late = dict(zip(chosen, find_late_beginnings([one.scan.slices for one in chosen.values()]), strict=True))
    used = [frame for one in chosen.values() for part in one.scan.all_slices for frame in (*part.frames, *part.aside)]
    strays = find_stray_images(gathered.frames, used)
    strays += find_misfiled_images([one.scan.slices for one in chosen.values()])
    grave = (
        *gathered.uncertainties,
        *make_uncertainties(FlagCode.IMAGES_MISSING, strays),
        *find_contradictions(headers),
    )
    return {
        which: Chosen(one.scan.noting(*notes, *filter(None, [late[which]])).with_uncertainties(*grave), one.how)
        for which, one in chosen.items()
    }


def read_identity(chosen: Mapping[Condition, Chosen]) -> Identity:
    """Whose study it is, from all images of the scans."""
    frames = [frame for one in chosen.values() for frame in one.scan.all_frames]
    return Identity(
        patient_name=find_typical_text(frames, "PatientName"),
        patient_id=find_typical_text(frames, "PatientID"),
        study_instance_uid=next(iter(chosen.values())).scan.slices[0].first.text("StudyInstanceUID"),
    )


def choose_levels(scans: Mapping[Condition, FoundScan]) -> dict[Condition, tuple[Level, ...]]:
    """Level of each slice; a scan with fewer slices than the other takes the levels of the nearest slices there."""

    def along_mm(scan: FoundScan) -> np.ndarray:
        matrices, shapes = [one.matrix for one in scan.slices], [one.shape for one in scan.slices]
        return geometry.order_base_to_apex(matrices, shapes)[1]

    found = {which: geometry.choose_levels(along_mm(scan)) for which, scan in scans.items()}
    fullest = max(scans, key=lambda which: len(scans[which].slices))
    for which, scan in scans.items():
        if len(scan.slices) < min(3, len(scans[fullest].slices)):
            axis = geometry.compute_normal(scans[fullest].slices[0].matrix)
            there = np.array([geometry.compute_center(one.matrix, one.shape) @ axis for one in scans[fullest].slices])
            here = [geometry.compute_center(one.matrix, one.shape) @ axis for one in scan.slices]
            nearest = [int(np.argmin(np.abs(there - place))) for place in here]
            if len(set(nearest)) == len(nearest):
                found[which] = tuple(found[fullest][index] for index in nearest)
    return found
