"""Scans in the scene: what goes in comes out, before and after saving."""

from dataclasses import replace

import data_tree
import numpy as np
import pytest
import slicer
import small_study
import vtk
from PerfusionDLLib import mrml
from PerfusionDLLib.data.contours import Origin, Part
from PerfusionDLLib.data.errors import PerfusionError
from PerfusionDLLib.data.identity import is_same
from PerfusionDLLib.data.study import Condition
from PerfusionDLLib.mrml.nodes import nodesOfClass


@pytest.fixture
def nodes(headless):
    """A scan of its own, to be changed."""
    return mrml.writePreprocessed(headless.scene, small_study.preprocessed_scan())


def assert_contours_equal(actual, expected):
    assert (actual.peak_frame, actual.reference_frame) == (expected.peak_frame, expected.reference_frame)
    np.testing.assert_allclose(actual.box_px, expected.box_px, rtol=0, atol=1e-6)
    np.testing.assert_array_equal(actual.labels, expected.labels)
    np.testing.assert_allclose(actual.anterior_rv_ras_mm, expected.anterior_rv_ras_mm, rtol=0, atol=1e-12)
    np.testing.assert_allclose(actual.inferior_rv_ras_mm, expected.inferior_rv_ras_mm, rtol=0, atol=1e-12)
    assert actual.origins == expected.origins
    assert actual.confidences == expected.confidences
    assert actual.weights_sha256 == expected.weights_sha256 != ""


def test_a_scan_reads_back_as_it_was_written(stress):
    expected, actual = small_study.preprocessed_scan(), mrml.readScan(stress)
    assert actual.condition is Condition.STRESS
    assert actual.assumptions == expected.assumptions
    assert actual.study == expected.study != ""
    for one, other in zip(actual.slices, expected.slices, strict=True):
        np.testing.assert_array_equal(one.series.signal, other.series.signal)
        np.testing.assert_array_equal(one.series.times_s, other.series.times_s)
        np.testing.assert_allclose(one.series.ijk_to_ras, other.series.ijk_to_ras, rtol=0, atol=1e-12)
        np.testing.assert_array_equal(one.series.proton_density, other.series.proton_density)
        assert one.series.acquisition == other.series.acquisition
        assert one.series.level is other.series.level
        assert one.series.instance_uids == other.series.instance_uids
        for field in ("corrected", "quality", "aligned"):
            np.testing.assert_array_equal(getattr(one.motion, field), getattr(other.motion, field))
        np.testing.assert_allclose(one.motion.displacement_mm, other.motion.displacement_mm, rtol=0, atol=1 / 128)
        np.testing.assert_array_equal(one.motion.displacement_mm % (1 / 64), 0)  # which is a third of the file
        assert one.motion.reference_frame == other.motion.reference_frame
        assert_contours_equal(one.contours, other.contours)
        assert one.excluded_frames == other.excluded_frames
        assert one.flags == other.flags


def test_automatic_contours_read_back_bit_by_bit(stress):
    for part, expected in zip(stress.slices, small_study.preprocessed_scan().slices, strict=True):
        automatic = mrml.readAutomatic(part)
        assert automatic.box_px == expected.automatic.box_px
        np.testing.assert_array_equal(automatic.labels, expected.automatic.labels)
        np.testing.assert_array_equal(automatic.anterior_rv_ras_mm, expected.automatic.anterior_rv_ras_mm)
        assert automatic.confidences == expected.automatic.confidences
        assert automatic.weights_sha256 == expected.automatic.weights_sha256


def test_every_frame_keeps_the_time_of_its_own_slice(stress):
    for part, expected in zip(stress.slices, small_study.preprocessed_scan().slices, strict=True):
        sequence = part.original
        assert (sequence.GetIndexName(), sequence.GetIndexUnit()) == ("time", "s")
        times = [float(sequence.GetNthIndexValue(frame)) for frame in range(small_study.FRAMES)]
        assert times == list(expected.series.times_s)


def test_the_browser_shows_all_slices_in_the_same_heartbeat(stress):
    expected = small_study.preprocessed_scan()
    for frame in range(small_study.FRAMES):
        stress.browser.SetSelectedItemNumber(frame)
        for part, truth in zip(stress.slices, expected.slices, strict=True):
            np.testing.assert_array_equal(
                slicer.util.arrayFromVolume(part.originalVolume)[0], truth.series.signal[frame]
            )
            np.testing.assert_array_equal(
                slicer.util.arrayFromVolume(part.correctedVolume)[0], truth.motion.corrected[frame]
            )


