"""Work on a study: what is computed from the nodes, and what becomes of it."""

import threading
from dataclasses import replace

import numpy as np
import pytest
import slicer
import small_study
from PerfusionDLLib import mrml, pipeline, session
from PerfusionDLLib.cache import Cache
from PerfusionDLLib.data.contours import Label, Origin, Part
from PerfusionDLLib.data.errors import PerfusionError
from PerfusionDLLib.data.flow import FlowModel
from PerfusionDLLib.data.study import Condition, Scan
from PerfusionDLLib.session import preparation, tasks


@pytest.fixture
def readers(headless):
    """Rest and stress with contours, without flow."""
    scans = [small_study.enhancing_scan(Condition.STRESS, 2.0), small_study.enhancing_scan(Condition.REST, 1.0)]
    return [mrml.ScanReader(mrml.writePreprocessed(headless.scene, scan)) for scan in scans]


def compute_flow(headless, readers, table=None):
    return tasks.flowTask(headless.scene, readers, table, model=FlowModel.FERMI).run()


def test_flow_is_computed_from_the_contours_in_the_scene(headless, readers):
    flow = compute_flow(headless, readers)
    stress, rest = (reader.nodes.slices[0].mbf for reader in readers)
    assert np.nanmedian(slicer.util.arrayFromVolume(stress)) == pytest.approx(2.0, rel=0.2)
    assert np.nanmedian(slicer.util.arrayFromVolume(rest)) == pytest.approx(1.0, rel=0.2)
    table = slicer.util.dataframeFromTable(flow.tableNode)
    assert table["MPR"].iloc[-1] == pytest.approx(2.0, rel=0.2)


def test_a_correction_makes_the_flow_out_of_date_and_recomputing_makes_it_current(headless, readers):
    flow = compute_flow(headless, readers)
    assert flow.isCurrent(readers, FlowModel.FERMI)
    part = readers[0].nodes.slices[0]
    labels = small_study.ring_labels()
    taken = np.zeros_like(labels, bool)
    taken[20:26, :19] = labels[20:26, :19] == Label.MYOCARDIUM
    labels[taken] = 0
    mrml.writeLabels(part.contours, part.originalVolume, labels)
    assert not flow.isCurrent(readers, FlowModel.FERMI)
    corrected = compute_flow(headless, readers, flow.tableNode)
    assert corrected.isCurrent(readers, FlowModel.FERMI)
    assert corrected.tableNode is flow.tableNode
    shown = slicer.util.arrayFromVolume(part.mbf)[0]
    assert np.isnan(shown[taken]).all()
    pixels = [np.count_nonzero(one.result.maps_of(Condition.STRESS).slices[0].segments) for one in (flow, corrected)]
    assert pixels[0] - pixels[1] == taken.sum() > 20


@pytest.mark.parametrize("model", [FlowModel.FERMI, FlowModel.AVERAGED])
def test_a_moved_insertion_point_changes_segments_but_no_pixel(headless, readers, model):
    cache = Cache()
    first = tasks.flowTask(headless.scene, readers, None, model=model, cache=cache).run()
    part = readers[0].nodes.slices[0]
    before = [slicer.util.arrayFromVolume(node).copy() for node in (part.mbf, part.segments)]
    series = readers[0].readSlice(part).series
    part.rvInsertionPoints.SetNthControlPointPositionWorld(0, *series.ras_from_pixels((10.0, 25.0)))
    second = tasks.flowTask(headless.scene, readers, first.tableNode, model=model, former=first, cache=cache).run()
    maps = [flow.result.maps_of(Condition.STRESS) for flow in (first, second)]
    assert maps[1].slices[0].mbf_ml_min_g is maps[0].slices[0].mbf_ml_min_g
    assert maps[1] is not maps[0]
    np.testing.assert_array_equal(slicer.util.arrayFromVolume(part.mbf), before[0])
    assert (slicer.util.arrayFromVolume(part.segments) != before[1]).any()


def test_a_correction_of_one_scan_does_not_compute_the_other_again(headless, readers):
    cache = Cache()
    first = tasks.flowTask(headless.scene, readers, None, model=FlowModel.FERMI, cache=cache).run()
    part = readers[0].nodes.slices[0]
    series = readers[0].readSlice(part).series
    part.rvInsertionPoints.SetNthControlPointPositionWorld(0, *series.ras_from_pixels((10.0, 25.0)))
    second = tasks.flowTask(headless.scene, readers, None, model=FlowModel.FERMI, former=first, cache=cache).run()
    rest, stress = second.maps
    assert all(one is other for one, other in zip(rest.slices, first.maps[0].slices, strict=True))
    assert second.bullseyes[0] is first.bullseyes[0]
    assert stress.slices[0] is not first.maps[1].slices[0]
    assert second.bullseyes[1] is not first.bullseyes[1]
    anew = compute_flow(headless, readers)
    for one, other in zip(second.table.segments, anew.table.segments, strict=True):
        np.testing.assert_equal(one.stress.mbf_ml_min_g, other.stress.mbf_ml_min_g)
        np.testing.assert_equal(one.mpr, other.mpr)
    exchange = tasks.flowTask(headless.scene, readers, None, model=FlowModel.AVERAGED, former=second, cache=cache).run()
    assert exchange.maps[0] is not first.maps[0]


