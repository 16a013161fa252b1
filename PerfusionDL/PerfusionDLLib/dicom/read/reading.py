"""Perfusion studies from folders of DICOM files."""

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from statistics import median_low

import numpy as np

from ...data.errors import PerfusionError
from ...data.study import Condition, Identity, Level, PerfusionSeries, Scan, Study
from . import condition, geometry, protocol
from .archive import study_label
from .headers import Frame, one_patient, survey, tolerance
from .pixels import PixelReader, proton_density_frames
from .scans import FoundScan, find_scans, refuse_remains
from .slices import Finding, Slice, find_slices

MOST_LISTED = 12


@tolerance()
def read_study(folders: Sequence[Path], *, rest: Path | None = None, stress: Path | None = None) -> Study:
    """The rest and stress perfusion scans among whatever DICOM files lie in some folders.

    Parameters
    ----------
    folders : sequence of Path
        Searched with everything below them; files of other kinds and other series are passed over.
    rest, stress : Path, optional
        Folders whose scan is the rest or the stress scan, whatever its headers say.

    Returns
    -------
    Study
        ``Scan.assumptions`` says in sentences what was decided and assumed, and how rest and stress were told apart.
        Times count from the first frame of the scan, over all its slices.

    Raises
    ------
    PerfusionError
        Where the files are not a readable, complete perfusion study of one patient.
    """
    given = {Condition.REST: rest, Condition.STRESS: stress}
    told = {which: Path(folder).absolute() for which, folder in given.items() if folder is not None}
    frames = survey([*map(Path, folders), *told.values()])
    one_patient(frames)
    chosen = choose(frames, told)
    counts = {which: len(scan.slices) for which, (scan, _) in chosen.items()}
    if len(set(counts.values())) > 1:
        note = "The scans differ in slices: " + ", ".join(f"{which} {count}" for which, count in counts.items()) + "."
        chosen = {which: (scan.noting(note), how) for which, (scan, how) in chosen.items()}
    reader = PixelReader()
    placed = levels({which: scan for which, (scan, _) in chosen.items()})
    scans = {which: load(which, scan, how, placed[which], reader) for which, (scan, how) in chosen.items()}
    first = next(iter(chosen.values()))[0].slices[0].first
    identity = Identity(
        patient_name=first.text("PatientName"),
        patient_id=first.text("PatientID"),
        study_instance_uid=first.text("StudyInstanceUID"),
    )
    return Study(rest=scans.get(Condition.REST), stress=scans.get(Condition.STRESS), identity=identity)


def choose(frames: Sequence[Frame], told: Mapping[Condition, Path]) -> dict[Condition, tuple[FoundScan, str]]:
    """Which scan is rest and which is stress, each with a sentence that says how that is known."""
    chosen: dict[Condition, tuple[FoundScan, str]] = {}
    remaining = list(frames)
    for which, folder in told.items():
        inside = [frame for frame in frames if frame.path.is_relative_to(folder)]
        remaining = [frame for frame in remaining if not frame.path.is_relative_to(folder)]
        scans = perfusion_scans(inside)
        if len(scans) > 1:
            raise PerfusionError(
                f"The {which} folder holds {len(scans)} perfusion scans: {', '.join(scan.name for scan in scans)}.",
                "Choose a folder with one scan.",
            )
        chosen[which] = (scans[0], f"Taken as {which} because its folder was chosen as {which}.")
    if len(chosen) == 2 or (chosen and not any(finding.slices for finding in find_slices(remaining))):
        return chosen
    scans = perfusion_scans(remaining)
    if len(scans) + len(chosen) > 2:
        scans = named_scans(scans)
    if chosen and len(scans) == 1:
        left = condition.other(next(iter(chosen)))
        return chosen | {left: (scans[0], f"Taken as {left} because the other scan was chosen.")}
    for scan, (which, how) in zip(scans, condition.decide([scan.evidence for scan in scans]), strict=True):
        chosen.setdefault(which, (scan, how))
    return chosen


