"""Agreement gives the figures that the papers print, and the figures that geometry demands."""

import warnings

import numpy as np
import pytest
from PerfusionDLLib.data.box import Box
from PerfusionDLLib.evaluation.agreement import (
    contour_distance_mm,
    dice,
    icc_agreement,
    icc_consistency,
    insertion_angle_deg,
    insertion_error_mm,
    intervals_over_patients,
    limits_of_agreement,
    proportional_bias,
    rectangle_dice,
    repeatability_coefficient,
)
from PerfusionDLLib.evaluation.agreement.patients import pair_statistics

SHROUT_FLEISS = np.array(
    [[9, 2, 5, 8], [6, 1, 3, 2], [8, 4, 6, 8], [7, 1, 2, 6], [10, 5, 6, 9], [6, 2, 4, 7]], dtype=float
)
"""Six subjects, four judges: Shrout PE, Fleiss JL, Psychol Bull 1979;86:420, table 2."""

WRIGHT = (
    (494, 395, 516, 434, 476, 557, 413, 442, 650, 433, 417, 656, 267, 478, 178, 423, 427),
    (490, 397, 512, 401, 470, 611, 415, 431, 638, 429, 420, 633, 275, 492, 165, 372, 421),
)
MINI_WRIGHT = (
    (512, 430, 520, 428, 500, 600, 364, 380, 658, 445, 432, 626, 260, 477, 259, 350, 451),
    (525, 415, 508, 444, 500, 625, 460, 390, 642, 432, 420, 605, 227, 467, 268, 370, 443),
)
"""Peak expiratory flow, L/min, two readings with each meter: Bland JM, Altman DG, Lancet 1986;327:307, table 1."""


def disk(radius, center=(40, 40)):
    row, column = np.mgrid[:81, :81]
    return np.hypot(row - center[0], column - center[1]) < radius


def test_icc_of_the_table_of_shrout_and_fleiss():
    assert icc_agreement(SHROUT_FLEISS).value == pytest.approx(0.29, abs=0.005)
    assert icc_consistency(SHROUT_FLEISS).value == pytest.approx(0.71, abs=0.006)


def test_limits_of_agreement_of_the_peak_flow_meters():
    found = limits_of_agreement(WRIGHT[0], MINI_WRIGHT[0])
    assert found.pairs == 17
    assert found.bias.value == pytest.approx(-2.1, abs=0.05)
    assert found.sd == pytest.approx(38.8, abs=0.05)
    assert (found.bias.low, found.bias.high) == pytest.approx((-22.0, 17.8), abs=0.1)
    assert (found.bias.value - 2 * found.sd, found.bias.value + 2 * found.sd) == pytest.approx((-79.7, 75.5), abs=0.1)
    assert found.upper.value - found.bias.value == pytest.approx(1.96 * found.sd)
    assert found.upper.high - found.upper.low == pytest.approx(110.1 - 40.9, rel=0.02)


@pytest.mark.parametrize(("meter", "paper"), [(WRIGHT, 43.2), (MINI_WRIGHT, 56.4)], ids=["Wright", "mini Wright"])
def test_repeatability_of_the_peak_flow_meters(meter, paper):
    """The paper doubles the standard deviation of the differences; we multiply by 1.96."""
    assert repeatability_coefficient(*meter) / 1.96 * 2 == pytest.approx(paper, abs=0.1)


def test_icc_intervals_hold_the_truth_as_often_as_they_say():
    """Simulated readings with a known ICC of 0.8; the readers' bias is drawn with them."""
    random = np.random.default_rng(5)
    inside = {icc_agreement: 0, icc_consistency: 0}
    for _ in range(400):
        ratings = random.normal(0, 2, (30, 1)) + random.normal(0, 1, (30, 2))
        for estimate in inside:
            found = estimate(ratings)
            inside[estimate] += found.low < 0.8 < found.high
    for held in inside.values():
        assert 0.92 < held / 400 < 0.98


def test_a_constant_bias_lowers_agreement_but_not_consistency():
    first = np.arange(10.0)
    ratings = np.stack([first, first + 3], axis=1)
    assert icc_consistency(ratings).value == 1
    assert icc_agreement(ratings).value < 0.7


def test_equal_readings_agree_fully():
    first = np.arange(10.0)
    assert icc_agreement(np.stack([first, first], axis=1)).value == 1
    found = limits_of_agreement(first, first)
    assert (found.bias.value, found.lower.value, found.upper.value) == (0, 0, 0)


def test_a_missing_reading_leaves_its_pair_out():
    assert limits_of_agreement([1, np.nan, 3, 4], [1, 2, np.nan, 3]).pairs == 2