def test_a_slice_without_insertion_points_reads_back_without(headless):
    scan = small_study.preprocessed_scan()
    part = scan.slices[0]
    without = replace(part.contours, anterior_rv_ras_mm=None, inferior_rv_ras_mm=None)
    scan = replace(scan, slices=(replace(part, contours=without, automatic=without),))
    nodes = mrml.writePreprocessed(headless.scene, scan)
    assert mrml.readScan(nodes).slices[0].contours.anterior_rv_ras_mm is None
    assert nodes.slices[0].rvInsertionPoints.GetNumberOfUndefinedControlPoints() == 2


def test_a_painted_segment_makes_the_labels_edited_and_nothing_else(nodes):
    part = nodes.slices[0]
    labels = small_study.ring_labels()
    labels[11, 27] = 0
    mrml.writeLabels(part.contours, part.originalVolume, labels)
    contours = mrml.readSlice(part).contours
    assert contours.labels[11, 27] == 0
    assert {which for which, origin in contours.origins.items() if origin is Origin.EDITED} == {Part.LABELS}
    assert mrml.readAutomatic(part).labels[11, 27] != 0


def test_a_dragged_point_makes_the_points_edited_and_nothing_else(nodes):
    points = nodes.slices[1].rvInsertionPoints
    position = np.add(points.GetNthControlPointPositionWorld(0), (1, 0, 0))
    points.SetNthControlPointPositionWorld(0, *position)
    contours = mrml.readSlice(nodes.slices[1]).contours
    np.testing.assert_allclose(contours.anterior_rv_ras_mm, position)
    assert {which for which, origin in contours.origins.items() if origin is Origin.EDITED} == {
        Part.RV_INSERTION_POINTS
    }


def test_a_point_that_is_taken_away_keeps_its_name_and_its_place_in_the_list(nodes):
    points = nodes.slices[0].rvInsertionPoints
    points.UnsetNthControlPointPosition(0)
    assert points.GetNthControlPointLabel(0) == "A"
    contours = mrml.readSlice(nodes.slices[0]).contours
    assert contours.anterior_rv_ras_mm is None
    assert contours.inferior_rv_ras_mm is not None


def test_a_moved_box_reads_back_in_pixels(nodes):
    part = nodes.slices[0]
    series = small_study.preprocessed_scan().slices[0].series
    center = np.array(part.box.GetCenterWorld()) + series.ijk_to_ras[:3, 0] * 2 + series.ijk_to_ras[:3, 1] * -1
    part.box.SetCenterWorld(*center)
    np.testing.assert_allclose(
        mrml.readSlice(part).contours.box_px, np.add(small_study.BOX_PX, (-1, 2, -1, 2)), atol=1e-6
    )


def test_segments_are_found_by_id_whatever_the_user_renames_or_adds(nodes):
    part = nodes.slices[0]
    segmentation = part.contours.GetSegmentation()
    segmentation.GetSegment("myocardium").SetName("Herzmuskel")
    segmentation.AddEmptySegment("another", "Another")
    segmentation.SetSegmentIndex("myocardium", 2)
    np.testing.assert_array_equal(mrml.readSlice(part).contours.labels, small_study.ring_labels())


def test_segments_carry_codes_that_say_what_they_are(stress):
    entry = slicer.vtkSlicerTerminologyEntry()
    codes = {}
    segmentation = stress.slices[0].contours.GetSegmentation()
    for segmentId in ("myocardium", "bloodPool", "rvBloodPool"):
        slicer.vtkSlicerTerminologiesModuleLogic.DeserializeTerminologyEntry(
            segmentation.GetSegment(segmentId).GetTerminology(), entry
        )
        codes[segmentId] = (entry.GetTypeObject().GetCodeValue(), entry.GetRegionObject().GetCodeValue())
    assert codes["myocardium"][0] == "49848007"
    assert codes["bloodPool"] == ("87612001", "87878005")
    assert codes["rvBloodPool"] == ("87612001", "53085002")


