"""Bullseyes, and what a click or the mouse above a view reads: the values are those of the maps and the table."""

import numpy as np
import pytest
import slicer
import small_study
from PerfusionDLLib import mrml, session
from PerfusionDLLib.data.errors import PerfusionError
from PerfusionDLLib.data.flow import FlowModel
from PerfusionDLLib.data.study import Condition
from PerfusionDLLib.mrml import layouts
from PerfusionDLLib.mrml.bullseye import segmentAtPosition
from PerfusionDLLib.session import tasks
from slice_views import SliceView

PIXEL = (23, 37)


@pytest.fixture(scope="module")
def study():
    """Rest and stress with flow, in our own layout: scene, scans, flow."""
    headless = mrml.HeadlessScene()
    scans = [small_study.enhancing_scan(Condition.STRESS, 2.0), small_study.enhancing_scan(Condition.REST, 1.0)]
    readers = [mrml.ScanReader(mrml.writePreprocessed(headless.scene, scan)) for scan in scans]
    flow = tasks.flowTask(headless.scene, readers, None, model=FlowModel.FERMI).run()
    nodes = tuple(reader.nodes for reader in readers)
    mrml.showScans(headless.scene, nodes, layout=mrml.Layout.WIDE)
    return headless, nodes, flow


def view(scene, name):
    return scene.GetSingletonNode(name, "vtkMRMLSliceNode")


def test_a_pixel_of_the_map_reads_its_value_and_its_segment(study):
    headless, scans, flow = study
    part = scans[0].slices[1]
    position = mrml.readSeries(part).ras_from_pixels(PIXEL)
    pick = session.pickAt(scans, flow, view(headless.scene, "PerfusionMid1"), position)
    shown = slicer.util.arrayFromVolume(part.mbf)[0][PIXEL]
    assert (pick.part.key, pick.pixel) == (part.key, PIXEL)
    assert pick.segment == slicer.util.arrayFromVolume(part.segments)[0][PIXEL]
    assert f": {shown:.2f} [" in session.readout(pick, flow)
    assert "] in this pixel, " in session.readout(pick, flow)
    assert session.readout(pick, flow).startswith("Stress, mid ")


def test_parallel_the_myocardium_there_is_nothing_to_read(study):
    headless, scans, flow = study
    series = mrml.readSeries(scans[0].slices[0])
    for pixel in (small_study.CENTER_YX, (0, 0), (-400, 3), (400, 3)):
        assert (
            session.pickAt(scans, flow, view(headless.scene, "PerfusionBasal1"), series.ras_from_pixels(pixel)) is None
        )
    assert session.pickAt(scans, flow, view(headless.scene, "PerfusionApical1"), series.ras_from_pixels(PIXEL)) is None


def test_a_clicked_pixel_shows_its_curve_its_fit_and_the_arterial_input(study):
    headless, scans, flow = study
    scene, part = headless.scene, scans[0].slices[0]
    pick = session.pickAt(scans, flow, view(scene, "PerfusionBasal1"), mrml.readSeries(part).ras_from_pixels(PIXEL))
    session.showPick(scene, pick, flow)
    plotted = scene.GetSingletonNode(layouts.CURVES_VIEW, "vtkMRMLPlotViewNode").GetPlotChartNode()
    assert plotted is scans[0].pickedChart
    assert session.readout(pick, flow).startswith(f"{plotted.GetTitle()}: ")
    assert "Not approved for clinical use" in plotted.GetXAxisTitle()
    series = {plotted.GetNthPlotSeriesNode(index).GetName().split(" /")[0]: index for index in range(3)}
    curves = {name: column(plotted.GetNthPlotSeriesNode(index)) for name, index in series.items()}
    measured, fitted = flow.result.maps_of(Condition.STRESS).slices[0].pixel_fits.at(*PIXEL)
    np.testing.assert_allclose(curves["Measured"], measured, rtol=1e-6)
    np.testing.assert_allclose(curves["Fit"], fitted, rtol=1e-6)
    divisor = int(plotted.GetNthPlotSeriesNode(series["Arterial input"]).GetName().split("/ ")[1])
    blood = flow.result.maps_of(Condition.STRESS).arterial_input.concentration_mmol_l
    np.testing.assert_allclose(curves["Arterial input"], blood / divisor, rtol=1e-6)
    assert 0.4 < curves["Arterial input"].max() / measured.max() < 2
    marked = np.array(scans[0].pickedPoint.GetNthControlPointPositionWorld(0))
    np.testing.assert_allclose(marked, mrml.readSeries(part).ras_from_pixels(PIXEL), atol=1e-4)
    shown = scans[0].pickedPoint.GetDisplayNode().GetViewNodeIDs()
    assert view(scene, "PerfusionBasal1").GetID() in shown
    assert shown == part.contours.GetDisplayNode().GetViewNodeIDs()


