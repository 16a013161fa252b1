"""The order of frames: clocks against instance numbers and temporal positions, and frames that stand out of line."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ...data.errors import PerfusionError
from ...data.flag import FlagCode
from . import counters
from .consistency import Uncertainty, capitalize, make_uncertainties, name_images
from .frame import Frame
from .pixels import compute_roughness
from .timing_attributes import Clock, Slices

MOSTLY = 0.8  # share of the frames in line, below which two orders contradict each other
NEARLY = 0.95
SMOOTHER = 1.25  # chosen: how much smoother signal must run in the right order than in a wrong one
DISPUTED_S = 0.05
EVEN = (0.5, 2.5)  # chosen: heartbeats over the usual one
FEW_ASTRAY = 2  # chosen: frames whose times were exchanged by mistake; more of them are a clock in disorder
FAR_STEPS = 6.0  # chosen: a frame this many intervals away from all others has a wrong time


class ContradictedClockError(PerfusionError):
    """A clock that is wrong, because signal runs smoothly in another order."""

    def __init__(self, problem: str, remedy: str, reason: str) -> None:
        super().__init__(problem, remedy)
        self.reason = reason


@dataclass(frozen=True)
class Ordered:
    """Times that are in order; NaN for a frame whose time cannot be right."""

    times_s: tuple[np.ndarray, ...]
    notes: tuple[str, ...] = ()
    uncertainties: tuple[str, ...] = ()
    agree: tuple[str, ...] = ()


def put_in_order(slices: Slices, chosen: Clock, others: Sequence[Clock]) -> Ordered:
    """The times of a clock, checked against the order that numbers and positions give.

    Raises PerfusionError where clock and numbers contradict each other and neither other attributes nor the pixels
    tell which of them is right.
    """
    times, notes, uncertainties = [], [], []
    contradicting = find_contradiction(slices, chosen)
    ranks = {"TemporalPositionIdentifier": counters.rank_by_position, "InstanceNumber": counters.rank_by_number}
    if contradicting:
        notes.append(explain_order(slices, chosen, others, contradicting))
    usable = [rank for name, rank in ranks.items() if name not in contradicting]
    for index, frames in enumerate(slices):
        ranked = next((one for rank in usable if (one := rank(frames)) is not None), None)
        mended, said, uncertain = mend(frames, index, chosen, others, ranked)
        times.append(mended)
        notes += said
        uncertainties += uncertain
    agree = [name for name, rank in ranks.items() if name not in contradicting and rank(slices[0]) is not None]
    grave = [*make_uncertainties(FlagCode.CLOCK_UNCERTAIN, chosen.uncertainties), *dict.fromkeys(uncertainties)]
    return Ordered(tuple(times), tuple(dict.fromkeys(notes)), tuple(grave), tuple(agree))


def share_in_line(times_s: np.ndarray, rank: np.ndarray) -> float:
    """Share of the frames whose times rise with a rank."""
    known = np.isfinite(times_s)
    order = np.argsort(rank[known], kind="stable")
    return float(counters.find_longest_rising(times_s[known][order]).mean()) if known.any() else 0.0


def find_contradiction(slices: Slices, chosen: Clock) -> list[str]:
    """The names of the counters that do not run with a clock."""
    found = []
    for name, ranked in (
        ("InstanceNumber", counters.rank_by_number),
        ("TemporalPositionIdentifier", counters.rank_by_position),
    ):
        ranks = [ranked(frames) for frames in slices]
        shares = [share_in_line(one, rank) for one, rank in zip(chosen.times_s, ranks, strict=True) if rank is not None]
        if shares and min(shares) < MOSTLY:
            found.append(name)
    return found


def explain_order(slices: Slices, chosen: Clock, others: Sequence[Clock], contradicting: list[str]) -> str:
    """A sentence that says why the clock was believed and not the counters that contradict it.

    Raises PerfusionError where the counters are believed, or nothing decides.
    """
    what = " and ".join(contradicting)
    numbers = counters.rank_by_number(slices[0])
    ranks = {"InstanceNumber": numbers, "TemporalPositionIdentifier": counters.rank_by_position(slices[0])}
    wrong = next(rank for name in contradicting if (rank := ranks[name]) is not None)
    one_file = len({frame.path for frame in slices[0]}) == 1
    if one_file and contradicting == ["InstanceNumber"]:
        return f"The frames of {slices[0][0].series} are stored in another order than that of {chosen.name}."
    if share_in_line(-chosen.times_s[0], wrong) > NEARLY:
        return f"{what} runs backwards in time; the frames were ordered by {chosen.name}."
    if is_beginning_in_the_middle(chosen.times_s[0], wrong):
        return f"{what} begins in the middle of the scan; the frames were ordered by {chosen.name}."
    supported = [name for name, rank in ranks.items() if rank is not None and name not in contradicting]
    supported += [one.name for one in others if not one.copies(chosen) and abs(one.rate_over(chosen) - 1) < 0.05]
    if supported and len(contradicting) == 1:
        return f"{what} contradicts {chosen.name}, with which {supported[0]} agrees; {chosen.name} was believed."
    known = np.isfinite(chosen.times_s[0])
    frames = [frame for frame, yes in zip(slices[0], known, strict=True) if yes]
    by_clock = compute_roughness(frames, np.argsort(chosen.times_s[0][known]))
    by_number = compute_roughness(frames, np.argsort(wrong[known]))
    if by_number > SMOOTHER * by_clock:
        return f"{what} contradicts {chosen.name}; signal runs smoothly in the order of {chosen.name}, which was taken."
    remedy = "Send the series again from the scanner, without renumbering or editing it."
    shuffled = f"The frames of {slices[0][0].series} are shuffled: {chosen.name} does not run with {what}, and "
    if by_clock > SMOOTHER * by_number:
        smooth = f"signal runs smoothly in the order of {what}"
        raise ContradictedClockError(f"{shuffled}{smooth}.", remedy, f"{smooth}, with which it does not run")
    raise PerfusionError(f"{shuffled}nothing decides.", remedy)


def is_beginning_in_the_middle(times_s: np.ndarray, rank: np.ndarray) -> bool:
    """Whether times that all are as far from each other as usual run with a rank, but for one step back."""
    known = np.isfinite(times_s)
    in_order = times_s[known][np.argsort(rank[known], kind="stable")]
    steps_s = np.diff(np.sort(in_order))
    usual = (
        bool(len(steps_s))
        and EVEN[0] * np.median(steps_s) < steps_s.min()
        and steps_s.max() < EVEN[1] * np.median(steps_s)
    )
    return usual and int((np.diff(in_order) < 0).sum()) == 1


def mend(
    frames: Sequence[Frame], index: int, chosen: Clock, others: Sequence[Clock], rank: np.ndarray | None
) -> tuple[np.ndarray, list[str], list[Uncertainty]]:
    """Times of one slice without those that cannot be right, and what is said about them."""
    times_s = chosen.times_s[index].copy()
    notes: list[str] = []
    uncertainties: list[str] = []
    uncertain: list[str] = []
    missing = np.isnan(times_s)
    wrong = find_far_away(times_s, chosen.step_s)
    if rank is not None:
        known = np.flatnonzero(~missing & ~wrong)
        order = known[np.argsort(rank[known], kind="stable")]
        out = order[~counters.find_longest_rising(times_s[order])]
        kept = np.setdiff1d(known, out)
        believed = []
        for one in out.tolist():
            fits = np.abs(times_s[kept] - times_s[one]).min(initial=np.inf) > 0.4 * chosen.step_s
            inside = times_s[kept].min() - 2 * chosen.step_s < times_s[one] < times_s[kept].max() + 2 * chosen.step_s
            if fits and inside:
                believed.append(frames[one])
            else:
                wrong[one] = True
        if believed:
            said = f"{chosen.name} of {name_images(believed)} is out of order; the time was believed."
            (notes if len(believed) <= FEW_ASTRAY else uncertain).append(said)
    wrong |= find_collisions(times_s, missing | wrong, chosen.step_s)
    notes += settle_disputes(frames, index, chosen, others, times_s, missing | wrong)
    for one in np.flatnonzero(missing | wrong).tolist():
        filled, source = find_time_by_another_clock(index, one, chosen, others, times_s, missing | wrong)
        what = "is missing" if missing[one] else f"({frames[one].text(chosen.name) or 'private'}) cannot be right"
        if np.isfinite(filled):
            times_s[one] = filled
            notes.append(f"{chosen.name} of {name_images([frames[one]])} {what}; {source} was taken.")
        else:
            times_s[one] = np.nan
            sentence = f"{capitalize(name_images([frames[one]]))} is not used: {chosen.name} {what}."
            notes.append(sentence)
            uncertainties.append(sentence)
    return (
        times_s,
        notes,
        [
            *make_uncertainties(FlagCode.CLOCK_UNCERTAIN, uncertain),
            *make_uncertainties(FlagCode.IMAGES_MISSING, uncertainties),
        ],
    )


def settle_disputes(
    frames: Sequence[Frame], index: int, chosen: Clock, others: Sequence[Clock], times_s: np.ndarray, out: np.ndarray
) -> list[str]:
    """Put the more regular of two times where clocks that tell the same differ for single frames; says so."""
    notes = []
    for other in others:
        if not other.copies(chosen):
            continue
        difference = times_s - other.times_s[index]
        known = np.isfinite(difference) & ~out
        if not known.any():
            continue
        offset = np.median(difference[known])
        for one in np.flatnonzero(known & (np.abs(difference - offset) > DISPUTED_S)).tolist():
            candidate = other.times_s[index][one] + offset
            rest = np.sort(np.delete(times_s, one)[~np.delete(out, one)])
            better = compute_irregularity(rest, candidate) < compute_irregularity(rest, times_s[one])
            taken = other.name if better else chosen.name
            if better:
                times_s[one] = candidate
            notes.append(
                f"{chosen.name} and {other.name} of {name_images([frames[one]])} differ by "
                f"{abs(difference[one] - offset):.2f} s; {taken} was taken, which is nearer to even heartbeats."
            )
    return notes


def compute_irregularity(rest_s: np.ndarray, time_s: float) -> float:
    """How far a time lies from the middle between its neighbors; at the ends, from one median step beside the next."""
    place = int(np.searchsorted(rest_s, time_s))
    step_s = float(np.median(np.diff(rest_s)))
    before = rest_s[place - 1] if place else rest_s[0] - 2 * step_s
    after = rest_s[place] if place < len(rest_s) else rest_s[-1] + 2 * step_s
    return abs(time_s - (before + after) / 2)


def find_far_away(times_s: np.ndarray, step_s: float) -> np.ndarray:
    """(T,) bool, single frames that many intervals separate from all others."""
    wrong = np.zeros(len(times_s), bool)
    known = np.flatnonzero(np.isfinite(times_s))
    if len(known) < 4:
        return wrong
    order = known[np.argsort(times_s[known])]
    gaps_s = np.diff(times_s[order])
    limit_s = max(FAR_STEPS * step_s, 5.0)
    wide = np.flatnonzero(gaps_s > limit_s)
    if wide.size:
        groups = np.split(order, wide + 1)
        main = max(groups, key=len)
        for group in groups:
            if group is not main and len(group) <= 2:
                wrong[group] = True
    return wrong


def find_collisions(times_s: np.ndarray, out: np.ndarray, step_s: float) -> np.ndarray:
    """(T,) bool, the second of two frames of one slice that claim the same moment."""
    wrong = np.zeros(len(times_s), bool)
    known = np.flatnonzero(np.isfinite(times_s) & ~out)
    order = known[np.argsort(times_s[known], kind="stable")]
    close = np.flatnonzero(np.diff(times_s[order]) < 0.1 * step_s)
    wrong[order[close + 1]] = True
    return wrong


def find_time_by_another_clock(index, one, chosen, others, times_s, out) -> tuple[float, str]:
    """The time of a frame by a clock that says the same as the chosen one for the other frames; NaN where none does."""
    for other in others:
        difference = times_s - other.times_s[index]
        known = np.isfinite(difference) & ~out
        if known.sum() < 4 or not np.isfinite(other.times_s[index][one]):
            continue
        offset = np.median(difference[known])
        candidate = other.times_s[index][one] + offset
        nearest = np.abs(times_s[known] - candidate).min()
        if np.mean(np.abs(difference[known] - offset) < 0.05) > 0.9 and nearest > 0.4 * chosen.step_s:
            inside = times_s[known].min() - 2 * chosen.step_s < candidate < times_s[known].max() + 2 * chosen.step_s
            if inside:
                return float(candidate), other.name
    return float("nan"), ""
