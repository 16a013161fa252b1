"""The phantom looks like patients, by the figures measured on them."""

import pytest
from PerfusionDLLib.phantom import resemblance
from PerfusionDLLib.phantom.resemblance import GROUPS, IN_VIVO, REST_MID, Group


def test_in_vivo_percentiles_enclose_their_median():
    for in_vivo in IN_VIVO.values():
        for median, *percentiles in in_vivo:
            low, high = percentiles or (median, median)
            assert not low > median
            assert not high < median


def test_every_figure_has_a_row_for_each_group_it_was_measured_in():
    rows = resemblance.resemblance([1], groups=[REST_MID])
    assert [row.figure for row in rows] == list(IN_VIVO)
    assert {row.group for row in rows} == {REST_MID}


@pytest.mark.slow
@pytest.mark.parametrize("group", GROUPS, ids=str)
def test_nine_of_ten_figures_are_near_those_of_patients(group: Group):
    rows = resemblance.resemblance(range(12), groups=[group])
    far = [row for row in rows if not row.near]
    assert len(far) <= 0.1 * len(rows), far
