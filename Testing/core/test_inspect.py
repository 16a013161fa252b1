"""`perfusiondl inspect` says how everything was decided and names nobody; what a user enters is used and said."""

import os
import re
import subprocess
import sys

import pydicom
import pytest
from dicom_edits import each, put
from dicom_studies import small_study, written
from patience import PATIENCE_S
from PerfusionDLLib.cli.acquisition import read_entered
from PerfusionDLLib.data.errors import PerfusionError
from PerfusionDLLib.data.study import Condition, Identity
from PerfusionDLLib.dicom import inspect_folders, read_choices, read_study, write_study
from PerfusionDLLib.dicom.read.headers import find_files


@pytest.fixture
def folder(tmp_path):
    """A study of a patient with a name, whose descriptions repeat it."""
    study = small_study(slices=2)
    object.__setattr__(study, "identity", Identity(patient_name="Doe^Jane", patient_id="4711-A"))
    write_study(study, tmp_path / "study", vendor="siemens")
    each(tmp_path / "study", lambda image, path: setattr(image, "ProtocolName", "perf DOE Jane 4711"))
    return tmp_path / "study"


def run(*arguments, **environment):
    """The command line in a process of its own."""
    command = [sys.executable, "-m", "PerfusionDLLib.cli", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, env=os.environ | environment, timeout=PATIENCE_S, check=False)


def test_every_decision_is_said_and_nobody_named(folder):
    before = {path: path.stat().st_mtime_ns for path in folder.parent.rglob("*")}
    report = inspect_folders([folder])
    text = "\n".join(report.lines)
    assert not report.refused
    for words in (
        "series 10: 28 images at places of 2 x 14 images; perfusion, 2 slices",
        "clock: AcquisitionTime",
        "NominalInterval: 0.950 s",
        "InstanceNumber runs with it",
        "hematocrit = 0.42 (assumed)",
        "flip_angle_deg = 10 (header)",
        "The second scan began 10.0 minutes after the first.",
    ):
        assert words in text, words
    assert not re.search("doe|jane|4711", text, re.IGNORECASE)
    assert {path: path.stat().st_mtime_ns for path in folder.parent.rglob("*")} == before


def test_what_cannot_be_read_is_said_too(folder):
    each(folder, lambda image, path: setattr(image, "ImagePositionPatient", ["0", "0", str(image.InstanceNumber)]))
    report = inspect_folders([folder])
    assert report.refused
    assert "No first-pass perfusion series was found" in "\n".join(report.lines)


@pytest.mark.parametrize("encoding", ["cp932", "latin-1", "ascii"])
def test_any_console_shows_the_lines(encoding, folder):
    each(folder, lambda image, path: setattr(image, "SeriesDescription", image.SeriesDescription + " 心筋 é – ²"))
    ended = run("inspect", folder, PYTHONIOENCODING=encoding)
    assert ended.returncode == 0, ended.stderr.decode(errors="replace")
    assert b"clock: AcquisitionTime" in ended.stdout


def test_a_file_and_single_options_are_one_document(tmp_path):
    file = tmp_path / "acquisition.toml"
    file.write_text('hematocrit = 0.38\ncontrast_agent = "Dotarem"\n[stress]\ndose_mmol_kg = 0.1\n', encoding="utf-8")
    choices = read_choices(read_entered(file, hematocrit=0.41, rest_series="12", flip_angle_deg=None))
    assert choices.acquisition[Condition.REST] == {"hematocrit": 0.41, "contrast_agent": "gadoterate"}
    assert choices.acquisition[Condition.STRESS]["dose_mmol_kg"] == 0.1
    assert choices.series == {Condition.REST: "12"}


def test_a_hematocrit_in_percent_is_one():
    assert read_choices({"hematocrit": 42}).acquisition[Condition.REST] == {"hematocrit": 0.42}


