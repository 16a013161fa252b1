"""Results in the scene: maps that know what they measure, table, curves."""

from dataclasses import replace

import matplotlib
import numpy as np
import pytest
import slicer
import small_study
import vtk
from PerfusionDLLib import mrml
from PerfusionDLLib.data.flag import FlagCode, Where, make_flag
from PerfusionDLLib.data.study import Condition
from PerfusionDLLib.mrml.colors import FlowScale
from PerfusionDLLib.mrml.pixels import updatePixels

SIX_DIGITS = 5e-6
"""What Slicer's table files keep."""


def test_flow_maps_hold_the_flow_and_nothing_where_there_is_none(stress):
    for part, expected in zip(stress.slices, small_study.perfusion_maps().slices, strict=True):
        np.testing.assert_array_equal(slicer.util.arrayFromVolume(part.mbf)[0], expected.mbf_ml_min_g)
        np.testing.assert_array_equal(slicer.util.arrayFromVolume(part.mbfError)[0], expected.mbf_se_ml_min_g)
        np.testing.assert_array_equal(slicer.util.arrayFromVolume(part.segments)[0], expected.segments)
        np.testing.assert_array_equal(slicer.util.arrayFromVolume(part.fitStatus)[0], expected.status)


def test_flow_maps_lie_exactly_on_the_images(stress):
    for part in stress.slices:
        matrices = [vtk.vtkMatrix4x4(), vtk.vtkMatrix4x4()]
        part.originalVolume.GetIJKToRASMatrix(matrices[0])
        part.mbf.GetIJKToRASMatrix(matrices[1])
        np.testing.assert_allclose(*map(slicer.util.arrayFromVTKMatrix, matrices), rtol=0, atol=1e-12)


def test_flow_maps_say_what_they_measure_in_codes(stress):
    mbf = stress.slices[0].mbf
    assert mbf.GetVoxelValueQuantity().GetCodeValue() == "126390"
    assert mbf.GetVoxelValueQuantity().GetCodingSchemeDesignator() == "DCM"
    assert mbf.GetVoxelValueUnits().GetCodeValue() == "mL/min/g"
    assert mbf.GetVoxelValueUnits().GetCodingSchemeDesignator() == "UCUM"


def test_results_say_where_they_came_from_and_that_they_are_not_for_patients(scene, stress):
    for node in (stress.slices[1].mbf, mrml.findTable(scene)):
        assert node.GetAttribute("PerfusionDL.version") == "0.1.0"
        assert "Not approved for clinical use" in node.GetAttribute("PerfusionDL.disclaimer")
    assert stress.slices[0].mbf.GetAttribute("PerfusionDL.weights_sha256") == "ab12"


def test_rest_and_stress_share_color_table_scale_and_legend(scene):
    displays = [part.mbf.GetDisplayNode() for nodes in mrml.findScans(scene) for part in nodes.slices]
    assert len(displays) == 4
    assert len({display.GetColorNodeID() for display in displays}) == 1
    assert {(display.GetWindowLevelMin(), display.GetWindowLevelMax()) for display in displays} == {(0.0, 3.0)}
    legends = {
        slicer.vtkSlicerColorLogic.GetColorLegendDisplayNode(part.mbf).GetTitleText()
        for nodes in mrml.findScans(scene)
        for part in nodes.slices
    }
    assert legends == {"MBF (mL/min/g)"}


def test_the_scale_ends_at_a_round_number_above_nearly_all_pixels():
    maps = small_study.perfusion_maps(flow=2.5)
    assert mrml.flowScaleEnd([maps]) == 3
    assert mrml.flowScaleEnd([maps, small_study.perfusion_maps(flow=4.0)]) == 5
    assert mrml.flowScaleEnd([]) == 2


def test_flow_colors_are_those_of_the_report(stress):
    colors = stress.slices[0].mbf.GetDisplayNode().GetColorNode()
    table = np.array([colors.GetLookupTable().GetTableValue(index) for index in range(256)])
    expected = np.array(matplotlib.colormaps["viridis"].colors)
    np.testing.assert_allclose(table[:, :3], expected, atol=0.01)
    np.testing.assert_array_equal(table[:, 3], 1)