def column(series):
    values = series.GetTableNode().GetTable().GetColumnByName(series.GetYColumnName())
    return np.array([values.GetValue(row) for row in range(values.GetNumberOfTuples())])


def test_the_fit_of_a_pixel_follows_its_curve(study):
    _, _, flow = study
    measured, fitted = flow.result.maps_of(Condition.STRESS).slices[0].pixel_fits.at(*PIXEL)
    assert np.corrcoef(measured, fitted)[0, 1] > 0.98


@pytest.mark.parametrize(("segment", "x", "y"), [(1, 0, 40), (4, 0, -40), (3, -34, -20), (6, 34, 20), (8, -22, 14)])
def test_a_bullseye_is_drawn_as_its_reader_sees_the_heart(study, segment, x, y):
    """Anterior on top, septum on the left of the picture, which is the right of the patient."""
    headless, scans, flow = study
    position = (-x, y, 0)
    assert segmentAtPosition(position) == segment
    pick = session.pickAt(scans, flow, view(headless.scene, layouts.BULLSEYE_VIEWS[1]), position)
    assert (pick.scan.condition, pick.pixel, pick.segment) == (Condition.REST, None, segment)
    row = flow.table.segments[segment - 1]
    assert f"{row.rest.mbf_ml_min_g:.2f} [" in session.readout(pick, flow)
    assert f"MPR {row.mpr:.2f}" in session.readout(pick, flow)
    session.showPick(headless.scene, pick, flow)
    measured = column(scans[1].pickedChart.GetNthPlotSeriesNode(0))
    part = flow.result.maps_of(Condition.REST).slices[0 if segment < 7 else 1]
    np.testing.assert_allclose(measured, part.segment_fits[segment].concentration_mmol_l, rtol=1e-6)
    assert scans[1].pickedPoint.GetNumberOfControlPoints() == 0


def test_a_bullseye_shows_the_flow_and_writes_the_values_of_the_table(study):
    headless, scans, flow = study
    image = slicer.util.arrayFromVolume(scans[0].bullseye)[0]
    assert np.nanmedian(image) == pytest.approx(flow.table.whole.stress.mbf_ml_min_g, rel=0.05)
    labels = [scans[0].bullseyeValues.GetNthControlPointLabel(index) for index in range(16)]
    assert labels[:12] == [f"{row.stress.mbf_ml_min_g:.2f}" for row in flow.table.segments[:12]]
    assert labels[12:] == ["\u2013"] * 4
    reserve = slicer.util.arrayFromVolume(scans[0].reserve)[0]
    assert set(np.round(reserve[np.isfinite(reserve)], 4)) == {
        np.float32(np.round(np.float32(row.mpr), 4)) for row in flow.table.segments[:12]
    }
    composite = headless.scene.GetSingletonNode(layouts.RESERVE_VIEW, "vtkMRMLSliceCompositeNode")
    assert composite.GetBackgroundVolumeID() == scans[0].reserve.GetID()


@pytest.mark.parametrize("size", [(330, 410), (420, 300)], ids=["tall", "wide"])
def test_each_bullseye_has_its_title_above_and_its_legend_below_and_all_are_of_one_size(size):
    headless = mrml.HeadlessScene()
    mrml.registerLayouts(headless.scene)
    headless.scene.GetFirstNodeByClass("vtkMRMLLayoutNode").SetViewArrangement(layouts.LAYOUT_NUMBERS["wide", 2])
    drawn = [SliceView(headless, name, size) for name in (*layouts.BULLSEYE_VIEWS, layouts.RESERVE_VIEW)]
    nodes = mrml.writeStudy(headless.scene, small_study.study())
    mrml.showScans(headless.scene, nodes, layout=mrml.Layout.WIDE)
    points = [nodes[0].bullseyeValues, nodes[1].bullseyeValues, nodes[0].reserveValues]
    assert [one.GetNthControlPointLabel(16) for one in points] == ["Stress mL/min/g", "Rest mL/min/g", "MPR"]
    scales = [one.GetDisplayNode().GetWindowLevelMax() for one in (nodes[0].bullseye, nodes[1].bullseye)]
    assert scales[0] == scales[1]
    edges = [one.pixelsFromRas(np.array([(0, 48.0, 0), (0, -48.0, 0), (48.0, 0, 0), (-48.0, 0, 0)])) for one in drawn]
    for edge in edges:
        np.testing.assert_allclose(edge, edges[0])
    (top, _), (bottom, _), (_, left), (_, right) = edges[0]
    assert 0 < left < right < size[0]
    for picture in (one.render() for one in drawn):
        assert picture[: int(top) - 2].max() > 200
        assert picture[int(bottom) + 3 :].max() > 200


