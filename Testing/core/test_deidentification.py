"""What leaves the house without the patient: no attribute of the dictionary; pseudonyms need their key."""

import os
import struct
import subprocess
import sys
from dataclasses import replace

import pydicom
import pytest
from PerfusionDLLib.data.provenance import provenance_from
from PerfusionDLLib.dicom import make_image_reference, make_pseudonym, read_study
from PerfusionDLLib.dicom.pseudonyms import KEY_VARIABLE, find_key_file, read_or_make_key
from pydicom.datadict import DicomDictionary, dictionary_keyword
from pydicom.dataset import Dataset
from test_dicom_export import MOMENT, export, exported, from_dicom, small  # noqa: F401

CANARY = "CANARY"
TEXT = {"AE", "CS", "LO", "LT", "PN", "SH", "ST", "UC", "UR", "UT"}
VALUES = {
    **dict.fromkeys(TEXT, CANARY),
    **{"AS": "099Y", "DA": "19110203", "TM": "010203.040506", "DT": "19110203010203.040506"},
    **{"DS": "987654.321", "IS": "987654321", "UI": "1.2.987654321.123"},
}
BINARY = {
    **dict.fromkeys(("OB", "UN"), b"CANARYOB"),
    **dict.fromkeys(("OW", "OF", "OD", "OL", "OV"), b"CANARYO8CANARYO8"),
    **{"FD": 987654.321, "FL": 987654.3125, "UL": 3735928559, "SL": -559038737, "AT": 0x11CA9A41},
    **{"UV": 0xCA9A41CA9A41CA9A, "SV": 0x4A9A41CA9A41CA9A},
}
"""Of a type each; 2 bytes (US, SS) occur by chance in any file."""
BINARY_SECRETS = (
    *(b"CANARYOB", b"CANARYO8", struct.pack("<d", 987654.321), struct.pack("<f", 987654.3125)),
    *(struct.pack("<I", 3735928559), struct.pack("<I", 0x11CA9A41), struct.pack("<Q", 0xCA9A41CA9A41CA9A)),
    struct.pack("<Q", 0x4A9A41CA9A41CA9A),
)
SECRETS = (CANARY.encode(), b"099Y", b"19110203", b"010203.04", b"987654.321", b"987654321")
NEEDED = {
    *("SOPClassUID", "SOPInstanceUID", "StudyInstanceUID", "SeriesInstanceUID", "FrameOfReferenceUID", "Modality"),
    *("PixelSpacing", "ImagePositionPatient", "ImageOrientationPatient", "SpecificCharacterSet", "SliceThickness"),
    *("NumberOfFrames", "PhotometricInterpretation"),
}
"""Attributes without which the image is none, or not in its place."""


CLEANED = {"SeriesDescription": "PerfusionDL "}
"""What the Clean Descriptors Option lets stay, and how our own words begin."""


def test_every_attribute_is_as_another_librarys_table_of_the_profile_wants_it(small, tmp_path):  # noqa: F811
    """PS3.15 Table E.1-1 as dicom-anonymizer has it: what it removes is gone, identifiers are new, others empty."""
    wanted = pytest.importorskip(
        "dicomanonymizer.dicom_anonymization_databases.dicomfields_2026c",
        reason="dicom-anonymizer is not installed; `pip install dicom-anonymizer` to compare with its table",
    )
    arguments, _ = small
    export(tmp_path, **arguments, de_identify=True)
    source = pydicom.dcmread(next(arguments["sources"][0].rglob("*.dcm")), stop_before_pixels=True)
    uids = {element.value for element in source.iterall() if element.VR == "UI"} - {source.SOPClassUID}
    seen = set()
    for path in tmp_path.iterdir():
        for element in pydicom.dcmread(path).iterall():
            tag = (element.tag.group, element.tag.element)
            seen |= {tag} & set(wanted.ALL_TAGS)
            if element.keyword in CLEANED:
                assert element.value.startswith(CLEANED[element.keyword]), element
                continue
            assert tag not in wanted.X_TAGS, element
            assert tag not in wanted.Z_TAGS or not element.value or str(element.value).startswith("ANON-"), element
            assert element.VR != "UI" or element.value not in uids, element.keyword
    assert len(seen) > 20


