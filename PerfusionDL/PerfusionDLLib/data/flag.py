"""A finding: programs read its code and values, people its text."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import Any

from .flag_codes import FlagCode, Severity
from .text import space_percent

CONDITIONS = ("rest", "stress")

Value = str | int | float | tuple[str, ...]
"""What a text is made from: a number, a word, or several codes."""


@dataclass(frozen=True, kw_only=True)
class Where:
    """What a finding is about; what is empty or None is not restricted.

    condition : rest or stress
    level : basal, mid or apical; slice_index : from 0, base first
    segment : AHA segment, 1 to 16
    """

    condition: str = ""
    level: str = ""
    slice_index: int | None = None
    segment: int | None = None


EVERYWHERE = Where()


@dataclass(frozen=True, kw_only=True)
class Flag:
    """A finding about a study, made by `make_flag`.

    code : what was found; severity : how grave it is
    where : what it is about
    text : one or more sentences for people, made from the values; no program reads it
    values : numbers and words by name
    """

    code: FlagCode
    severity: Severity
    text: str
    where: Where = EVERYWHERE
    values: Mapping[str, Value] = field(default_factory=dict, hash=False)

    @property
    def text_with_condition(self) -> str:
        """The text after "rest: " or "stress: " where it concerns one of them; so it stands in tables."""
        return f"{self.where.condition}: {self.text}" if self.where.condition else self.text

    def __str__(self) -> str:
        """The text after its condition, wherever a flag is shown as text."""
        return self.text_with_condition

    def located(self, **changes: Any) -> "Flag":
        """The same finding about a narrower place: fields of `Where` by name."""
        return replace(self, where=replace(self.where, **changes))


def make_flag(code: FlagCode, where: Where = EVERYWHERE, **values: Value) -> Flag:
    """The finding of a code, its text made from the values.

    Examples
    --------
    >>> found = make_flag(FlagCode.AIF_PEAK_LOW, Where(condition="rest"), peak_mmol_l=0.52)
    >>> found.text_with_condition
    'rest: The arterial peak is low (0.5 mmol/L).'
    >>> found.code, found.severity, found.values["peak_mmol_l"]
    (<FlagCode.AIF_PEAK_LOW: 'aif_peak_low'>, <Severity.CHECK: 'check'>, 0.52)
    """
    plain = {name: value.item() if hasattr(value, "item") else value for name, value in values.items()}
    text = space_percent(code.template.format(**plain))
    return Flag(code=code, severity=code.severity, text=text, where=where, values=plain)


def codes_of(flags: Iterable[Flag]) -> list[FlagCode]:
    """The code of each finding."""
    return [flag.code for flag in flags]


def flag_document(flag: Flag) -> dict:
    """A finding as JSON holds it; `flags_from` reads it.

    Examples
    --------
    >>> found = make_flag(FlagCode.FEW_PIXELS, Where(condition="rest", segment=13), pixels=4)
    >>> flag_document(found)["code"], flag_document(found)["where"]
    ('few_pixels', {'condition': 'rest', 'segment': 13})
    >>> flags_from([found.text_with_condition], [flag_document(found)]) == (found,)
    True
    """
    return {
        "code": str(flag.code),
        "severity": str(flag.severity),
        "where": {name: value for name, value in asdict(flag.where).items() if value not in ("", None)},
        "text": flag.text,
        "values": {name: list(value) if isinstance(value, tuple) else value for name, value in flag.values.items()},
    }


def flags_from(texts: Sequence[str], documents: Sequence[Mapping] | None) -> tuple[Flag, ...]:
    """Findings as they were written: texts, and beside each its document.

    Version 0.1 wrote texts only, each after its condition where it has one, and so does whatever changes a file or a
    scene by that version: where the documents do not belong to the texts, the findings are known by their texts.

    Examples
    --------
    >>> old, = flags_from(["rest: The arterial peak is low."], None)
    >>> old.code, old.where.condition, old.text_with_condition
    (<FlagCode.OTHER_VERSION: 'other_version'>, 'rest', 'rest: The arterial peak is low.')
    """
    found = tuple(map(_from_document, documents or ()))
    if [flag.text_with_condition for flag in found] == list(texts):
        return found
    return tuple(map(_from_text, texts))


def _from_document(document: Mapping) -> Flag:
    codes = {str(code): code for code in FlagCode}
    return Flag(
        code=codes.get(document["code"], FlagCode.OTHER_VERSION),
        severity=Severity(document["severity"]),
        text=document["text"],
        where=Where(**document["where"]),
        values={name: tuple(value) if isinstance(value, list) else value for name, value in document["values"].items()},
    )


def _from_text(written: str) -> Flag:
    condition, colon, text = written.partition(": ")
    if not colon or condition not in CONDITIONS:
        condition, text = "", written
    return make_flag(FlagCode.OTHER_VERSION, Where(condition=condition), sentence=text)
