"""What is written as a vendor writes it is read back as it was."""

import hashlib
import shutil
from dataclasses import replace

import numpy as np
import pydicom
import pytest
from dicom_studies import SIZE, bolus_slice, slice_matrix, small_scan, small_study, with_proton_density
from PerfusionDLLib.data.errors import PerfusionError
from PerfusionDLLib.data.study import Condition, Identity, Study
from PerfusionDLLib.dicom import Vendor, read_study, write_study

TIME_TOLERANCE_S = 1e-5
vendors = pytest.mark.parametrize("vendor", list(Vendor))


@pytest.fixture(scope="module", params=list(Vendor))
def round_trip(request, tmp_path_factory):
    """A study, and the same after writing and reading."""
    folder = tmp_path_factory.mktemp(request.param)
    study = small_study()
    write_study(study, folder, vendor=request.param, seed=3)
    return study, read_study([folder]), folder


def assert_same_scan(actual, expected):
    assert actual.condition == expected.condition
    assert [one.level for one in actual.slices] == [one.level for one in expected.slices]
    for got, wanted in zip(actual.slices, expected.slices, strict=True):
        np.testing.assert_allclose(got.signal, wanted.signal, atol=0.5)
        np.testing.assert_allclose(got.times_s, wanted.times_s, atol=TIME_TOLERANCE_S)
        np.testing.assert_allclose(got.ijk_to_ras, wanted.ijk_to_ras, atol=1e-6)


def test_signal_times_geometry_and_level_survive(round_trip):
    study, actual, _ = round_trip
    for got, wanted in zip(actual.scans, study.scans, strict=True):
        assert_same_scan(got, wanted)


def test_the_acquisition_survives(round_trip):
    study, actual, _ = round_trip
    wanted, got = study.stress.slices[1].acquisition, actual.stress.slices[1].acquisition
    for name in ("saturation_time_s", "repetition_time_s", "echo_time_s", "flip_angle_deg", "dose_mmol_kg"):
        assert getattr(got, name) == pytest.approx(getattr(wanted, name)), name
    for name in ("pulses_to_center", "field_strength_t", "contrast_agent", "relaxivity_l_mmol_s"):
        assert getattr(got, name) == getattr(wanted, name), name


def test_what_no_header_holds_is_named_as_assumed(round_trip):
    _, actual, _ = round_trip
    assert {"t10_blood_s", "t10_myocardium_s", "hematocrit"} <= set(actual.rest.slices[0].acquisition.assumed)
    assert any("hematocrit 0.42" in flag.text for flag in actual.rest.assumptions)


def test_every_frame_keeps_the_name_of_its_image(round_trip):
    _, actual, folder = round_trip
    written = {pydicom.dcmread(path).SOPInstanceUID for path in folder.rglob("*.dcm")}
    read = {uid for scan in actual.scans for one in scan.slices for uid in one.instance_uids}
    assert read == written


def test_the_identity_is_that_of_a_made_up_patient(round_trip):
    _, actual, _ = round_trip
    assert actual.identity.patient_id == "PHANTOM-3"
    assert "PHANTOM" not in repr(actual)


def test_file_names_and_order_do_not_matter(round_trip, tmp_path):
    _, expected, folder = round_trip
    for path in folder.rglob("*.dcm"):
        name = hashlib.sha256(path.read_bytes()).hexdigest()[:12]
        shutil.copy(path, tmp_path / name)
    for got, wanted in zip(read_study([tmp_path]).scans, expected.scans, strict=True):
        assert got.assumptions == wanted.assumptions
        for one, other in zip(got.slices, wanted.slices, strict=True):
            np.testing.assert_array_equal(one.signal, other.signal)
            np.testing.assert_array_equal(one.times_s, other.times_s)


@vendors
def test_the_same_seed_writes_the_same_files(vendor, tmp_path):
    study = Study(rest=small_scan(Condition.REST, slices=1))
    for name, seed in (("first", 5), ("again", 5), ("other", 6)):
        write_study(study, tmp_path / name, vendor=vendor, seed=seed)
    first, again, other = (
        [path.read_bytes() for path in sorted((tmp_path / name).rglob("*.dcm"))] for name in ("first", "again", "other")
    )
    assert first == again != other


@vendors
def test_written_files_hold_valid_values(vendor, tmp_path, monkeypatch):
    write_study(small_study(slices=1), tmp_path, vendor=vendor)
    monkeypatch.setattr(pydicom.config.settings, "reading_validation_mode", pydicom.config.RAISE)
    for path in list(tmp_path.rglob("*.dcm"))[:3]:
        image = pydicom.dcmread(path)
        pydicom.dataset.validate_file_meta(image.file_meta, enforce_standard=True)
        assert all(element.keyword or element.tag.is_private for element in image.iterall())


@vendors
def test_proton_density_frames_are_set_apart(vendor, tmp_path):
    scan = with_proton_density(small_scan(Condition.STRESS), 3)
    write_study(Study(stress=scan), tmp_path, vendor=vendor)
    actual = read_study([tmp_path], stress=tmp_path).stress
    assert_same_scan(actual, scan)
    for one in actual.slices:
        assert one.proton_density.shape == (3, SIZE, SIZE)
        np.testing.assert_allclose(one.proton_density, 3000, atol=0.5)
    assert any("3 frames are proton-density" in flag.text for flag in actual.assumptions)


