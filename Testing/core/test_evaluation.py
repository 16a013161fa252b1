"""Evaluation: the yardstick itself."""

import csv
import json
from dataclasses import replace

import numpy as np
import pytest
from PerfusionDLLib import networks, phantom
from PerfusionDLLib.data.contours import Contours, Part
from PerfusionDLLib.data.flag import FlagCode
from PerfusionDLLib.data.preprocessed import MotionCompensation, PreprocessedSlice
from PerfusionDLLib.evaluation import calibration, cards, cases, flagged_slices, network_scores


@pytest.fixture(scope="module")
def case():
    return next(cases.phantom_cases([9002], held_out=False))


def perfect(case):
    """What a chain without error would return, in the pose of a frame far from the peak."""
    frame = 3
    truth = case.reference.in_pose_of(frame, case.series.spacing_mm)
    anterior, inferior = case.series.ras_from_pixels(truth.rv_points_px)
    contours = Contours(
        peak_frame=case.reference.peak_frame,
        reference_frame=frame,
        box_px=network_scores.compute_box(truth.labels),
        labels=truth.labels,
        anterior_rv_ras_mm=anterior,
        inferior_rv_ras_mm=inferior,
        confidences=dict.fromkeys(Part, 1.0),
    )
    count = len(case.series.signal)
    still = MotionCompensation(
        corrected=case.series.signal,
        displacement_mm=np.zeros_like(case.reference.displacement_mm),
        reference_frame=frame,
        quality=np.ones(count),
        aligned=np.ones(count, bool),
    )
    return PreprocessedSlice(series=case.series, motion=still, contours=contours)


def test_a_perfect_answer_has_no_error(case):
    scored = network_scores.score(perfect(case), case)
    assert scored.peak_frame_error == 0
    assert scored.insertion_points_mm == pytest.approx(0, abs=1e-6)
    for measure in ("box_dice", "myocardium_dice", "cavity_dice", "epicardium_dice", "rv_dice"):
        assert getattr(scored, measure) == pytest.approx(1)


@pytest.mark.parametrize("mirror", [False, True])
@pytest.mark.parametrize("quarter_turns", range(4))
def test_a_turned_slice_stays_where_it_was_in_the_body(case, quarter_turns, mirror):
    turned = cases.turned_case(case, quarter_turns, mirror)
    np.testing.assert_allclose(
        turned.series.ras_from_pixels(turned.reference.rv_points_px),
        case.series.ras_from_pixels(case.reference.rv_points_px),
        atol=1e-6,
    )
    np.testing.assert_allclose(
        turned.series.ras_from_pixels(np.argwhere(turned.reference.labels == 1)).mean(axis=0),
        case.series.ras_from_pixels(np.argwhere(case.reference.labels == 1)).mean(axis=0),
        atol=1e-6,
    )


@pytest.mark.parametrize("quarter_turns", [1, 2])
def test_a_turned_slice_moves_as_it_did(case, quarter_turns):
    turned = cases.turned_case(case, quarter_turns, True)
    spacing_mm = case.series.spacing_mm
    before = case.reference.in_pose_of(3, spacing_mm)
    after = turned.reference.in_pose_of(3, turned.series.spacing_mm)
    np.testing.assert_allclose(
        turned.series.ras_from_pixels(after.rv_points_px), case.series.ras_from_pixels(before.rv_points_px), atol=1e-3
    )


def test_the_reference_of_a_frame_is_the_heart_in_that_frame(case):
    truth = phantom.simulate_series(9002, condition=case.condition, level=case.level).truth
    assert np.abs(truth.displacement_mm[3]).max() > 0
    moved = case.reference.in_pose_of(3, case.series.spacing_mm).labels
    assert moved.sum() == pytest.approx(truth.labels.sum(), rel=0.05)


def test_disturbed_slices_keep_their_shape(case):
    shape = case.series.signal.shape
    for other in (
        cases.coarser_case(case),
        cases.noisy_case(case, np.random.default_rng(1)),
        cases.shaded_case(case),
    ):
        assert other.series.signal.shape == shape
        assert not np.array_equal(other.series.signal, case.series.signal)


def test_the_table_counts_what_was_not_found(case, tmp_path):
    failed = network_scores.Score(name="a", condition="rest", level="mid", failure="No left ventricle was found.")
    scores = [network_scores.score(perfect(case), case), failed]
    lines = network_scores.table(scores).splitlines()
    assert lines[0].startswith("| measure | all (n = 2) |")
    assert lines[-1].startswith("| left ventricle not found | 1 |")
    network_scores.write_csv(tmp_path / "scores.csv", scores)
    with (tmp_path / "scores.csv").open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert [row["failure"] for row in rows] == ["", "No left ventricle was found."]