def test_a_bias_that_grows_with_the_value_is_seen_with_its_slope():
    first = np.linspace(1, 4, 20)
    slope = proportional_bias(1.1 * first, 0.9 * first)
    assert slope.value == pytest.approx(0.2)
    assert slope.low > 0.19


def test_bias_in_percent_is_of_the_mean_of_all_readings():
    assert limits_of_agreement([2.2, 4.4], [1.8, 3.6]).bias_percent == pytest.approx(20)


def test_segments_of_one_patient_do_not_count_as_independent():
    """With 16 equal readings per patient the interval of the bias is the t interval of the patients' means."""
    patients = np.random.default_rng(2).normal(0, 1, 25)
    readings, who = np.repeat(patients, 16), np.repeat(np.arange(25), 16)
    low, high = intervals_over_patients(readings, 0 * readings, who, np.random.default_rng(0))["bias"]
    of_patients = limits_of_agreement(patients, 0 * patients).bias
    assert (low, high) == pytest.approx((of_patients.low, of_patients.high), abs=0.06)
    independent = limits_of_agreement(readings, 0 * readings).bias
    assert (high - low) / (independent.high - independent.low) == pytest.approx(4, rel=0.15)


def test_intervals_are_of_the_statistics_that_are_printed():
    """Sums over pairs give what the formulas of the statistics give."""
    random = np.random.default_rng(4)
    second = random.normal(100, 2, 40)
    first = 1.1 * second + random.normal(0, 1, 40)
    center = float((first + second).mean())
    difference, total = first - second, first + second - center
    terms = (np.ones(40), difference, total, difference**2, total**2, difference * total)
    found = pair_statistics(np.array([term.sum() for term in terms]), center)
    limits, ratings = limits_of_agreement(first, second), np.stack([first, second], axis=1)
    printed = {
        "bias": limits.bias.value,
        "bias_percent": limits.bias_percent,
        "lower": limits.lower.value,
        "upper": limits.upper.value,
        "icc_agreement": icc_agreement(ratings).value,
        "icc_consistency": icc_consistency(ratings).value,
        "repeatability": repeatability_coefficient(first, second),
        "slope": proportional_bias(first, second).value,
    }
    assert set(found) == set(printed)
    for name, value in printed.items():
        assert found[name] == pytest.approx(value, rel=1e-10), name


def test_intervals_over_patients_hold_the_truth_where_those_of_independent_readings_do_not():
    """Twenty patients whose segments share an error; `benchmarks/coverage.py` counts all statistics."""
    random = np.random.default_rng(6)
    who = np.repeat(np.arange(20), 16)
    limit = 0.2 + 1.96 * np.hypot(0.1, 0.15)
    held = {"bias": 0, "upper": 0, "independent": 0}
    for _ in range(200):
        second = random.normal(2.5, 0.6, len(who))
        first = second + 0.2 + random.normal(0, 0.1, 20)[who] + random.normal(0, 0.15, len(who))
        found = intervals_over_patients(first, second, who, random, resamples=500)
        independent = limits_of_agreement(first, second).bias
        held["bias"] += found["bias"][0] <= 0.2 <= found["bias"][1]
        held["upper"] += found["upper"][0] <= limit <= found["upper"][1]
        held["independent"] += independent.low <= 0.2 <= independent.high
    assert 0.90 <= held["bias"] / 200 <= 0.99
    assert 0.88 <= held["upper"] / 200 <= 0.99
    assert held["independent"] / 200 < 0.75


def test_one_patient_has_no_interval_over_patients():
    found = intervals_over_patients([1.0, 2, 3], [1.1, 2.2, 2.9], [7, 7, 7], np.random.default_rng(0))
    assert np.isnan(list(found.values())).all()


def test_dice_of_masks_and_boxes_that_share_half():
    first, second = np.zeros((2, 20, 20), bool)
    first[:10, :10] = second[:10, 5:15] = True
    assert dice(first, second) == 0.5
    assert dice(first, ~first) == 0
    assert np.isnan(dice(first & False, second & False))
    assert rectangle_dice(Box(0, 0, 10, 10), Box(20, 20, 30, 30)) == 0


def placed_disks(radii, *, shift=0.0, places=12):
    """Pairs of disks at random places between pixels; the second is shifted in a random direction."""
    random = np.random.default_rng(1)
    for _ in range(places):
        center, angle = 40 + random.uniform(-0.5, 0.5, 2), random.uniform(0, 2 * np.pi)
        yield disk(radii[0], center), disk(radii[1], center + shift * np.array([np.cos(angle), np.sin(angle)]))


