"""DICOM, automatic contours, a reader's correction, every export, read back: every number is the table's."""

import io
import json
import zipfile

import highdicom as hd
import numpy as np
import pandas
import pydicom
import pytest
from PerfusionDLLib import mrml
from PerfusionDLLib.report.tables import FLOW_COLUMNS
from PerfusionDLLib.results import read_image
from PerfusionDLLib.series import Condition
from scipy import ndimage
from test_chain import index, perfusiondl
from test_dicom_export import measured

pytestmark = pytest.mark.slow
NUMBERS = {"mbf_ml_min_g": "mbf_ml_min_g", **FLOW_COLUMNS}
NUMBERS.pop("origin")
CODES = {
    "mbf_ml_min_g": "126390",
    "mbf_low_ml_min_g": "MBF_LOW",
    "mbf_high_ml_min_g": "MBF_HIGH",
    "curve_mbf_ml_min_g": "MBF_CURVE",
    "endo_ml_min_g": "MBF_ENDO",
    "epi_ml_min_g": "MBF_EPI",
    "endo_epi_ratio": "ENDO_EPI",
    "failed_share": "FAILED",
}


@pytest.fixture(scope="module")
def corrected(siemens):
    """Results of the study after a reader took the outermost muscle of the mid stress slice away."""
    opened = mrml.openScene(siemens / "results" / "scene.mrb")
    part = next(nodes for nodes in mrml.findScans(opened.scene) if nodes.condition is Condition.STRESS).slices[1]
    labels = mrml.readContours(part, mrml.readSeries(part)).labels.copy()
    heart = np.isin(labels, (1, 2))
    labels[heart & ~ndimage.binary_erosion(heart) & (labels == 1)] = 0
    mrml.writeLabels(part.contours, part.originalVolume, labels)
    mrml.saveScene(opened.scene, siemens / "corrected.mrb")
    perfusiondl("export", siemens / "corrected.mrb", "--out", siemens / "corrected", "--images", siemens / "dicom")
    np.testing.assert_array_equal(read_image(siemens / "corrected" / "stress_mid" / "labels.nrrd"), labels)
    return siemens / "corrected"


@pytest.fixture(scope="module")
def table(corrected):
    """Every number of the table in full precision, NaN where there is none, by name of the row and of the number."""
    document = json.loads((corrected / "table.json").read_text(encoding="utf-8"))
    found = {}
    for row in (*document["segments"], *document["territories"], document["whole"]):
        for condition in ("rest", "stress"):
            for name in NUMBERS:
                found[row["name"], condition, name] = number(row[condition][name])
        found[row["name"], "", "mpr"] = number(row["mpr"])
    assert np.isfinite(list(found.values())).sum() > 20 * (2 * len(NUMBERS) + 1) * 0.9
    return found


def number(value):
    return np.nan if value is None else float(value)


def numbers_of(frame):
    """The same from a table with one row per region."""
    found = {}
    for row in frame.to_dict("records"):
        for condition in ("rest", "stress"):
            for name, column in NUMBERS.items():
                found[row["name"], condition, name] = float(row[f"{condition}_{column}"])
        found[row["name"], "", "mpr"] = float(row["mpr"])
    return found


def assert_equal(found, table, **tolerance):
    assert set(found) == set(table)
    names = list(table)
    np.testing.assert_allclose([found[name] for name in names], [table[name] for name in names], **tolerance)


