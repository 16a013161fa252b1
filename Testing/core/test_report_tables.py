"""The table of a study in the forms that other programs and people read."""

import io
import json
import zipfile
from xml.etree import ElementTree

import pandas
import pytest
from PerfusionDLLib import report
from PerfusionDLLib.report.workbook import column_name

CONTRACT = ["aha_segment", "name", "level", "territory", "rest_mbf_ml_min_g", "stress_mbf_ml_min_g", "mpr"]


def test_segments_csv_has_a_row_per_aha_segment_and_begins_with_the_columns_of_the_contract(finished_study):
    table = pandas.read_csv(io.StringIO(report.segments_csv(finished_study.table)))
    assert list(table.columns[: len(CONTRACT)]) == CONTRACT
    assert table.aha_segment.tolist() == list(range(1, 17))
    for row, expected in zip(table.itertuples(), finished_study.table.segments, strict=True):
        assert row.stress_mbf_ml_min_g == pytest.approx(expected.stress.mbf_ml_min_g, abs=5e-5)
        assert row.rest_endo_epi_ratio == pytest.approx(expected.rest.endo_epi_ratio, abs=5e-5)
        assert row.mpr == pytest.approx(expected.mpr, abs=5e-5)
        assert (row.mpr_low, row.mpr_high) == pytest.approx((expected.mpr_low, expected.mpr_high), abs=5e-5)
        assert row.name == expected.name


def test_a_missing_value_is_an_empty_field(stress_only_study):
    text = report.segments_csv(stress_only_study.table)
    assert ",nan," not in text.lower()
    table = pandas.read_csv(io.StringIO(text))
    assert table.rest_mbf_ml_min_g.isna().all()
    assert table.mpr.isna().all()
    assert table.stress_mbf_ml_min_g.notna().all()


def test_territories_and_the_whole_ventricle_have_the_same_columns(finished_study):
    segments, territories = (
        pandas.read_csv(io.StringIO(write(finished_study.table)))
        for write in (report.segments_csv, report.territories_csv)
    )
    assert list(territories.columns) == list(segments.columns)
    assert territories.name.tolist() == ["LAD", "RCA", "LCX", "Left ventricle"]


def test_every_row_says_where_it_comes_from_and_that_it_is_not_for_clinical_use(finished_study):
    table = pandas.read_csv(io.StringIO(report.segments_csv(finished_study.table)))
    assert set(table.notice) == {"Not approved for clinical use"}
    assert set(table.provenance_weights) == {finished_study.table.provenance.study["weights"]}
    assert set(table.stress_origin) == {"automatic", "edited"}


def test_the_json_holds_the_table_in_full_precision(stress_only_study):
    document = json.loads(report.table_json(stress_only_study.table))
    first = stress_only_study.table.segments[0]
    assert document["segments"][0]["stress"]["mbf_ml_min_g"] == first.stress.mbf_ml_min_g
    assert document["segments"][0]["rest"]["mbf_ml_min_g"] is None
    assert len(document["segments"]) == 16
    assert document["whole"]["name"] == "Left ventricle"


def test_the_long_form_has_one_row_per_known_number(finished_study, stress_only_study):
    table = pandas.read_csv(io.StringIO(report.tidy_csv(finished_study.table, study="A")))
    assert set(table.study) == {"A"}
    assert not table.value.isna().any()
    one = table[(table.aha_segment == 4) & (table.condition == "stress") & (table.quantity == "mbf_ml_min_g")].iloc[0]
    expected = finished_study.table.segments[3].stress
    assert (one.value, one.low, one.high) == pytest.approx(
        (expected.mbf_ml_min_g, expected.mbf_low_ml_min_g, expected.mbf_high_ml_min_g), abs=5e-5
    )
    assert (table.quantity == "mpr").sum() == 20
    assert not table.duplicated(["study", "region", "condition", "quantity"]).any()
    assert set(table.notice) == {"Not approved for clinical use"}
    alone = pandas.read_csv(io.StringIO(report.tidy_csv(stress_only_study.table, study="A")))
    assert not (alone.quantity == "mpr").any()


def test_the_workbook_holds_numbers_as_numbers_and_the_same_bytes_every_time(finished_study, stress_only_study):
    data = report.table_xlsx(finished_study.table)
    assert data == report.table_xlsx(finished_study.table)
    archive = zipfile.ZipFile(io.BytesIO(data))
    parts = {name: ElementTree.fromstring(archive.read(name)) for name in archive.namelist()}
    main = "{http://schemas.openxmlformats.org/spreadsheetml/2006/main}"
    cells = {cell.get("r"): cell for cell in parts["xl/worksheets/sheet1.xml"].iter(f"{main}c")}
    assert cells["F1"][0][0].text == "stress_mbf_ml_min_g"
    assert float(cells["F5"][0].text) == finished_study.table.segments[3].stress.mbf_ml_min_g
    assert cells["F5"].get("t") is None
    widths = [float(one.get("width")) for one in parts["xl/worksheets/sheet1.xml"].iter(f"{main}col")]
    names = [cells[f"{column_name(index)}1"][0][0].text for index in range(len(widths))]
    assert all(width > len(name) for width, name in zip(widths, names, strict=True))
    alone = zipfile.ZipFile(io.BytesIO(report.table_xlsx(stress_only_study.table)))
    assert b'r="E2"' not in alone.read("xl/worksheets/sheet1.xml")


def test_the_console_table_is_aligned_narrow_and_leaves_out_what_was_not_measured(finished_study, stress_only_study):
    lines = report.table_text(finished_study.table).splitlines()
    assert len({line.index("[") for line in lines[2:18]}) == 1
    assert max(map(len, lines)) < 110
    assert "MPR" in lines[0]
    assert "a: 10 % of the pixels have no trustworthy flow." in lines
    only = report.table_text(stress_only_study.table)
    assert "Rest" not in only
    assert "MPR" not in only
