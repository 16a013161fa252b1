"""The quality page of the report: what was found and how sure, what was edited, what was assumed, which version."""

from collections.abc import Iterator, Sequence

import numpy as np

from ..data.contours import Contours, Origin, Part
from ..data.flow import ArterialInput, PerfusionMaps
from ..data.preprocessed import PreprocessedScan, PreprocessedSlice
from ..data.result import StudyResult
from ..data.study import Condition
from ..data.table import SegmentTable
from ..data.text import space_percent
from .figures import draw_arterial_input, draw_motion, draw_segments, field_mm, slice_title
from .first_page import flags_overflow
from .page import BOTTOM_MM, LEFT_MM, RIGHT_MM, Columns, Page, wrap_text
from .text_table import flag_notes, number

WIDTH_MM = RIGHT_MM - LEFT_MM
TEXT_SIZE = 6.2
LINE_MM = TEXT_SIZE * 25.4 / 72 * 1.4


def quality_pages(result: StudyResult) -> list[Page]:
    """Curves, arterial input, motion, the parts found in each slice and the notes; notes flow onto a further page."""
    page = Page()
    y = _curves(page, 28, result.maps)
    y = _arterial_inputs(page, y + 5, result.maps)
    y = _motion(page, y + 5, result)
    y = _parts(page, y + 5, result.scans)
    return set_blocks(page, y + 5, notes(result))


def _curves(page: Page, y: float, maps: Sequence[PerfusionMaps]) -> float:
    page.heading(y, "Segment curves and fits", "concentration in the myocardium by AHA segment")
    width, height, gap = 27.0, 12.4, 1.8
    left = RIGHT_MM - 6 * width - 5 * gap
    panels = [
        page.axes(left + column * (width + gap), y + 3 + row * (height + gap), width, height)
        for row in range(3)
        for column in range(6)
    ]
    draw_segments(panels, maps)
    return y + 3 + 3 * (height + gap) + 5.5


def _arterial_inputs(page: Page, y: float, maps: Sequence[PerfusionMaps]) -> float:
    page.heading(y, "Arterial input", "gray: baseline; triangle: peak; dotted: end of the first pass")
    width, height = 43.0, 18.0
    lowest = y
    for index, scan in enumerate(maps):
        left = LEFT_MM + 9 + index * (WIDTH_MM / 2 + 1)
        axes = page.axes(left, y + 6, width, height)
        draw_arterial_input(axes, scan.arterial_input, scan.condition)
        axes.set_title(scan.condition.value.capitalize(), loc="left")
        line = y + 8
        for check in arterial_checks(scan.arterial_input):
            line = page.paragraph(left + width + 3, line, check, width=WIDTH_MM / 2 - width - 13, size=TEXT_SIZE)
        lowest = max(lowest, y + 6 + height + 5, line)
    return lowest


def arterial_checks(measured: ArterialInput) -> list[str]:
    """What a reader checks an arterial input by."""
    times_s, concentration = measured.times_s, measured.concentration_mmol_l
    checks = [f"Source: {measured.source}"] if measured.source else []
    if measured.region is not None:
        checks.append(f"Region: {int(measured.region.sum())} pixels")
    checks.append(f"Baseline: {measured.baseline_frames} frames")
    peak = concentration[measured.peak_frame]
    if np.isfinite(peak):
        checks.append(f"Peak: {peak:.2f} mmol/L at {times_s[measured.peak_frame]:.1f} s")
    width = width_at_half_height_s(measured)
    if np.isfinite(width):
        checks.append(f"Width at half height: {width:.1f} s")
    return checks


def width_at_half_height_s(measured: ArterialInput) -> float:
    """Width of the first pass at half its height, interpolated between frames; NaN where it does not fall that far."""
    times_s, height = measured.times_s, measured.concentration_mmol_l
    peak, half = measured.peak_frame, measured.concentration_mmol_l[measured.peak_frame] / 2
    rising = np.flatnonzero(height[:peak] < half)
    falling = np.flatnonzero(height[peak:] < half)
    if not (rising.size and falling.size):
        return float("nan")

    def crossing(a: int, b: int) -> float:
        return times_s[a] + (half - height[a]) / (height[b] - height[a]) * (times_s[b] - times_s[a])

    return float(crossing(peak + falling[0] - 1, peak + falling[0]) - crossing(rising[-1], rising[-1] + 1))


