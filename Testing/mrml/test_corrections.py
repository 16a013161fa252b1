"""Corrections, and taking them back."""

import numpy as np
import pytest
import small_study
import vtk
from PerfusionDLLib import mrml, session
from PerfusionDLLib.data.contours import Label, Origin, Part
from PerfusionDLLib.session.history import sameCorrections
from scipy import ndimage
from vtk.util.numpy_support import vtk_to_numpy


@pytest.fixture
def reader(headless):
    return mrml.ScanReader(mrml.writePreprocessed(headless.scene, small_study.preprocessed_scan()))


@pytest.fixture
def history(headless, reader):
    history = session.History(headless.scene)
    history.start(reader)
    return history


def paint(nodes):
    """Take the top of the ring away."""
    labels = small_study.ring_labels()
    labels[:14] = 0
    mrml.writeLabels(nodes.contours, nodes.originalVolume, labels)


def drag(nodes):
    points = nodes.rvInsertionPoints
    points.SetNthControlPointPositionWorld(1, *np.add(points.GetNthControlPointPositionWorld(1), (0, 3, 0)))


def move_box(nodes):
    nodes.box.SetCenterWorld(*np.add(nodes.box.GetCenterWorld(), (2, 0, 0)))


def move_peak(nodes):
    session.setPeakFrame(nodes, 6)


def exclude(nodes):
    session.setFrameExcluded(nodes, 5, True)


def keys(slices):
    return [nodes.key for nodes in slices]


every_correction = pytest.mark.parametrize("correct", [paint, drag, move_box, move_peak, exclude])


@every_correction
def test_undo_takes_a_correction_back_and_redo_makes_it_again(reader, history, correct):
    nodes = reader.nodes.slices[1]
    before = reader.readSlice(nodes)
    correct(nodes)
    after = reader.readSlice(nodes)
    assert not sameCorrections(before, after)
    assert keys(history.record(reader)) == [nodes.key]
    assert keys(history.undo()) == [nodes.key]
    assert sameCorrections(reader.readSlice(nodes), before)
    assert not history.canUndo
    assert keys(history.redo()) == [nodes.key]
    assert sameCorrections(reader.readSlice(nodes), after)


def test_corrections_of_several_slices_are_taken_back_in_order(reader, history):
    first, second = reader.nodes.slices
    original = [reader.readSlice(nodes) for nodes in (first, second)]
    for correct, nodes in ((paint, first), (drag, second), (exclude, first)):
        correct(nodes)
        history.record(reader)
    assert [keys(history.undo()) for _ in range(3)] == [[first.key], [second.key], [first.key]]
    for nodes, state in zip((first, second), original, strict=True):
        assert sameCorrections(reader.readSlice(nodes), state)
    assert history.undo() == ()


def test_a_value_of_the_acquisition_is_taken_back_in_all_slices_at_once(reader, history):
    before = [reader.readSlice(nodes) for nodes in reader.nodes.slices]
    mrml.enterAcquisition(reader.nodes, hematocrit=0.3)
    assert keys(history.record(reader)) == [nodes.key for nodes in reader.nodes.slices]
    drag(reader.nodes.slices[1])
    history.record(reader)
    history.undo()
    assert {mrml.readAcquisition(nodes).hematocrit for nodes in reader.nodes.slices} == {0.3}
    history.undo()
    after = [reader.readSlice(nodes) for nodes in reader.nodes.slices]
    assert all(map(sameCorrections, after, before))
    assert not any(part.series.acquisition.entered for part in after)
    history.redo()
    assert mrml.readAcquisition(reader.nodes.slices[0]).entered == ("hematocrit",)
    assert all(now.motion is was.motion for now, was in zip(after, before, strict=True))


def test_a_new_correction_forgets_what_could_be_redone(reader, history):
    nodes = reader.nodes.slices[0]
    paint(nodes)
    history.record(reader)
    history.undo()
    drag(nodes)
    history.record(reader)
    assert not history.canRedo


def test_nothing_is_recorded_where_nothing_changed(reader, history):
    assert history.record(reader) == ()
    assert not history.canUndo


def test_an_undone_correction_is_automatic_again(reader, history):
    nodes = reader.nodes.slices[0]
    paint(nodes)
    history.record(reader)
    assert mrml.readSlice(nodes).contours.origins[Part.LABELS] is Origin.EDITED
    history.undo()
    assert mrml.readSlice(nodes).contours.origin is Origin.AUTOMATIC


def test_corrections_of_a_deleted_scan_are_passed_over(headless, reader, history):
    paint(reader.nodes.slices[0])
    history.record(reader)
    headless.scene.RemoveNode(reader.nodes.browser)
    assert history.undo() == ()


