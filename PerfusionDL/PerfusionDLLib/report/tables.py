"""The segment table for other programs: CSV with a row per region, in long form, and JSON."""

import csv
import io
import json
import math
from collections.abc import Iterable, Mapping
from dataclasses import asdict
from typing import Any

from .. import NOTICE
from ..data.flag import codes_of, flag_document
from ..data.table import SegmentRow, SegmentTable
from ..data.text import make_cell

FLOW_COLUMNS = {
    "mbf_low_ml_min_g": "mbf_low_ml_min_g",
    "mbf_high_ml_min_g": "mbf_high_ml_min_g",
    "curve_mbf_ml_min_g": "curve_mbf_ml_min_g",
    "endo_ml_min_g": "endo_mbf_ml_min_g",
    "epi_ml_min_g": "epi_mbf_ml_min_g",
    "endo_epi_ratio": "endo_epi_ratio",
    "upslope": "upslope",
    "failed_share": "failed_share",
    "pixels": "pixels",
    "origin": "origin",
}
TIDY_COLUMNS = {
    name: column
    for name, column in FLOW_COLUMNS.items()
    if name not in ("mbf_low_ml_min_g", "mbf_high_ml_min_g", "origin")
}
LAYER_LIMITS = {
    "endo_low_ml_min_g": "endo_mbf_low_ml_min_g",
    "endo_high_ml_min_g": "endo_mbf_high_ml_min_g",
    "epi_low_ml_min_g": "epi_mbf_low_ml_min_g",
    "epi_high_ml_min_g": "epi_mbf_high_ml_min_g",
    "endo_epi_ratio_low": "endo_epi_ratio_low",
    "endo_epi_ratio_high": "endo_epi_ratio_high",
}
"""95 % intervals of the halves of the wall; columns at the end of a row, where other programs do not count on any."""
MADE_WITH = ("software", "flow_model", "weights_sha256")


def segments_csv(table: SegmentTable) -> str:
    """The 16 AHA segments, one row each; a missing value is an empty field, a number has four decimals.

    Every row repeats the provenance, so that rows of many studies can be stacked.
    """
    return _csv(sorted(table.segments, key=lambda row: row.aha_segment or 0), table.provenance.flat())


def territories_csv(table: SegmentTable) -> str:
    """The coronary territories and the whole left ventricle, with the columns of `segments_csv`."""
    return _csv((*table.territories, table.whole), table.provenance.flat())


def _csv(rows: Iterable[SegmentRow], provenance: Mapping[str, str]) -> str:
    return csv_text(_cells(row, provenance) for row in rows)


