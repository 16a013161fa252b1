"""Places where the heart may be: the next one is tried where one is doubtful, at last what looks like a heart."""

from dataclasses import replace

import pytest
from PerfusionDLLib import networks, phantom, preprocessing
from PerfusionDLLib.preprocessing import candidates
from PerfusionDLLib.preprocessing.bounding_box import place_usual_box


@pytest.fixture(scope="module")
def nets():
    return networks.load_networks()


@pytest.fixture(scope="module")
def series():
    return phantom.simulate_series(9001, condition="rest", size=144).series


def test_where_the_labels_network_is_uncertain_the_next_place_is_tried(series, nets):
    (peak, right), *_ = candidates.find_candidate_boxes(
        series, nets, preprocessing.find_peaks(series.signal, series.spacing_mm, nets.peak), None
    )
    shape = series.signal.shape[1:]
    wrong = place_usual_box((8.0, 8.0), series.spacing_mm, shape)
    view = candidates.find_best_view(series, nets, [(peak, wrong), (peak, right)], None, lambda step: None)
    assert view.box is right


def test_a_place_in_which_no_network_believed_counts_only_if_a_heart_is_found_there(series, nets):
    seen, *_ = preprocessing.find_peaks(series.signal, series.spacing_mm, nets.peak)
    unsure = replace(seen, certainty=0.1)
    shape = series.signal.shape[1:]
    there, wrong = (place_usual_box(place, series.spacing_mm, shape) for place in (seen.center_px, (8.0, 8.0)))
    assert candidates.find_best_view(series, nets, [(unsure, there)], None, lambda step: None).box is there
    assert candidates.find_best_view(series, nets, [(unsure, wrong)], None, lambda step: None) is None


def test_a_heart_that_did_not_seem_to_enhance_is_tried_at_last(series, nets):
    seen, *_ = preprocessing.find_peaks(series.signal, series.spacing_mm, nets.peak)
    elsewhere = replace(seen, center_px=(8.0, 8.0), certainty=0.1)
    ((peak, found),) = candidates.find_candidate_boxes(series, nets, [elsewhere], None)
    assert peak is None
    row, column = seen.center_px
    assert found.box.row0 < row < found.box.row1
    assert found.box.column0 < column < found.box.column1
    (first, *others) = candidates.find_candidate_boxes(series, nets, [seen], None)
    assert first[0] is seen
    assert not others, "the same place is not tried twice"
