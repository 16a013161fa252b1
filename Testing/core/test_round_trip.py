"""DICOM, automatic contours, a reader's correction, every export, read back: every number is the table's."""

import io
import json
import zipfile
from collections import defaultdict

import highdicom as hd
import numpy as np
import pandas
import pydicom
import pypdf
import pytest
from PerfusionDLLib import mrml
from PerfusionDLLib.data import aha
from PerfusionDLLib.data.study import Condition, Level
from PerfusionDLLib.dicom import find_studies, list_files
from PerfusionDLLib.report.tables import FLOW_COLUMNS, LAYER_LIMITS
from PerfusionDLLib.results.reading import read_image
from places import frames, values_there
from scipy import ndimage
from test_chain import index, perfusiondl
from test_dicom_export import complaints, measured

pytestmark = pytest.mark.slow
NUMBERS = {"mbf_ml_min_g": "mbf_ml_min_g", **FLOW_COLUMNS, **LAYER_LIMITS}
NUMBERS.pop("origin")
ARTERIES = {"LAD": "59438005", "RCA": "13647002", "LCX": "57396003"}
LABELS = {"Myocardium": 1, "LV blood pool": 2, "RV blood pool": 3}
CODED = {  # SNOMED CT: what, where
    1: ("49848007", "80891009"),
    2: ("87612001", "87878005"),
    3: ("87612001", "53085002"),
}
RESERVE = {"mpr": "MPR", "mpr_low": "MPR_LOW", "mpr_high": "MPR_HIGH"}
RATIOS = {"ENDO_EPI", "ENDO_EPI_LOW", "ENDO_EPI_HIGH", "FAILED"}
CODES = {
    "mbf_ml_min_g": "126390",
    "mbf_low_ml_min_g": "MBF_LOW",
    "mbf_high_ml_min_g": "MBF_HIGH",
    "curve_mbf_ml_min_g": "MBF_CURVE",
    "endo_ml_min_g": "MBF_ENDO",
    "epi_ml_min_g": "MBF_EPI",
    "endo_epi_ratio": "ENDO_EPI",
    "endo_low_ml_min_g": "MBF_ENDO_LOW",
    "endo_high_ml_min_g": "MBF_ENDO_HIGH",
    "epi_low_ml_min_g": "MBF_EPI_LOW",
    "epi_high_ml_min_g": "MBF_EPI_HIGH",
    "endo_epi_ratio_low": "ENDO_EPI_LOW",
    "endo_epi_ratio_high": "ENDO_EPI_HIGH",
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
def rows(corrected):
    """The rows of the table as ``table.json`` holds them."""
    document = json.loads((corrected / "table.json").read_text(encoding="utf-8"))
    return [*document["segments"], *document["territories"], document["whole"]]


@pytest.fixture(scope="module")
def table(rows):
    """Every number of the table in full precision, NaN where there is none, by name of the row and of the number."""
    found = {}
    for row in rows:
        for condition in ("rest", "stress"):
            for name in NUMBERS:
                found[row["name"], condition, name] = number(row[condition][name])
        found |= {(row["name"], "", name): number(row[name]) for name in RESERVE}
    assert np.isfinite(list(found.values())).sum() > 20 * (2 * len(NUMBERS) + len(RESERVE)) * 0.9
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
        found |= {(row["name"], "", name): float(row[name]) for name in RESERVE}
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
    assert (after.rest_pixels == before.rest_pixels).all()
    # what rest and stress share of scanner and patient is inferred from both
    np.testing.assert_allclose(after.rest_mbf_ml_min_g, before.rest_mbf_ml_min_g, rtol=0.01)
    relative = (table.rest_mbf_ml_min_g / table.rest_mbf_ml_min_g.mean() for table in (after, before))
    np.testing.assert_allclose(*relative, rtol=2e-4)
    changed = after.stress_mbf_ml_min_g - before.stress_mbf_ml_min_g
    assert changed[mid].abs().min() > 1e-3
    origins = {one["folder"]: one["origins"]["labels"] for one in index(corrected)}
    assert [name for name, origin in origins.items() if origin == "edited"] == ["stress_mid"]


def test_comma_separated_values_hold_the_table(corrected, table):
    frames = [pandas.read_csv(corrected / name) for name in ("segments.csv", "territories.csv")]
    assert_equal(numbers_of(pandas.concat(frames)), table, rtol=0, atol=5.1e-5)


def test_the_long_form_holds_the_table_and_names_its_study_as_a_cohort_does(siemens, corrected, table):
    tidy = pandas.read_csv(corrected / "tidy.csv").fillna({"condition": ""})
    found = {(row.region, row.condition, row.quantity): row.value for row in tidy.itertuples()}
    for (region, condition, name), value in table.items():
        quantity = NUMBERS.get(name, name)
        bound = next((side for side in ("low", "high") if f"_{side}" in quantity), None)
        if bound and np.isfinite(value):
            of = quantity.replace(f"_{bound}", "")
            row = tidy[(tidy.region == region) & (tidy.condition == condition) & (tidy.quantity == of)]
            assert row[bound].tolist() == pytest.approx([value], abs=5.1e-5)
        elif not bound and np.isfinite(value):
            assert found[region, condition, quantity] == pytest.approx(value, abs=5.1e-5)
        else:
            assert (region, condition, quantity) not in found
    listed = dict(list_files(siemens / "dicom", {}, without=corrected, unreadable=pytest.fail))
    assert set(tidy.study) == {study.label for study in find_studies(siemens / "dicom", listed)}


def test_the_workbook_holds_the_table(corrected, table):
    assert_equal(numbers_of(pandas.read_excel(corrected / "table.xlsx")), table, rtol=1e-15)


def test_the_scene_holds_the_table(corrected, table):
    """Read as Slicer stores it in the scene file: a tab-separated table, with the two decimals that it shows."""
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
        "endo_epi_ratio_low": "endo/epi low",
        "failed_share": "failed share",
    }
    for (region, condition, what), value in table.items():
        if what in RESERVE or what in titles:
            column = what.replace("mpr", "MPR").replace("_", " ")
            column = column if what in RESERVE else f"{condition.capitalize()} {titles[what]}"
            assert rows[column][region] == pytest.approx(round(value, 2), abs=1e-9, nan_ok=True)


