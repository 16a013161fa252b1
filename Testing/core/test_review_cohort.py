"""The page of a cohort in a real Chromium: the spoiled studies are found, marked, and the marks are kept."""

import json

import pytest
from browsers import Watched
from PerfusionDLLib import NOTICE, review
from PerfusionDLLib.data.errors import PerfusionError
from PerfusionDLLib.report.cohort import StudyReading
from PerfusionDLLib.review import write_cohort_page, write_study_page
from PerfusionDLLib.review.decisions import Decision, Review, count_decisions, read_review, review_document
from PerfusionDLLib.review.priority import rate_studies
from PerfusionDLLib.review.study_page import describe_study
from spoiled import SPOILED, cohort_of, exchange, spoil


@pytest.fixture(scope="module")
def folder(finished_study, tmp_path_factory):
    """A cohort of twelve studies, with the pages of two."""
    root = tmp_path_factory.mktemp("cohort")
    studies = cohort_of(finished_study, 12)
    page = write_cohort_page(studies, {"study-99": "refused, at reading DICOM"}, 0, {})
    (root / "cohort.html").write_text(page, encoding="utf-8")
    for name in ("study-05", "study-01"):
        one = spoil(finished_study, SPOILED[name]) if name in SPOILED else finished_study
        (root / "studies" / name).mkdir(parents=True)
        content = write_study_page(one)
        (root / "studies" / name / "report.html").write_text(content, encoding="utf-8")
    return root


@pytest.fixture
def watched(browser, folder):
    """Each in a browser of its own: the draft of one is unknown to the other."""
    opened = Watched(browser, folder / "cohort.html")
    yield opened
    opened.page.close()


def names(page):
    return page.eval_on_selector_all("#cards article", "all => all.map(one => one.dataset.study)")


def saved(page, folder):
    """What the page saves."""
    with page.expect_download() as download:
        page.keyboard.press("d")
    path = folder / download.value.suggested_filename
    download.value.save_as(path)
    return path


def test_somebody_who_knows_nothing_finds_and_marks_the_three_spoiled_studies(watched, tmp_path):
    """They stand first, with the reason in words; three keys mark them, and the file says so."""
    page = watched.page
    assert set(names(page)[:3]) == set(SPOILED)
    assert "as bright as blood" in page.text_content("[data-study='study-05'] .reasons")
    assert "the wall is" in page.text_content("[data-study='study-08'] .reasons")
    assert "turned by 180 degrees" in page.text_content("[data-study='study-11'] .reasons")
    for _ in range(3):
        page.keyboard.press("x")
        page.keyboard.press("ArrowDown")
    for _ in range(9):
        page.keyboard.press("y")
        page.keyboard.press("ArrowDown")
    assert "9 accepted, 3 need correction, 0 not reviewed" in page.text_content("#decided")
    kept = read_review(saved(page, tmp_path))
    assert {name for name, one in kept.items() if one.decision is Decision.NEEDS_CORRECTION} == set(SPOILED)
    assert sum(one.decision is Decision.ACCEPTED for one in kept.values()) == 9


def test_exchanged_insertion_points_are_said_and_right_ones_are_not(finished_study):
    studies = cohort_of(finished_study, 2, spoiled={"study-02": exchange})
    rated = rate_studies(
        {name: one.reading for name, one in studies.items()}, {name: one.sheet for name, one in studies.items()}
    )
    said = "the anterior insertion point lies behind the inferior one"
    assert [any(said in reason for reason in rated[name][1]) for name in ("study-01", "study-02")] == [False, True]


def test_the_page_of_a_study_says_of_its_contours_what_the_page_of_the_cohort_says(finished_study):
    spoiled = spoil(finished_study, SPOILED["study-11"])
    reasons = rate_studies({"it": StudyReading(spoiled.table, {})}, {"it": review.describe_contact_sheet(spoiled)})
    findings = describe_study("it", spoiled)["findings"]
    contradictions = [one for one in findings if one["code"] == "contours_contradicted"]
    assert [f"{one['place']}: {one['text']}" for one in contradictions] == [f"{reason}." for reason in reasons["it"][1]]
    assert [(one["scan"], one["slice"]) for one in contradictions] == [(1, 1), (None, 1)]
    severities = [one["severity"] for one in findings]
    assert severities == sorted(severities, key=("unreliable", "check", "note").index)


def test_pictures_show_the_heart_with_its_contours_and_are_drawn_only_while_they_are_seen(watched):
    page = watched.page
    page.wait_for_selector("#cards article")
    first = "document.querySelector('#cards canvas')"
    count = (
        f"(() => {{ const c = {first}; const d = c.getContext('2d').getImageData(0, 0, c.width, c.height).data;"
        "let gray = 0, blue = 0; for (let i = 0; i < d.length; i += 4) {"
        "if (d[i] === d[i + 1] && d[i] > 60 && d[i + 3] === 255) gray++;"
        "if (d[i + 2] > d[i] + 60) blue++; } return [gray, blue]; })()"
    )
    watched.wait_until(lambda: min(page.evaluate(count)) > 200)
    assert 0.9 < page.evaluate(f"{first}.clientWidth / {first}.parentElement.clientWidth") <= 1
    last = "[...cards.values()].at(-1).sheet.pictures === undefined"
    assert page.evaluate(last)
    page.keyboard.press("/")
    page.keyboard.type("study-12")
    watched.wait_until(lambda: names(page) == ["study-12"])


