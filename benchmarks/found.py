"""A number that was found, with its 95 % interval, beside its truth."""

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Found:
    """One number of a patient beside its truth.

    low, high : 95 % interval
    grade : of the flag on the number, "" where flags are not looked at
    """

    value: float
    low: float
    high: float
    truth: float
    grade: str = ""
