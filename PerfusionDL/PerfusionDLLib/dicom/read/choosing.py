"""Which scan is rest and which is stress: what the user chose, else what the scans say."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from ...data.errors import PerfusionError
from ...data.flag import FlagCode
from ...data.study import Condition
from ...data.text import make_line
from . import condition
from .boluses import leave_out_without_bolus
from .choices import NO_CHOICES, ReadChoices
from .consistency import make_uncertainties, name_images
from .frame import Frame
from .grouping import LONGEST_BREAK_S
from .pauses import compute_seconds_after
from .scans import FoundScan, find_scans, is_completing
from .slices import Finding, find_slices

MOST_LISTED = 12


@dataclass(frozen=True)
class Chosen:
    """A scan with its condition, and a sentence that says how that is known."""

    scan: FoundScan
    how: str


def choose(
    frames: Sequence[Frame],
    told: Mapping[Condition, Path],
    choices: ReadChoices = NO_CHOICES,
    findings: Sequence[Finding] | None = None,
) -> dict[Condition, Chosen]:
    """Which scan is rest and which is stress, each with a sentence that says how that is known.

    told : folders that were chosen as rest or stress
    findings : what the series of the study are, where that is known already

    Raises PerfusionError where there is no perfusion scan, or nothing tells which one is which.
    """
    frames = choose_study(frames, choices.study)
    chosen: dict[Condition, Chosen] = {}
    remaining = list(frames)
    for which, folder in told.items():
        inside = [frame for frame in frames if frame.path.is_relative_to(folder)]
        remaining = [frame for frame in remaining if not frame.path.is_relative_to(folder)]
        scans = find_perfusion_scans(inside, choices.rr_interval_s)
        if len(scans) > 1:
            raise PerfusionError(
                f"The {which} folder holds {len(scans)} perfusion scans: {', '.join(scan.name for scan in scans)}.",
                "Choose a folder with one scan.",
            )
        chosen[which] = Chosen(scans[0], f"Taken as {which} because its folder was chosen as {which}.")
    if findings is None or told:
        findings = find_slices(remaining, choices.rr_interval_s)
    if len(chosen) == 2 or (chosen and not any(finding.slices for finding in findings)):
        return chosen
    scans = find_scans_of_study(findings, choices.rr_interval_s)
    chosen |= choose_by_number(scans, choices)
    scans = [scan for scan in scans if all(scan is not one.scan for one in chosen.values())]
    scans = leave_out_without_bolus(scans)
    if len(chosen) == 2 or (chosen and not scans):
        return chosen
    if choices.series and len(scans) > 1:
        return chosen
    if len(scans) + len(chosen) > 2:
        scans = choose_named_scans(scans)
    if chosen and len(scans) == 1:
        left = condition.swap_condition(next(iter(chosen)))
        return chosen | {left: Chosen(scans[0], f"Taken as {left} because the other scan was chosen.")}
    try:
        decided = condition.decide([scan.evidence for scan in scans])
    except PerfusionError as error:
        raise find_several_studies_error(scans) or find_changed_in_the_middle_error(scans) or error from error
    for scan, (which, how, uncertainty) in zip(scans, decided, strict=True):
        chosen.setdefault(
            which,
            Chosen(
                scan.with_uncertainties(*make_uncertainties(FlagCode.CONDITION_UNCERTAIN, filter(None, [uncertainty]))),
                how,
            ),
        )
    return chosen


def choose_study(frames: Sequence[Frame], study: str) -> list[Frame]:
    """The images of the study that was chosen by its date or identifier.

    Raises PerfusionError where there is none.
    """
    if not study:
        return list(frames)
    date = study.replace("-", "")
    inside = [frame for frame in frames if study == frame.text("StudyInstanceUID") or date == frame.text("StudyDate")]
    if not inside:
        dates = sorted({frame.text("StudyDate") for frame in frames} - {""})
        raise PerfusionError(
            f"No study of {make_line(study)} is there; the studies are of {', '.join(dates) or 'unknown dates'}.",
            "Name one of these dates with --study.",
        )
    return inside


def choose_by_number(scans: Sequence[FoundScan], choices: ReadChoices) -> dict[Condition, Chosen]:
    """The scans whose series the user named.

    Raises PerfusionError where a number is that of no perfusion series, or of several scans.
    """
    chosen = {}
    for which, number in choices.series.items():
        found = [scan for scan in scans if any(is_of_series(one.frames, number) for one in scan.slices)]
        if len(found) != 1:
            there = ", ".join(scan.evidence.described for scan in scans)
            what = (
                f"is not that of a perfusion series; these are {there}"
                if not found
                else (f"is that of {len(found)} scans: {there}")
            )
            raise PerfusionError(
                f"The series {make_line(number)}, chosen as {which}, {what}.",
                f"Give the number of a perfusion series with --{which}-series; with --study, where several studies "
                "have the same numbers.",
            )
        how = f"Taken as {which} because series {make_line(number)} was chosen as {which}."
        chosen[which] = Chosen(found[0], how)
    return chosen


def is_of_series(frames: Sequence[Frame], number: str) -> bool:
    """Whether a slice is of the series with a number or an identifier."""
    return any(number in (frame.text("SeriesNumber"), frame.text("SeriesInstanceUID")) for frame in frames)


def find_several_studies_error(scans: Sequence[FoundScan]) -> PerfusionError | None:
    """An error that names the studies by their dates, if the scans are of several."""
    by_study: dict[str, list[FoundScan]] = defaultdict(list)
    for scan in scans:
        first = scan.slices[0].first
        by_study[first.text("StudyDate") or first.text("StudyInstanceUID")].append(scan)
    if len(by_study) < 2 or len(scans) < 3:
        return None
    named = "; ".join(
        f"{date if len(date) == 8 else 'unknown date'} with {' and '.join(one.evidence.described for one in found)}"
        for date, found in sorted(by_study.items())
    )
    return PerfusionError(
        f"There are {len(by_study)} studies of this patient: {named}.",
        "Choose one with --study DATE (YYYYMMDD), or choose the folder of one study.",
    )


def find_changed_in_the_middle_error(scans: Sequence[FoundScan]) -> PerfusionError | None:
    """An error that names a series whose images change their size or orientation, if two scans are parts of one."""
    for index, one in enumerate(scans):
        for other in scans[index + 1 :]:
            first, second = one.slices[0], other.slices[0]
            if first.first.text("SeriesInstanceUID") != second.first.text("SeriesInstanceUID"):
                continue
            pause_s = second.start_s - first.start_s - first.span_s
            if not 0 < pause_s < LONGEST_BREAK_S:
                continue
            keywords = ("Rows", "Columns", "PixelSpacing", "ImageOrientationPatient")
            changed = [name for name in keywords if first.first.text(name) != second.first.text(name)]
            return PerfusionError(
                f"The images of {one.name} change in the middle of the scan: {' and '.join(changed) or 'their place'} "
                f"of {name_images([second.first])} and later ones differ from those before.",
                "Send the series again from the scanner or its archive, without conversion.",
            )
    return None


def choose_named_scans(scans: Sequence[FoundScan]) -> list[FoundScan]:
    """Of more than two scans, the only one that says rest and the only one that says stress; else all of them."""
    said = [scan.evidence.condition for scan in scans]
    unclear = any(scan.evidence.contradicts_itself for scan in scans)
    if unclear or said.count(Condition.REST) > 1 or said.count(Condition.STRESS) > 1 or not any(said):
        return list(scans)
    rest = [
        f"Not used: {scan.name}, described as neither rest nor stress."
        for scan, one in zip(scans, said, strict=True)
        if not one
    ]
    return [scan.noting(*rest) for scan, one in zip(scans, said, strict=True) if one]


def find_perfusion_scans(frames: Iterable[Frame], rr_interval_s: float | None = None) -> list[FoundScan]:
    """The perfusion scans among some images, in the order of time. Raises PerfusionError as `find_scans_of_study`."""
    return find_scans_of_study(find_slices(frames, rr_interval_s), rr_interval_s)


def find_scans_of_study(findings: Sequence[Finding], rr_interval_s: float | None = None) -> list[FoundScan]:
    """The perfusion scans among the series of a study, in the order of time.

    Raises PerfusionError where there is none, or fewer than two and a further series looks like one but is broken.
    """
    broken = [(finding, finding.error) for finding in findings if finding.error]
    slices = [one for finding in findings for one in finding.slices]
    rest = [one for finding in findings for one in finding.remains]
    scans = find_scans([*slices, *(one for one in rest if is_completing(one, slices))], rr_interval_s)
    if broken and not scans:
        raise broken[0][1]
    if not scans:
        raise make_nothing_found_error(findings)
    unused = [one for one in findings if not one.slices and not one.error]
    others = [f"{one.name}, {one.reason}" for one in unused if one.dynamic or one.remains or one.has_no_place]
    notes = [f"Not used: {'; '.join(others[:MOST_LISTED])}."] if others else []
    unread = [f"Not used: {one.name}, {one.reason}. {error.problem}" for one, error in broken]
    return [
        scan.noting(*notes).with_uncertainties(*make_uncertainties(FlagCode.SERIES_LEFT_OUT, unread)) for scan in scans
    ]


def make_nothing_found_error(findings: Sequence[Finding]) -> PerfusionError:
    """The error that lists what was found instead of perfusion."""
    listed = [f"{finding.name}: {finding.reason}" for finding in findings[:MOST_LISTED]]
    more = [f"and {len(findings) - MOST_LISTED} more series"] if len(findings) > MOST_LISTED else []
    return PerfusionError(
        "No first-pass perfusion series was found. There is " + "; ".join(listed + more) + "."
        if findings
        else "No first-pass perfusion series was found.",
        "Choose the folder with the dynamic contrast series: many images per slice, one per heartbeat.",
    )


def compute_time_between_injections_s(scans: Sequence[FoundScan]) -> float:
    """Time from the beginning of the first scan to that of the second; NaN where it is not known."""
    return abs(compute_seconds_after(scans[1], scans[0])) if len(scans) == 2 else float("nan")
