"""The arterial input of a user: a table that is right is taken as it is, any other is refused in plain words."""

import numpy as np
import pytest
from PerfusionDLLib.aif.csv import arterial_input_from_csv
from PerfusionDLLib.data.errors import PerfusionError

TIMES_S = np.arange(0, 40, 0.9)
CURVE = 4 * np.exp(-(((TIMES_S - 12) / 3) ** 2)) + 0.4 * (TIMES_S > 20)


def table(times_s=TIMES_S, curve=CURVE, *, header="times_s,concentration_mmol_l", separator=","):
    rows = [f"{t:.4f}{separator}{c:.5f}" for t, c in zip(times_s, curve, strict=True)]
    return "\n".join([header, *rows])


def test_the_curve_is_taken_as_it_stands():
    found = arterial_input_from_csv(table(), "mine.csv")
    np.testing.assert_allclose(found.concentration_mmol_l, CURVE, atol=1e-5)
    np.testing.assert_allclose(found.times_s, TIMES_S)
    assert found.source == "file mine.csv"
    assert found.log_sd == 0


def test_semicolons_decimal_commas_a_byte_order_mark_and_more_columns_are_understood():
    text = table(header="times_s;concentration_mmol_l", separator=";").replace(".", ",")
    more = "\n".join(f"{line};{'note' if i == 0 else 'x'}" for i, line in enumerate(text.split("\n")))
    found = arterial_input_from_csv("\ufeff" + more.replace("\n", "\r\n"), "mine.csv")
    np.testing.assert_allclose(found.concentration_mmol_l, CURVE, atol=1e-5)


def test_an_empty_cell_is_a_frame_without_information():
    lines = table().split("\n")
    lines[15] = lines[15].split(",")[0] + ","
    found = arterial_input_from_csv("\n".join(lines), "mine.csv")
    assert np.flatnonzero(np.isnan(found.concentration_mmol_l)).tolist() == [14]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "no column times_s"),
        (table(header="t,c"), "no column times_s"),
        (table().replace("4.5000", "four"), "no number"),
        (table(TIMES_S[:6], CURVE[:6]), "6 rows"),
        (table(TIMES_S[::-1]), "not later"),
        (table(TIMES_S * 1000), "spans 39600 s"),
        (table(TIMES_S / 60), "spans 0.66 s"),
        (table(curve=CURVE * 300), "peak in mine.csv is 1"),
        (table(curve=CURVE * 0), "peak in mine.csv is 0"),
    ],
)
def test_what_cannot_be_an_arterial_input_is_refused_with_its_reason(text, said):
    with pytest.raises(PerfusionError, match=said) as raised:
        arterial_input_from_csv(text, "mine.csv")
    assert raised.value.remedy