@pytest.mark.parametrize(("radius", "growth"), [(8, 1.5), (12, 0.7), (12, 1.5), (12, 4), (20, 2)])
def test_concentric_circles_are_as_far_apart_as_their_radii(radius, growth):
    """On average to a thirtieth of a pixel; along pixel edges, means were short by 0.06 to 0.14 pixels."""
    found = [contour_distance_mm(*pair, spacing_mm=(1.5, 1.5)) for pair in placed_disks((radius, radius + growth))]
    assert np.mean([one.mean_mm for one in found]) / 1.5 == pytest.approx(growth, abs=0.035)
    for one in found:
        assert one.mean_mm / 1.5 == pytest.approx(growth, abs=0.2)
        assert growth <= one.hausdorff_95_mm / 1.5 + 0.1 < growth + 0.9  # a pixel contour strays by half a pixel


@pytest.mark.parametrize("shift", [1.0, 2.4, 5.0])
def test_a_shifted_circle_is_as_far_away_as_the_circle_says(shift):
    angle = np.linspace(0, 2 * np.pi, 1000)
    true = np.abs(np.hypot(12 * np.cos(angle) + shift, 12 * np.sin(angle)) - 12).mean()
    found = [contour_distance_mm(*pair, spacing_mm=(1, 1)) for pair in placed_disks((12, 12), shift=shift)]
    assert np.mean([one.mean_mm for one in found]) == pytest.approx(true, abs=0.05)


def test_a_contour_of_a_pixel_or_a_line_is_there():
    """Smoothing takes no pixel away."""
    point, line = np.zeros((2, 15, 15), bool)
    point[7, 7] = line[7, 3:12] = True
    assert contour_distance_mm(point, np.roll(point, 3, axis=1), spacing_mm=(1, 2)).mean_mm == pytest.approx(6, abs=0.1)
    assert contour_distance_mm(line, np.roll(line, 2, axis=0), spacing_mm=(1, 1)).mean_mm == pytest.approx(2, abs=0.1)


def test_a_shift_along_rows_is_measured_in_the_spacing_of_rows():
    """Of a shifted contour the ends are the farthest: the full shift."""
    found = contour_distance_mm(disk(20), disk(20, center=(44, 40)), spacing_mm=(2.0, 1.0))
    assert found.hausdorff_95_mm == pytest.approx(8, abs=0.8)
    assert found.mean_mm < 8


def test_an_empty_contour_has_no_distance():
    assert np.isnan(contour_distance_mm(disk(20), disk(0), spacing_mm=(1, 1)).mean_mm)


def test_insertion_points_differ_by_a_distance_and_an_angle():
    center, first, second = np.zeros(3), np.array([30.0, 0, 0]), np.array([30 * np.cos(0.2), 30 * np.sin(0.2), 0])
    assert insertion_error_mm(first, second) == pytest.approx(60 * np.sin(0.1))
    assert insertion_angle_deg(center, first, second) == pytest.approx(np.degrees(0.2))
    assert np.isnan(insertion_error_mm(None, second))
    assert np.isnan(insertion_angle_deg(center, first, None))


def test_other_peoples_program_gives_the_same_icc():
    import pandas
    import pingouin

    subject, judge = np.indices(SHROUT_FLEISS.shape)
    long = pandas.DataFrame({"subject": subject.ravel(), "judge": judge.ravel(), "rating": SHROUT_FLEISS.ravel()})
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", pandas.errors.PandasChangeWarning)  # of their code, not ours
        theirs = pingouin.intraclass_corr(long, targets="subject", raters="judge", ratings="rating")
    theirs = {row["Type"]: row for _, row in theirs.iterrows()}
    for names, ours in ((("ICC2", "ICC(A,1)"), icc_agreement), (("ICC3", "ICC(C,1)"), icc_consistency)):
        row = next(theirs[name] for name in names if name in theirs)
        found = ours(SHROUT_FLEISS)
        low, high = next(row[column] for column in row.index if "CI" in column)
        assert found.value == pytest.approx(row["ICC"], abs=1e-6)
        assert (found.low, found.high) == pytest.approx((low, high), abs=0.006)


def test_other_peoples_program_gives_the_same_slope_of_the_peak_flow_meters():
    import pingouin

    first, second = np.array(WRIGHT[0]), np.array(MINI_WRIGHT[0])
    row = pingouin.linear_regression((first + second) / 2, first - second, as_dataframe=False)
    slope = proportional_bias(first, second)
    assert (slope.value, slope.low, slope.high) == pytest.approx([row[name][1] for name in ("coef", "CI2.5", "CI97.5")])
