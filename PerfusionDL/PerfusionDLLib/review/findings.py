"""Every finding of a study with the slice, the segment or the arterial input that it leads to."""

from collections.abc import Iterable, Iterator, Sequence

from ..data.flag import Flag, Severity
from ..data.result import StudyResult
from ..data.table import SegmentTable

GRAVE_FIRST = (Severity.UNRELIABLE, Severity.CHECK, Severity.NOTE)


def list_findings(result: StudyResult) -> list[dict]:
    """Findings as JSON holds them, the gravest first; the same about several segments or slices once.

    ``place`` says for people what a finding is about, ``scan`` and ``slice`` count from 0 where it is of one; of
    several segments, ``segment`` is the first.
    """
    alike: dict[tuple, list[dict]] = {}
    of_scans = list(_of_scans(result))
    said = {(one["scan"], one["text"]) for one in of_scans if one["arterial"]}
    of_table = _of_table(result.table, [scan.condition for scan in result.maps])
    once = (one for one in of_table if one["segment"] or (one["scan"], one["text"]) not in said)
    for one in (*of_scans, *once):
        what = one["code"] if one["segment"] else one["text"]
        alike.setdefault((what, one["scan"], one["slice"], bool(one["segment"]) or one["place"]), []).append(one)
    return sort_by_severity(map(_join, alike.values()))


def sort_by_severity(findings: Iterable[dict]) -> list[dict]:
    """The gravest first; those that are as grave as each other stay as they were."""
    return sorted(findings, key=lambda one: GRAVE_FIRST.index(Severity(one["severity"])))


def _join(alike: Sequence[dict]) -> dict:
    """Findings with one code about several segments as one: its text where all say the same, else its meaning."""
    first, segments = alike[0], [str(one["segment"]) for one in alike if one["segment"]]
    if len(set(segments)) < 2:
        return first
    texts = {one["text"] for one in alike}
    text = first["text"] if len(texts) == 1 else f"{first['meaning']}."
    place = f"{first['place'].rpartition(' ')[0]}s {', '.join(dict.fromkeys(segments))}"
    return first | {"place": place, "text": text}


def _of_scans(result: StudyResult) -> Iterator[dict]:
    for scan, (before, after) in enumerate(zip(result.scans, result.maps, strict=True)):
        for number, (part, part_flow) in enumerate(zip(before.slices, after.slices, strict=True)):
            for flag in (*part.flags, *part_flow.flags):
                yield _finding(flag, f"{after.condition} {part_flow.level}", scan=scan, number=number)
        for flag in after.arterial_input.flags:
            yield _finding(flag, f"{after.condition} arterial input", scan=scan, arterial=True)


def _of_table(table: SegmentTable, conditions: Sequence[str]) -> Iterator[dict]:
    for row in (table.whole, *table.territories, *table.segments):
        for flag in row.flags:
            condition = flag.where.condition
            place = f"{condition} {row.name}".strip() if row.aha_segment is None else f"{condition} segment".strip()
            scan = list(conditions).index(condition) if condition in conditions else None
            yield _finding(flag, place, scan=scan, segment=row.aha_segment)


def _finding(
    flag: Flag,
    place: str,
    *,
    scan: int | None,
    number: int | None = None,
    segment: int | None = None,
    arterial: bool = False,
) -> dict:
    return {
        "code": str(flag.code),
        "severity": str(flag.severity),
        "text": flag.text,
        "meaning": flag.code.meaning,
        "place": f"{place} {segment}" if segment else place,
        "scan": scan,
        "slice": number,
        "segment": segment,
        "arterial": arterial,
    }