def lines_of(page):
    """Text of a page by line, from the left to the right, without spaces."""
    lines = defaultdict(list)

    def place(text, to_page, to_text, font, size):
        if text.strip():
            x, y = to_text[4] * to_page[0] + to_page[4], to_text[5] * to_page[3] + to_page[5]
            lines[round(y, 1)].append((x, "".join(text.split())))

    page.extract_text(visitor_text=place)
    return ["".join(text for _, text in sorted(lines[y])) for y in sorted(lines, reverse=True)]


def printed(row, letters):
    """A line of the report's table as it must be, without spaces."""
    cells = [row["aha_segment"] or "", row["name"], row["territory"] if row["aha_segment"] else ""]
    for flow in (row["rest"], row["stress"]):
        cells.append(f"{flow['mbf_ml_min_g']:.2f}[{flow['mbf_low_ml_min_g']:.2f}–{flow['mbf_high_ml_min_g']:.2f}]")
        cells.append(
            f"{flow['endo_epi_ratio']:.2f}[{flow['endo_epi_ratio_low']:.1f}–{flow['endo_epi_ratio_high']:.1f}]"
        )
    shares = [flow["failed_share"] for flow in (row["rest"], row["stress"])]
    failed = "/".join("<1" if 0 < share < 0.005 else f"{100 * share:.0f}" for share in shares)
    cells += [
        f"{row['mpr']:.2f}[{row['mpr_low']:.1f}–{row['mpr_high']:.1f}]",
        failed,
        ",".join(sorted(letters[flag] for flag in row["flags"])),
    ]
    return "".join("".join(str(cell).split()) for cell in cells)


