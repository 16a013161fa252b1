"""What is seen of the contours is what is computed, whatever way it got there; what cannot be read is said."""

import numpy as np
import pytest
import slicer
import small_study
import vtk
from PerfusionDLLib import mrml
from PerfusionDLLib.data.contours import Label, Origin, Part
from PerfusionDLLib.data.errors import PerfusionError
from PerfusionDLLib.data.flow import FlowModel
from PerfusionDLLib.data.study import Condition
from PerfusionDLLib.mrml.segments import TERMINOLOGY
from PerfusionDLLib.session import History, tasks


@pytest.fixture
def reader(headless):
    return mrml.ScanReader(mrml.writePreprocessed(headless.scene, small_study.enhancing_scan()))


@pytest.fixture
def part(reader):
    """The basal slice."""
    return reader.nodes.slices[0]


def labels(reader, part):
    return reader.readSlice(part).contours.labels


def shifted(steps):
    """The ring some pixels to the right."""
    moved = np.roll(small_study.ring_labels(), steps, axis=1)
    moved[:, slice(0, steps) if steps > 0 else slice(steps, None)] = 0
    return moved


def move(scene, node, matrix):
    """Put a node under a transform."""
    transform = scene.AddNewNodeByClass("vtkMRMLLinearTransformNode", "moved by the reader")
    transform.SetMatrixTransformToParent(slicer.util.vtkMatrixFromArray(matrix))
    node.SetAndObserveTransformNodeID(transform.GetID())
    return transform


def along_rows(pixels):
    """A shift by whole columns of the oblique slice."""
    matrix = np.eye(4)
    matrix[:3, 3] = pixels * small_study.geometry()[:3, 0]
    return matrix


@pytest.mark.parametrize("known_by", ["name", "terminology", "an old name"])
def test_a_myocardium_that_was_deleted_and_drawn_again_is_read(reader, part, known_by):
    before = labels(reader, part)
    segments = part.contours.GetSegmentation()
    copy = slicer.vtkSegment()
    copy.DeepCopy(segments.GetSegment("myocardium"))
    copy.SetName("Segment_1" if known_by == "terminology" else " myocardium")
    copy.SetTerminology(TERMINOLOGY[Label.MYOCARDIUM] if known_by == "terminology" else "")
    segments.RemoveSegment("myocardium")
    assert not np.any(labels(reader, part) == Label.MYOCARDIUM)
    segments.AddSegment(copy, "Segment_1")
    np.testing.assert_array_equal(labels(reader, part), before)


def test_undo_brings_a_deleted_segment_back(headless, reader, part):
    history = History(headless.scene)
    history.start(reader)
    before = labels(reader, part)
    part.contours.GetSegmentation().RemoveSegment("myocardium")
    assert history.record(reader)
    history.undo()
    np.testing.assert_array_equal(labels(reader, part), before)


def test_a_drawing_that_is_not_known_for_what_it_is_is_said(headless, reader, part):
    segments = part.contours.GetSegmentation()
    segments.GetSegment("myocardium").SetTerminology("")
    copy = slicer.vtkSegment()
    copy.DeepCopy(segments.GetSegment("myocardium"))
    copy.SetName("Segment_1")
    segments.RemoveSegment("myocardium")
    segments.AddSegment(copy, "Segment_1")
    with pytest.raises(PerfusionError, match="basal slice of the stress scan it is not known what Segment_1 is"):
        tasks.flowTask(headless.scene, [reader], None, model=FlowModel.FERMI)


@pytest.mark.parametrize("pixels", [3, -5])
def test_contours_under_a_transform_are_read_where_they_are_seen(headless, reader, part, pixels):
    transform = move(headless.scene, part.contours, along_rows(pixels))
    np.testing.assert_array_equal(labels(reader, part), shifted(pixels))
    assert reader.readSlice(part).contours.origins[Part.LABELS] is Origin.EDITED
    transform.SetMatrixTransformToParent(slicer.util.vtkMatrixFromArray(along_rows(pixels + 1)))
    np.testing.assert_array_equal(labels(reader, part), shifted(pixels + 1))
    transform.Inverse()
    np.testing.assert_array_equal(labels(reader, part), shifted(-pixels - 1))