def test_labels_are_named(stress):
    segments = stress.slices[1].segments.GetDisplayNode().GetColorNode()
    assert segments.GetColorName(7) == "mid anterior"
    status = stress.slices[1].fitStatus.GetDisplayNode().GetColorNode()
    assert status.GetColorName(2 | 8) == "at bound, saturated"
    assert segments.GetLookupTable().GetTableValue(0)[3] == 0
    assert segments.GetLookupTable().GetTableValue(7)[3] == 1


def test_the_table_has_a_row_for_each_region_and_gaps_where_there_is_no_value(scene):
    table = slicer.util.dataframeFromTable(mrml.findTable(scene))
    assert list(table["AHA segment"]) == [str(number) for number in range(1, 17)] + [""] * 4
    assert list(table["Name"][-4:]) == ["LAD", "RCA", "LCX", "whole left ventricle"]
    np.testing.assert_allclose(table["Stress MBF"][:16], np.round(np.arange(1, 17) / 3, 2), rtol=SIX_DIGITS)
    assert table["Rest MBF"].isna().all()
    assert table["MPR"].isna().all()
    assert mrml.findTable(scene).GetColumnUnitLabel("Stress MBF") == "mL/min/g"


def test_curves_are_plotted_with_their_fit_over_their_time(stress):
    fit = small_study.perfusion_maps().slices[0].segment_fits[2]
    chart = stress.slices[0].chart
    assert chart.GetNumberOfPlotSeriesNodes() == 4
    measured, fitted = chart.GetNthPlotSeriesNode(2), chart.GetNthPlotSeriesNode(3)
    np.testing.assert_allclose(column(measured, measured.GetXColumnName()), fit.times_s, rtol=SIX_DIGITS)
    np.testing.assert_allclose(column(measured, measured.GetYColumnName()), fit.concentration_mmol_l, rtol=SIX_DIGITS)
    np.testing.assert_allclose(column(fitted, fitted.GetYColumnName()), fit.fitted_mmol_l, rtol=SIX_DIGITS)
    assert measured.GetMarkerStyle() != measured.MarkerStyleNone
    assert fitted.GetLineStyle() == fitted.LineStyleSolid
    assert "Not approved for clinical use" in chart.GetXAxisTitle()


def test_the_arterial_input_is_plotted_with_its_gaps(stress):
    series = stress.arterialInputChart.GetNthPlotSeriesNode(0)
    np.testing.assert_array_equal(
        column(series, series.GetYColumnName()), small_study.perfusion_maps().arterial_input.concentration_mmol_l
    )


def column(series, name):
    values = series.GetTableNode().GetTable().GetColumnByName(name)
    return [values.GetValue(row) for row in range(values.GetNumberOfTuples())]


def test_writing_results_again_updates_the_nodes_and_adds_none(headless):
    scene = headless.scene
    (nodes,) = mrml.writeStudy(scene, small_study.result(small_study.preprocessed_scan(), small_study.perfusion_maps()))
    table = mrml.writeTable(scene, small_study.segment_table())
    before = scene.GetNumberOfNodes()
    mrml.writeMaps(scene, nodes, small_study.perfusion_maps(flow=1.0), scale=FlowScale(2))
    assert mrml.writeTable(scene, small_study.segment_table(), table) is table
    assert scene.GetNumberOfNodes() == before
    np.testing.assert_array_equal(
        slicer.util.arrayFromVolume(nodes.slices[0].mbf)[0], small_study.perfusion_maps(flow=1.0).slices[0].mbf_ml_min_g
    )
    assert nodes.slices[0].mbf.GetDisplayNode().GetWindowLevelMax() == 2


def test_two_studies_in_one_scene_keep_their_curves_apart(headless):
    first, second = (
        mrml.writeStudy(
            headless.scene, small_study.result(small_study.preprocessed_scan(), small_study.perfusion_maps(flow=flow))
        )[0]
        for flow in (1.0, 2.5)
    )
    assert first.slices[0].chart.GetNthPlotSeriesNode(0) is not second.slices[0].chart.GetNthPlotSeriesNode(0)
    assert slicer.util.arrayFromVolume(first.slices[0].mbf).shape == (1, small_study.ROWS, small_study.COLUMNS)
    assert len(mrml.findScans(headless.scene)) == 2


