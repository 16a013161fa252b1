"""Out of distribution: what the chain makes of series that are no short-axis first pass of a heart."""

from collections import Counter
from collections.abc import Callable, Sequence

import numpy as np

from ..data.errors import PerfusionError
from ..data.flag import FlagCode, codes_of
from ..data.study import PerfusionSeries
from ..networks import Networks
from ..preprocessing import preprocess_slice


def tabulate_refusals(
    kinds: Sequence[str],
    draw: Callable[[str, np.random.Generator], PerfusionSeries],
    networks: Networks,
    *,
    count: int,
    seed: int,
    progress: Callable[[str], None] = print,
) -> str:
    """Table of how many of ``count`` series of each kind the chain refuses, flags, or lets pass.

    draw : one series of a kind, from a random generator
    """
    lines = ["| series | refused | said to be no first pass | called doubtful | let pass |", "|---|---|---|---|---|"]
    for number, kind in enumerate(kinds):
        fates: Counter[str] = Counter()
        for case in range(count):
            fate = _fate(draw(kind, np.random.default_rng([seed, number, case])), networks)
            fates[fate] += 1
            progress(f"{kind} {case}: {fate}")
        lines.append(f"| {kind} (n = {count}) | " + " | ".join(str(fates[fate]) for fate in _FATES) + " |")
    return "\n".join(lines)


_FATES = ("refused", "said to be no first pass", "called doubtful", "let pass")


def _fate(series, networks):
    try:
        found = preprocess_slice(series, networks)
    except PerfusionError:
        return "refused"
    if FlagCode.NOT_A_FIRST_PASS in codes_of(found.flags):
        return "said to be no first pass"
    return "called doubtful" if found.flags else "let pass"