def test_contours_and_images_under_the_same_transform_stay_together(headless, reader, part):
    before = reader.readSlice(part).contours
    transform = move(headless.scene, part.contours, along_rows(4.3))
    for node in (part.originalVolume, part.correctedVolume, part.rvInsertionPoints, part.box):
        node.SetAndObserveTransformNodeID(transform.GetID())
    after = reader.readSlice(part).contours
    np.testing.assert_array_equal(after.labels, before.labels)
    np.testing.assert_allclose(after.anterior_rv_ras_mm, before.anterior_rv_ras_mm, atol=1e-9)
    np.testing.assert_allclose(after.box_px, before.box_px, atol=1e-6)
    assert after.origin is Origin.AUTOMATIC


def test_points_and_box_under_a_transform_are_read_where_they_are_seen(headless, reader, part):
    before = reader.readSlice(part).contours
    for node in (part.rvInsertionPoints, part.box):
        move(headless.scene, node, along_rows(2))
    after = reader.readSlice(part).contours
    np.testing.assert_allclose(after.anterior_rv_ras_mm - before.anterior_rv_ras_mm, along_rows(2)[:3, 3], atol=1e-9)
    np.testing.assert_allclose(np.subtract(after.box_px, before.box_px), (0, 2, 0, 2), atol=1e-6)


def test_a_warped_contour_is_read_as_it_is_seen(headless, reader, part):
    """A transform that is not linear: the top of the image moves one way, the bottom the other."""
    points = [vtk.vtkPoints() for _ in range(2)]
    for row, shift in ((0, 3), (47, -3)):
        for column in (0, 55):
            ras = reader.readSlice(part).series.ras_from_pixels((row, column))
            points[0].InsertNextPoint(ras)
            points[1].InsertNextPoint(ras + along_rows(shift)[:3, 3])
    spline = vtk.vtkThinPlateSplineTransform()
    spline.SetSourceLandmarks(points[0])
    spline.SetTargetLandmarks(points[1])
    spline.SetBasisToR()
    transform = headless.scene.AddNewNodeByClass("vtkMRMLTransformNode", "warp")
    transform.SetAndObserveTransformToParent(spline)
    part.contours.SetAndObserveTransformNodeID(transform.GetID())
    center = [np.argwhere(one == Label.BLOOD_POOL) for one in (small_study.ring_labels(), labels(reader, part))]
    top = [points[points[:, 0] < 18].mean(axis=0)[1] for points in center]
    bottom = [points[points[:, 0] > 28].mean(axis=0)[1] for points in center]
    assert top[1] > top[0] + 0.3
    assert bottom[1] < bottom[0] - 0.3


def test_undo_takes_a_transform_back(headless, reader, part):
    history = History(headless.scene)
    history.start(reader)
    before = reader.readSlice(part).contours
    for node in (part.contours, part.rvInsertionPoints):
        move(headless.scene, node, along_rows(3))
    assert history.record(reader)
    history.undo()
    after = reader.readSlice(part).contours
    np.testing.assert_array_equal(after.labels, before.labels)
    np.testing.assert_allclose(after.anterior_rv_ras_mm, before.anterior_rv_ras_mm, atol=1e-9)
    history.redo()
    np.testing.assert_array_equal(labels(reader, part), shifted(3))


@pytest.mark.parametrize("factor", [2, 3])
def test_an_oversampled_segmentation_is_read_by_its_geometry(reader, part, factor):
    """As the Segment Editor does it: the reference geometry gets smaller voxels, and every segment is resampled."""
    before = labels(reader, part)
    fine = small_study.geometry().copy()
    fine[:3, :3] /= factor
    fine[:3, 3] += small_study.geometry()[:3, :3] @ np.full(3, 0.5 / factor - 0.5)
    drawn = np.kron(before, np.ones((factor, factor), np.uint8))
    image = slicer.vtkOrientedImageData()
    image.SetDimensions(drawn.shape[1], drawn.shape[0], factor)
    image.SetGeometryFromImageToWorldMatrix(slicer.util.vtkMatrixFromArray(fine))
    text = slicer.vtkSegmentationConverter.SerializeImageGeometry(image)
    segments = part.contours.GetSegmentation()
    segments.SetConversionParameter("Reference image geometry", text)
    for label, name in ((Label.MYOCARDIUM, "myocardium"), (Label.BLOOD_POOL, "bloodPool"), (3, "rvBloodPool")):
        mask = slicer.vtkOrientedImageData()
        mask.DeepCopy(image)
        mask.AllocateScalars(vtk.VTK_UNSIGNED_CHAR, 1)
        vtk.util.numpy_support.vtk_to_numpy(mask.GetPointData().GetScalars())[:] = np.tile(
            (drawn == label).ravel(), factor
        )
        slicer.vtkSlicerSegmentationsModuleLogic.SetBinaryLabelmapToSegment(mask, part.contours, name)
    np.testing.assert_array_equal(labels(reader, part), before)
    assert reader.readSlice(part).contours.origins[Part.LABELS] is Origin.AUTOMATIC


