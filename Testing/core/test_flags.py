"""Findings: programs read codes, people read texts, files of the version before stay readable."""

import json
import re
from dataclasses import replace
from pathlib import Path
from string import Formatter

import pytest
from PerfusionDLLib import report
from PerfusionDLLib.data.flag import FlagCode, Where, codes_of, flag_document, flags_from, make_flag
from PerfusionDLLib.report import cohort
from PerfusionDLLib.results.reading import read_table

CORE = Path(report.__file__).parents[1]
EXAMPLE = {"{}": "word", "f": 1.5, "g": 1.5, "%": 0.5}


def example(code):
    """A finding of this code with a value for each field of its template."""
    fields = [(name, spec) for _, name, spec, _ in Formatter().parse(code.template) if name]
    values = {name: EXAMPLE[spec[-1]] if spec else "word" for name, spec in fields}
    return make_flag(code, Where(condition="stress", level="mid", slice_index=1, segment=7), **values)


@pytest.mark.parametrize("code", FlagCode)
def test_every_finding_survives_being_written_as_json(code):
    flag = example(code)
    assert flag.text
    assert f"{flag}" == f"stress: {flag.text}"
    assert "{" not in flag.text
    assert code.meaning == code.meaning.rstrip(".")
    documents = json.loads(json.dumps([flag_document(flag)]))
    assert flags_from([flag.text_with_condition], documents) == (flag,)


def test_a_finding_that_another_version_changed_is_known_by_its_text():
    was, now = example(FlagCode.AIF_PEAK_LOW), "rest: The arterial input is noisy."
    (found,) = flags_from([now], [flag_document(was)])
    assert (found.code, found.where.condition, found.text_with_condition) == (FlagCode.OTHER_VERSION, "rest", now)
    later = flag_document(was) | {"code": "a_code_of_a_later_version"}
    assert flags_from([was.text_with_condition], [later]) == (replace(was, code=FlagCode.OTHER_VERSION),)


def test_every_code_is_raised_somewhere():
    """A code that nothing raises has lost its meaning."""
    files = [path for path in CORE.rglob("*.py") if path.name != "flag_codes.py"]
    raised = set(re.findall(r"FlagCode\.([A-Z_]+)", "".join(path.read_text(encoding="utf-8") for path in files)))
    assert raised == set(FlagCode.__members__)


def test_a_cohort_counts_findings_whatever_their_values(finished_study):
    def study(*peaks_mmol_l):
        flags = [make_flag(FlagCode.AIF_PEAK_LOW, Where(condition="rest"), peak_mmol_l=peak) for peak in peaks_mmol_l]
        whole = replace(finished_study.table.whole, flags=tuple(flags))
        return cohort.StudyReading(replace(finished_study.table, whole=whole), {})

    counted = cohort.count_flags({"a": study(0.51), "b": study(0.73, 0.7), "c": study()})
    assert counted == [(f"rest: {FlagCode.AIF_PEAK_LOW.meaning}", 2)]


def test_a_table_of_the_version_before_is_read_with_its_texts(finished_study):
    where = Where(condition="stress", segment=1)
    flag = make_flag(FlagCode.MANY_FAILED_PIXELS, where, failed_share=0.4)
    first = replace(finished_study.table.segments[0], flags=(flag,))
    table = replace(finished_study.table, segments=(first, *finished_study.table.segments[1:]))
    document = json.loads(report.table_json(table))
    assert read_table(json.dumps(document)).segments[0].flags == (flag,)
    for row in (*document["segments"], *document["territories"], document["whole"]):
        del row["findings"]
    (old,) = read_table(json.dumps(document)).segments[0].flags
    assert codes_of([old]) == [FlagCode.OTHER_VERSION]
    assert old.text_with_condition == flag.text_with_condition
    assert cohort.find_flags(first, "stress") == [flag]
    assert cohort.find_flags(first, "rest") == []