@every_correction
def test_restoring_brings_back_what_the_networks_found(headless, reader, correct):
    nodes = reader.nodes.slices[0]
    correct(nodes)
    session.restoreAutomatic(headless.scene, nodes, reader.readSlice(nodes))
    part = mrml.readSlice(nodes)
    assert part.contours.origin is Origin.AUTOMATIC
    assert part.excluded_frames == frozenset()
    np.testing.assert_array_equal(part.contours.labels, small_study.ring_labels())


def test_an_excluded_frame_can_be_taken_back_in(reader):
    nodes = reader.nodes.slices[0]
    session.setFrameExcluded(nodes, 5, True)
    assert reader.readSlice(nodes).excluded_frames == {1, 3, 5}
    session.setFrameExcluded(nodes, 5, False)
    assert reader.readSlice(nodes).excluded_frames == {1, 3}


def test_reading_again_takes_the_images_over_and_reads_the_contours_anew(reader):
    nodes = reader.nodes.slices[0]
    first = reader.readSlice(nodes)
    paint(nodes)
    second = reader.readSlice(nodes)
    assert second.series is first.series
    assert second.motion is first.motion
    assert not np.array_equal(second.contours.labels, first.contours.labels)


def test_new_images_are_read(headless, reader):
    nodes = reader.nodes.slices[0]
    first = reader.readSlice(nodes)
    motion = small_study.preprocessed_scan().slices[1].motion
    motion.corrected[...] *= 2
    mrml.writeMotion(headless.scene, nodes, motion, first.series)
    np.testing.assert_array_equal(reader.readSlice(nodes).motion.corrected, motion.corrected)
    np.testing.assert_array_equal(nodes.correctedVolume.GetImageData().GetDimensions()[:2], (56, 48))


def test_what_did_not_change_is_not_written_again(headless):
    """Slicer draws anew whatever says that it changed: Undo of one slice would redraw all segments and curves."""
    nodes = mrml.writeStudy(headless.scene, small_study.study())[0].slices[0]
    segments = nodes.contours.GetSegmentation()
    images = [segments.GetNthSegment(index).GetRepresentation("Binary labelmap") for index in range(3)]
    before = [image.GetMTime() for image in images]
    labels = small_study.ring_labels()
    mrml.writeLabels(nodes.contours, nodes.originalVolume, labels)
    assert [image.GetMTime() for image in images] == before
    labels[labels == 2] = 0
    mrml.writeLabels(nodes.contours, nodes.originalVolume, labels)
    np.testing.assert_array_equal(mrml.readSlice(nodes).contours.labels, labels)


def test_the_smooth_outline_leaves_no_pixel_of_its_border(headless):
    nodes = mrml.writeStudy(headless.scene, small_study.study())[0].slices[0]
    series = mrml.readSeries(nodes)
    normal = np.cross(series.ijk_to_ras[:3, 0], series.ijk_to_ras[:3, 1])
    plane = vtk.vtkPlane()
    plane.SetNormal(normal / np.linalg.norm(normal))
    plane.SetOrigin(series.ijk_to_ras[:3, 3])
    cutter = vtk.vtkCutter()
    cutter.SetCutFunction(plane)
    surface = vtk.vtkPolyData()
    assert nodes.contours.GetClosedSurfaceRepresentation("bloodPool", surface)
    cutter.SetInputData(surface)
    cutter.Update()
    drawn = series.pixels_from_ras(vtk_to_numpy(cutter.GetOutput().GetPoints().GetData()))
    mask = np.pad(small_study.ring_labels() == Label.BLOOD_POOL, 1)
    border = np.argwhere(ndimage.binary_dilation(mask) ^ ndimage.binary_erosion(mask)) - 1
    distances_px = np.linalg.norm(drawn[:, None] - border[None], axis=-1).min(axis=1)
    assert len(drawn) > 20
    assert distances_px.max() < 0.75
    steps = np.diff(drawn, axis=0)
    assert (np.abs(steps).min(axis=1) > 0.05).mean() > 0.3  # a staircase runs along rows and columns only


def test_segments_that_are_still_to_be_drawn_put_no_error_into_the_log(headless, capfd):
    nodes = mrml.writeStudy(headless.scene, small_study.study())[0].slices[0]
    surfaces = nodes.contours.GetSegmentation()
    assert surfaces.ContainsRepresentation("Closed surface")
    capfd.readouterr()
    mrml.writeLabels(nodes.contours, nodes.originalVolume, np.zeros_like(small_study.ring_labels()))
    mrml.smoothOutlines(nodes.contours)
    assert not surfaces.ContainsRepresentation("Closed surface")
    mrml.writeLabels(nodes.contours, nodes.originalVolume, small_study.ring_labels())
    mrml.smoothOutlines(nodes.contours)
    assert surfaces.ContainsRepresentation("Closed surface")
    assert "failure" not in "".join(capfd.readouterr())