def named_scans(scans: Sequence[FoundScan]) -> list[FoundScan]:
    """Of more than two scans, the only one that says rest and the only one that says stress; else all of them."""
    said = [condition.from_words(scan.evidence.words) for scan in scans]
    if said.count(Condition.REST) > 1 or said.count(Condition.STRESS) > 1 or not any(said):
        return list(scans)
    rest = [
        f"Not used: {scan.name}, described as neither rest nor stress."
        for scan, one in zip(scans, said, strict=True)
        if not one
    ]
    return [scan.noting(*rest) for scan, one in zip(scans, said, strict=True) if one]


def perfusion_scans(frames: Iterable[Frame]) -> list[FoundScan]:
    """The perfusion scans among some images, in the order of time.

    Raises PerfusionError where there is none, or fewer than two and a further series looks like one but is broken.
    """
    findings = find_slices(frames)
    broken = [(finding, finding.error) for finding in findings if finding.error]
    scans = find_scans([one for finding in findings for one in finding.slices])
    refuse_remains(scans, [one for finding in findings for one in finding.remains])
    if broken and len(scans) < 2:
        raise broken[0][1]
    if not scans:
        raise nothing_found(findings)
    return [scan.noting(*(f"Not used: {finding.name}, {finding.reason}." for finding, _ in broken)) for scan in scans]


def nothing_found(findings: Sequence[Finding]) -> PerfusionError:
    """The error that lists what was found instead of perfusion."""
    listed = [f"{finding.name}: {finding.reason}" for finding in findings[:MOST_LISTED]]
    more = [f"and {len(findings) - MOST_LISTED} more series"] if len(findings) > MOST_LISTED else []
    return PerfusionError(
        "No first-pass perfusion series was found. There is " + "; ".join(listed + more) + "."
        if findings
        else "No first-pass perfusion series was found.",
        "Choose the folder with the dynamic contrast series: many images per slice, one per heartbeat.",
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


def load(which: Condition, scan: FoundScan, how: str, placed: Sequence[Level], reader: PixelReader) -> Scan:
    """A scan with its pixels."""
    signals = [reader.read(one.frames) for one in scan.slices]
    lead = median_low(
        proton_density_frames(one.frames, signal) for one, signal in zip(scan.slices, signals, strict=True)
    )
    zero_s = min(one.times_s[lead] for one in scan.slices)
    slices = tuple(
        series(one, signal, lead, zero_s, level)
        for one, signal, level in zip(scan.slices, signals, placed, strict=True)
    )
    notes = [how, *scan.notes]
    if lead:
        notes.append(f"The first {lead} frames are proton-density images and were set apart.")
    if len(slices) > 3 or len(slices) == 2:
        notes.append(f"{len(slices)} slices were taken as {', '.join(one.level or '' for one in slices)}.")
    if any(frame.text("LossyImageCompression") == "01" for one in scan.slices for frame in one.frames):
        notes.append("The images were compressed with loss; flow may be off.")
    notes.append(protocol.assumption(slices[0].acquisition))
    aif = None
    if scan.aif is not None:
        aif_signal = reader.read(scan.aif.frames)
        aif_lead = proton_density_frames(scan.aif.frames, aif_signal)
        aif_zero_s = zero_s if scan.aif_shares_clock else scan.aif.times_s[aif_lead]
        aif = series(scan.aif, aif_signal, aif_lead, aif_zero_s, None)
    return Scan(
        condition=which,
        slices=slices,
        aif_series=aif,
        aif_is_prebolus=aif is not None and not scan.aif_shares_clock,
        assumptions=tuple(note for note in notes if note),
        study=study_label(scan.slices[0].first.text("StudyInstanceUID")),
    )


def series(one: Slice, signal: np.ndarray, lead: int, zero_s: float, level: Level | None) -> PerfusionSeries:
    """A slice with its pixels; the leading proton-density frames set apart."""
    return PerfusionSeries(
        signal=signal[lead:],
        times_s=one.times_s[lead:] - zero_s,
        ijk_to_ras=one.matrix,
        acquisition=protocol.read_acquisition(one.frames[lead]),
        level=level,
        proton_density=signal[:lead] if lead else None,
        instance_uids=tuple(frame.text("SOPInstanceUID") for frame in one.frames[lead:]),
    )