def put_canaries(image):
    """A value that betrays itself in every attribute of the dictionary that a file may have, also inside a sequence."""
    inner = Dataset()
    for tag in DicomDictionary:
        keyword, kind = dictionary_keyword(tag), DicomDictionary[tag][0]
        known = VALUES | BINARY
        if (tag >> 16) in (0, 2, 0x7FE0) or not keyword or kind not in known or keyword in NEEDED:
            continue
        for dataset in (image, inner):
            setattr(dataset, keyword, known[kind])
    image.RequestAttributesSequence = [inner]
    image.ReferencedStudySequence = [inner]
    image.add_new(0x00091001, "LO", CANARY)
    image.add_new(0x00091002, "UN", BINARY["UN"])
    return image


@pytest.fixture
def canaries(small, tmp_path):  # noqa: F811
    """The small study with canaries in every image, as arguments of `export_results`."""
    arguments, _ = small
    folder = tmp_path / "sources"
    folder.mkdir()
    wanted = {uid for scan in arguments["scans"] for part in scan.slices for uid in part.series.instance_uids}
    for path in arguments["sources"][0].rglob("*.dcm"):
        image = pydicom.dcmread(path)
        if image.SOPInstanceUID in wanted:
            with pydicom.config.disable_value_validation():
                put_canaries(image).save_as(folder / path.name)
    given = {key: f"{CANARY}.csv" for key in ("rest_arterial_input", "rest_arterial_input_flags", "arterial_input")}
    maps = [replace(flow, provenance={**flow.provenance, **given}) for flow in arguments["maps"]]
    known = arguments["table"].provenance
    table = replace(arguments["table"], provenance=provenance_from({**known.flat(), **given}))
    return arguments | {"sources": [folder], "maps": maps, "table": table}


def test_no_attribute_of_the_dictionary_comes_through(canaries, tmp_path):
    written = export(tmp_path / "out", **canaries, de_identify=True)
    assert len(written) == 4
    source = pydicom.dcmread(next(canaries["sources"][0].iterdir()))
    hidden = [
        getattr(source, keyword).encode() for keyword in NEEDED if keyword.endswith("UID") and "Class" not in keyword
    ]
    for path in written:
        content = path.read_bytes()
        assert not [secret for secret in (*SECRETS, *BINARY_SECRETS, *hidden) if secret in content], path.name


def test_no_attribute_of_a_multi_frame_image_comes_through(finished_study, tmp_path):
    """Canaries in the data set, in the functional groups of all frames together and of each."""
    scans = from_dicom(finished_study.scans, tmp_path / "whole", "enhanced")
    (tmp_path / "sources").mkdir()
    for path in (tmp_path / "whole").rglob("*.dcm"):
        image = pydicom.dcmread(path)
        groups = [*image.SharedFunctionalGroupsSequence, *image.PerFrameFunctionalGroupsSequence[:3]]
        with pydicom.config.disable_value_validation():
            for one in groups:
                one.UnassignedSharedConvertedAttributesSequence = [put_canaries(Dataset())]
                one.ContrastBolusUsageSequence = [put_canaries(Dataset())]
            put_canaries(image).save_as(tmp_path / "sources" / path.name)
    kept = [replace(scan, slices=scan.slices[:1]) for scan in scans[:1]]
    maps = [replace(flow, slices=flow.slices[:1]) for flow in finished_study.maps[:1]]
    arguments = {"sources": [tmp_path / "sources"], "scans": kept, "maps": maps, "table": finished_study.table}
    written = export(tmp_path / "out", **arguments, moment=MOMENT, de_identify=True)
    assert len(written) == 4
    for path in written:
        content = path.read_bytes()
        assert not [secret for secret in (*SECRETS, *BINARY_SECRETS) if secret in content], path.name


def test_every_object_says_that_and_how_the_identity_was_removed(canaries, tmp_path):
    for path in export(tmp_path / "out", **canaries, de_identify=True):
        made = pydicom.dcmread(path)
        assert made.PatientIdentityRemoved == "YES"
        codes = [(item.CodeValue, item.CodingSchemeDesignator) for item in made.DeidentificationMethodCodeSequence]
        assert codes == [("113100", "DCM"), ("113104", "DCM"), ("113105", "DCM")]
        assert made.LongitudinalTemporalInformationModified == "REMOVED"
        assert made.PatientID == str(made.PatientName) == f"ANON-{make_pseudonym('patient', CANARY)}"
        dates = {str(element.value) for element in made.iterall() if element.VR == "DA" and element.value}
        assert dates <= {"19000101"}


