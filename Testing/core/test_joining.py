"""One answer from those to several images."""

import numpy as np
import pytest
from PerfusionDLLib.networks.joining import compute_expected_dice, join_answers, weigh_answers

LABELS = (1, 2)


def answer(*, sure, radius_px=5.0):
    """Probabilities (4, 32, 32) of a heart of which the network is so sure."""
    rows, columns = np.indices((32, 32)) - 15.5
    distance = np.hypot(rows, columns)
    truth = np.where(distance < radius_px, 2, np.where(distance < 12, 1, 0))
    return np.where(np.arange(4)[:, None, None] == truth, sure, (1 - sure) / 3).astype(np.float32)


def cavity_px(probability):
    return int((probability.argmax(axis=0) == 2).sum())


def test_a_frame_of_which_the_network_is_sure_outvotes_several_of_which_it_is_not():
    sure, unsure = answer(sure=0.97), answer(sure=0.55, radius_px=9)
    answers = np.stack([sure, unsure, unsure, unsure])
    weighed = join_answers(answers, weigh_answers(answers, LABELS))
    assert cavity_px(weighed) == cavity_px(sure) < cavity_px(unsure)


def test_frames_that_are_equally_sure_count_alike():
    answers = np.stack([answer(sure=0.9), np.rot90(answer(sure=0.9), axes=(1, 2))])
    np.testing.assert_allclose(join_answers(answers, weigh_answers(answers, LABELS)), join_answers(answers), rtol=1e-6)


def test_answers_are_probabilities_in_any_order():
    answers = np.stack([answer(sure=sure) for sure in (0.5, 0.7, 0.99)])
    weights = weigh_answers(answers, LABELS)
    joined = join_answers(answers, weights)
    assert joined.dtype == np.float32
    np.testing.assert_allclose(joined.sum(axis=0), 1, rtol=1e-5)
    np.testing.assert_allclose(join_answers(answers[::-1], weights[::-1]), joined, rtol=1e-5)
    heat = join_answers(answers, heat_maps=True)
    np.testing.assert_allclose(heat.sum(axis=(1, 2)), 1, rtol=1e-5)


@pytest.mark.parametrize("sure", [0.6, 0.9])
def test_where_frames_disagree_there_is_doubt(sure):
    alike = join_answers(np.stack([answer(sure=sure)] * 2))
    apart = join_answers(np.stack([answer(sure=sure), answer(sure=sure, radius_px=8)]))
    assert compute_expected_dice(apart, 2) < compute_expected_dice(alike, 2)
