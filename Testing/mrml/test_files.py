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


def test_a_saved_sequence_keeps_frames_times_and_place(tmp_path):
    part = small_study.preprocessed_scan().slices[0]
    mrml.writeSequence(tmp_path / "corrected.seq.nrrd", part.motion.corrected, part.series)
    sequence = slicer.vtkMRMLSequenceNode()
    storage = slicer.vtkMRMLVolumeSequenceStorageNode()
    storage.SetFileName(str(tmp_path / "corrected.seq.nrrd"))
    assert storage.ReadData(sequence)
    frames = [slicer.util.arrayFromVolume(sequence.GetNthDataNode(frame))[0] for frame in range(small_study.FRAMES)]
    np.testing.assert_array_equal(frames, part.motion.corrected)
    times = [float(sequence.GetNthIndexValue(frame)) for frame in range(small_study.FRAMES)]
    assert times == list(part.series.times_s)


def test_a_scene_that_cannot_be_read_or_written_says_so(tmp_path):
    with pytest.raises(PerfusionError, match="could not be read"):
        mrml.openScene(tmp_path / "absent.mrb")
    with pytest.raises(PerfusionError, match="could not be written"):
        mrml.saveScene(mrml.HeadlessScene().scene, tmp_path / "absent" / "scene.mrb")
    part = small_study.preprocessed_scan().slices[0]
    with pytest.raises(PerfusionError, match="could not be written"):
        mrml.writeSequence(tmp_path / "absent" / "x.seq.nrrd", part.motion.corrected, part.series)


def test_a_scene_is_read_without_an_error(written, tmp_path, capfd):
    mrml.saveScene(written.scene, tmp_path / "scene.mrb")
    capfd.readouterr()
    reopened = mrml.openScene(tmp_path / "scene.mrb")
    assert "preset" not in "".join(capfd.readouterr())
    assert reopened.scene.GetSingletonNode("Red", "vtkMRMLSliceNode").GetOrientation() == mrml.SHORT_AXIS