def test_every_view_of_our_layout_moves_alone(study):
    headless, _, _ = study
    names = [*layouts.OWN_ROWS[0], *layouts.OWN_ROWS[1], *layouts.BULLSEYE_VIEWS, layouts.RESERVE_VIEW]
    groups = {view(headless.scene, name).GetViewGroup() for name in names}
    assert len(groups) == len(names)


def test_what_was_picked_is_not_saved(study, tmp_path):
    headless, scans, flow = study
    session.showPick(headless.scene, session.pickSegment(scans[0], flow, 1), flow)
    mrml.saveScene(headless.scene, tmp_path / "scene.mrb")
    reopened = mrml.openScene(tmp_path / "scene.mrb")
    (stress,) = (nodes for nodes in mrml.findScans(reopened.scene) if nodes.condition is Condition.STRESS)
    assert stress.bullseye is not None
    assert stress.pickedChart is None
    session.showPick(reopened.scene, session.Pick(stress, stress.slices[0], None, 1), flow_of(reopened))


def flow_of(headless):
    readers = [mrml.ScanReader(nodes) for nodes in mrml.findScans(headless.scene)]
    return tasks.flowTask(headless.scene, readers, mrml.findTable(headless.scene), model=FlowModel.FERMI).run()


def test_values_of_the_acquisition_say_where_they_come_from_and_change_the_flow(headless):
    nodes = mrml.writePreprocessed(headless.scene, small_study.enhancing_scan())
    readers = [mrml.ScanReader(nodes)]
    before = tasks.flowTask(headless.scene, readers, None, model=FlowModel.FERMI).run()
    assert mrml.enterAcquisition(nodes, hematocrit=0.38, relaxivity_l_mmol_s=3.5)
    known = mrml.readAcquisition(nodes.slices[1])
    assert (known.hematocrit, known.relaxivity_l_mmol_s) == (0.38, 3.5)
    assert mrml.sourceOf(known, "hematocrit") is mrml.Source.ENTERED
    assert mrml.sourceOf(known, "saturation_time_s") is mrml.Source.HEADER
    assert not before.isCurrent(readers, FlowModel.FERMI)
    after = tasks.flowTask(headless.scene, readers, before.tableNode, model=FlowModel.FERMI, former=before).run()
    peaks = [flow.maps[0].arterial_input.concentration_mmol_l.max() for flow in (before, after)]
    assert peaks[1] / peaks[0] == pytest.approx(5.0 / 3.5, rel=1e-3)
    assert after.table.provenance.of_scan("stress")["entered"] == "hematocrit, relaxivity_l_mmol_s"
    assert mrml.restoreAcquisition(nodes)
    assert not mrml.restoreAcquisition(nodes)
    assert before.isCurrent(readers, FlowModel.FERMI)


def test_an_implausible_value_is_refused_and_changes_nothing(headless):
    nodes = mrml.writePreprocessed(headless.scene, small_study.enhancing_scan())
    known = mrml.readAcquisition(nodes.slices[0])
    with pytest.raises(PerfusionError, match="hematocrit is 45"):
        mrml.enterAcquisition(nodes, hematocrit=45)
    assert mrml.readAcquisition(nodes.slices[0]) == known
    assert not mrml.enterAcquisition(nodes, hematocrit=known.hematocrit)


def outlined(scene, scans, row):
    """The label map in the view of each slice of a scan."""
    names = layouts.OWN_ROWS[row][: len(scans[row].slices)]
    return [slicer.vtkMRMLSliceLogic.GetSliceCompositeNode(view(scene, name)).GetLabelVolumeID() for name in names]


def test_a_segment_that_is_clicked_is_outlined_in_the_images_of_stress_and_rest(study):
    headless, scans, flow = study
    session.showPick(headless.scene, session.pickSegment(scans[0], flow, 7), flow)
    for row, nodes in enumerate(scans):
        assert outlined(headless.scene, scans, row) == [None, nodes.pickedSegment.GetID()]
        pixels = slicer.util.arrayFromVolume(nodes.pickedSegment)[0] > 0
        np.testing.assert_array_equal(pixels, flow.ofSlice(nodes.slices[1]).segments == 7)
    session.showPick(headless.scene, session.Pick(scans[0], scans[0].slices[0], PIXEL, 1), flow)
    assert [outlined(headless.scene, scans, row) for row in (0, 1)] == [[None, None], [None, None]]
