"""Cohorts: whatever is killed, what is finished stays in the folder and is not repeated; nothing stays half written."""

from dataclasses import replace

import pytest
from cohort_folder import SETTINGS, finish, studies_in, tree
from PerfusionDLLib.batch import folder as folders
from PerfusionDLLib.batch.cohort_opening import open_cohort
from PerfusionDLLib.batch.outcome import DONE, LIMITS, LOST, REFUSED, Outcome
from PerfusionDLLib.data.errors import PerfusionError


def test_a_finished_study_is_not_repeated_and_a_changed_one_is(tmp_path, opened):
    (study,) = studies_in(tree(tmp_path / "in", (1,)))
    opened.begin(study)
    finish(opened, study)
    opened.end(study, Outcome(study=study.label, kind=DONE), overwrite=False)
    again = folders.CohortFolder(opened.out)
    assert again.settled(study)
    assert not again.settled(replace(study, fingerprint="other"))


def test_a_study_that_was_finished_when_the_power_failed_is_not_repeated(tmp_path, opened):
    (study,) = studies_in(tree(tmp_path / "in", (1,)))
    opened.begin(study)
    finish(opened, study)
    with (opened.out / folders.STATE / "journal.jsonl").open("a") as journal:
        journal.write('{"event": "ended", "stu')
    again = folders.CohortFolder(opened.out)
    again.adopt(study)
    assert again.settled(study)
    assert again.done() == [study.label]


def test_a_refusal_is_not_repeated_and_a_lost_study_is(tmp_path, opened):
    (study,) = studies_in(tree(tmp_path / "in", (1,)))
    for kind, settled in ((REFUSED, True), (LIMITS, False), (LOST, False)):
        opened.begin(study)
        opened.end(study, Outcome(study=study.label, kind=kind), overwrite=False)
        assert folders.CohortFolder(opened.out).settled(study) is settled


def test_results_of_an_attempt_believed_to_be_lost_are_kept(tmp_path, opened):
    (study,) = studies_in(tree(tmp_path / "in", (1,)))
    opened.begin(study)
    finish(opened, study)
    opened.end(study, Outcome(study=study.label, kind=LOST), overwrite=False)
    assert opened.done() == [study.label]


def test_results_that_a_worker_wrote_elsewhere_are_missed(tmp_path, opened):
    (study,) = studies_in(tree(tmp_path / "in", (1,)))
    opened.begin(study)
    opened.end(study, Outcome(study=study.label, kind=DONE), overwrite=False)
    assert "--send" in opened.ended[study.label].remedy


def test_a_nearly_full_disk_stops_before_studies_are_spoiled(tmp_path, opened, monkeypatch):
    (study,) = studies_in(tree(tmp_path / "in", (1,)))
    monkeypatch.setattr(folders, "FREE_BYTES", 1 << 60)
    with pytest.raises(PerfusionError, match="nearly full"):
        opened.begin(study)


def test_two_commands_on_one_folder_do_not_tangle(tmp_path, opened):
    with (
        pytest.raises(PerfusionError, match="Another command"),
        open_cohort(opened.out, SETTINGS, resume=True),
    ):
        pass


@pytest.mark.parametrize(
    ("settings", "resume", "said"), [(SETTINGS, False, "--resume"), ({"model": "x"}, True, "begun")]
)
def test_a_cohort_is_continued_only_as_it_was_begun(tmp_path, settings, resume, said):
    with open_cohort(tmp_path / "out", SETTINGS, resume=False) as folder:
        folder.begin(studies_in(tree(tmp_path / "in", (1,)))[0])
    with pytest.raises(PerfusionError, match=said), open_cohort(tmp_path / "out", settings, resume=resume):
        pass


def test_a_folder_of_something_else_is_left_alone(tmp_path):
    (tmp_path / "thesis.docx").write_text("years of work")
    with pytest.raises(PerfusionError, match="no cohort"), open_cohort(tmp_path, SETTINGS, resume=True):
        pass


def test_what_a_crash_left_is_put_back_and_taken_away(tmp_path):
    with pytest.raises(KeyboardInterrupt), open_cohort(tmp_path / "out", SETTINGS, resume=False) as folder:
        (folder.out / "studies" / ".study-a.partial-1-x").mkdir()
        (folder.out / "studies" / ".study-b.former-1-y").mkdir()  # between two renamings: the new one waits
        (folder.out / "studies" / ".study-b.partial-1-y").mkdir()
        (folder.out / "studies" / ".study-c.former-1-z").mkdir()  # the new one took its place, and was deleted since
        raise KeyboardInterrupt
    with open_cohort(tmp_path / "out", SETTINGS, resume=True) as folder:
        assert [path.name for path in (folder.out / "studies").iterdir()] == ["study-b"]


def test_a_cohort_that_ends_leaves_nothing_half_written(tmp_path):
    with open_cohort(tmp_path / "out", SETTINGS, resume=False) as folder:
        (folder.out / "studies" / ".study-a.partial-1-x").mkdir()  # by an attempt whose worker was killed
    assert not list((folder.out / "studies").iterdir())
