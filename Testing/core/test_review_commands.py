"""What readers decided in the browser reaches the tables of a cohort and the comparison of readings."""

import csv
import io
import json
import re

import pytest
from cohort_folder import studies_in, tree
from PerfusionDLLib import report, review
from PerfusionDLLib.app import comparison
from PerfusionDLLib.batch.cohort import report_reviews
from PerfusionDLLib.batch.cohort_tables import make_cohort_tables
from PerfusionDLLib.batch.outcome import DONE, Outcome
from PerfusionDLLib.data.errors import PerfusionError
from PerfusionDLLib.results import writing
from PerfusionDLLib.results.layout import CONTACT_SHEET, INDEX
from PerfusionDLLib.review.decisions import Decision, Review, fingerprint_results, review_document


def write_results(folder, study, label):
    """The parts of a results folder that tables and comparisons read."""
    folder.mkdir(parents=True)
    (folder / "table.json").write_text(report.table_json(study.table))
    (folder / "segments.csv").write_text(report.segments_csv(study.table))
    (folder / "territories.csv").write_text(report.territories_csv(study.table))
    (folder / "tidy.csv").write_text(report.tidy_csv(study.table, study=label))
    writing.write_index(folder / INDEX, study.scans, {})
    for (name, piece), maps in zip(
        writing.name_slices(study.scans), (one for scan in study.maps for one in scan.slices), strict=True
    ):
        writing.write_slice(folder / name, piece.contours, piece.series, maps.mbf_ml_min_g, {})
    sheet = review.describe_contact_sheet(study)
    writing.write_json(folder / CONTACT_SHEET, sheet)
    return folder


def write_review(path, reviews):
    path.write_text(json.dumps(review_document(reviews)))
    return path


@pytest.fixture
def done(tmp_path, opened, finished_study):
    """Two studies of a cohort with results."""
    studies = studies_in(tree(tmp_path / "in"))
    for study in studies:
        opened.begin(study)
        write_results(opened.results(study.label), finished_study, study.label)
        opened.end(study, Outcome(study=study.label, kind=DONE), overwrite=False)
    return studies


def test_decisions_reach_the_tables_the_page_and_the_words_of_batch(done, opened):
    first, second = (study.label for study in done)
    results = fingerprint_results(opened.table(first))
    wrong = Review(decision=Decision.NEEDS_CORRECTION, comment="=apex", results=results)
    outdated = Review(decision=Decision.ACCEPTED, results="0000")
    write_review(opened.out / "review.json", {first: wrong, second: outdated})
    reviews = opened.reviews()
    tables = make_cohort_tables(opened, done, reviews)
    rows = {row["study"]: row for row in csv.DictReader(io.StringIO(tables["studies.csv"].decode()))}
    assert (rows[first]["review"], rows[first]["comment"]) == ("needs correction", "'=apex")
    assert rows[second]["review"] == ""
    decided = {row["study"]: row["review"] for row in csv.DictReader(io.StringIO(tables["cohort.csv"].decode()))}
    assert decided == {first: "needs correction", second: ""}
    assert "apex" not in tables["cohort.csv"].decode()
    page = json.loads(re.search(r'id="cohort">(.*?)</script>', tables["cohort.html"].decode())[1])
    assert page["review"]["studies"][first]["decision"] == "needs correction"
    assert {one["page"] for one in page["studies"]} == {f"studies/{name}/report.html" for name in (first, second)}
    said = []
    report_reviews(opened, reviews, said.append)
    assert said[0] == "Review: 0 accepted, 1 need correction, 1 not reviewed."
    assert first in said[1]
    assert second not in said[1]


def test_a_damaged_review_is_refused_before_anything_is_computed(opened):
    (opened.out / "review.json").write_text("{")
    with pytest.raises(PerfusionError, match=r"review\.json is no review"):
        opened.reviews()


def test_results_of_a_version_without_pictures_keep_their_place(done, opened):
    for study in done:
        (opened.results(study.label) / CONTACT_SHEET).unlink()
    page = json.loads(
        re.search(r'id="cohort">(.*?)</script>', make_cohort_tables(opened, done)["cohort.html"].decode())[1]
    )
    assert [one["picture"] for one in page["studies"]] == [None, None]


def test_agree_leaves_out_what_nobody_decided_about(tmp_path, finished_study):
    names = ("a", "b", "c")
    folders = [write_results(tmp_path / name, finished_study, name) for name in names]
    results = fingerprint_results(report.table_json(finished_study.table))
    reviews = {
        "a": Review(decision=Decision.ACCEPTED, results=results),
        "b": Review(decision=Decision.NEEDS_CORRECTION, results=results),
    }
    path = write_review(tmp_path / "review.json", reviews)
    text = comparison.agree(folders, folders, tmp_path / "out", review=path)
    assert text.startswith("Review: 1 accepted, 1 need correction, 1 without a decision left out.")
    with (tmp_path / "out" / "slices.csv").open() as rows:
        assert {row["study"] for row in csv.DictReader(rows)} == {"1", "2"}


def test_agree_says_when_nothing_was_reviewed(tmp_path, finished_study):
    folder = write_results(tmp_path / "a", finished_study, "a")
    path = write_review(tmp_path / "review.json", {})
    with pytest.raises(PerfusionError, match="no decision"):
        comparison.agree([folder], [folder], tmp_path / "out", review=path)