@vendors
def test_the_arterial_input_series_survives(vendor, tmp_path):
    scan = small_scan(Condition.REST, slices=2)
    coarse = bolus_slice(0, rr_s=0.95, delay_s=0.05)
    coarse = replace(coarse, ijk_to_ras=slice_matrix(0, spacing_mm=4.5))
    write_study(Study(rest=replace(scan, aif_series=coarse)), tmp_path, vendor=vendor)
    actual = read_study([tmp_path]).rest
    assert len(actual.slices) == 2
    np.testing.assert_allclose(actual.aif_series.signal, coarse.signal, atol=0.5)
    np.testing.assert_allclose(actual.aif_series.times_s, coarse.times_s, atol=TIME_TOLERANCE_S)
    assert any("arterial input series" in flag.text for flag in actual.assumptions)


@pytest.mark.parametrize("syntax", [pydicom.uid.RLELossless, pydicom.uid.JPEGLSLossless], ids=lambda uid: uid.name)
def test_compressed_images_are_read_where_a_decoder_is_there(syntax, tmp_path):
    scan = small_scan(Condition.REST, slices=1)
    write_study(Study(rest=scan), tmp_path, vendor="siemens")
    for path in tmp_path.rglob("*.dcm"):
        image = pydicom.dcmread(path)
        image.compress(syntax, generate_instance_uid=False)
        image.save_as(path)
    np.testing.assert_array_equal(read_study([tmp_path]).rest.slices[0].signal, scan.slices[0].signal)


def to_jpeg_lossless(path):
    """Compress a file as JPEG Lossless, first-order prediction, the commonest in archives."""
    gdcm = pytest.importorskip("gdcm", reason="python-gdcm is not installed")
    reader, change, writer = gdcm.ImageReader(), gdcm.ImageChangeTransferSyntax(), gdcm.ImageWriter()
    reader.SetFileName(str(path))
    assert reader.Read()
    change.SetTransferSyntax(gdcm.TransferSyntax(gdcm.TransferSyntax.JPEGLosslessProcess14_1))
    change.SetInput(reader.GetImage())
    assert change.Change()
    writer.SetFileName(str(path))
    writer.SetFile(reader.GetFile())
    writer.SetImage(change.GetOutput())
    assert writer.Write()


def test_jpeg_lossless_is_decoded_bit_by_bit(tmp_path):
    scan = small_scan(Condition.REST, slices=1)
    write_study(Study(rest=scan), tmp_path, vendor="siemens")
    for path in tmp_path.rglob("*.dcm"):
        to_jpeg_lossless(path)
        assert pydicom.dcmread(path).file_meta.TransferSyntaxUID == pydicom.uid.JPEGLosslessSV1
    np.testing.assert_array_equal(read_study([tmp_path]).rest.slices[0].signal, scan.slices[0].signal)


def test_jpeg_2000_is_decoded_bit_by_bit(tmp_path):
    pytest.importorskip("openjpeg", reason="pylibjpeg-openjpeg is not installed")
    small = small_scan(Condition.REST, slices=1)
    (one,) = small.slices
    scan = replace(small, slices=(replace(one, signal=np.tile(one.signal, (1, 8, 8))),))
    write_study(Study(rest=scan), tmp_path, vendor="siemens")
    for path in tmp_path.rglob("*.dcm"):
        image = pydicom.dcmread(path)
        image.compress(pydicom.uid.JPEG2000Lossless, generate_instance_uid=False)
        image.save_as(path)
    np.testing.assert_array_equal(read_study([tmp_path]).rest.slices[0].signal, scan.slices[0].signal)


@pytest.mark.parametrize("syntax", [pydicom.uid.JPEGLosslessSV1, pydicom.uid.HTJ2KLossless], ids=lambda uid: uid.name)
def test_decoders_are_there_out_of_the_box(syntax):
    pytest.importorskip("gdcm", reason="python-gdcm is not installed")
    assert pydicom.pixels.get_decoder(syntax).is_available


def test_compressed_only_by_its_label(tmp_path):
    write_study(Study(rest=small_scan(Condition.REST, slices=1)), tmp_path, vendor="siemens")
    for path in tmp_path.rglob("*.dcm"):
        image = pydicom.dcmread(path)
        image.PixelData = pydicom.encaps.encapsulate([image.PixelData])
        image["PixelData"].VR = "OB"
        image.file_meta.TransferSyntaxUID = pydicom.uid.JPEGLSLossless
        image.save_as(path)
    with pytest.raises(PerfusionError, match="labeled as compressed"):
        read_study([tmp_path])


def test_a_stream_of_another_size_than_its_header(tmp_path):
    write_study(Study(rest=small_scan(Condition.REST, slices=1)), tmp_path, vendor="siemens")
    for path in tmp_path.rglob("*.dcm"):
        image = pydicom.dcmread(path)
        image.compress(pydicom.uid.JPEGLSLossless, generate_instance_uid=False)
        image.Rows = 4000
        image.save_as(path)
    with pytest.raises(PerfusionError, match="are compressed as 8 by 8, while the header says 4000 by 8"):
        read_study([tmp_path])


def test_a_given_identity_is_written(tmp_path):
    identity = Identity(patient_name="Made^Up", patient_id="X1", study_instance_uid="2.25.7")
    write_study(Study(rest=small_scan(Condition.REST, slices=1), identity=identity), tmp_path, vendor="ge")
    assert read_study([tmp_path]).identity == identity
