"""Cohorts: tables and the page of all studies, and what in them may leave the house."""

import csv
import io
from dataclasses import replace

import pypdf
from cohort_folder import studies_in, tree
from PerfusionDLLib import report
from PerfusionDLLib.batch.cohort_tables import make_cohort_tables
from PerfusionDLLib.batch.outcome import DONE, REFUSED, Outcome
from PerfusionDLLib.report import cohort
from PerfusionDLLib.report.cohort_pages import write_cohort_pdf
from PerfusionDLLib.results import writing
from PerfusionDLLib.results.layout import INDEX
from PerfusionDLLib.results.reading import read_table


def test_a_table_survives_being_written_and_read(finished_study):
    text = report.table_json(finished_study.table)
    assert report.table_json(read_table(text)) == text


def test_the_cohort_has_a_row_per_study_condition_and_segment(finished_study, stress_only_study):
    text = cohort.cohort_csv({"b": finished_study.table, "a": stress_only_study.table})
    rows = list(csv.DictReader(text.splitlines()))
    keys = [(row["study"], row["condition"], int(row["aha_segment"])) for row in rows]
    assert keys == sorted(set(keys))
    assert len(rows) == 16 * 3
    assert rows[0]["mbf_ml_min_g"] == f"{stress_only_study.table.segments[0].stress.mbf_ml_min_g:.4f}"


def test_studies_far_from_the_others_are_to_be_reviewed_first(finished_study, tmp_path):
    whole = finished_study.table.whole
    studies = {}
    for number in range(12):
        flow = replace(whole.stress, mbf_ml_min_g=2.5 + 0.01 * number if number < 11 else 6.0)
        studies[f"s{number}"] = cohort.StudyReading(
            replace(finished_study.table, whole=replace(whole, stress=flow)), {"labels": 0.9}
        )
    first, reasons = cohort.list_studies_to_review(studies)[0]
    assert first == "s11"
    assert "stress MBF 6.00 is far above the cohort's" in reasons
    with (tmp_path / "cohort.pdf").open("wb") as target:
        write_cohort_pdf(target, studies, {f"t{n}": "refused, at reading " * 9 for n in range(99)}, 3)
    assert (tmp_path / "cohort.pdf").stat().st_size > 5000


def test_tables_of_an_empty_cohort_can_be_written(tmp_path, opened):
    tables = make_cohort_tables(opened, studies_in(tree(tmp_path / "in", (1,))))
    assert tables["studies.csv"].count(b"waiting") == 1
    assert set(tables) == {"cohort.csv", "problems.csv", "studies.csv", "cohort.pdf", "cohort.html"}


def test_what_may_leave_the_house_names_nobody_even_where_folders_do(tmp_path, opened, finished_study):
    """Flow of one patient, and the problem of another whose file carries the name."""
    done, broken = studies_in(tree(tmp_path / "Doe^John"))
    for study in (done, broken):
        opened.begin(study)
    place = opened.results(done.label)
    place.mkdir()
    (place / "table.json").write_text(report.table_json(finished_study.table))
    writing.write_index(place / INDEX, finished_study.scans, {})
    opened.end(done, Outcome(study=done.label, kind=DONE), overwrite=False)
    problem = {"step": "reading DICOM", "problem": "The file Roe^Jane.dcm is damaged.", "remedy": "Send it again."}
    opened.end(broken, Outcome(study=broken.label, kind=REFUSED, **problem), overwrite=False)
    opened.folders |= {done.label: "Doe^John/1", broken.label: "Roe^Jane/2"}
    tables = make_cohort_tables(opened, [])
    page = "".join(one.extract_text() for one in pypdf.PdfReader(io.BytesIO(tables["cohort.pdf"])).pages)
    assert broken.label in page
    assert "refused, at reading DICOM" in page
    assert done.label.encode() in tables["cohort.csv"]
    html = tables["cohort.html"].decode()
    assert broken.label in html
    for said in (page, tables["cohort.pdf"].decode("latin-1"), tables["cohort.csv"].decode(), html):
        assert not any(name in said for name in ("Doe", "Roe", "John", "Jane"))
    assert b"Roe^Jane.dcm" in tables["problems.csv"]
    assert tables["studies.csv"].count(b"^J") == 2
