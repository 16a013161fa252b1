"""The whole chain, from DICOM to the results folder, on phantom patients whose truth is known."""

import json
import zipfile
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PerfusionDLLib import motion
from PerfusionDLLib.cli.commands import app
from PerfusionDLLib.data.box import Box
from PerfusionDLLib.data.preprocessed import MotionCompensation
from PerfusionDLLib.evaluation import agreement
from PerfusionDLLib.results.reading import read_image

NEVER_TRAINED_ON = 28
REAL = Path(__file__).parents[3] / "shared" / "real" / "ge15t_one_slice"


def perfusiondl(*arguments):
    app([str(argument) for argument in arguments], standalone_mode=False)


def study(folder, *, vendor):
    perfusiondl("simulate", "--out", folder, "--seed", NEVER_TRAINED_ON, "--vendor", vendor)
    perfusiondl("run", folder / "dicom", "--out", folder / "results", "--dicom")
    return folder


def index(folder):
    return json.loads((folder / "preprocessing.json").read_text())["slices"]


def true_labels(folder, found):
    """Labels of the truth in the pose of the frame that was found to be the reference."""
    truth = next(one for one in index(folder / "truth") if one["folder"] == found["folder"])
    place = folder / "truth" / found["folder"]
    displacement_mm = np.load(place / "displacement.npz")["displacement_mm"].astype(np.float32)
    frames = len(displacement_mm)
    moved = MotionCompensation(
        corrected=np.zeros((frames, *displacement_mm.shape[2:]), np.float32),
        displacement_mm=displacement_mm,
        reference_frame=truth["reference_frame"],
        quality=np.ones(frames),
        aligned=np.ones(frames, bool),
    )
    spacing_mm = tuple(np.linalg.norm(np.array(truth["ijk_to_ras"])[:3, :2], axis=0)[::-1])
    return motion.move_labels(read_image(place / "labels.nrrd"), moved, found["reference_frame"], spacing_mm)


def check_against_truth(folder):
    found = index(folder / "results")
    assert sorted(one["folder"] for one in found) == sorted(one["folder"] for one in index(folder / "truth"))
    for one in found:
        labels, truth = read_image(folder / "results" / one["folder"] / "labels.nrrd"), true_labels(folder, one)
        assert agreement.dice(labels == 1, truth == 1) >= 0.85, one["folder"]
        assert agreement.dice(labels == 2, truth == 2) >= 0.85, one["folder"]

    table, truth = (pd.read_csv(folder / part / "segments.csv") for part in ("results", "truth"))
    flows = np.stack(
        [np.concatenate([part.rest_mbf_ml_min_g, part.stress_mbf_ml_min_g]) for part in (table, truth)], axis=1
    )
    assert agreement.icc_agreement(flows).value >= 0.9


def test_contours_and_flow_of_a_phantom_agree_with_the_truth(siemens):
    check_against_truth(siemens)


def test_the_defects_that_the_phantom_was_given_stand_out_as_they_truly_do(siemens):
    defects = sorted(
        {
            segment
            for one in index(siemens / "truth")
            if one["condition"] == "stress"
            for segment in one["defect_segments"]
        }
    )
    contrast = {}
    for part in ("results", "truth"):
        flow = pd.read_csv(siemens / part / "segments.csv", index_col="aha_segment").stress_mbf_ml_min_g
        contrast[part] = flow[defects].mean() / flow.drop(defects).mean()
    assert contrast["truth"] < 0.9
    assert contrast["results"] == pytest.approx(contrast["truth"], abs=0.07)


def test_every_result_of_the_contract_is_there(siemens):
    results = siemens / "results"
    tables = ("segments.csv", "territories.csv", "tidy.csv", "table.json", "table.xlsx")
    for name in (*tables, "preprocessing.json", "scene.mrb", "report.pdf", "report.html"):
        assert (results / name).stat().st_size > 500, name
    for one in index(results):
        for name in ("labels.nrrd", "mbf.nrrd", "corrected.seq.nrrd"):
            assert (results / one["folder"] / name).exists()
        mbf = read_image(results / one["folder"] / "mbf.nrrd")
        labels = read_image(results / one["folder"] / "labels.nrrd")
        assert np.isnan(mbf[labels != 1]).all()
        assert np.isfinite(mbf[labels == 1]).mean() > 0.8


def test_the_archive_gets_every_kind_of_object_in_the_patient_s_study(siemens):
    import pydicom

    source = next(path for path in sorted((siemens / "dicom").rglob("*")) if path.is_file())
    study = pydicom.dcmread(source, stop_before_pixels=True).StudyInstanceUID
    objects = [pydicom.dcmread(path) for path in (siemens / "results" / "dicom").iterdir()]
    assert {made.StudyInstanceUID for made in objects} == {study}
    assert {made.Modality for made in objects} == {"SEG", "OT", "SR", "DOC"}


def test_no_result_names_the_patient(siemens):
    import pydicom

    file = next(path for path in sorted((siemens / "dicom").rglob("*")) if path.is_file())
    identity = pydicom.dcmread(file, stop_before_pixels=True)
    words = [str(identity.PatientName).split("^")[0], str(identity.PatientID)]
    assert all(words)
    for path in (siemens / "results").rglob("*"):
        if path.parent.name == "dicom":
            continue
        assert not any(word in path.name for word in words)
        if path.suffix in {".csv", ".json", ".nrrd", ".pdf", ".html"}:
            assert not any(word.encode() in path.read_bytes() for word in words), path.name
        if path.suffix in {".mrb", ".xlsx"}:
            with zipfile.ZipFile(path) as packed:
                for name in packed.namelist():
                    assert not any(word in name or word.encode() in packed.read(name) for word in words), name


@pytest.mark.slow
@pytest.mark.parametrize("vendor", ["philips", "ge", "enhanced"])
def test_every_flavor_of_dicom_gives_the_same_quality(tmp_path, vendor):
    check_against_truth(study(tmp_path / vendor, vendor=vendor))


def test_the_real_series_is_found_at_its_peak_with_its_heart_in_the_box(tmp_path):
    if not REAL.exists():
        pytest.skip("the in-vivo series is not at ../shared/real")
    perfusiondl("run", REAL / "dicom", "--out", tmp_path / "results")
    (found,) = index(tmp_path / "results")
    expected = json.loads((REAL / "annotation.json").read_text())
    assert abs(found["peak_frame"] - expected["peak_lv_frame"]) <= 1
    column0, row0, column1, row1 = expected["bbox_epi"]
    assert agreement.rectangle_dice(Box(*found["box_px"]), Box(row0, column0, row1, column1)) >= 0.8
