"""Whether two inputs are the same, decided by content: the one place that cache, export gate and undo history ask.

Every field of every value counts, and one that is added later counts by itself. Where a field cannot matter to a stage
of the chain, the stage names it (`NOT_IN_CURVES`, `NOT_IN_FLOW`); a test changes each of these and finds the same flow.
"""

import hashlib
import struct
import weakref
from collections.abc import Callable, Mapping, Sequence, Set
from dataclasses import fields, is_dataclass
from enum import Enum
from typing import Any

import numpy as np

from .preprocessed import PreprocessedScan

TOLERANCE = 1e-3
"""mm, and pixels of a box: positions closer than this are the same. Chosen: far below a pixel, far above what files,
matrices and nodes of a scene round."""
ROUNDING = 1e-6
"""mm, and s: what a scene file may lose of a position or a time (it loses 1e-14), chosen far above it."""
OFF_BORDER = 0.371
"""Share of `ROUNDING` by which numbers are shifted before they are rounded. Chosen: no usual spacing or time lies on a
border then, where a file would round it to either side."""
POSITIONS = frozenset({"box_px", "region_px", "anterior_rv_ras_mm", "inferior_rv_ras_mm"})
"""Fields that hold positions."""

NOTHING: frozenset[str] = frozenset()
NOT_IN_CURVES = frozenset(
    {
        "automatic",
        "flags",
        "series.signal",
        "series.proton_density",
        "series.instance_uids",
        "motion.displacement_mm",
        "motion.reference_frame",
        "motion.quality",
        "motion.region_px",
        "contours.peak_frame",
        "contours.reference_frame",
        "contours.box_px",
        "contours.anterior_rv_ras_mm",
        "contours.inferior_rv_ras_mm",
        "contours.origins",
        "contours.confidences",
        "contours.weights_sha256",
    }
)
"""Fields of a `PreprocessedSlice` that no concentration curve depends on."""
NOT_IN_SEGMENTS = NOT_IN_CURVES - {"contours.anterior_rv_ras_mm", "contours.inferior_rv_ras_mm", "contours.origins"}
"""Fields of a `PreprocessedSlice` that the flow of its pixels and segments does not depend on."""
NOT_IN_SCAN = frozenset({"assumptions", "minutes_after_other", "study"})
"""Fields of a `PreprocessedScan` that its flow does not depend on: the time between two scans tells their residual
contrast, which is a value of its own."""
NOT_IN_ARTERIAL_INPUT = NOT_IN_SCAN | {f"slices.{name}" for name in NOT_IN_CURVES}
"""Fields of a `PreprocessedScan` that its arterial input does not depend on."""
NOT_IN_FLOW = NOT_IN_SCAN | {f"slices.{name}" for name in NOT_IN_SEGMENTS - {"contours.weights_sha256"}}
"""Fields of a `PreprocessedScan` that its flow maps and their provenance do not depend on."""
NOT_CORRECTED = frozenset({"automatic", "flags", "contours.origins", "contours.confidences", "contours.weights_sha256"})
"""Fields of a `PreprocessedSlice` that no correction changes of itself: what the networks found and say of it, and who
made each part, which follows from the rest."""

LARGE_BYTES = 1 << 15
"""Arrays of this size are remembered by `ArrayDigests`; chosen: reading less takes as long as looking it up."""


class ArrayDigests:
    """Digests of large arrays, each computed once for as long as the array lives; arrays are not changed in place."""

    def __init__(self) -> None:
        self._known: dict[int, tuple[weakref.ref, bytes]] = {}

    def of(self, array: np.ndarray) -> bytes:
        """Digest of the content of an array."""
        if array.nbytes < LARGE_BYTES:
            return _array_digest(array)
        number = id(array)
        known = self._known.get(number)
        if known is None or known[0]() is not array:
            alive = weakref.ref(array, lambda _: self._known.pop(number, None) and None)
            known = self._known[number] = (alive, _array_digest(array))
        return known[1]


def digest(*values: Any, without: Set[str] = NOTHING, arrays: ArrayDigests | None = None, rounded: bool = False) -> str:
    """SHA-256 of the content of some values: dataclasses, arrays, collections, numbers, words.

    without : fields that do not count, by their path from the value: ``contours.box_px`` of a `PreprocessedSlice`. What
        lies in a sequence or a mapping has the path of the whole
    arrays : what is known of large arrays
    rounded : numbers of double precision in arrays (positions, times, geometry) count in steps of `ROUNDING`, so that
        a scene that was saved and opened has the same digest

    Examples
    --------
    >>> digest(np.arange(3), "rest") == digest(np.arange(3), "rest")
    True
    >>> digest(np.arange(3)) == digest(np.arange(3.0))
    False
    """
    hasher = hashlib.sha256()
    known = arrays or ArrayDigests()
    of_array = (lambda array: _rounded_digest(array, known)) if rounded else known.of
    for value in values:
        _feed(hasher, value, without, "", of_array)
    return hasher.hexdigest()


def fingerprint(scan: PreprocessedScan, arrays: ArrayDigests | None = None) -> str:
    """Short digest of everything in a preprocessed scan that its flow depends on, as the provenance holds it."""
    return digest(scan, without=NOT_IN_FLOW, arrays=arrays, rounded=True)[:16]