def test_a_coarse_segmentation_is_read_by_its_geometry(reader, part):
    coarse = small_study.geometry().copy()
    coarse[:3, :2] *= 2
    coarse[:3, 3] += small_study.geometry()[:3, :3] @ [0.5, 0.5, 0]
    drawn = small_study.ring_labels()[::2, ::2] == Label.MYOCARDIUM
    image = slicer.vtkOrientedImageData()
    image.SetDimensions(drawn.shape[1], drawn.shape[0], 1)
    image.SetGeometryFromImageToWorldMatrix(slicer.util.vtkMatrixFromArray(coarse))
    image.AllocateScalars(vtk.VTK_UNSIGNED_CHAR, 1)
    vtk.util.numpy_support.vtk_to_numpy(image.GetPointData().GetScalars())[:] = drawn.ravel()
    segments = part.contours.GetSegmentation()
    text = slicer.vtkSegmentationConverter.SerializeImageGeometry(image)
    segments.SetConversionParameter("Reference image geometry", text)
    slicer.vtkSlicerSegmentationsModuleLogic.SetBinaryLabelmapToSegment(image, part.contours, "myocardium")
    expected = np.kron(drawn, np.ones((2, 2), bool))
    np.testing.assert_array_equal(labels(reader, part) == Label.MYOCARDIUM, expected)


def test_scans_of_two_patients_are_never_put_together(headless):
    from dataclasses import replace

    scans = [
        replace(small_study.enhancing_scan(Condition.STRESS, 2.0), study="study-aaaaaaaaaaaa"),
        replace(small_study.enhancing_scan(Condition.REST, 1.0), study="study-bbbbbbbbbbbb"),
    ]
    nodes = [mrml.writePreprocessed(headless.scene, scan) for scan in scans]
    readers = [mrml.ScanReader(one) for one in nodes]
    with pytest.raises(PerfusionError, match="different studies: study-aaaaaaaaaaaa and study-bbbbbbbbbbbb"):
        tasks.flowTask(headless.scene, readers, None, model=FlowModel.FERMI)
    assert [one.study in one.browser.GetName() for one in nodes] == [True, True]


def test_two_rest_scans_without_a_study_are_not_one(headless):
    from dataclasses import replace

    scan = replace(small_study.enhancing_scan(Condition.REST, 1.0), study="")
    readers = [mrml.ScanReader(mrml.writePreprocessed(headless.scene, scan)) for _ in range(2)]
    with pytest.raises(PerfusionError, match="several are rest scans"):
        tasks.flowTask(headless.scene, readers, None, model=FlowModel.FERMI)


def test_contours_found_anew_are_one_step_of_undo(headless, reader):
    """New contours come with new images in one pose; what was there before comes back to the last bit."""
    from dataclasses import replace

    history = History(headless.scene)
    history.start(reader)
    part = reader.nodes.slices[1]
    part.contours.SetAttribute("PerfusionDL.excluded_frames", "[5]")
    mrml.writeLabels(part.contours, part.originalVolume, shifted(4))
    history.record(reader)
    before = [reader.readSlice(one) for one in reader.nodes.slices]
    found = []
    for one in before:
        motion = replace(one.motion, corrected=one.motion.corrected + 1, reference_frame=9)
        found.append(replace(one, motion=motion, contours=replace(one.automatic, reference_frame=9)))
    for one, new in zip(reader.nodes.slices, found, strict=True):
        mrml.writeSlice(headless.scene, one, new)
    history.start(reader)  # as the panel does when it shows them
    assert len(history.record(reader)) == 2
    assert history.record(reader) == ()
    history.undo()
    assert history.record(reader) == ()
    for one, was in zip(reader.nodes.slices, before, strict=True):
        now = reader.readSlice(one)
        np.testing.assert_array_equal(now.contours.labels, was.contours.labels)
        np.testing.assert_array_equal(now.motion.corrected, was.motion.corrected)
        assert (now.motion.reference_frame, now.excluded_frames) == (was.motion.reference_frame, was.excluded_frames)
    history.redo()
    np.testing.assert_array_equal(reader.readSlice(part).motion.corrected, found[1].motion.corrected)
    history.undo()
    history.undo()
    assert reader.readSlice(part).contours.origin is Origin.AUTOMATIC
