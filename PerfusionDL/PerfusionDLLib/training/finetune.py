"""Learning from corrections: networks trained further on what readers edited, and judged on studies left out."""

import hashlib
import json
import math
import shutil
import time
from collections.abc import Callable, Iterator, Sequence
from copy import deepcopy
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import torch

from .. import __version__
from ..data.errors import PerfusionError
from ..evaluation.cases import phantom_cases
from ..evaluation.network_scores import MEASURES, Score, evaluate
from ..networks import SHIPPED, STEPS, Network, Networks, load_networks
from ..results.atomic import Kind, atomic_folder
from .card import store_card
from .correction_samples import TRAINED_BY, make_sampler
from .corrections import Correction, read_corrections
from .fit import BATCH, batches, loss_for, tensors
from .synthetic.samples import Sample, turned

LEARNING_RATE = 3e-4  # chosen
LEFT_OUT_SHARE = 0.25  # share of the studies that judge the result; chosen
JUDGED_BY = {  # the measure that decides whether a network is kept, and whether more of it is better
    "peak": ("peak_frame_error", False),
    "box": ("epicardium_dice", True),
    "labels": ("myocardium_dice", True),
    "points": ("insertion_points_mm", False),
}
PHANTOM_SEED = 60000
"""Seed of the phantom patient on which forgetting is measured; chosen: no other seed is near."""


@dataclass(frozen=True)
class Verdict:
    """Decision on one network: kept as it was, or trained further, and why."""

    step: str
    learned: bool
    reason: str


def learn(
    folders: Sequence[Path],
    out: Path,
    *,
    minutes: float,
    step: str = "all",
    seed: int = 0,
    device: str = "cpu",
    weights: Path | None = None,
    phantoms: int = 6,
    progress: Callable[[str], None] = print,
) -> str:
    """Train networks further on the corrected slices of results folders and write all four into a new folder.

    Half of every batch are corrected slices, half images drawn at random, so that what was learned before is not
    forgotten. A quarter of the studies, at least one, is left out; a network is kept as it was unless it does at least
    as well on their corrected slices, judged by the whole chain.

    weights : the networks to begin with, the shipped ones by default; they are not touched
    phantoms : number of phantom slices on which forgetting is measured
    Returns a table of both on the slices left out, also written as ``comparison.md``.

    Raises PerfusionError where fewer than two studies were corrected, or ``out`` is not empty.
    """
    corrections = read_corrections(folders)
    kept, left_out = split(corrections, seed)
    progress(f"Learning from {_counted(kept)}; judging on {_counted(left_out)}.")
    before = now = load_networks(weights, device=device)
    steps = [
        name
        for name in STEPS
        if step in (name, "all") and usable_corrections(kept, name) and usable_corrections(left_out, name)
    ]
    if not steps:
        raise PerfusionError(
            "The corrections do not teach the network that was asked for, or leave none to judge it on.",
            "Correct more slices: contours teach peak, box and labels; insertion points teach points.",
        )
    with atomic_folder(out, Kind.NETWORKS) as partial:
        scores = {"before": judge(left_out, before)}
        current, verdicts, trained = scores["before"], [], {}
        for name in steps:
            network, done = train_further(
                getattr(now, name),
                usable_corrections(kept, name),
                minutes=minutes / len(steps),
                seed=seed,
                progress=progress,
            )
            changed: dict[str, Any] = {name: network}
            candidate = replace(now, **changed)
            found = judge(left_out, candidate)
            verdict = compare(name, left_out, current, found)
            progress(f"{name}: {verdict.reason}")
            verdicts.append(verdict)
            if verdict.learned:
                now, current, trained[name] = candidate, found, done
        scores["after"] = current
        progress("Measuring on phantoms what was forgotten.")
        cases = list(islice(phantom_cases([PHANTOM_SEED], held_out=False), phantoms))
        elsewhere = [[score for score, _, _ in evaluate(cases, networks)] for networks in (before, now)]
        table = comparison(left_out, scores["before"], scores["after"], verdicts, elsewhere)
        command = f"perfusiondl train --cases RESULTS... --step {step} --minutes {minutes:g} --seed {seed}"
        for name in STEPS:
            if name in trained:
                about = {
                    "command": command,
                    "started_from_sha256": getattr(before, name).card["sha256"],
                    "corrected": _counted(usable_corrections(kept, name)),
                    "batches": trained[name],
                }
                judged = {"command": command, "left out": _summary(name, left_out, scores), "kept_because": "no worse"}
                write_further(getattr(now, name), partial, training=about, scores={"corrections": judged})
            else:
                for suffix in ("json", "pt"):
                    shutil.copy((weights or SHIPPED) / f"{name}.{suffix}", partial)
        (partial / "comparison.md").write_text(table + "\n", encoding="utf-8")
    return table


