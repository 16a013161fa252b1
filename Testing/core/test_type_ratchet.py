"""The number of type errors of a room may only fall."""

import importlib.util
from collections import Counter
from pathlib import Path

import pytest

SCRIPT = Path(__file__).parents[1] / "check_types.py"


@pytest.fixture(scope="module")
def ratchet():
    spec = importlib.util.spec_from_file_location("check_types", SCRIPT)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_errors_are_counted_by_room_and_notes_are_not(ratchet):
    report = """PerfusionDL/PerfusionDLLib/motion/field.py:100: error: Incompatible return value type  [return-value]
PerfusionDL/PerfusionDLLib/motion/field.py:100: note: Perhaps you need a type annotation
PerfusionDL/PerfusionDLLib/evaluation/agreement/shape.py:114: error: Incompatible types in assignment  [assignment]
PerfusionDL/PerfusionDLLib/pipeline.py:34: error: Cannot infer type of lambda  [misc]
Found 3 errors in 3 files (checked 217 source files)"""
    assert ratchet.count_errors(report) == {"motion": 1, "evaluation": 1, "pipeline": 1}


@pytest.mark.parametrize(
    ("found", "more", "fewer"),
    [(3, ["motion"], []), (2, [], []), (1, [], ["motion"]), (0, [], ["motion"])],
)
def test_a_room_may_keep_its_errors_or_lose_some(ratchet, found, more, fewer):
    assert ratchet.find_changes(Counter(motion=found), {"motion": 2}) == (more, fewer)


def test_a_room_that_is_not_listed_may_have_none(ratchet):
    assert ratchet.find_changes(Counter(signal=1), {}) == (["signal"], [])
