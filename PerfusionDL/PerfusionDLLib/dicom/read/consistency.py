"""Values that cannot change within a slice: what most frames say, and which frames say something else."""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from ...data.flag import FlagCode
from .frame import Frame

MAJORITY = 0.7  # chosen: share of the frames that must agree, so that the others are wrong and not merely different
SAME = 1e-3  # relative; numbers nearer to each other than that are one value in several spellings
MOST_NAMED = 6
CONSTANT = (
    *("RescaleSlope", "RescaleIntercept", "PhilipsScaleSlope"),
    *("BitsAllocated", "BitsStored", "PixelRepresentation", "SamplesPerPixel"),
)


class Uncertainty(str):
    """A sentence on what makes every flow of a scan uncertain, with the code of its kind.

    >>> one, = make_uncertainties(FlagCode.CLOCK_UNCERTAIN, ["The clocks differ."])
    >>> one == "The clocks differ.", one.code
    (True, <FlagCode.CLOCK_UNCERTAIN: 'clock_uncertain'>)
    """

    code: FlagCode

    def __new__(cls, text: str, code: FlagCode = FlagCode.ACQUISITION_UNCERTAIN) -> "Uncertainty":
        """A sentence with the code of its kind; one that has a code keeps it."""
        made = super().__new__(cls, text)
        made.code = text.code if isinstance(text, Uncertainty) else code
        return made


def make_uncertainties(code: FlagCode, sentences: Iterable[str]) -> list[Uncertainty]:
    """Sentences as uncertainties of one kind; those that are uncertainties of another kind stay it."""
    return [Uncertainty(sentence, code) for sentence in sentences]


@dataclass(frozen=True)
class Aside:
    """Images that are not used, and why."""

    frames: tuple[Frame, ...]
    reason: str

    @property
    def sentence(self) -> str:
        """In words."""
        verb = "is" if len(self.frames) == 1 else "are"
        return f"{capitalize(name_images(self.frames))} {verb} not used: {self.reason}."


def capitalize(text: str) -> str:
    """A sentence with a capital letter at its beginning."""
    return text[:1].upper() + text[1:]


def name_images(frames: Sequence[Frame]) -> str:
    """Images by their numbers and series: ``images 3, 6 of series 10 'PERF'``."""
    ordered = sorted(frames, key=lambda frame: (frame.number("InstanceNumber"), frame.index))
    numbers = [frame.image for frame in ordered]
    named = ", ".join(numbers[:MOST_NAMED])
    more = f" and {len(numbers) - MOST_NAMED} more" if len(numbers) > MOST_NAMED else ""
    return f"image{'s' * (len(numbers) > 1)} {named}{more} of {ordered[0].series}"


def find_typical_number(frames: Sequence[Frame], keyword: str) -> float:
    """What most of the frames that have a number say; NaN where none has one.

    >>> def frame(value):
    ...     return type("F", (), {"number": lambda self, keyword: value})()
    >>> find_typical_number([frame(10.0), frame(10.0), frame(90.0), frame(float("nan"))], "FlipAngle")
    10.0
    """
    values = np.array([frame.number(keyword) for frame in frames])
    values = values[np.isfinite(values)]
    if not values.size:
        return float("nan")
    if (values == values[0]).all():
        return float(values[0])
    first = np.sort(np.unique(values, return_index=True)[1])
    counts = [int(np.isclose(values, value, rtol=SAME, atol=1e-9).sum()) for value in values[first]]
    return float(values[first][int(np.argmax(counts))])


def find_typical_text(frames: Sequence[Frame], keyword: str) -> str:
    """What most of the frames that say something say; "" where none does. Of equally many the first in the alphabet."""
    texts = [text for frame in frames if (text := frame.text(keyword))]
    return max(sorted(set(texts)), key=texts.count) if texts else ""


def split_deviant(frames: Sequence[Frame]) -> tuple[list[Frame], list[Aside]]:
    """The frames whose values agree with those of most of the frames, and the others with what is odd about them."""
    kept, aside = list(frames), []
    for keyword in CONSTANT:
        values = np.array([frame.number(keyword) for frame in kept])
        usual = find_typical_number(kept, keyword)
        same = np.isclose(values, usual, rtol=SAME, atol=1e-9)
        if not same.any() or same.mean() < MAJORITY:
            same = np.isnan(values) if np.isnan(values).mean() >= MAJORITY else np.ones(len(kept), bool)
        if same.all():
            continue
        odd = [frame for frame, yes in zip(kept, same, strict=True) if not yes]
        usual_text = "it is missing in" if np.isnan(values[same]).any() else f"it is {usual:g} in"
        said = sorted({frame.text(keyword) or "missing" for frame in odd})
        aside.append(Aside(tuple(odd), f"{keyword} is {' or '.join(said[:3])} there, while {usual_text} the others"))
        kept = [frame for frame, yes in zip(kept, same, strict=True) if yes]
    return kept, aside


def is_same_number(first: float, second: float) -> bool:
    """Whether two numbers are one value, both missing included."""
    if first == second:
        return True
    if math.isinf(first) or math.isinf(second):
        return False
    return abs(first - second) <= 1e-9 + SAME * abs(second) or (first != first and second != second)
