"""What each slice of a scan is for: an image, the arterial input, the same again, or a view at an angle."""

from collections.abc import Sequence
from statistics import median_low

import numpy as np

from ...data.flag import FlagCode
from . import geometry
from .consistency import Uncertainty, find_typical_number, is_same_number
from .frame import Frame
from .pixels import PixelReader, compute_sharpness, compute_steadiness
from .slices import Slice

COARSER = 1.6  # pixel area of a low-resolution AIF series over that of the others
SHORTER = 0.6  # its saturation time over that of the others
STEADIER = 0.2  # chosen: correlation of images with the next; magnitude has 0.9, phase less than half
BLURRED = 0.7  # sharpness of a low-resolution image that was interpolated to the size of the others
PLANNED_MM = 0.5  # chosen: positions of one slice differ by less
MOST_EXAMPLES = 3
AIF_WORDS = ("aif", "arterial input", "low res", "lowres")


def key_by_time(one: Slice) -> tuple[float, float]:
    """Key that sorts slices by start, then by series number."""
    start_s, number = one.start_s, one.first.number("SeriesNumber")
    return (start_s if np.isfinite(start_s) else np.inf, number if np.isfinite(number) else np.inf)


def is_at_same_place(one: Slice, member: Slice) -> bool:
    """Whether two slices show the same plane."""
    axis = geometry.compute_normal(one.matrix)
    apart = geometry.compute_center(one.matrix, one.shape) - geometry.compute_center(member.matrix, member.shape)
    return bool(axis @ geometry.compute_normal(member.matrix) >= geometry.PARALLEL and abs(apart @ axis) < 2)


def separate_aif(group: Sequence[Slice], notes: list[str]) -> tuple[list[Slice], Slice | None]:
    """The imaging slices, and the low-resolution or short-saturation slice of a dual-sequence protocol."""
    reasons = [explain_aif(one, group) for one in group]
    found = [(one, why) for one, why in zip(group, reasons, strict=True) if why]
    if not found or all(reasons):
        return list(group), None
    aif, why = found[0]
    notes.append(f"The arterial input series is {aif.first.series}: {why}.")
    for one, other_why in found[1:]:
        notes.append(f"Not used: a further slice of an arterial input, of {one.first.series} ({other_why}).")
    return [one for one, yes in zip(group, reasons, strict=True) if not yes], aif


def explain_aif(one: Slice, group: Sequence[Slice]) -> str:
    """Why a slice is the arterial input of the slices acquired beside it; "" where it is none."""
    if len(group) < 2:
        return ""
    delays = [member.first.number("InversionTime") for member in group]
    usual = median_low(map(compute_pixel_area_mm2, group))
    named = [any(word in member.first.description for word in AIF_WORDS) for member in group]
    called = any(word in one.first.description for word in AIF_WORDS) and not all(named)
    if compute_pixel_area_mm2(one) > COARSER * usual and not (is_slice_of_two(one, group) and not called):
        return f"its pixels are {compute_pixel_area_mm2(one) / usual:.1f} times as large as those of the others"
    if np.isfinite(delays).any() and one.first.number("InversionTime") < SHORTER * np.nanmax(delays):
        return f"its saturation time is {describe_ms(one.first)} where that of others is {np.nanmax(delays):g} ms"
    return "its description says so" if called else ""


def is_slice_of_two(one: Slice, group: Sequence[Slice]) -> bool:
    """Whether a slice is one of two of a scan, at a place of its own and with the saturation time of the other.

    An arterial input is measured in a slice that is imaged too, and after a shorter saturation time.
    """
    others = [member for member in group if member is not one]
    if len(others) != 1 or is_at_same_place(one, others[0]):
        return False
    return is_same_number(one.first.number("InversionTime"), others[0].first.number("InversionTime"))


def compute_pixel_area_mm2(one: Slice) -> float:
    """Area of a pixel."""
    return float(np.linalg.norm(one.matrix[:3, 0]) * np.linalg.norm(one.matrix[:3, 1]))