def test_the_correction_changed_its_slice_and_is_marked(siemens, corrected):
    before, after = (
        pandas.read_csv(folder / "segments.csv", index_col="aha_segment") for folder in (siemens / "results", corrected)
    )
    mid = after.index.isin(range(7, 13))
    assert (after.stress_origin == np.where(mid, "edited", "automatic")).all()
    assert (after.rest_origin == "automatic").all()
    assert (after.stress_pixels[mid] < before.stress_pixels[mid]).all()
    assert (after.stress_pixels[~mid] == before.stress_pixels[~mid]).all()
    # no scan's contours reach the other's flow here: rest, the first, is the one taken as free of residual contrast
    of_rest = [name for name in after.columns if name.startswith(("rest_", "provenance_rest_"))]
    pandas.testing.assert_frame_equal(after[of_rest], before[of_rest], check_exact=True)
    changed = after.stress_mbf_ml_min_g - before.stress_mbf_ml_min_g
    assert changed[mid].abs().min() > 1e-3
    origins = {one["folder"]: one["origins"]["labels"] for one in index(corrected)}
    assert [name for name, origin in origins.items() if origin == "edited"] == ["stress_mid"]


def test_comma_separated_values_hold_the_table(corrected, table):
    frames = [pandas.read_csv(corrected / name) for name in ("segments.csv", "territories.csv")]
    assert_equal(numbers_of(pandas.concat(frames)), table, rtol=0, atol=5.1e-5)


def test_the_workbook_holds_the_table(corrected, table):
    assert_equal(numbers_of(pandas.read_excel(corrected / "table.xlsx")), table, rtol=1e-15)


def test_the_scene_holds_the_table(corrected, table):
    """Read as Slicer stores it in the scene file: a tab-separated table."""
    with zipfile.ZipFile(corrected / "scene.mrb") as scene:
        (name,) = (
            one
            for one in scene.namelist()
            if "Myocardial blood flow" in one and one.endswith(".tsv") and "schema" not in one
        )
        rows = pandas.read_csv(io.BytesIO(scene.read(name)), sep="\t").set_index("Name")
    titles = {
        "mbf_ml_min_g": "MBF",
        "endo_ml_min_g": "endo",
        "endo_epi_ratio": "endo/epi",
        "failed_share": "failed share",
    }
    for (region, condition, what), value in table.items():
        if what == "mpr" or what in titles:
            column = "MPR" if what == "mpr" else f"{condition.capitalize()} {titles[what]}"
            assert rows[column][region] == pytest.approx(value, rel=1e-5, nan_ok=True)


def test_the_structured_report_holds_the_table(corrected, table):
    found = measured(hd.sr.srread(corrected / "dicom" / "segment_table.dcm"))
    for (region, condition, what), value in table.items():
        if what != "pixels":
            key = (f"{region}, {condition or 'reserve'}", "MPR" if what == "mpr" else CODES[what])
            assert found.pop(key, np.nan) == pytest.approx(value, rel=1e-12, nan_ok=True), key
    assert found == {}


def test_segmentations_and_maps_hold_the_pixels_that_the_table_is_made_of(corrected, table):
    for part in index(corrected):
        condition, level = part["folder"].split("_")
        (contours, segments, flow) = (
            next((corrected / "dicom").glob(f"{condition}_*_{level}_{kind}.dcm"))
            for kind in ("contours", "AHA_segments", "MBF")
        )
        labels = hd.seg.segread(contours).get_volume(combine_segments=True).array[0]
        np.testing.assert_array_equal(labels, read_image(corrected / part["folder"] / "labels.nrrd"))
        image = pydicom.dcmread(flow)
        mbf = np.frombuffer(image.FloatPixelData, np.float32).reshape(image.Rows, image.Columns)
        np.testing.assert_array_equal(mbf, read_image(corrected / part["folder"] / "mbf.nrrd"))
        drawn = hd.seg.segread(segments)
        for number in drawn.segment_numbers:
            name = drawn.get_segment_description(number).SegmentLabel
            mask = drawn.get_volume(segment_numbers=[number]).array[0, :, :, 0] > 0
            assert (labels[mask] == 1).all()
            assert mask.sum() >= 10, name
        assert sum(np.isfinite(mbf[labels == 1])) > 0.8 * np.count_nonzero(labels == 1)
        kind = {"edited": "SEMIAUTOMATIC", "automatic": "AUTOMATIC"}[part["origins"]["labels"]]
        assert hd.seg.segread(contours).get_segment_description(1).SegmentAlgorithmType == kind
