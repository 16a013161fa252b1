"""The mouse in a slice view: Slicer's own interactor style and displayable managers move what the user drags."""

import numpy as np
import pytest
import slicer
import small_study
from PerfusionDLLib import mrml
from PerfusionDLLib.data.contours import Origin, Part
from slice_views import SliceView

LENGTH_MM = 1.0  # a pixel of the view is less


@pytest.fixture
def basal():
    """A drawn view with the basal stress slice that it shows."""
    headless = mrml.HeadlessScene()
    layout = headless.scene.GetFirstNodeByClass("vtkMRMLLayoutNode")
    layout.SetViewArrangement(layout.SlicerLayoutThreeOverThreeView)
    view = SliceView(headless, "Red")
    scans = mrml.writeStudy(headless.scene, small_study.study())
    view.render()
    return headless, view, scans[0].slices[0]


def position(points, index):
    return np.array(points.GetNthControlPointPositionWorld(index))


def test_an_insertion_point_is_dragged(basal):
    _headless, view, part = basal
    start = position(part.rvInsertionPoints, 0)
    end = start + 8 * direction(view, 0) - 5 * direction(view, 1)
    view.drag(start, end)
    np.testing.assert_allclose(position(part.rvInsertionPoints, 0), end, atol=LENGTH_MM)
    assert mrml.readSlice(part).contours.origins[Part.RV_INSERTION_POINTS] is Origin.EDITED


def direction(view, axis):
    """Unit vector along an axis of the view."""
    return slicer.util.arrayFromVTKMatrix(view.node.GetSliceToRAS())[:3, axis]


def test_both_points_are_placed_in_their_order_and_then_placing_ends(basal):
    headless, view, part = basal
    points, interaction = part.rvInsertionPoints, headless.applicationLogic.GetInteractionNode()
    anterior, inferior = position(points, 0) + 3 * direction(view, 0), position(points, 1) + 3 * direction(view, 0)
    points.UnsetAllControlPoints()
    headless.logics["Markups"].SetActiveList(points)
    headless.logics["Markups"].StartPlaceMode(True)
    view.click(anterior)
    assert interaction.GetCurrentInteractionMode() == interaction.Place
    view.click(inferior)
    assert interaction.GetCurrentInteractionMode() == interaction.ViewTransform
    view.click(anterior + 20 * direction(view, 0))
    assert points.GetNumberOfControlPoints() == 2
    np.testing.assert_allclose(position(points, 0), anterior, atol=LENGTH_MM)
    np.testing.assert_allclose(position(points, 1), inferior, atol=LENGTH_MM)
    assert [points.GetNthControlPointDescription(index) for index in range(2)] == ["anterior", "inferior"]


def test_the_box_is_moved_by_its_center_and_sized_by_its_edge(basal):
    _headless, view, part = basal
    part.box.GetDisplayNode().SetVisibility(True)
    view.render()
    before = np.array(mrml.readSlice(part).contours.box_px)
    center, size_mm = np.array(part.box.GetCenterWorld()), np.array(part.box.GetSize())
    view.drag(center, center + 6 * direction(view, 0))
    np.testing.assert_allclose(np.array(part.box.GetCenterWorld()), center + 6 * direction(view, 0), atol=LENGTH_MM)
    np.testing.assert_allclose(part.box.GetSize(), size_mm)
    axes = slicer.util.arrayFromVTKMatrix(part.box.GetObjectToWorldMatrix())
    edge = (axes @ [size_mm[0] / 2, 0, 0, 1])[:3]
    view.drag(edge, edge + 5 * axes[:3, 0])
    np.testing.assert_allclose(part.box.GetSize(), size_mm + np.array([5, 0, 0]), atol=LENGTH_MM)
    after = np.array(mrml.readSlice(part).contours.box_px)
    assert after[3] - after[1] > before[3] - before[1]
    assert mrml.readSlice(part).contours.origins[Part.BOX] is Origin.EDITED