def _motion(page: Page, y: float, result: StudyResult) -> float:
    page.heading(
        y, "Motion", "signal on a line through the heart (up: first image row) over the frames; orange: not fitted"
    )
    y += 6
    columns = max(3, *(len(scan.slices) for scan in result.scans))
    gap, height = 5.0, 9.5
    width = (WIDTH_MM - 6 - (columns - 1) * gap) / columns
    field = field_mm(result.scans)
    for scan, flow in zip(result.scans, result.maps, strict=True):
        for column, (part, part_flow) in enumerate(zip(scan.slices, flow.slices, strict=True)):
            left = LEFT_MM + 6 + column * (width + gap)
            pair = (page.axes(left, y, width, height), page.axes(left, y + height + 0.5, width, height))
            title = f"{scan.condition.value.capitalize()}, {slice_title(part, part_flow).lower()}"
            draw_motion(pair, part, field=field, title=title)
        y += 2 * height + 5.5
    return y - 4.5


def heart_displacement_mm(part: PreprocessedSlice) -> np.ndarray:
    """(T,) length of the mean displacement of the left ventricle in each frame."""
    heart = part.contours.myocardium | part.contours.blood_pool
    if not heart.any():
        return np.full(len(part.motion.displacement_mm), np.nan)
    return np.linalg.norm(part.motion.displacement_mm[:, :, heart].mean(axis=2), axis=1)


def _parts(page: Page, y: float, preprocessed: Sequence[PreprocessedScan]) -> float:
    """One row per slice: frames, motion and who made which part, with the confidence of what is automatic."""
    page.heading(y, "Slices", "frames count from 1; percent: confidence in what is automatic")
    columns = Columns(
        page,
        [
            ("Slice", LEFT_MM, "left"),
            ("Peak\nframe", 46, "right"),
            ("Reference\nframe", 60, "right"),
            ("Frames\nfitted", 73, "right"),
            ("Heart motion, mm\nRMS (largest)", 96, "right"),
            ("Peak frame", 102, "left"),
            ("Box", 125, "left"),
            ("Contours", 148, "left"),
            ("Insertion points", 171, "left"),
        ],
        row_mm=3.3,
        size=TEXT_SIZE,
    )
    y = columns.header(y + 7.5)
    for scan in preprocessed:
        for part in scan.slices:
            moved = heart_displacement_mm(part)
            level = "" if part.series.level is None else f", {part.series.level}"
            y = columns.row(
                y,
                [
                    f"{scan.condition.value.capitalize()}{level}",
                    str(part.contours.peak_frame + 1),
                    str(part.motion.reference_frame + 1),
                    f"{int(part.used_frames.sum())}/{len(part.used_frames)}",
                    f"{number(np.sqrt((moved**2).mean()), 1)} ({number(moved.max(), 1)})",
                    *(_made(part.contours, which) for which in Part),
                ],
            )
    return y - 1.5


def _made(contours: Contours, which: Part) -> str:
    """Who made a part: "automatic 97 %", "edited", or "none" for insertion points that are not there."""
    missing = contours.anterior_rv_ras_mm is None or contours.inferior_rv_ras_mm is None
    if which is Part.RV_INSERTION_POINTS and missing:
        return "none"
    origin = contours.origins.get(which)
    confidence = contours.confidences.get(which)
    if origin is None:
        return "–"
    return (
        f"{origin} {100 * confidence:.0f} %" if origin is Origin.AUTOMATIC and confidence is not None else str(origin)
    )


def notes(result: StudyResult) -> Iterator[tuple[str, list[str]]]:
    """Title and sentences of each block of notes: what to check, what was assumed, how it was computed."""
    checks = []
    for scan, flow in zip(result.scans, result.maps, strict=True):
        name = scan.condition.value.capitalize()
        for part, part_flow in zip(scan.slices, flow.slices, strict=True):
            checks += [f"{name}, {part_flow.level}: {flag.text}" for flag in (*part.flags, *part_flow.flags)]
        checks += [f"{name}, arterial input: {flag.text}" for flag in flow.arterial_input.flags]
    yield "To check", checks or ["Nothing was flagged."]
    assumed: dict[str, list[str]] = {}
    for scan in result.scans:
        for flag in scan.assumptions:
            assumed.setdefault(flag.text, []).append(str(scan.condition))
    sentences = [f"{' and '.join(conditions).capitalize()}: {sentence}" for sentence, conditions in assumed.items()]
    yield "Assumptions", sentences or ["None."]
    if flags_overflow(result.table):
        yield "Flags", [f"{note}." for note in flag_notes(result.table)]
    yield "How it was computed", provenance_sentences(result.table)


