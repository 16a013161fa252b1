"""Damages that were once read wrongly, and a few new ones: the same numbers as before, or words."""

import json

import pytest
from fuzz_dicom import CORPUS, FLAVORS, Fuzzer

CASES = [tuple(case) for case in json.loads(CORPUS.read_text(encoding="utf-8"))]
NEW = [(flavor, 1000 + number) for flavor in FLAVORS for number in range(2)]


@pytest.fixture(scope="module")
def fuzzer(tmp_path_factory):
    """The untouched studies of all flavors."""
    return Fuzzer(tmp_path_factory.mktemp("fuzz"))


@pytest.mark.filterwarnings("ignore")  # writing damaged files warns of the damage
@pytest.mark.parametrize(("flavor", "number"), [*CASES, *NEW])
def test_a_damaged_study_gives_the_same_numbers_or_words(flavor, number, fuzzer):
    verdict = fuzzer.try_one(flavor, number)
    assert not verdict.failed, verdict.about


@pytest.mark.filterwarnings("ignore")
def test_a_change_without_a_word_would_be_noticed(fuzzer, monkeypatch):
    """The judge itself: frames that are lost in silence are unsaid."""
    monkeypatch.setattr(
        "fuzz_dicom.damage", lambda folder, random: [path.unlink() for path in folder.rglob("*I0001.dcm")]
    )
    monkeypatch.setattr("PerfusionDLLib.dicom.read.scans.find_lost_frames", lambda slices: ([], []))
    verdict = fuzzer.try_one("siemens", 0)
    assert verdict.kind == "unsaid", verdict
