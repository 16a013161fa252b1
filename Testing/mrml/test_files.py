"""Files that Slicer opens: the scene of a study, the sequence of a slice."""

from pathlib import Path

import numpy as np
import pytest
import slicer
import small_study
from PerfusionDLLib import mrml
from PerfusionDLLib.data.errors import PerfusionError


def test_a_study_is_saved_with_scans_maps_table_and_views(tmp_path):
    mrml.saveStudy(tmp_path / "scene.mrb", small_study.study())
    scene = mrml.openScene(tmp_path / "scene.mrb").scene
    scans = mrml.findScans(scene)
    assert [str(nodes.condition) for nodes in scans] == ["stress", "rest"]
    for nodes in scans:
        for part in nodes.slices:
            missing = [role for role in vars(mrml.SliceNodes) if role[0] != "_" and getattr(part, role) is None]
            assert missing == []
            assert part.mbf.GetDisplayNode().GetColorNode() is not None
            assert part.chart.GetNthPlotSeriesNode(0).GetTableNode() is part.curves
            assert nodes.browser.GetProxyNode(part.original) is part.originalVolume
    assert mrml.findTable(scene).GetNumberOfRows() == 20
    assert scene.GetFirstNodeByClass("vtkMRMLLayoutNode").GetViewArrangement() == 21


def test_a_scene_is_found_by_a_path_from_the_working_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "results").mkdir()
    relative = Path("results", "scene.mrb")
    mrml.saveStudy(relative, small_study.study())
    assert len(mrml.findScans(mrml.openScene(relative).scene)) == 2


def test_images_in_one_pose_are_saved_beside_the_scene_with_times_and_place_and_no_more(tmp_path):
    study = small_study.study()
    parts = [part for scan in study.scans for part in scan.slices]
    files = [tmp_path / f"{number}.seq.nrrd" for number in range(len(parts))]
    mrml.saveStudy(tmp_path / "scene.mrb", study, corrected=files)
    for part, file in zip(parts, files, strict=True):
        sequence = slicer.vtkMRMLSequenceNode()
        storage = slicer.vtkMRMLVolumeSequenceStorageNode()
        storage.SetFileName(str(file))
        assert storage.ReadData(sequence)
        frames = [sequence.GetNthDataNode(frame) for frame in range(sequence.GetNumberOfDataNodes())]
        pixels = [slicer.util.arrayFromVolume(frame)[0] for frame in frames]
        np.testing.assert_array_equal(pixels, part.motion.corrected)
        assert [float(sequence.GetNthIndexValue(index)) for index in range(len(frames))] == list(part.series.times_s)
        matrix = slicer.vtkMRMLSliceNode().GetSliceToRAS()
        frames[0].GetIJKToRASMatrix(matrix)
        np.testing.assert_allclose(slicer.util.arrayFromVTKMatrix(matrix), part.series.ijk_to_ras, atol=1e-6)
        assert b"PerfusionDL" not in file.read_bytes().partition(b"\n\n")[0]


def test_a_scene_that_cannot_be_read_or_written_says_so(tmp_path):
    with pytest.raises(PerfusionError, match="could not be read"):
        mrml.openScene(tmp_path / "absent.mrb")
    with pytest.raises(PerfusionError, match="could not be written"):
        mrml.saveScene(mrml.HeadlessScene().scene, tmp_path / "absent" / "scene.mrb")


def test_a_scene_is_read_without_an_error(written, tmp_path, capfd):
    mrml.saveScene(written.scene, tmp_path / "scene.mrb")
    capfd.readouterr()
    reopened = mrml.openScene(tmp_path / "scene.mrb")
    assert "preset" not in "".join(capfd.readouterr())
    assert reopened.scene.GetSingletonNode("Red", "vtkMRMLSliceNode").GetOrientation() == mrml.SHORT_AXIS