def test_the_report_prints_the_table(corrected, rows):
    lines = lines_of(pypdf.PdfReader(corrected / "report.pdf").pages[0])
    flags = dict.fromkeys(flag for row in rows for flag in row["flags"])
    letters = dict(zip(flags, "abcdefghijklmnopqrstuvwxyz", strict=False))
    for row in rows:
        assert printed(row, letters) in lines
    for flag in flags:
        assert "".join(flag.removesuffix(".").split()) in "".join(lines)
    whole = rows[-1]
    of_flow = ("mbf_ml_min_g", "mbf_low_ml_min_g", "mbf_high_ml_min_g")
    flows = [
        "{}MBF{:.2f}[{:.2f}–{:.2f}]mL/min/g".format(condition, *(whole[condition][name] for name in of_flow))
        for condition in ("rest", "stress")
    ]
    reserve = "MPR{:.2f}[{:.1f}–{:.1f}]".format(*(whole[name] for name in RESERVE))
    said = f"Leftventricle:{','.join(flows)},{reserve}"
    assert said in "".join(lines)
    assert "Contours:automatic,edited." in "".join(lines)


def test_the_archive_gets_the_report_itself(corrected):
    document = pydicom.dcmread(corrected / "dicom" / "report.dcm")
    held = document.EncapsulatedDocument[: document.EncapsulatedDocumentLength]
    assert held == (corrected / "report.pdf").read_bytes()


def test_the_structured_report_holds_the_table(corrected, table):
    found = measured(hd.sr.srread(corrected / "dicom" / "segment_table.dcm"))
    for (region, condition, what), value in table.items():
        if what != "pixels" and what != "upslope":
            key = (f"{region}, {condition or 'reserve'}", (CODES | RESERVE)[what])
            assert found.pop(key, np.nan) == pytest.approx(value, rel=1e-12, nan_ok=True), key
    assert found == {}


def test_every_measurement_says_where_of_what_and_in_which_unit(corrected, rows):
    """Segments by the words of their SNOMED codes and by the pixels that they refer to."""
    report = hd.sr.srread(corrected / "dicom" / "segment_table.dcm")
    drawn = {made.SOPInstanceUID: made for made in map(hd.seg.segread, (corrected / "dicom").glob("*AHA_segments.dcm"))}
    groups = [*report.content.get_volumetric_roi_measurement_groups(), *report.content.get_image_measurement_groups()]
    by_name = {group.tracking_identifier: group for group in groups}
    assert len(by_name) == len(groups) == 3 * len(rows)
    for row in rows:
        for condition in ("rest", "stress", "reserve"):
            group = by_name[f"{row['name']}, {condition}"]
            site = group.finding_sites[0].value
            if row["aha_segment"]:
                assert site.meaning == f"left ventricle {row['name']} segment"
            else:
                assert site.value == {"LAD": "59438005", "RCA": "13647002", "LCX": "57396003"}.get(
                    row["name"], "49848007"
                )
            for measurement in group.get_measurements():
                is_ratio = measurement.name.value in {*RESERVE.values(), *RATIOS}
                assert measurement.unit.value == ("1" if is_ratio else "mL/min/g")
            points = [item for item in group[0].ContentSequence if item.name.value == "121191"]
            assert len(points) == bool(row["aha_segment"] and condition != "reserve")
            for point in points:
                segmentation = drawn[point.referenced_sop_instance_uid]
                (number,) = point.referenced_segment_numbers
                assert segmentation.get_segment_description(number).segmented_property_type.value == site.value
                assert segmentation.SeriesDescription.endswith(condition)


def dicom_of(corrected, part, kind):
    """The object of one kind of a slice, as pydicom reads it."""
    condition, level = part["folder"].split("_")
    (path,) = (corrected / "dicom").glob(f"{condition}_*_{level}_{kind}.dcm")
    return pydicom.dcmread(path)