def test_a_study_opens_inside_and_is_decided_there(watched, tmp_path):
    page = watched.page
    page.locator("[data-study='study-05'] .open").click()
    inside = page.frame_locator("#frame")
    inside.locator("body[data-ready=yes]").wait_for()
    watched.wait_until(lambda: "as bright as blood" in page.text_content("#viewer-reasons"))
    page.keyboard.press("m")  # a key of the study's page
    assert inside.locator("#switch-flow").get_attribute("aria-pressed") == "true"
    page.keyboard.press("x")  # a key that it leaves to the cohort
    page.locator("#reject[aria-pressed=true]").wait_for()
    page.keyboard.press("e")
    page.locator("#comment:focus").wait_for()  # the page of the study hands the key over in a message
    page.keyboard.type("epicardium lies in the liver")
    page.keyboard.press("Escape")
    page.locator("#close").click()
    assert "epicardium lies in the liver" in page.text_content("[data-study='study-05'] .comment")
    one = read_review(saved(page, tmp_path))["study-05"]
    assert (one.decision, one.comment) == (Decision.NEEDS_CORRECTION, "epicardium lies in the liver")
    assert watched.said == []
    assert watched.asked == []


def test_letters_typed_before_the_comment_has_the_keyboard_are_not_lost(watched):
    """All keys come at once inside the study, as from a quick hand on a slow machine; the focus moves later."""
    page = watched.page
    page.locator("[data-study='study-05'] .open").click()
    page.frame_locator("#frame").locator("body[data-ready=yes]").wait_for()
    page.frames[-1].evaluate(
        "for (const key of 'ex,y') document.dispatchEvent(new KeyboardEvent('keydown', { key, cancelable: true }))"
    )
    focused = "document.activeElement.id === 'comment'"
    watched.wait_until(lambda: page.input_value("#comment") == "x,y" and page.evaluate(focused))
    page.keyboard.type(" and more")
    assert page.input_value("#comment") == "x,y and more"
    assert page.get_attribute("#accept", "aria-pressed") == "false", "Y was a letter"


def test_a_draft_survives_closing_the_page_and_a_saved_file_is_loaded_elsewhere(watched, browser, folder, tmp_path):
    page = watched.page
    page.keyboard.press("x")
    marked = page.evaluate("current")
    page.on("dialog", lambda dialog: dialog.accept())
    page.reload()
    page.wait_for_selector("body[data-ready=yes]")
    assert page.get_attribute(f"#cards [data-study='{marked}']", "data-decision") == "needs correction"
    path = saved(page, tmp_path)
    other = Watched(browser, folder / "cohort.html")
    other.page.set_input_files("#load", path)
    other.page.locator("#said", has_text="1 studies of review.json are in this cohort").wait_for()
    assert other.page.get_attribute(f"#cards [data-study='{marked}']", "data-decision") == "needs correction"
    damaged = tmp_path / "damaged.json"
    damaged.write_text('{"kind": "something else"}')
    other.page.set_input_files("#load", damaged)
    other.page.locator("#said", has_text="was not loaded").wait_for()
    other.page.close()


def test_filters_leave_what_was_asked_for(watched):
    page = watched.page
    page.select_option("#filter-finding", "doubt")
    assert set(names(page)) == set(SPOILED)
    page.keyboard.press("y")
    page.select_option("#filter-decision", "none")
    assert len(names(page)) == 2
    page.select_option("#filter-finding", "")
    page.select_option("#filter-decision", "all")
    page.select_option("#sort", "stress")
    values = page.evaluate("shown.map(one => one.values.stress)")
    assert values == sorted(values)
    page.locator("#distributions circle").first.dispatch_event("click")
    assert page.locator("#cards article.chosen").count() == 1


def test_five_hundred_studies_open_in_seconds(browser, finished_study, tmp_path):
    few = cohort_of(finished_study, 1, spoiled={})["study-01"]
    path = tmp_path / "cohort.html"
    path.write_text(write_cohort_page({f"s{number:03d}": few for number in range(500)}, {}, 0, {}), encoding="utf-8")
    assert path.stat().st_size < 15e6
    opened = Watched(browser, path)
    drawn = opened.page.evaluate("[...cards.values()].filter(one => one.sheet.pictures).length")
    assert drawn < 60
    for _ in range(5):
        opened.page.keyboard.press("ArrowDown")
    assert opened.page.evaluate("current") == "s005"
    assert opened.said == []
    opened.page.close()


def test_a_decision_about_other_results_does_not_count(browser, finished_study, tmp_path):
    studies = cohort_of(finished_study, 2, spoiled={})
    reviews = {"study-01": Review(decision=Decision.ACCEPTED, results="0000000000000000")}
    path = tmp_path / "cohort.html"
    path.write_text(write_cohort_page(studies, {}, 0, reviews), encoding="utf-8")
    opened = Watched(browser, path)
    assert "computed anew" in opened.page.text_content("[data-study='study-01'] .badge")
    assert "0 accepted" in opened.page.text_content("#decided")
    results = {name: one.results for name, one in studies.items()}
    assert count_decisions(results, reviews)[Decision.ACCEPTED] == 0
    opened.page.close()


def test_a_page_names_nobody_and_says_that_it_is_not_approved(folder):
    text = (folder / "cohort.html").read_text(encoding="utf-8")
    assert text.count(NOTICE) >= 3
    assert "default-src 'none'" in text.replace("&#x27;", "'")


@pytest.mark.parametrize("text", ["", "[]", '{"kind": "PerfusionDL review", "studies": {"a": {"decision": "maybe"}}}'])
def test_a_file_that_is_no_review_is_refused_in_words(tmp_path, text):
    (tmp_path / "review.json").write_text(text)
    with pytest.raises(PerfusionError, match="no review"):
        read_review(tmp_path / "review.json")


def test_a_review_survives_being_written_and_read(tmp_path):
    reviews = {"a": Review(decision=Decision.NEEDS_CORRECTION, comment="apex", results="12")}
    (tmp_path / "review.json").write_text(json.dumps(review_document(reviews)))
    assert read_review(tmp_path / "review.json") == reviews