def test_a_series_made_for_the_arterial_input_is_kept_in_the_scene_and_used(headless, tmp_path):
    prebolus = small_study.enhancing_scan(dose=0.1).slices[0].series
    scan = replace(small_study.enhancing_scan(), aif_series=prebolus, aif_is_prebolus=True)
    mrml.saveStudy(tmp_path / "scene.mrb", [scan])
    opened = mrml.openScene(tmp_path / "scene.mrb")
    (nodes,) = mrml.findScans(opened.scene)
    assert session.hasPrebolus(nodes)
    reader = mrml.ScanReader(nodes)
    again = reader.read()
    assert reader.read().aif_series is again.aif_series
    for name in ("signal", "times_s"):
        np.testing.assert_array_equal(getattr(again.aif_series, name), getattr(scan.aif_series, name))
    np.testing.assert_allclose(again.aif_series.ijk_to_ras, scan.aif_series.ijk_to_ras, rtol=1e-12)
    assert again.aif_series.acquisition == scan.aif_series.acquisition
    flows = {}
    for ratio in (None, 10.0):
        choices = session.FlowChoices(dose_ratio=ratio)
        flow = tasks.flowTask(opened.scene, [reader], None, model=FlowModel.FERMI, choices=choices).run()
        (residual,) = pipeline.residual_contrast([again])
        alone = pipeline.quantify_scan(again, model=FlowModel.FERMI, dose_ratio=ratio, residual=residual)
        assert flow.maps[0].arterial_input.source == alone.arterial_input.source
        flows[ratio] = flow.maps[0].arterial_input.source
        assert session.choicesOfScene(opened.scene) == choices
    assert flows[None].startswith("blood pool")
    assert flows[10.0].startswith("pre-bolus")


def test_the_middle_of_a_task_may_run_on_another_thread(headless, readers):
    task = tasks.flowTask(headless.scene, readers, None, model=FlowModel.FERMI)
    results, steps = [], []
    worker = threading.Thread(target=lambda: results.append(task.compute(steps.append)))
    worker.start()
    worker.join()
    assert task.apply(results[0]).tableNode.GetNumberOfRows() == 20
    assert len(steps) == task.steps


def test_results_of_a_scan_that_was_closed_meanwhile_are_dropped(headless, readers):
    task = tasks.flowTask(headless.scene, readers, None, model=FlowModel.FERMI)
    flow = task.compute(lambda step: None)
    headless.scene.Clear(False)
    assert task.apply(flow) is None
    assert mrml.findTable(headless.scene) is None


def test_flow_without_contours_says_what_to_do(headless):
    scan = small_study.enhancing_scan()
    nodes = mrml.writeScan(headless.scene, Scan(condition=scan.condition, slices=(scan.slices[0].series,)))
    with pytest.raises(PerfusionError, match="Press Find contours"):
        tasks.flowTask(headless.scene, [mrml.ScanReader(nodes)], None, model=FlowModel.FERMI)


def test_slices_can_be_drawn_by_hand_without_networks(headless):
    scan = small_study.enhancing_scan()
    nodes = mrml.writeScan(
        headless.scene, Scan(condition=scan.condition, slices=tuple(part.series for part in scan.slices))
    )
    assert not nodes.slices[0].hasContours
    preparation.manualTask(headless.scene, nodes.slices).run()
    reader = mrml.ScanReader(nodes)
    for part, truth in zip(nodes.slices, scan.slices, strict=True):
        mrml.writeLabels(part.contours, part.originalVolume, small_study.ring_labels())
        points = (truth.contours.anterior_rv_ras_mm, truth.contours.inferior_rv_ras_mm)
        for index, point in enumerate(points):
            part.rvInsertionPoints.SetNthControlPointPositionWorld(index, *point)
    flow = compute_flow(headless, [reader])
    assert flow.table.whole.stress.mbf_ml_min_g == pytest.approx(2.0, rel=0.3)
    assert flow.table.segments[0].stress.origin == Origin.MANUAL


def test_a_slice_without_contours_does_not_stop_the_others(headless):
    scan = small_study.enhancing_scan()
    acquired = Scan(condition=scan.condition, slices=tuple(part.series for part in scan.slices))
    nodes = mrml.writeScan(headless.scene, acquired)
    mrml.writeSlice(headless.scene, nodes.slices[1], scan.slices[1])
    flow = compute_flow(headless, [mrml.ScanReader(nodes)])
    assert nodes.slices[0].mbf is None
    assert np.isfinite(slicer.util.arrayFromVolume(nodes.slices[1].mbf)).any()
    assert np.isnan(flow.table.segments[0].stress.mbf_ml_min_g)


def test_the_users_peak_frame_and_box_are_kept_when_contours_are_found_again(headless, readers, monkeypatch):
    """What the networks are told; what they find is tested with them."""
    preprocessing = pytest.importorskip("PerfusionDLLib.preprocessing")
    part = readers[0].nodes.slices[0]
    told = []

    def find(series, networks, *, progress, **given):
        told.append(given)
        return replace(small_study.enhancing_scan().slices[0], series=series)

    monkeypatch.setattr(preprocessing, "preprocess_slice", find)
    preparation.contoursTask(headless.scene, [part], lambda: None).run()
    assert told[-1] == {}
    session.setPeakFrame(part, 14)
    part.box.SetCenterWorld(*np.add(part.box.GetCenterWorld(), (0, 2, 0)))
    box = readers[0].readSlice(part).contours.box_px
    preparation.contoursTask(headless.scene, [part], lambda: None).run()
    assert told[-1] == {"peak_frame": 14, "box_px": box}
    assert mrml.readSlice(part).contours.origins[Part.LABELS] is Origin.AUTOMATIC
