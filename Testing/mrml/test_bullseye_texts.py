"""No number on a bullseye looks surer than it is."""

from dataclasses import replace

import pytest
import small_study
from PerfusionDLLib import mrml
from PerfusionDLLib.data.flag import FlagCode, Where, make_flag
from PerfusionDLLib.mrml.bullseye import CURRENT_COLOR, OUT_OF_DATE
from PerfusionDLLib.mrml.bullseye_texts import flowTexts, reserveTexts


@pytest.fixture(scope="module")
def table():
    """A table whose intervals are known; segment 1 has none, segment 2 something to check, segment 3 a low flow."""
    known = {"mbf_ml_min_g": 2.0, "mbf_low_ml_min_g": 1.5, "mbf_high_ml_min_g": 2.6}
    result = small_study.study().table

    def row(one, number):
        flow = replace(one.stress, **known)
        where = Where(condition="stress", segment=number)
        check = make_flag(FlagCode.FEW_PIXELS, where, pixels=4)
        note = make_flag(FlagCode.BELOW_THRESHOLD, where, quantity_name="Stress flow", threshold="2.3", sure="")
        flags = {2: (check,), 3: (note,)}.get(number, ())
        if number == 1:
            flow = replace(flow, mbf_low_ml_min_g=float("nan"))
        return replace(one, stress=flow, mpr=2.0, mpr_low=1.8, mpr_high=2.2, flags=flags)

    segments = tuple(row(one, one.aha_segment) for one in result.segments)
    return replace(result, segments=segments, whole=replace(result.whole, flags=()))


def test_a_number_without_an_interval_and_one_to_check_bear_a_mark_and_a_finding_does_not(table):
    _, texts = flowTexts(table, "stress", isAbsolute=True)
    assert [texts[number] for number in (1, 2, 3, 4)] == ["2.00?", "2.00?", "2.00", "2.00"]


def test_the_title_says_how_far_the_numbers_may_be_off(table):
    assert flowTexts(table, "stress", isAbsolute=True)[0] == "Stress mL/min/g \u00b130 %"
    assert reserveTexts(table)[0] == "MPR \u00b110 %"


def test_what_concerns_all_numbers_stands_in_the_title(table):
    flag = make_flag(FlagCode.RESERVE_UNCERTAIN, mpr_low=1.0, mpr_high=3.0, far_probability=0.1)
    unsure = replace(table, whole=replace(table.whole, flags=(flag,)))
    assert reserveTexts(unsure)[0].endswith(" %?")


def test_a_bullseye_says_that_its_numbers_are_out_of_date_and_forgets_it():
    headless = mrml.HeadlessScene()
    scans = mrml.writeStudy(headless.scene, small_study.study())
    values = scans[0].bullseyeValues
    title = values.GetNthControlPointLabel(16)
    mrml.markOutOfDate(scans, True)
    assert values.GetNthControlPointLabel(16) == title + OUT_OF_DATE
    assert values.GetDisplayNode().GetSelectedColor() != CURRENT_COLOR
    mrml.markOutOfDate(scans, False)
    assert values.GetNthControlPointLabel(16) == title
    assert values.GetDisplayNode().GetSelectedColor() == CURRENT_COLOR
