"""The page of a study: its images in motion, contours, flow, curves, table, findings, and what was assumed."""

from collections.abc import Sequence

import numpy as np

from .. import NOTICE
from ..data.aha import SEGMENT_NAMES, territory
from ..data.bullseye import RINGS, SIXTEEN, sector
from ..data.flow import FitStatus, PerfusionMaps
from ..data.preprocessed import PreprocessedScan
from ..data.result import StudyResult
from ..data.study import Condition
from ..data.table import RegionFlow, SegmentRow, SegmentTable
from .contact_sheet import measure_slices
from .field_of_view import find_field_mm
from .findings import list_findings, sort_by_severity
from .html import build_page
from .packing import pack_array
from .priority import find_contradictions
from .slice_document import describe_input, describe_slice, pack_pictures, plain_number

STATUS_WORDS = {
    FitStatus.LATE_ARRIVAL: "contrast agent arrives late",
    FitStatus.AT_BOUND: "fit at a bound",
    FitStatus.NOT_CONVERGED: "fit did not converge",
    FitStatus.SATURATED: "signal saturated",
    FitStatus.NO_SIGNAL: "no enhancement",
    FitStatus.PARTIAL_VOLUME: "blood mixes in",
}
STYLES = ("shared.css", "study.css")
SCRIPTS = ("shared.js", "motion.js", "slice_view.js", "plots.js", "bullseye.js", "tables.js", "study.js")


def write_study_page(result: StudyResult) -> str:
    """The page of a study as HTML, the same bytes for the same values; it names nobody."""
    study = result.preprocessed.label or "study"
    return build_page(
        f"Perfusion study {study}. {NOTICE}",
        "study.html",
        STYLES,
        SCRIPTS,
        {"study": describe_study(study, result)},
    )


def describe_study(study: str, result: StudyResult) -> dict:
    """Everything that the page shows, as JSON holds it."""
    from ..report.figures import FLOW_UNIT
    from ..report.first_page import summary
    from ..report.quality import notes

    table = result.table
    field = find_field_mm(result.scans)
    scans = [_describe_scan(*both, field) for both in zip(result.scans, result.maps, strict=True)]
    pack_pictures(scans)
    said = dict(notes(result))
    return {
        "notice": NOTICE,
        "study": study,
        "unit": FLOW_UNIT,
        "summary": summary(table),
        "scans": scans,
        "rows": [_describe_row(row, [scan.condition for scan in result.scans]) for row in _rows(table)],
        "findings": sort_by_severity([*_list_contradictions(result), *list_findings(result)]),
        "assumptions": said["Assumptions"],
        "provenance": said["How it was computed"],
        "versions": table.provenance.flat(),
        "statuses": {int(status): words for status, words in STATUS_WORDS.items()},
        "segments": {number: {"name": SEGMENT_NAMES[number], **_sector(number)} for number in SIXTEEN},
        **_colors(result.maps, table),
    }


def _list_contradictions(result: StudyResult) -> list[dict]:
    """What the page of a cohort says against the contours of the study, as findings with the slice they lead to."""
    findings = []
    for one in find_contradictions(measure_slices(result)):
        scan = next((at for at, flow in enumerate(result.maps) if flow.condition == one.condition), None)
        levels = [str(part.level) for part in result.maps[scan or 0].slices]
        about = {"code": "contours_contradicted", "severity": "check", "text": f"{one.text}.", "place": one.where}
        findings.append(about | {"scan": scan, "slice": levels.index(one.level), "segment": None, "arterial": False})
    return findings


def _describe_scan(scan: PreprocessedScan, maps: PerfusionMaps, field: float) -> dict:
    peaks = sorted(part.contours.peak_frame for part in scan.slices)
    return {
        "condition": str(scan.condition),
        "peak_frame": int(peaks[len(peaks) // 2]),
        "arterial_input": describe_input(maps.arterial_input),
        "shared_log_distances": maps.shared_log_distances,
        "slices": [describe_slice(*both, field) for both in zip(scan.slices, maps.slices, strict=True)],
    }


def _rows(table: SegmentTable) -> Sequence[SegmentRow]:
    from ..report.tables import rows_of

    return rows_of(table)


def _describe_row(row: SegmentRow, conditions: Sequence[Condition]) -> dict:
    """A row of the table: the words of the report and the values of ``segments.csv``."""
    from ..report.text_table import interval, number

    return {
        "segment": row.aha_segment,
        "name": row.name,
        "level": str(row.level),
        "territory": row.territory,
        "flows": {condition: _describe_flow(getattr(row, condition)) for condition in map(str, conditions)},
        "mpr": {
            "value": plain_number(row.mpr),
            "text": number(row.mpr),
            "interval": interval(row.mpr_low, row.mpr_high, 1),
        },
        "flags": len(row.flags),
    }


def _describe_flow(flow: RegionFlow) -> dict:
    from ..report.text_table import flow_interval, number, percent, ratio_interval

    return {
        "value": plain_number(flow.mbf_ml_min_g),
        "text": number(flow.mbf_ml_min_g),
        "interval": flow_interval(flow),
        "ratio": f"{number(flow.endo_epi_ratio)} {ratio_interval(flow)}".rstrip(),
        "failed": percent(flow.failed_share),
        "origin": flow.origin,
    }


def _sector(number: int) -> dict:
    """Where a segment lies on the bullseye of radius 1, and in which territory."""
    level, begin, end = sector(number)
    inner, outer = RINGS[level]
    return {"inner": inner, "outer": outer, "begin": begin, "end": end, "territory": territory(number)}


def _colors(maps: Sequence[PerfusionMaps], table: SegmentTable) -> dict:
    """The scales of the report and the color maps to choose from, 256 colors each, in order of lightness."""
    from matplotlib import colormaps

    from ..report.figures import flow_scale
    from ..report.figures.style import round_scale

    reserve = np.array([row.mpr for row in table.segments], dtype=float)
    steps = np.linspace(0, 1, 256)
    return {
        "flow_end": float(flow_scale(maps).vmax or 1.0),
        "reserve_end": float(round_scale(reserve, percent=100, ends=(4, 5, 6, 8)).vmax or 1.0),
        "colors": {
            name: pack_array((colormaps[name](steps)[:, :3] * 255 + 0.5).astype(np.uint8))
            for name in ("viridis", "cividis", "gray")
        },
    }