def is_same(one: Any, other: Any, *, without: Set[str] = NOTHING) -> bool:
    """Whether two values have the same content, whoever made them; positions count as the same within `TOLERANCE`.

    without : as in `digest`

    Examples
    --------
    >>> is_same({"a": np.zeros(2)}, {"a": None}), is_same(None, np.zeros(2))
    (False, False)
    >>> is_same((1.0, float("nan")), (1.0, float("nan"))), is_same(np.zeros(2), np.zeros(3))
    (True, False)
    """
    return _is_same(one, other, without, "")


def is_same_place(one: Any, other: Any) -> bool:
    """Whether two positions, each of them an array or None, are the same within `TOLERANCE`."""
    if one is None or other is None:
        return one is other
    return np.shape(one) == np.shape(other) and bool(np.allclose(one, other, rtol=0, atol=TOLERANCE, equal_nan=True))


def _array_digest(array: np.ndarray) -> bytes:
    hasher = hashlib.sha256(f"{array.dtype.str}{array.shape}".encode())
    hasher.update(np.ascontiguousarray(array).data)
    return hasher.digest()


def _rounded_digest(array: np.ndarray, arrays: ArrayDigests) -> bytes:
    if array.dtype != np.float64:
        return arrays.of(array)
    return _array_digest(np.floor(array / ROUNDING + OFF_BORDER))


def _feed(hasher: Any, value: Any, without: Set[str], path: str, of_array: Callable[[np.ndarray], bytes]) -> None:
    """Tell a hash what a value holds; each kind of value begins with a word of its own."""
    if is_dataclass(value):
        hasher.update(f"<{type(value).__name__}".encode())
        for name, inner in _counted(value, without, path):
            hasher.update(f".{inner.rpartition('.')[2]}=".encode())
            _feed(hasher, getattr(value, name), without, inner, of_array)
        hasher.update(b">")
    elif isinstance(value, np.ndarray):
        hasher.update(b"array" + of_array(value))
    elif isinstance(value, Mapping):
        items = [(digest(key), key) for key in value]
        hasher.update(f"mapping {len(items)}".encode())
        for known, key in sorted(items, key=lambda item: item[0]):
            hasher.update(known.encode())
            _feed(hasher, value[key], without, path, of_array)
    elif isinstance(value, Set):
        hasher.update(f"set {sorted(map(digest, value))}".encode())
    elif isinstance(value, str):
        hasher.update(f"str {len(value)} {value}".encode())
    elif isinstance(value, Sequence) and not isinstance(value, bytes):
        hasher.update(f"sequence {len(value)}".encode())
        for each in value:
            _feed(hasher, each, without, path, of_array)
    else:
        hasher.update(_plain(value))


def _plain(value: Any) -> bytes:
    """A number, a word or nothing as bytes."""
    if isinstance(value, np.generic):
        value = value.item()
    match value:
        case None:
            return b"none"
        case Enum():
            return f"{type(value).__name__} {value.name}".encode()
        case bool() | int():
            return f"number {int(value)}".encode()
        case float():
            return b"float" + struct.pack("<d", value)
        case bytes():
            return b"bytes" + value
    raise ValueError(f"a value that has a content was expected, got {type(value).__name__}")


def _counted(value: Any, without: Set[str], path: str) -> list[tuple[str, str]]:
    """Name and path of the fields of a dataclass that count."""
    named = [(field.name, f"{path}.{field.name}" if path else field.name) for field in fields(value)]
    return [(name, inner) for name, inner in named if inner not in without]


def _is_same(one: Any, other: Any, without: Set[str], path: str) -> bool:
    if one is other:
        return True
    if path.rpartition(".")[2] in POSITIONS:
        return is_same_place(one, other)
    if is_dataclass(one):
        return type(one) is type(other) and _has_same_fields(one, other, without, path)
    if isinstance(one, np.ndarray):
        return _is_same_array(one, other)
    if isinstance(one, Mapping):
        return isinstance(other, Mapping) and _has_same_items(one, other, without, path)
    if isinstance(one, Sequence) and not isinstance(one, str | bytes):
        return isinstance(other, Sequence) and _has_same_members(one, other, without, path)
    return not isinstance(other, np.ndarray) and (one == other or (one != one and other != other))  # NaN


def _has_same_fields(one: Any, other: Any, without: Set[str], path: str) -> bool:
    return all(
        _is_same(getattr(one, name), getattr(other, name), without, inner)
        for name, inner in _counted(one, without, path)
    )


def _has_same_items(one: Mapping, other: Mapping, without: Set[str], path: str) -> bool:
    return one.keys() == other.keys() and all(_is_same(value, other[key], without, path) for key, value in one.items())


def _has_same_members(one: Sequence, other: Sequence, without: Set[str], path: str) -> bool:
    return len(one) == len(other) and all(_is_same(*pair, without, path) for pair in zip(one, other, strict=True))


def _is_same_array(one: np.ndarray, other: Any) -> bool:
    if not isinstance(other, np.ndarray):
        return False
    floats = one.dtype.kind == "f" and other.dtype.kind == "f"
    if floats and one.dtype == other.dtype and one.dtype.itemsize <= 8:
        bits = f"u{one.dtype.itemsize}"
        if np.array_equal(one.view(bits), other.view(bits)):  # a fifth of the time of looking for NaN
            return True
    return bool(np.array_equal(one, other, equal_nan=floats))