SAID_ELSEWHERE = {
    "assumed",
    "acquisition_doubts",
    "clock",
    "arterial_input_flags",
    "arterial_input_flag_codes",
    "contours",
    "contours_fingerprint",
}
HASH_LENGTH = 12  # enough to tell versions apart; the results folder has all of it
WORDS = {
    "software": "{}",
    "flow_model": "flow model {}",
    "arterial_input": "arterial input from {}",
    "saturation_time_s": "saturation time {} s",
    "repetition_time_s": "time between excitations {} s",
    "flip_angle_deg": "flip angle {} degrees",
    "pulses_to_center": "{} excitations before the center of k-space",
    "t10_blood_s": "native T1 of blood {} s",
    "t10_myocardium_s": "native T1 of myocardium {} s",
    "relaxivity_l_mmol_s": "relaxivity {} L/mmol/s",
    "residual_contrast": "{}",
    "tissue_density_g_ml": "tissue density {} g/mL",
    "entered": "entered by the user: {}",
    "weights_sha256": "networks {}",
    "capillary_probability": "probability of plug flow {}",
    "fermi_probability": "of the Fermi model {}",
    "two_compartment_probability": "of one mixed vessel {}",
    "least_misfit": "curves count as wrong by {} of their peak, besides noise",
    "input_error": "arterial input probably wrong beside the tissue: {}",
    "fermi_tissue": "Fermi model: {}",
    "flow_factor": "flow times {} for what headers leave open",
    "stated_values_probability": "stated values hold with a probability of {}",
    "input_at_ceiling": "arterial input cut off at the ceiling with a probability of {}",
    "rate_pressure_product_mmhg_min": "rate-pressure product {} mmHg/min",
}
"""The provenance in words; what is not here is named as its key is."""


def provenance_sentences(table: SegmentTable) -> list[str]:
    """The provenance for people: what rest and stress share, then what is of one of them; nothing said elsewhere."""
    known = table.provenance
    shared: list[str] = []
    scans: dict[str, list[str]] = {str(scan): [] for scan in Condition}
    for scan, words in known.scans.items():
        for name, value in words.items():
            alike = {str(other.get(name, "")) for other in known.scans.values()} == {str(value)}
            _add_phrase(shared if alike else scans[scan], name, value)
    for name, value in known.study.items():
        _add_phrase(shared, name, value)
    sentences = [f"{scan.capitalize()}: {'; '.join(phrases)}." for scan, phrases in scans.items() if phrases]
    return [f"{'; '.join(shared)}.", *sentences] if shared else sentences


def _add_phrase(phrases: list[str], name: str, value: str) -> None:
    """Say a word of the provenance, once, unless it is said elsewhere or says nothing."""
    if name in SAID_ELSEWHERE or not str(value).strip():
        return
    phrase = _phrase(name, str(value).removesuffix("."))
    if phrase not in phrases:
        phrases.append(phrase)


def _phrase(name: str, value: str) -> str:
    if name == "weights_sha256":
        value = ", ".join(one[:HASH_LENGTH] for one in value.split(", "))
    return WORDS.get(name, f"{name.replace('_', ' ')} {{}}").format(space_percent(value))


def set_blocks(page: Page, y: float, blocks: Iterator[tuple[str, list[str]]]) -> list[Page]:
    """Set the blocks one below the other; one that fits on a page is not broken over two."""
    pages = [page]
    top, bottom = 30.0, BOTTOM_MM - 6
    for title, sentences in blocks:
        lines = [line for sentence in sentences for line in wrap_text(sentence, WIDTH_MM - 34, TEXT_SIZE)]
        height = (len(lines) - 1) * LINE_MM
        breaks_in_vain = y + height > bottom >= top + height
        for place, line in enumerate(lines):
            if y > bottom or (place == 0 and breaks_in_vain):
                pages.append(Page())
                y = top
            if place == 0 or y == top:
                pages[-1].rule(y - 3.0, width=0.4)
                pages[-1].text(LEFT_MM, y, title, size=7, fontweight="bold")
            pages[-1].text(LEFT_MM + 34, y, line, size=TEXT_SIZE)
            y += LINE_MM
        y += 1.8
    return pages