def drawn(made):
    """Segments by number, and of every frame its segment number, mask and functional groups."""
    described = {int(one.SegmentNumber): one for one in made.SegmentSequence}
    masks = [
        (int(groups["SegmentIdentificationSequence"].ReferencedSegmentNumber), mask > 0, groups)
        for mask, groups in frames(made)
    ]
    assert sorted(number for number, _, _ in masks) == sorted(described)
    return described, masks


def test_every_pixel_of_the_contours_is_in_its_place(corrected):
    for part in index(corrected):
        described, masks = drawn(dicom_of(corrected, part, "contours"))
        left = set(np.unique(read_image(corrected / part["folder"] / "labels.nrrd"))) - {0}
        for number, mask, groups in masks:
            segment = described[number]
            label = LABELS[segment.SegmentLabel]
            what = segment.SegmentedPropertyTypeCodeSequence[0].CodeValue
            assert (what, segment.AnatomicRegionSequence[0].CodeValue) == CODED[label]
            kind = {"edited": "SEMIAUTOMATIC", "automatic": "AUTOMATIC"}[part["origins"]["labels"]]
            assert segment.SegmentAlgorithmType == kind
            there = values_there(corrected / part["folder"] / "labels.nrrd", groups, mask.shape)
            np.testing.assert_array_equal(mask, there == label)
            left.remove(label)
        assert not left


def test_every_pixel_of_the_flow_maps_is_in_its_place(corrected):
    for part in index(corrected):
        made = dicom_of(corrected, part, "MBF")
        assert "averaged model" in made.ContentDescription
        ((mbf, groups),) = frames(made)
        np.testing.assert_array_equal(mbf, values_there(corrected / part["folder"] / "mbf.nrrd", groups, mbf.shape))
        mapping = groups["RealWorldValueMappingSequence"]
        assert (mapping.RealWorldValueSlope, mapping.RealWorldValueIntercept) == (1, 0)
        assert mapping.MeasurementUnitsCodeSequence[0].CodeValue == "mL/min/g"


def test_segments_and_maps_of_the_archive_give_the_flow_of_the_table(corrected, table):
    """AHA segments where contours and insertion points put them; their flow, from the archive's pixels, the table's."""
    seen = set()
    for part in index(corrected):
        labels = read_image(corrected / part["folder"] / "labels.nrrd")
        ((mbf, _),) = frames(dicom_of(corrected, part, "MBF"))
        counts = ndimage.binary_erosion(labels > 0)  # the outermost pixels are of the map but not of the mean
        points = part["rv_insertion_points_px"]
        expected = aha.aha_segments(
            labels == 1,
            anterior_rv_yx=points["anterior"],
            inferior_rv_yx=points["inferior"],
            level=Level(part["level"]),
        )
        described, masks = drawn(dicom_of(corrected, part, "AHA_segments"))
        for number, mask, groups in masks:
            name = described[number].SegmentLabel.removeprefix("left ventricle ").removesuffix(" segment")
            segment = next(key for key, value in aha.SEGMENT_NAMES.items() if value == name)
            np.testing.assert_array_equal(mask, expected == segment)
            there = values_there(corrected / part["folder"] / "labels.nrrd", groups, mask.shape)
            assert (there[mask] == 1).all()
            counted = mask & counts if np.count_nonzero(mask & counts) >= 10 else mask
            flow = mbf[counted]
            assert len(flow) == table[name, part["condition"], "pixels"]
            assert np.nanmean(flow) == pytest.approx(table[name, part["condition"], "mbf_ml_min_g"], rel=1e-5)
            assert np.isnan(flow).mean() == pytest.approx(table[name, part["condition"], "failed_share"], abs=1e-12)
            seen.add((name, part["condition"]))
    assert len(seen) == 32


def test_a_validator_has_no_complaint(corrected):
    """dciodvfy on every object: no error."""
    paths = sorted((corrected / "dicom").iterdir())
    assert len(paths) == 21  # of the corrected slice the contours of the networks too
    for path in paths:
        assert complaints(path) == [], path.name
