"""Hints: contours follow a click, agree with earlier clicks, and leave alone what is right."""

import numpy as np
import pytest
from PerfusionDLLib.data.contours import Label
from PerfusionDLLib.evaluation.steering import find_worst_place, is_within_a_pixel, steer
from PerfusionDLLib.preprocessing.hints import Hint, HintMemory, follow_hints

SPACING_MM = (2.0, 2.0)


def ring(inner_px=6.0, outer_px=14.0, center=(40.0, 40.0), shape=(80, 80)):
    """A heart whose RV lies on the left."""
    rows, columns = np.indices(shape) - np.reshape(center, (2, 1, 1))
    distance = np.hypot(rows, columns)
    labels = np.where((np.hypot(rows, columns + 18) < 14), Label.RV_BLOOD_POOL, Label.BACKGROUND)
    labels[distance < outer_px] = Label.MYOCARDIUM
    labels[distance < inner_px] = Label.BLOOD_POOL
    return labels.astype(np.uint8)


@pytest.mark.parametrize(
    ("position", "label"),
    [
        ((40, 49), Label.BLOOD_POOL),
        ((43, 42), Label.MYOCARDIUM),
        ((40, 56), Label.MYOCARDIUM),
        ((52, 40), Label.BACKGROUND),
    ],
)
def test_the_borders_go_past_a_click_that_contradicts_them(position, label):
    before = ring()
    assert before[position] != label
    after = follow_hints(before, [Hint(position, label)], SPACING_MM)
    assert after[position] == label
    cavity = after == Label.BLOOD_POOL
    wall = after == Label.MYOCARDIUM
    assert cavity.any()
    grown = np.zeros_like(cavity)
    for axis, step in ((0, 1), (0, -1), (1, 1), (1, -1)):
        grown |= np.roll(cavity, step, axis)
    assert wall[grown & ~cavity].all()


@pytest.mark.parametrize(
    ("position", "label"), [((40, 42), Label.BLOOD_POOL), ((40, 51), Label.MYOCARDIUM), ((40, 70), Label.BACKGROUND)]
)
def test_a_click_that_says_what_is_drawn_changes_nothing(position, label):
    before = ring()
    np.testing.assert_array_equal(follow_hints(before, [Hint(position, label)], SPACING_MM), before)


def test_a_small_error_moves_the_border_nearby_only():
    before = ring(inner_px=9)
    after = follow_hints(before, [Hint((40, 49), Label.BLOOD_POOL)], (1.0, 1.0))
    changed = np.argwhere(after != before)
    assert len(changed)
    assert changed[:, 1].min() > 40


def test_a_large_error_of_the_cavity_moves_it_all_around():
    before = ring(inner_px=4, outer_px=16)
    after = follow_hints(before, [Hint((40, 48), Label.BLOOD_POOL)], SPACING_MM)
    assert after[40, 33] == Label.BLOOD_POOL


def test_what_the_epicardium_leaves_becomes_the_ventricle_that_lies_there():
    after = follow_hints(ring(), [Hint((40, 28), Label.BACKGROUND)], SPACING_MM)
    assert after[40, 27] == Label.RV_BLOOD_POOL


def test_later_hints_agree_with_earlier_ones_and_a_stroke_begins_anew():
    memory, first = HintMemory(), Hint((40, 49), Label.BLOOD_POOL)
    before = ring()
    one = memory.follow(before, first, SPACING_MM)
    two = memory.follow(one, Hint((32, 40), Label.BLOOD_POOL), SPACING_MM)
    assert two[40, 49] == two[32, 40] == Label.BLOOD_POOL
    undone = memory.follow(one, Hint((48, 40), Label.BLOOD_POOL), SPACING_MM)
    np.testing.assert_array_equal(undone, follow_hints(before, [first, Hint((48, 40), Label.BLOOD_POOL)], SPACING_MM))
    stroke = two.copy()
    stroke[37:44, 47:53] = Label.MYOCARDIUM
    hint = Hint((40, 49), Label.BLOOD_POOL)
    np.testing.assert_array_equal(memory.follow(stroke, hint, SPACING_MM), follow_hints(stroke, [hint], SPACING_MM))


def test_without_a_wall_there_is_nothing_to_steer():
    with pytest.raises(ValueError, match="cavity and a myocardium"):
        follow_hints(np.zeros((8, 8), np.uint8), [Hint((4, 4), Label.BLOOD_POOL)], SPACING_MM)


def test_a_hint_does_more_than_a_stroke_for_a_cavity_that_is_too_small_all_around():
    truth, found = ring(inner_px=8), ring(inner_px=4)
    assert not is_within_a_pixel(found, truth, SPACING_MM)
    hint, piece = find_worst_place(found, truth, SPACING_MM)
    assert hint.label is Label.BLOOD_POOL
    assert piece.any()
    steered = steer(found, truth, SPACING_MM)
    assert steered.by_hints[1] > steered.by_strokes[1] > steered.by_hints[0] == steered.by_strokes[0]
    assert steered.strokes > 1
    assert steered.by_strokes[-1] > 0.98


def test_a_click_does_as_much_as_a_perfect_stroke_for_borders_as_networks_draw_them():
    """Errors of a pixel, the same all around or on one or two sides, as on difficult phantoms."""
    steered = [steer(wavy(np.random.default_rng(seed)), ring(9, 16), SPACING_MM) for seed in range(8)]
    needed = [one for one in steered if one.strokes]
    assert len(needed) >= 5
    assert sum(one.hints for one in needed) <= sum(one.strokes for one in needed) + 3
    assert sum(one.by_hints[1] - one.by_hints[0] for one in needed) > 0


def wavy(rng):
    """A heart whose borders are off by smooth random errors with a standard deviation of a pixel."""
    rows, columns = np.indices((80, 80)) - 40.0
    angle = np.arctan2(rows, columns)

    def border(radius_px):
        waves = [rng.normal() * np.cos(turns * angle + rng.uniform(0, 2 * np.pi)) for turns in range(3)]
        return np.hypot(rows, columns) < radius_px + sum(waves)

    labels, heart, cavity = ring(9, 16), border(16), border(9)
    labels[np.isin(labels, (Label.MYOCARDIUM, Label.BLOOD_POOL))] = Label.BACKGROUND
    labels[heart] = Label.MYOCARDIUM
    labels[cavity & heart] = Label.BLOOD_POOL
    return labels