def csv_text(rows: Iterable[Mapping[str, str]]) -> str:
    """Rows with the same columns as CSV; nothing at all where there is no row."""
    rows = list(rows)
    if not rows:
        return ""
    text = io.StringIO()
    writer = csv.DictWriter(text, list(rows[0]), lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue()


def _cells(row: SegmentRow, provenance: Mapping[str, str]) -> dict[str, str]:
    values = cells_of(row) | {f"provenance_{key}": " ".join(str(value).split()) for key, value in provenance.items()}
    return {name: cell_text(value) for name, value in (values | {"notice": NOTICE}).items()}


def cells_of(row: SegmentRow) -> dict[str, object]:
    """One row by column name; the first seven columns are a contract."""
    values: dict[str, object] = {
        "aha_segment": "" if row.aha_segment is None else row.aha_segment,
        "name": row.name,
        "level": str(row.level),
        "territory": row.territory,
        "rest_mbf_ml_min_g": row.rest.mbf_ml_min_g,
        "stress_mbf_ml_min_g": row.stress.mbf_ml_min_g,
        "mpr": row.mpr,
    }
    for condition in ("rest", "stress"):
        flow = getattr(row, condition)
        values |= {f"{condition}_{column}": getattr(flow, name) for name, column in FLOW_COLUMNS.items()}
    values |= {
        "mpri": row.mpri,
        "rest_mbf_rpp_ml_min_g": row.corrected_rest_ml_min_g,
        "mpr_rpp": row.corrected_mpr,
        "mpr_low": row.mpr_low,
        "mpr_high": row.mpr_high,
    }
    return values | {
        "flags": " | ".join(flag.text_with_condition for flag in row.flags),
        "flag_codes": " | ".join(codes_of(row.flags)),
        "mpr_below_2_probability": row.mpr_below_2_probability,
        "rest_mbf_rpp_low_ml_min_g": row.corrected_rest_interval[0],
        "rest_mbf_rpp_high_ml_min_g": row.corrected_rest_interval[1],
        "mpr_rpp_low": row.corrected_mpr_interval[0],
        "mpr_rpp_high": row.corrected_mpr_interval[1],
        **{
            f"{condition}_{column}": getattr(getattr(row, condition), name)
            for condition in ("rest", "stress")
            for name, column in LAYER_LIMITS.items()
        },
        "rest_upslope_low": row.rest.upslope_low,
        "rest_upslope_high": row.rest.upslope_high,
        "stress_upslope_low": row.stress.upslope_low,
        "stress_upslope_high": row.stress.upslope_high,
        "mpri_low": row.mpri_low,
        "mpri_high": row.mpri_high,
    }


def tidy_csv(table: SegmentTable, *, study: str) -> str:
    """The table in long form for cohorts: one row per region, condition and quantity; what is not known has no row.

    Files of many studies are joined by leaving out all but one header.

    study : a label that names no patient
    """
    rows = []
    for row in (*table.segments, *table.territories, table.whole):
        region = {"study": study, "region": row.name, "aha_segment": "" if row.aha_segment is None else row.aha_segment}
        region |= {"territory": row.territory}
        for condition in ("rest", "stress"):
            flow = getattr(row, condition)
            bounds = {
                "mbf_ml_min_g": flow.mbf_interval,
                "curve_mbf_ml_min_g": flow.curve_interval,
                "endo_mbf_ml_min_g": (flow.endo_low_ml_min_g, flow.endo_high_ml_min_g),
                "epi_mbf_ml_min_g": (flow.epi_low_ml_min_g, flow.epi_high_ml_min_g),
                "endo_epi_ratio": (flow.endo_epi_ratio_low, flow.endo_epi_ratio_high),
                "upslope": (flow.upslope_low, flow.upslope_high),
            }
            numbers = {"mbf_ml_min_g": flow.mbf_ml_min_g}
            numbers |= {column: float(getattr(flow, name)) for name, column in TIDY_COLUMNS.items()}
            made = {"origin": flow.origin, **_made(table, row, condition)}
            rows += [
                region | _number(condition, quantity, value, *bounds.get(quantity, ())) | made
                for quantity, value in numbers.items()
            ]
        both = {"origin": "/".join(dict.fromkeys((row.rest.origin, row.stress.origin))), **_made(table, row)}
        numbers = {"mpr": row.mpr, "mpri": row.mpri, "mpr_rpp": row.corrected_mpr}
        bounds = {
            "mpr": (row.mpr_low, row.mpr_high),
            "mpri": (row.mpri_low, row.mpri_high),
            "mpr_rpp": row.corrected_mpr_interval,
        }
        rows += [
            region | _number("", quantity, value, *bounds.get(quantity, ())) | both
            for quantity, value in numbers.items()
        ]
        at_rest = {"origin": row.rest.origin, **_made(table, row, "rest")}
        corrected = _number("rest", "mbf_rpp_ml_min_g", row.corrected_rest_ml_min_g, *row.corrected_rest_interval)
        rows.append(region | corrected | at_rest)
    known = [row for row in rows if math.isfinite(row["value"])]
    return csv_text({name: cell_text(value) for name, value in row.items()} for row in known)


def _number(condition: str, quantity: str, value: float, low: float = math.nan, high: float = math.nan) -> dict:
    return {"condition": condition, "quantity": quantity, "value": value, "low": low, "high": high}


def _made(table: SegmentTable, row: SegmentRow, condition: str | None = None) -> dict[str, str]:
    """What the numbers of a row were made with, and what to check about them; without a condition, those of both."""
    known = {name: table.provenance.of_scan(condition or "stress").get(name, "") for name in MADE_WITH}
    return known | {"notice": NOTICE, "flag_codes": " | ".join(codes_of(row.flags_of(condition)))}


def cell_text(value: object) -> str:
    """A value as a field of CSV: numbers with four decimals, nothing where there is none, no formula."""
    if isinstance(value, float):
        return f"{value:.4f}" if math.isfinite(value) else ""
    return make_cell(str(value))


def table_json(table: SegmentTable) -> str:
    """The whole table as JSON in full precision; a missing value is null."""
    document = {
        "notice": NOTICE,
        "unit": "mL/min/g",
        "provenance": table.provenance.flat(),
        "segments": [_plain(row) for row in table.segments],
        "territories": [_plain(row) for row in table.territories],
        "whole": _plain(table.whole),
    }
    return json.dumps(document, indent=1, allow_nan=False) + "\n"


def _plain(row: SegmentRow) -> dict:
    """A row as JSON can hold it."""

    def finite(value: Any) -> Any:
        if isinstance(value, dict):
            return {key: finite(inner) for key, inner in value.items()}
        if isinstance(value, list):
            return [finite(inner) for inner in value]
        return None if isinstance(value, float) and not math.isfinite(value) else value

    return finite({**asdict(row), "level": str(row.level), **_flags(row)})


def _flags(row: SegmentRow) -> dict[str, list]:
    """Findings of a row as texts, and as values for programs."""
    texts = [flag.text_with_condition for flag in row.flags]
    return {"flags": texts, "findings": [flag_document(flag) for flag in row.flags]}


def rows_of(table: SegmentTable) -> list[SegmentRow]:
    """Segments by number, then territories, then the whole."""
    return [*sorted(table.segments, key=lambda row: row.aha_segment or 0), *table.territories, table.whole]


def describe_measured(table: SegmentTable) -> list[str]:
    """The conditions under which anything was measured, rest first."""
    rows = (*table.segments, table.whole)
    return [condition for condition in ("rest", "stress") if any(getattr(row, condition).pixels for row in rows)]
