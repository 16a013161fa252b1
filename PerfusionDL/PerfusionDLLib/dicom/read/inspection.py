"""What is in some folders and how every decision is made, in lines that name nobody."""

import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, fields
from pathlib import Path

from ...data.acquisition import Acquisition
from ...data.errors import PerfusionError
from ...data.study import Condition, Scan
from .choices import NO_CHOICES, ReadChoices
from .choosing import Chosen, choose, choose_study, compute_time_between_injections_s
from .frame import Frame
from .headers import Survey, survey_files, tolerate_broken_rules
from .reading import add_notes_of_study, collect_chosen_folders, gather, load_visit
from .slices import Finding, find_slices

SHORTEST_TOKEN = 3  # letters of a name or number that are masked
HIDDEN = "***"


@dataclass(frozen=True)
class Inspection:
    """Lines for people; ``refused`` says that the study cannot be processed as it is."""

    lines: tuple[str, ...]
    refused: bool


@tolerate_broken_rules()
def inspect_folders(
    folders: Sequence[Path],
    *,
    rest: Path | None = None,
    stress: Path | None = None,
    choices: ReadChoices = NO_CHOICES,
) -> Inspection:
    """What a study holds: its series, its scans, their clocks with all witnesses, and where each value comes from.

    Names and identifiers of the patient are masked wherever a header repeats them, and no file is named.
    """
    told = collect_chosen_folders(rest, stress)
    lines: list[str] = []
    found: Survey | None = None
    refused = False
    try:
        found = survey_files([*map(Path, folders), *told.values()])
        lines += describe_files(found)
        gathered = gather(found)
        frames = choose_study(gathered.frames, choices.study)
        findings = find_slices(frames, choices.rr_interval_s)
        lines += ["", "Series", *(f"  {line}" for one in findings for line in describe_series(one))]
        chosen = add_notes_of_study(choose(gathered.frames, told, choices, findings), gathered)
        lines += describe_scans(chosen, choices)
    except PerfusionError as error:
        refused = True
        lines += ["", "This study cannot be processed as it is.", f"  {error.problem}", f"  {error.remedy}"]
    return Inspection(tuple(mask_identity(lines, found.frames if found else ())), refused)


def describe_files(found: Survey) -> list[str]:
    """How many files and images of which kind there are."""
    makers = Counter(
        f"{frame.text('Manufacturer')} {frame.text('ManufacturerModelName')}".strip() for frame in found.frames
    )
    syntaxes = Counter(frame.text("TransferSyntaxUID") for frame in found.frames)
    lines = [f"{found.files} files, {len(found.frames)} images, {found.others} DICOM files without an image"]
    lines += [f"  {count} images by {maker or 'an unnamed scanner'}" for maker, count in makers.most_common()]
    lines += [f"  {count} images with transfer syntax {syntax}" for syntax, count in syntaxes.most_common()]
    if found.damaged:
        lines.append(f"  {len(found.damaged)} damaged files")
    return lines


def describe_series(finding: Finding) -> Iterator[str]:
    """What a series is."""
    places = Counter(finding.places)
    sizes = ", ".join(f"{count} x {size} images" for size, count in places.most_common(4))
    what = f"perfusion, {len(finding.slices)} slices" if finding.slices else finding.reason
    yield f"{finding.name}: {finding.images} images{f' at places of {sizes}' if sizes else ''}; {what}"
    if finding.error:
        yield f"  {finding.error.problem}"


def describe_scans(chosen: Mapping[Condition, Chosen], choices: ReadChoices) -> list[str]:
    """Every decision on the scans."""
    lines = []
    scans = load_visit(chosen, choices)
    for which, one in chosen.items():
        scan = scans[which]
        lines += ["", f"{which.capitalize()}: {one.scan.evidence.described}", f"  {one.how}"]
        lines += [f"  clock: {one.scan.clock}", *(f"    {said}" for said in one.scan.witnesses)]
        lines += [f"  {line}" for line in describe_slices(scan, one)]
        lines += ["  values", *(f"    {line}" for line in describe_values(scan.slices[0].acquisition))]
        lines += ["  said", *(f"    {said.text}" for said in scan.assumptions[1:])]
        found = scan.slices[0].acquisition.findings
        lines += ["  makes every flow uncertain", *(f"    {flag.text}" for flag in found)] if found else []
    apart_s = compute_time_between_injections_s([one.scan for one in chosen.values()])
    if apart_s == apart_s:
        lines += ["", f"The second scan began {apart_s / 60:.1f} minutes after the first."]
    return lines


def describe_slices(scan: Scan, chosen: Chosen) -> Iterator[str]:
    """How many images of each slice are used and set aside."""
    for one, piece in zip(scan.slices, chosen.scan.slices, strict=True):
        rows, columns = one.signal.shape[1:]
        height_mm, width_mm = one.spacing_mm
        lead = 0 if one.proton_density is None else len(one.proton_density)
        aside = f", {len(piece.aside)} images of the series set aside" if piece.aside else ""
        proton = f", {lead} of proton density" if lead else ""
        yield (
            f"{one.level}: {len(one.times_s)} frames{proton}{aside}, {rows} x {columns} pixels of {height_mm:.2f} x "
            f"{width_mm:.2f} mm, {one.times_s[0]:.2f} to {one.times_s[-1]:.2f} s"
        )


def describe_values(acquisition: Acquisition) -> Iterator[str]:
    """Each value of an acquisition with where it comes from."""
    for one in fields(Acquisition):
        if one.name in ("assumed", "entered", "findings", "vendor"):
            continue
        value = getattr(acquisition, one.name)
        source = (
            "entered" if one.name in acquisition.entered else "assumed" if one.name in acquisition.assumed else "header"
        )
        yield f"{one.name} = {value if isinstance(value, str) else f'{value:g}'} ({source})"


def mask_identity(lines: Sequence[str], frames: Sequence[Frame]) -> list[str]:
    """The lines without any part of a name or identifier of the patient."""
    said = {frame.text(keyword) for frame in frames for keyword in ("PatientName", "PatientID")}
    tokens = {token for text in said for token in re.split(r"[\W_]+", text) if len(token) >= SHORTEST_TOKEN}
    if not tokens:
        return list(lines)
    hidden = re.compile(
        r"(?<!\w)(" + "|".join(map(re.escape, sorted(tokens, key=len, reverse=True))) + r")(?!\w)", re.I
    )
    return [hidden.sub(HIDDEN, line) for line in lines]