def test_a_pseudonym_needs_its_key(monkeypatch):
    """A number of seven digits is not found by trying them all."""
    first = make_pseudonym("patient", "1234567")
    assert first == make_pseudonym("patient", "1234567") != make_pseudonym("study", "1234567")
    monkeypatch.setenv(KEY_VARIABLE, "ab" * 32)
    assert make_pseudonym("patient", "1234567") != first


def test_a_key_is_made_once_at_random_and_for_its_user_alone(monkeypatch, tmp_path):
    monkeypatch.delenv(KEY_VARIABLE)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    monkeypatch.setenv("APPDATA", str(tmp_path))
    keys = {read_or_make_key(), read_or_make_key()}
    if os.name == "posix":
        assert find_key_file().stat().st_mode & 0o777 == 0o600
    find_key_file().unlink()
    assert len(keys | {read_or_make_key()}) == 2


def test_a_key_that_cannot_be_read_is_said(monkeypatch):
    from PerfusionDLLib.data.errors import PerfusionError

    for wrong, said in (("no key", "cannot be read"), ("ab", "too short")):
        monkeypatch.setenv(KEY_VARIABLE, wrong)
        with pytest.raises(PerfusionError, match=said):
            read_or_make_key()


def test_a_saved_scene_finds_its_images_by_their_references(small, tmp_path):  # noqa: F811
    arguments, results = small
    kept = [
        replace(
            scan,
            slices=tuple(
                replace(part, series=replace(part.series, instance_uids=tuple(map(make_image_reference, uids))))
                for part in scan.slices
                for uids in [part.series.instance_uids]
            ),
        )
        for scan in arguments["scans"]
    ]
    export(tmp_path, **arguments | {"scans": kept})
    for path in results.iterdir():
        assert (tmp_path / path.name).read_bytes() == path.read_bytes()


PATIENTS = (
    ("ISO_IR 192", "山田^太郎", "患者/1"),
    ("ISO_IR 192", "Müller^Jürgen", "A/17"),
    ("ISO_IR 100", "Müller^Jürgen", "Ä/17"),
    (["", "ISO 2022 IR 87"], "Yamada^Tarou=山田^太郎", "1/2"),
    ("GB18030", "Wang^XiaoDong=王^小东", "7/8"),
    ("ISO_IR 144", "Люкceмбypг", "9/10"),
)


@pytest.mark.parametrize(("characters", "name", "number"), PATIENTS)
def test_written_objects_are_of_the_same_patient_in_every_script(small, tmp_path, characters, name, number):  # noqa: F811
    arguments, _ = small
    folder = tmp_path / "sources"
    folder.mkdir()
    for path in arguments["sources"][0].rglob("*.dcm"):
        image = pydicom.dcmread(path)
        image.SpecificCharacterSet, image.PatientName, image.PatientID = characters, name, number
        image.save_as(folder / f"{path.parent.name}_{path.name}")
    written = export(tmp_path / "out", **arguments | {"sources": [folder]})
    assert len(written) == 5
    for path in written:
        made = pydicom.dcmread(path)
        made.decode()
        assert (str(made.PatientName), made.PatientID) == (name, number), path.name


def test_free_text_of_the_scanner_reaches_no_result(small, tmp_path):  # noqa: F811
    arguments, _ = small
    folder = tmp_path / "sources"
    folder.mkdir()
    for path in arguments["sources"][0].rglob("*.dcm"):
        image = pydicom.dcmread(path)
        image.SeriesDescription = f"{image.SeriesDescription} {CANARY}"
        image.ProtocolName = image.Manufacturer = image.ManufacturerModelName = CANARY
        image.save_as(folder / f"{path.parent.name}_{path.name}")
    study = read_study([folder])
    assert CANARY not in repr([(scan.assumptions, [part.acquisition for part in scan.slices]) for scan in study.scans])


def test_a_worker_elsewhere_makes_the_same_pseudonyms():
    program = "from PerfusionDLLib.dicom import make_pseudonym; print(make_pseudonym('patient', '17'))"
    environment = os.environ | {KEY_VARIABLE: "cd" * 32, "PYTHONPATH": os.pathsep.join(sys.path)}
    said = subprocess.run([sys.executable, "-c", program], env=environment, capture_output=True, text=True, check=True)
    assert said.stdout.strip() == make_pseudonym("patient", "17", key=bytes.fromhex("cd" * 32))