def test_maps_of_another_number_of_slices_are_refused(headless):
    nodes = mrml.writePreprocessed(headless.scene, small_study.preprocessed_scan(Condition.REST))
    maps = small_study.perfusion_maps(Condition.REST)
    with pytest.raises(ValueError, match="expected maps of 2 slices, got 1"):
        mrml.writeMaps(headless.scene, nodes, replace(maps, slices=maps.slices[:1]), scale=FlowScale(2))


def test_new_pixels_are_drawn_without_a_word_to_the_lists_of_nodes(headless):
    volume, heard = headless.scene.AddNewNodeByClass("vtkMRMLScalarVolumeNode"), []
    updatePixels(volume, np.zeros((3, 4), np.float32))
    volume.CreateDefaultDisplayNodes()
    volume.AddObserver(vtk.vtkCommand.ModifiedEvent, lambda *_: heard.append("node"))
    volume.AddObserver(slicer.vtkMRMLVolumeNode.ImageDataModifiedEvent, lambda *_: heard.append("image"))
    volume.GetDisplayNode().AddObserver(vtk.vtkCommand.ModifiedEvent, lambda *_: heard.append("display"))
    updatePixels(volume, np.zeros((3, 4), np.float32))
    assert heard == []
    updatePixels(volume, np.ones((3, 4), np.float32))
    assert heard == ["image", "display"]
    np.testing.assert_array_equal(slicer.util.arrayFromVolume(volume)[0], np.ones((3, 4)))
    updatePixels(volume, np.ones((2, 4), np.float32))
    assert "node" in heard
    assert slicer.util.arrayFromVolume(volume).shape == (1, 2, 4)


def test_maps_are_slate_and_bullseyes_relative_where_absolute_flow_is_not_known(headless):
    result = small_study.study()
    flag = make_flag(FlagCode.ABSOLUTE_FLOW_UNKNOWN, Where(), mbf_low_ml_min_g=0.9, mbf_high_ml_min_g=5.1)
    segments = tuple(
        replace(row, **{which: replace(getattr(row, which), mbf_ml_min_g=1 + 0.1 * number) for which in Condition})
        for number, row in enumerate(result.table.segments)
    )
    table = replace(result.table, segments=segments, whole=replace(result.table.whole, flags=(flag,)))
    scans = mrml.writeStudy(headless.scene, replace(result, table=table))
    for nodes in scans:
        best = table.best_flow(nodes.condition)
        for volume in (*(part.mbf for part in nodes.slices), nodes.bullseye):
            display = volume.GetDisplayNode()
            assert display.GetColorNode().GetName() == "Relative flow"
            assert display.GetWindowLevelMax() == pytest.approx(best)
            legend = slicer.vtkSlicerColorLogic.GetColorLegendDisplayNode(volume)
            assert legend.GetTitleText().startswith("Relative") == (volume is not nodes.bullseye)
            assert legend.GetNumberOfLabels() == 0
        flow = getattr(table.segments[6], nodes.condition).mbf_ml_min_g
        assert nodes.bullseyeValues.GetNthControlPointLabel(6).rstrip("?") == f"{100 * flow / best:.0f}"
        assert nodes.bullseyeValues.GetNthControlPointLabel(16).startswith(f"{nodes.condition.capitalize()} % of best")


def test_fits_have_no_name_in_a_scene_that_was_read(written, tmp_path):
    def names(scene):
        series = [scene.GetNthNodeByClass(index, kind) for index in range(scene.GetNumberOfNodesByClass(kind))]
        return [one.GetName() for one in series if not one.GetName().endswith("arterial input")]

    kind = "vtkMRMLPlotSeriesNode"
    mrml.saveScene(written.scene, tmp_path / "scene.mrb")
    read = mrml.openScene(tmp_path / "scene.mrb")
    mrml.unnameFits(read.scene)
    assert names(read.scene) == names(written.scene)
    assert "" in names(read.scene)