def test_contours_are_outlines_and_the_automatic_copy_is_hidden_and_locked(stress):
    for part in stress.slices:
        display = part.contours.GetDisplayNode()
        assert display.GetVisibility2DOutline()
        assert not display.GetVisibility2DFill()
        assert not part.automatic.GetDisplayNode().GetVisibility()
        assert not part.automatic.GetSelectable()


def test_a_deleted_node_is_named_in_the_words_of_the_user(headless, nodes):
    headless.scene.RemoveNode(nodes.slices[1].contours)
    with pytest.raises(PerfusionError, match="The contours of the mid slice"):
        mrml.readScan(nodes)


def test_writing_the_contours_again_adds_no_node(headless, nodes):
    before = headless.scene.GetNumberOfNodes()
    mrml.writeContours(headless.scene, nodes.slices[0], small_study.preprocessed_scan().slices[0])
    assert headless.scene.GetNumberOfNodes() == before


def test_each_sequence_has_one_volume_and_the_data_tree_no_strays(headless):
    with data_tree.followed(headless.scene):
        mrml.writeStudy(headless.scene, small_study.study())
    names = [node.GetName() for node in nodesOfClass(headless.scene, "vtkMRMLVolumeNode")]
    assert len(names) == len(set(names))
    assert data_tree.roots(headless.scene) == ["Cardiac perfusion"]


def test_the_data_tree_orders_study_scan_and_slice_and_names_no_patient(scene):
    hierarchy = slicer.vtkMRMLSubjectHierarchyNode.GetSubjectHierarchyNode(scene)
    (study,) = children(hierarchy, hierarchy.GetSceneItemID())
    assert hierarchy.GetItemName(study) == "Cardiac perfusion"
    assert hierarchy.IsItemLevel(study, "Study")
    stress, rest, table = children(hierarchy, study)
    names = [hierarchy.GetItemName(item) for item in (stress, rest, table)]
    assert names == ["Stress perfusion", "Rest perfusion", "Myocardial blood flow by AHA segment"]
    assert [hierarchy.GetItemName(item) for item in children(hierarchy, stress)[:2]] == ["Basal", "Mid"]
    assert len(children(hierarchy, children(hierarchy, stress)[0])) == 12


def children(hierarchy, item):
    items = vtk.vtkIdList()
    hierarchy.GetItemChildren(item, items)
    return [items.GetId(index) for index in range(items.GetNumberOfIds())]


@pytest.mark.parametrize("minutes", [-9.75, float("nan")])
def test_the_pause_since_the_other_scan_survives_the_scene(minutes, tmp_path):
    scan = replace(small_study.preprocessed_scan(), minutes_after_other=minutes)
    headless = mrml.HeadlessScene()
    mrml.writePreprocessed(headless.scene, scan)
    mrml.saveScene(headless.scene, tmp_path / "scene.mrb")
    opened = mrml.openScene(tmp_path / "scene.mrb")
    (nodes,) = mrml.findScans(opened.scene)
    assert mrml.readScan(nodes).minutes_after_other == pytest.approx(minutes, nan_ok=True)


def test_a_slice_in_which_nothing_changed_is_read_as_the_same_object(nodes):
    reader, part = mrml.ScanReader(nodes), nodes.slices[0]
    points, box = part.rvInsertionPoints, part.box
    changes = [
        lambda: points.SetNthControlPointPositionWorld(0, 1.0, 2.0, 3.0),
        lambda: points.UnsetNthControlPointPosition(1),
        lambda: box.SetSize(10.0, 11.0, 12.0),
        lambda: part.contours.SetAttribute("PerfusionDL.excluded_frames", "[1]"),
        lambda: part.contours.SetAttribute("PerfusionDL.peak_frame", "3"),
        lambda: mrml.writeLabels(part.contours, part.originalVolume, np.ones(part_shape(part), np.uint8)),
        lambda: mrml.enterAcquisition(nodes, hematocrit=0.3),
    ]
    for change in changes:
        before = reader.readSlice(part)
        assert reader.readSlice(part) is before
        change()
        after = reader.readSlice(part)
        assert not is_same(after, before)
        assert is_same(after, mrml.readSlice(part))


def part_shape(part):
    return slicer.util.arrayFromVolume(part.originalVolume).shape[1:]