def remove_doubles(slices: Sequence[Slice], aif: Slice | None, notes: list[str]) -> tuple[list[Slice], Slice | None]:
    """One slice per place, and the arterial input series where one of them turns out to be that.

    What was measured comes before what was computed, the protocol of the other slices before another one, the
    first echo before the second, the sharper image before the blurred, the lower series number before the higher.
    """
    usual_s = find_typical_number([one.first for one in slices], "InversionTime")
    kept: list[Slice] = []
    dropped: list[tuple[Slice, Slice]] = []

    def rank(one: Slice) -> tuple:
        other_protocol = not is_same_number(one.first.number("InversionTime"), usual_s)
        echo = one.first.number("EchoTime")
        return one.is_derived, other_protocol, echo if np.isfinite(echo) else np.inf, key_by_time(one)[1]

    for one in sorted(slices, key=rank):
        index = next((i for i, member in enumerate(kept) if is_at_same_place(one, member)), None)
        if index is None:
            kept.append(one)
            continue
        low, kept[index] = find_blurred(one, kept[index])
        dropped.append((low, kept[index]))
    names = {one.first.text("SeriesInstanceUID"): one.first.series for one in kept}
    said: dict[tuple[str, str], list[str]] = {}
    for low, instead in dropped:
        again = low.first.text("SeriesInstanceUID") in names
        what = f"{'another ' * (not again and low.first.series in names.values())}{low.first.series}"
        said.setdefault((what, explain_double(low, instead)), []).extend([low.first.image] if again else [])
    notes += filter(None, (find_too_near(low, instead) for low, instead in dropped))
    for (what, why), images in sorted(said.items()):
        such = f" (images such as {' and '.join(images[:MOST_EXAMPLES])})" if images else ""
        notes.append(f"Not used: {what}{such} {why}.")
    if any(one.is_derived for one in kept):
        notes.append("The images were processed by the scanner (derived or motion-corrected); no original was found.")
    return kept, aif


def find_too_near(low: Slice, kept: Slice) -> str:
    """An uncertainty where two slices of a series lie nearer to each other than any are planned, else nothing."""
    axis = geometry.compute_normal(kept.matrix)
    apart_mm = abs(
        float(
            (geometry.compute_center(low.matrix, low.shape) - geometry.compute_center(kept.matrix, kept.shape)) @ axis
        )
    )
    one_series = low.first.text("SeriesInstanceUID") == kept.first.text("SeriesInstanceUID")
    if not one_series or apart_mm < PLANNED_MM:
        return ""
    return Uncertainty(
        f"Two slices of {kept.first.series} lie {apart_mm:.1f} mm from each other, and only one of them is used: "
        "ImagePositionPatient may be in another unit than mm.",
        FlagCode.SERIES_LEFT_OUT,
    )


def find_blurred(one: Slice, member: Slice) -> tuple[Slice, Slice]:
    """Of two slices of one place, the one that is no magnitude or is blurred (else the first), and the other."""
    if one.is_derived or member.is_derived:
        return one, member
    middle = slice(len(member.frames) // 2, len(member.frames) // 2 + 3)
    shown = [PixelReader().read(each.frames[middle] or each.frames[-3:]) for each in (one, member)]
    steady = [compute_steadiness(signal) for signal in shown]
    if abs(steady[0] - steady[1]) > STEADIER:  # the phase of air is noise, which no image shares with the next
        return (member, one) if steady[1] < steady[0] else (one, member)
    sharp = [compute_sharpness(signal) for signal in shown]
    return (member, one) if sharp[1] < BLURRED * sharp[0] else (one, member)


def explain_double(low: Slice, kept: Slice) -> str:
    """Why a slice that lies where another one lies is not used."""
    if low.is_derived:
        return "shows the same slices in the same heartbeats again (the original was taken)"
    first, second = (one.first.number("InversionTime") for one in (low, kept))
    if not is_same_number(first, second):
        return (
            f"shows a slice that is there already, with another saturation time ({describe_ms(low.first)} in place of "
            f"{describe_ms(kept.first)}): it looks like an arterial input series whose acquisition is not known"
        )
    echoes = [one.first.number("EchoTime") for one in (low, kept)]
    if not is_same_number(*echoes):
        return f"shows the same slices again, with an echo time of {echoes[0]:g} ms in place of {echoes[1]:g} ms"
    return "shows the same slices in the same heartbeats again (the steadier, sharper or first series was taken)"


def describe_ms(frame: Frame) -> str:
    """The inversion time as the header says it."""
    time_ms = frame.number("InversionTime")
    return f"{time_ms:g} ms" if np.isfinite(time_ms) else "missing"


def remove_side_views(slices: Sequence[Slice], notes: list[str]) -> list[Slice]:
    """The parallel short-axis slices, without a long-axis slice acquired beside them."""
    parallel = geometry.find_parallel_to_most([geometry.compute_normal(one.matrix) for one in slices])
    if not parallel.all():
        count = int((~parallel).sum())
        notes.append(f"Not used: {count} slice{'s' * (count > 1)} at an angle to the others, e.g. a long-axis view.")
    return [one for one, yes in zip(slices, parallel, strict=True) if yes]