def split(corrections: Sequence[Correction], seed: int) -> tuple[list[Correction], list[Correction]]:
    """Corrections to learn from and corrections to judge on, which are of other studies."""
    studies = sorted({one.study for one in corrections})
    if len(studies) < 2:
        raise PerfusionError(
            "One corrected study is not enough: one is needed to learn from and another to judge the result on.",
            "Name the results of two or more corrected studies.",
        )
    count = max(round(LEFT_OUT_SHARE * len(studies)), 1)
    chosen = set(np.random.default_rng(seed).permutation(studies)[:count].tolist())
    apart: tuple[list[Correction], list[Correction]] = ([], [])
    for one in corrections:
        apart[one.study in chosen].append(one)
    return apart


def usable_corrections(corrections: Sequence[Correction], step: str) -> list[Correction]:
    """Corrections that a network can be trained on, or be judged on."""
    found = [one for one in corrections if one.parts & TRAINED_BY[step]]
    if step == "points":
        found = [one for one in found if np.isfinite(one.case.reference.rv_points_px).all()]
    return found


def train_further(
    network: Network, corrections: Sequence[Correction], *, minutes: float, seed: int, progress: Callable[[str], None]
) -> tuple[Network, int]:
    """The same network after ``minutes`` more, and how many batches it has seen.

    Its normalization stays as it was trained: a few slices cannot say what the mean of all images is.
    """
    step = network.card["name"]
    torch.manual_seed(seed)
    module = deepcopy(network.module).eval()
    optimizer = torch.optim.AdamW(module.parameters(), lr=LEARNING_RATE, weight_decay=1e-3)
    loss_of = loss_for(step)
    source = _mixed(network, corrections, seed)
    began, count, losses = time.monotonic(), 0, []
    while (share := (time.monotonic() - began) / (60 * minutes)) < 1 or not count:
        for group in optimizer.param_groups:
            group["lr"] = LEARNING_RATE * min(1, (count + 1) / 20) * (0.5 * (1 + math.cos(math.pi * min(share, 1))))
        image, target = tensors(step, next(source), network.device)
        loss = loss_of(module(image).float(), target)
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(module.parameters(), 5.0)
        optimizer.step()
        losses.append(float(loss.detach()))
        count += 1
    few = max(len(losses) // 10, 1)
    progress(f"{step}: {count} batches, loss {np.mean(losses[:few]):.3f} to {np.mean(losses[-few:]):.3f}")
    return Network(network.card, module, network.device), count


def _mixed(network: Network, corrections: Sequence[Correction], seed: int) -> Iterator[list[Sample]]:
    """Endless batches, half of them corrected slices, each from one of eight sides."""
    rng = np.random.default_rng(seed)
    draw = [make_sampler(one, network) for one in corrections]
    for drawn in batches(network.card["name"], seed):
        size = drawn[0].labels.shape[-1]
        mine = [draw[i](rng) for i in rng.integers(len(draw), size=BATCH // 2)]
        mine = [turned(sample, int(rng.integers(4)), bool(rng.integers(2))) for sample in mine]
        yield [_middle(sample, size) for sample in mine] + drawn[: BATCH - BATCH // 2]


def _middle(sample: Sample, size: int) -> Sample:
    """The middle of a sample, as large as the images it is shown with."""
    corner = (sample.labels.shape[-1] - size) // 2
    part = slice(corner, corner + size)
    return Sample(sample.image[:, part, part], sample.labels[part, part], sample.points_px - corner)


def write_further(network: Network, folder: Path, *, training: dict, scores: dict) -> None:
    """Write weights with the card they had, which says what came after."""
    name, content = network.card["name"], store_card(network.module)
    (folder / network.card["weights"]).write_bytes(content)
    card = dict(network.card) | {
        "version": __version__,
        "sha256": hashlib.sha256(content).hexdigest(),
        "training": {"before": network.card["training"], "then": training},
        "training_data": f"{network.card['training_data']}; then {training['corrected']}",
        "scores": scores,
    }
    if "calibration" in card:
        card["calibration"] = {**card["calibration"], "counted_on": "the network this one started from"}
    (folder / f"{name}.json").write_text(json.dumps(card, indent=1) + "\n", encoding="utf-8")


def judge(corrections: Sequence[Correction], networks: Networks) -> list[Score]:
    """How the whole chain does on corrected slices."""
    return [score for score, _, _ in evaluate([one.case for one in corrections], networks)]


def compare(step: str, corrections: Sequence[Correction], before: Sequence[Score], after: Sequence[Score]) -> Verdict:
    """Whether a network does at least as well after learning, on the slices that can judge it."""
    measure, more = JUDGED_BY[step]
    old, new = (_of_judges(step, corrections, scores) for scores in (before, after))
    lost = [sum(bool(score.failure) for score in scores) for scores in (old, new)]
    means = [float(np.nanmean([getattr(score, measure) for score in scores] or [np.nan])) for scores in (old, new)]
    better = means[1] >= means[0] if more else means[1] <= means[0]
    learned = lost[1] < lost[0] or (lost[1] == lost[0] and better)
    what = f"{_title(measure)} {means[0]:.3f} before, {means[1]:.3f} after"
    if lost[0] or lost[1]:
        what += f"; not found {lost[0]} before, {lost[1]} after"
    return Verdict(step, learned, f"{what} (n = {len(old)}): {'learned' if learned else 'left as it was'}")


def comparison(
    corrections: Sequence[Correction],
    before: Sequence[Score],
    after: Sequence[Score],
    verdicts: Sequence[Verdict],
    phantoms: Sequence[Sequence[Score]],
) -> str:
    """Old and new networks side by side: on the slices left out, and on phantoms."""
    blocks = [f"On {_counted(corrections)} that nothing was learned from:", _table(before, after)]
    blocks += ["\n".join(f"- {verdict.step}: {verdict.reason}" for verdict in verdicts)]
    blocks += [f"On {len(phantoms[0])} phantom slices, which show what was forgotten:", _table(*phantoms)]
    blocks += [
        "Corrected slices are those that the old networks did worst on, so the new ones have it easier here than on "
        "the next patients. A reading of slices that nobody chose is the fair test."
    ]
    return "\n\n".join(blocks)


def _table(before: Sequence[Score], after: Sequence[Score]) -> str:
    lines = ["| measure | n | before | after | better in |", "|---|---|---|---|---|"]
    for title, field in MEASURES.items():
        pairs = np.array([[getattr(score, field) for score in pair] for pair in zip(before, after, strict=True)], float)
        pairs = pairs[np.isfinite(pairs).all(axis=1)]
        if len(pairs):
            gain = (pairs[:, 1] - pairs[:, 0]) * (1 if "Dice" in title else -1)
            cells = [f"{mean:.3f} ({sd:.3f})" for mean, sd in zip(pairs.mean(axis=0), pairs.std(axis=0), strict=True)]
            lines.append(f"| {title} | {len(pairs)} | {cells[0]} | {cells[1]} | {(gain > 0).sum()} |")
    lost = [sum(bool(score.failure) for score in scores) for scores in (before, after)]
    lines.append(f"| left ventricle not found | {len(before)} | {lost[0]} | {lost[1]} | |")
    return "\n".join(lines)


def _summary(step: str, corrections: Sequence[Correction], scores: dict[str, list[Score]]) -> dict:
    measure, _ = JUDGED_BY[step]
    values = {
        when: [getattr(score, measure) for score in _of_judges(step, corrections, found)]
        for when, found in scores.items()
    }
    return {"slices": len(values["before"]), "measure": _title(measure)} | {
        when: round(float(np.nanmean(found)), 4) for when, found in values.items()
    }


def _of_judges(step: str, corrections: Sequence[Correction], scores: Sequence[Score]) -> list[Score]:
    """The scores of those slices whose correction says something about a network."""
    judges = usable_corrections(corrections, step)
    return [score for one, score in zip(corrections, scores, strict=True) if one in judges]


def _title(field: str) -> str:
    return next(title for title, name in MEASURES.items() if name == field)


def _counted(corrections: Sequence[Correction]) -> str:
    studies = len({one.study for one in corrections})
    return f"{len(corrections)} corrected slices of {studies} {'study' if studies == 1 else 'studies'}"