def test_values_of_one_study_of_a_cohort():
    document = {"hematocrit": 0.4, "studies": {"study-1": {"hematocrit": 0.35, "rest": {"dose_mmol_kg": 0.07}}}}
    assert read_choices(document, "study-2").acquisition[Condition.REST] == {"hematocrit": 0.4}
    one = read_choices(document, "study-1").acquisition
    assert one[Condition.REST] == {"hematocrit": 0.35, "dose_mmol_kg": 0.07}
    assert one[Condition.STRESS] == {"hematocrit": 0.35}


@pytest.mark.parametrize(
    ("document", "words"),
    [
        ({"haematocrit": 0.4}, "'haematocrit' is not a value of an acquisition"),
        ({"hematocrit": 420}, "hematocrit is 420."),
        ({"hematocrit": 4}, "hematocrit is 4."),
        ({"hematocrit": "0.4"}, "which is no number"),
        ({"contrast_agent": "water"}, "The contrast agent water is not known"),
        ({"rr_interval_s": 900}, "The R-R interval is 900"),
        ({"rest": 3}, "'rest' is not a value"),
        ({"studies": 3}, "'studies' is not a value"),
    ],
)
def test_what_cannot_be_meant_is_refused(document, words):
    with pytest.raises(PerfusionError) as caught:
        read_choices(document)
    assert words in str(caught.value)


def test_a_file_that_is_no_toml(tmp_path):
    (tmp_path / "a.toml").write_text("hematocrit 0.4", encoding="utf-8")
    with pytest.raises(PerfusionError) as caught:
        read_entered(tmp_path / "a.toml")
    assert "is no TOML file" in str(caught.value)


def test_pipes_are_passed_over(folder):
    os.mkfifo(folder / "pipe.dcm")
    assert len(list(find_files(folder))) == 56
    assert read_study([folder]).rest is not None
    with pytest.raises(PerfusionError, match="neither a folder nor a file"):
        read_study([folder / "pipe.dcm"])


def test_a_directory_file_stands_for_its_folder(folder):
    (folder / "DICOMDIR").write_bytes(b"\0" * 200)
    assert len(list(find_files(folder / "DICOMDIR"))) == 56


def test_an_archive_is_explained(tmp_path):
    import zipfile

    with zipfile.ZipFile(tmp_path / "study.zip", "w") as archive:
        archive.writestr("a.dcm", b"x")
    for place in (tmp_path, tmp_path / "study.zip"):
        with pytest.raises(PerfusionError, match=r"study.zip is a ZIP archive"):
            read_study([place])


def test_deep_nesting_and_bombs_are_damaged_files(folder):
    import zlib

    image = pydicom.dcmread(min(folder.rglob("*.dcm")))
    inner = pydicom.Dataset()
    for _ in range(400):
        outer = pydicom.Dataset()
        outer.ContrastBolusAgentSequence = [inner]
        outer["ContrastBolusAgentSequence"].is_undefined_length = True
        inner = outer
    sys.setrecursionlimit(20000)
    try:
        image.ContrastBolusAgentSequence = [inner]
        image.save_as(folder / "deep.dcm")
    finally:
        sys.setrecursionlimit(1000)
    meta = (folder / "deep.dcm").read_bytes()[:132]
    image.file_meta.TransferSyntaxUID = pydicom.uid.DeflatedExplicitVRLittleEndian
    plain = pydicom.filebase.DicomBytesIO()
    plain.is_little_endian, plain.is_implicit_VR = True, False
    pydicom.filewriter.write_file_meta_info(plain, image.file_meta)
    packer = zlib.compressobj(9, zlib.DEFLATED, -zlib.MAX_WBITS)
    packed = b"".join(packer.compress(bytes(1 << 24)) for _ in range(40)) + packer.flush()
    (folder / "bomb.dcm").write_bytes(meta + plain.getvalue() + packed)
    assert read_study([folder]).rest is not None


def test_what_rest_and_stress_say_about_each_other_is_inspected_too(tmp_path):
    folder = written(tmp_path, small_study(slices=2, frames=16))
    each(folder / "scan2", lambda image, path: put(image, image.pixel_array[:, ::-1]))
    lines = inspect_folders([folder]).lines
    assert sum("show the heart mirrored left to right against those of" in line for line in lines) == 4