def test_a_calibrated_confidence_is_the_share_of_good_answers():
    rng = np.random.default_rng(2)
    certainty = rng.uniform(0.05, 0.95, 5000)
    truly = 1 / (1 + np.exp(-(0.5 * np.log(certainty / (1 - certainty)) + 2)))
    slope, offset = calibration.fit_platt(certainty, rng.random(5000) < truly)
    network = networks.Network({"calibration": {"slope": slope, "offset": offset}}, None)
    for one, expected in zip(certainty[:50], truly[:50], strict=True):
        assert network.confidence(one) == pytest.approx(expected, abs=0.03)


def test_where_every_answer_was_good_the_confidence_stays_below_one():
    slope, offset = calibration.fit_platt(np.full(100, 0.9), np.ones(100, bool))
    assert 0.95 < networks.Network({"calibration": {"slope": slope, "offset": offset}}, None).confidence(0.9) < 1


def test_the_calibration_is_written_into_the_cards_and_used(tmp_path):
    for file in networks.SHIPPED.iterdir():
        (tmp_path / file.name).write_bytes(file.read_bytes())
    entry = {"slope": 2.0, "offset": -1.0}
    calibration.write_calibration(tmp_path, dict.fromkeys(networks.STEPS, entry), "a command")
    loaded = networks.load_networks(tmp_path)
    assert loaded.box.card["calibration"]["command"] == "a command"
    assert loaded.labels.confidence(0.5) == pytest.approx(1 / (1 + np.e), abs=1e-3)
    assert calibration.remove_calibration(loaded).labels.confidence(0.5) == 0.5


def test_scores_are_written_into_the_cards_beside_the_command_that_measures_them(case, tmp_path):
    for file in networks.SHIPPED.glob("*.json"):
        (tmp_path / file.name).write_bytes(file.read_bytes())
    right = network_scores.score(perfect(case), case)
    off = replace(right, peak_frame_error=3, cavity_dice=0.5)
    lost = network_scores.Score(name="a", condition="rest", level="mid", failure="No left ventricle was found.")
    cards.write_scores(tmp_path, "closed cavities", [right, off, lost], "a command")

    def read(step):
        return json.loads((tmp_path / f"{step}.json").read_text())["scores"]

    shipped = json.loads((networks.SHIPPED / "labels.json").read_text())["scores"]
    about = read("labels").pop("closed cavities")
    assert {**shipped, "closed cavities": about} == read("labels")
    assert (about["command"], about["slices"], about["not_found"]) == ("a command", 3, 1)
    assert about["cavity_dice"] == {"mean": 0.75, "sd": 0.25, "median": 0.75, "worst": 0.5}
    assert read("peak")["closed cavities"]["peak_frame_error"]["worst"] == 3


def test_promises_count_what_was_kept():
    good = network_scores.Score(
        name="a",
        condition="rest",
        level="mid",
        peak_frame_error=0,
        box_dice=0.95,
        myocardium_dice=0.9,
        insertion_points_mm=2,
        peak_frame_confidence=0.9,
        box_confidence=0.9,
        labels_confidence=0.9,
        points_confidence=0.9,
    )
    bad = replace(good, myocardium_dice=0.4, labels_confidence=0.3)
    text = network_scores.describe_promises([good] * 9 + [bad], networks.load_networks())
    assert "| myocardium Dice at least 0.85 | 0.84 | 0.90 | 1, 0 |" in text


def test_doubt_that_lies_in_the_right_place_finds_the_worst_tenth():
    dice = np.linspace(0.6, 0.98, 40)
    codes = [str(FlagCode.CONTOURS_UNCERTAIN)] * 3 + [str(FlagCode.WALL_UNCERTAIN)] + [""] * 36
    lines = flagged_slices.tabulate_flagged(dice, dice, codes).splitlines()
    assert lines[2:5] == [
        "| the 15% of least confidence | 15% | 100% | 0% |",
        "| contours are flagged as uncertain | 8% | 75% | 0% |",
        "| anything is to be checked | 10% | 100% | 0% |",
    ]
    assert lines[-1] == "Area under the ROC curve of the confidence for the worst tenth: 1.00."
    assert "0.00" in flagged_slices.tabulate_flagged(dice, dice[::-1], codes).splitlines()[-1]
