"""The DICOM browser's loadables: whole scans, nothing left over for the stock importers."""

import importlib.util
import sys
from dataclasses import replace
from datetime import datetime
from pathlib import Path

import dicom_browser
import numpy as np
import pytest
import slicer
import small_study
import vtk
from PerfusionDLLib import mrml
from PerfusionDLLib.data.contours import Origin, Part
from PerfusionDLLib.data.flow import FlowModel
from PerfusionDLLib.data.identity import is_same
from PerfusionDLLib.data.preprocessed import PreprocessedStudy
from PerfusionDLLib.data.result import StudyResult
from PerfusionDLLib.data.study import Condition, Identity, Level, Scan, Study
from PerfusionDLLib.dicom import Vendor, export_results, name_report, read_study, write_study
from PerfusionDLLib.quantification.options import Options, options_document
from PerfusionDLLib.session import setFrameExcluded
from scripted_module import MODULE

MULTI_VOLUME_IMPORTER = 1.0
REAL = Path(__file__).parents[3] / "shared" / "real" / "ge15t_one_slice" / "dicom"


@pytest.fixture
def database(session):
    yield dicom_browser.install()
    del slicer.dicomDatabase
    sys.modules.pop("DICOMLib")


@pytest.fixture
def plugin(database):
    spec = importlib.util.spec_from_file_location("PerfusionDICOMPlugin", MODULE / "PerfusionDICOMPlugin.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.PerfusionDICOMPluginClass()


@pytest.fixture(scope="module")
def study():
    """Rest and stress as acquired, two slices; no two images hold the same noise."""
    scans, noise = {}, np.random.default_rng(0)
    for condition in Condition:
        part = small_study.enhancing_scan(condition).slices[0].series
        later = replace(part, times_s=part.times_s + 0.3, level=Level.MID, ijk_to_ras=small_study.geometry(12))
        series = tuple(
            replace(one, instance_uids=(), signal=one.signal + noise.integers(0, 3, one.signal.shape, np.int16))
            for one in (part, later)
        )
        scans[condition.value] = Scan(condition=condition, slices=series)
    return Study(**scans, identity=Identity(patient_name="Doe^Jane", patient_id="77"))


@pytest.mark.parametrize("vendor", list(Vendor), ids=str)
def test_rest_and_stress_are_found_and_win_in_every_series(plugin, database, study, tmp_path, vendor):
    write_study(study, tmp_path, vendor=vendor, seed=1)
    series = database.seriesIn(tmp_path)
    loadables = plugin.examineForImport(series)
    assert sorted(one.name.split()[0] for one in loadables if one.candidate) == ["Rest", "Stress"]
    claimed = {database.fileValue(one.files[0], "0020,000E") for one in dicom_browser.selected(loadables, 1.0)}
    assert claimed == {database.fileValue(files[0], "0020,000E") for files in series}
    assert all(one.confidence > MULTI_VOLUME_IMPORTER for one in loadables)


def test_a_scan_is_loaded_once_under_its_patients_study_with_every_frames_own_time(
    session, plugin, database, study, tmp_path
):
    write_study(study, tmp_path, vendor=Vendor.GE, seed=1)
    for loadable in plugin.examineForImport(database.seriesIn(tmp_path)):
        assert plugin.load(loadable)
    scans = {nodes.condition: nodes for nodes in mrml.findScans(session.scene)}
    assert set(scans) == set(Condition)
    for part, expected in zip(scans[Condition.STRESS].slices, study.stress.slices, strict=True):
        series = mrml.readSeries(part)
        np.testing.assert_allclose(np.diff(series.times_s), np.diff(expected.times_s), atol=0.011)
        np.testing.assert_allclose(series.ijk_to_ras, expected.ijk_to_ras, atol=1e-3)
        assert np.corrcoef(series.signal.ravel(), expected.signal.ravel())[0, 1] > 0.999
    first, second = (mrml.readSeries(part).times_s for part in scans[Condition.STRESS].slices)
    np.testing.assert_allclose(second - first, 0.3, atol=0.011)
    assert tree(session.scene) == {"Doe^Jane": {"No study description": {"Rest perfusion", "Stress perfusion"}}}


def write_results(folder, read, *, moved_px, former=None):
    """Objects of both scans of a study, with contours that a reader moved."""
    scans = []
    for scan in read.scans:
        drawn = small_study.preprocessed_slice(Level.BASAL, seed=1, delay_s=0, offset_mm=0)
        box = drawn.contours.box_px.moved(moved_px, 0)
        contours = replace(drawn.contours, labels=np.roll(drawn.contours.labels, 1, axis=0), box_px=box)
        origins = contours.origins | {Part.LABELS: Origin.EDITED, Part.BOX: Origin.EDITED}
        slices = tuple(
            replace(
                drawn,
                series=series,
                motion=replace(drawn.motion, reference_frame=5),
                contours=replace(contours, origins=origins),
                automatic=drawn.contours,
            )
            for series in scan.slices
        )
        scans.append(replace(small_study.preprocessed_scan(scan.condition), slices=slices, study=scan.study))
    maps = tuple(small_study.perfusion_maps(scan.condition) for scan in scans)
    made = StudyResult(preprocessed=PreprocessedStudy(scans=tuple(scans)), maps=maps, table=small_study.segment_table())
    choices = options_document(Options(model=FlowModel.FERMI, rate_pressure_product=8000))
    where = folder / f"results{moved_px}"
    moment = datetime(2026, 3, 4, 5, 6 + moved_px)
    return export_results(where, [folder], made, moment=moment, options=choices, former=former), made


def test_a_scan_comes_with_the_contours_that_the_archive_holds(session, plugin, database, study, tmp_path):
    write_study(study, tmp_path, vendor=Vendor.GE, seed=1)
    read = read_study([tmp_path])
    first, _ = write_results(tmp_path, read, moved_px=1)
    _, made = write_results(tmp_path, read, moved_px=2, former=name_report(first))
    series = database.seriesIn(tmp_path)
    loadables = plugin.examineForImport(series)
    scans = [one for one in loadables if one.candidate]
    assert [one.name.partition("contours ")[2] for one in scans if one.selected] == [
        "(version 2 of 2026-03-04 05:08, corrected)"
    ] * 2
    assert [one.name.partition("contours ")[2] for one in scans if not one.selected] == [
        "(version 1 of 2026-03-04 05:07, corrected)"
    ] * 2
    claimed = {database.fileValue(one.files[0], "0020,000E") for one in loadables}
    assert claimed == {database.fileValue(files[0], "0020,000E") for files in series}
    for loadable in dicom_browser.selected(loadables, MULTI_VOLUME_IMPORTER):
        assert plugin.load(loadable)
    loaded = {nodes.condition: nodes for nodes in mrml.findScans(session.scene)}
    for scan in made.scans:
        for nodes, expected in zip(loaded[scan.condition].slices, scan.slices, strict=True):
            part = mrml.readSlice(nodes)
            assert is_same(part, expected, without={"motion", "series.times_s", "series.signal"})
            assert part.motion.reference_frame == 5
    panel = session.open()
    assert (panel.parameters.flowModel, panel.parameters.restRatePressureProduct) == (FlowModel.FERMI, 8000)
    session.wait(lambda: "is not what the archived report says" in panel.ui.archiveLabel.text)
    assert panel.ui.archiveLabel.text.startswith("Flow of ")  # the report measured what nobody computed
    setFrameExcluded(panel.slices()[0], 20, True)
    session.wait(lambda: not panel.ui.archiveLabel.text)  # it is meant to differ now
    session.scene.RemoveNode(panel.slices()[1].contours)
    session.wait(lambda: panel.ui.archiveLabel.text)
    assert panel.ui.archiveLabel.text == f"The archived results have no contours of: stress {panel.slices()[1].name}."


def tree(scene):
    """Patient, study and what is in it."""
    hierarchy = slicer.vtkMRMLSubjectHierarchyNode.GetSubjectHierarchyNode(scene)

    def children(item):
        items = vtk.vtkIdList()
        hierarchy.GetItemChildren(item, items)
        return [items.GetId(index) for index in range(items.GetNumberOfIds())]

    return {
        hierarchy.GetItemName(patient): {
            hierarchy.GetItemName(study): {hierarchy.GetItemName(scan) for scan in children(study)}
            for study in children(patient)
        }
        for patient in children(hierarchy.GetSceneItemID())
    }


def test_examining_twice_reads_the_headers_once(plugin, database, study, tmp_path, monkeypatch):
    write_study(study, tmp_path, vendor=Vendor.SIEMENS, seed=1)
    series = database.seriesIn(tmp_path)
    first = plugin.examineForImport(series)
    monkeypatch.setitem(type(plugin).examineForImport.__globals__, "find_candidates", None)
    assert plugin.examineForImport(series) is first


def test_other_images_are_left_to_the_stock_importers(plugin, database, study, tmp_path):
    write_study(study, tmp_path, vendor=Vendor.SIEMENS, seed=1)
    few = [files[:5] for files in database.seriesIn(tmp_path)]
    assert plugin.examineForImport(few) == []


@pytest.mark.skipif(not REAL.is_dir(), reason="the in-vivo series is not part of the repository")
def test_a_real_series_is_one_scan(session, plugin):
    (loadable,) = plugin.examineForImport([[str(path) for path in sorted(REAL.iterdir())]])
    assert plugin.load(loadable)
    (nodes,) = mrml.findScans(session.scene)
    assert nodes.slices[0].original.GetNumberOfDataNodes() == len(list(REAL.iterdir()))
