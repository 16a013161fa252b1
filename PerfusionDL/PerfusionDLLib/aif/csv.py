"""The arterial input of a user, from a table in a text file."""

import csv
import io

import numpy as np

from ..data.errors import PerfusionError
from ..data.flow import ArterialInput
from .landmarks import arterial_input

COLUMNS = ("times_s", "concentration_mmol_l")
FEWEST_ROWS = 10
SPAN_S = (10.0, 900.0)
PEAK_MMOL_L = (0.1, 40.0)


def arterial_input_from_csv(text: str, name: str) -> ArterialInput:
    """The arterial input in a CSV table with a header line and the columns ``times_s`` and ``concentration_mmol_l``.

    Times count in seconds from the first frame of the scan and increase; concentration is that of whole blood in
    mmol/L, 0 before the contrast agent arrives, an empty cell where it is not known. Commas or semicolons separate;
    a decimal comma is understood between semicolons. More columns are passed over. The scale counts as exact.

    Raises
    ------
    PerfusionError
        Where the table cannot be an arterial input, with what is wrong with it.

    Examples
    --------
    >>> rows = [f"{t},{4 * np.exp(-((t - 12) / 3) ** 2):.4f}" for t in range(40)]
    >>> text = chr(10).join(["times_s,concentration_mmol_l", *rows])
    >>> arterial_input_from_csv(text, "aif.csv").peak_frame
    12
    """
    lines = text.lstrip("\ufeff").strip()
    separator = ";" if ";" in lines.partition("\n")[0] else ","
    rows = list(csv.DictReader(io.StringIO(lines), delimiter=separator, skipinitialspace=True))
    header = [str(word).strip() for word in rows[0]] if rows else []
    missing = [column for column in COLUMNS if column not in header]
    if missing:
        raise PerfusionError(
            f"{name} has no column {' and no column '.join(missing)}.",
            f"Write a table with the header {','.join(COLUMNS)}: seconds from the first frame, whole blood.",
        )
    table = []
    for number, row in enumerate(rows, start=2):
        cells = {str(key).strip(): (value or "") for key, value in row.items() if isinstance(value, str | None)}
        try:
            table.append([_number(cells[column], separator) for column in COLUMNS])
        except ValueError as error:
            raise PerfusionError(
                f"Line {number} of {name} holds something that is no number.", "Correct or remove the line."
            ) from error
    times_s, concentration_mmol_l = np.array(table).T
    if len(table) < FEWEST_ROWS:
        raise PerfusionError(
            f"{name} has {len(table)} rows; an arterial input needs at least {FEWEST_ROWS}.",
            "Export the whole curve, one row per frame.",
        )
    if not np.all(np.diff(times_s) > 0):
        late = int(np.argmax(~(np.diff(times_s) > 0)))
        raise PerfusionError(f"In {name} line {late + 3} is not later than line {late + 2}.", "Sort the rows by time.")
    if not SPAN_S[0] <= times_s[-1] - times_s[0] <= SPAN_S[1]:
        raise PerfusionError(
            f"{name} spans {times_s[-1] - times_s[0]:g} s; {SPAN_S[0]:g} to {SPAN_S[1]:g} s is plausible.",
            "times_s is in seconds, not in milliseconds, minutes or frames.",
        )
    peak = np.nanmax(concentration_mmol_l, initial=-np.inf)
    if not PEAK_MMOL_L[0] <= peak <= PEAK_MMOL_L[1]:
        raise PerfusionError(
            f"The peak in {name} is {peak:g}; {PEAK_MMOL_L[0]:g} to {PEAK_MMOL_L[1]:g} mmol/L is plausible.",
            "concentration_mmol_l is the concentration of whole blood in mmol/L, not a signal.",
        )
    return arterial_input(times_s, concentration_mmol_l, source=f"file {name}")


def _number(text: str, separator: str) -> float:
    text = text.strip()
    return float(text.replace(",", ".") if separator == ";" else text) if text else float("nan")
