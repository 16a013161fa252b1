"""Learning from corrections: networks trained further on what readers edited, and judged on studies left out."""

import math
import shutil
import time
from collections.abc import Callable, Iterator, Sequence
from copy import deepcopy
from dataclasses import replace
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import torch

from ..data.errors import PerfusionError
from ..evaluation.cases import phantom_cases
from ..evaluation.network_scores import evaluate
from ..networks import SHIPPED, STEPS, Network, load_networks
from ..results.atomic import Kind, atomic_folder
from .batches import BATCH, batches, make_tensors
from .card import write_further
from .comparison import compare, count_corrections, judge, make_comparison, summarize
from .correction_samples import make_sampler, select_usable
from .corrections import Correction, read_corrections
from .losses import make_loss
from .synthetic.samples import Sample, turned

LEARNING_RATE = 3e-4  # chosen
LEFT_OUT_SHARE = 0.25  # share of the studies that judge the result; chosen
PHANTOM_SEED = 60000
"""Seed of the phantom patient on which forgetting is measured; chosen: no other seed is near."""


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
    progress(f"Learning from {count_corrections(kept)}; judging on {count_corrections(left_out)}.")
    before = now = load_networks(weights, device=device)
    steps = [
        name for name in STEPS if step in (name, "all") and select_usable(kept, name) and select_usable(left_out, name)
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
                select_usable(kept, name),
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
        table = make_comparison(left_out, scores["before"], scores["after"], verdicts, elsewhere)
        command = f"perfusiondl train --cases RESULTS... --step {step} --minutes {minutes:g} --seed {seed}"
        for name in STEPS:
            if name in trained:
                about = {
                    "command": command,
                    "started_from_sha256": getattr(before, name).card["sha256"],
                    "corrected": count_corrections(select_usable(kept, name)),
                    "batches": trained[name],
                }
                judged = {"command": command, "left out": summarize(name, left_out, scores), "kept_because": "no worse"}
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
    loss_of = make_loss(step)
    source = _mixed(network, corrections, seed)
    began, count, losses = time.monotonic(), 0, []
    while (share := (time.monotonic() - began) / (60 * minutes)) < 1 or not count:
        for group in optimizer.param_groups:
            group["lr"] = LEARNING_RATE * min(1, (count + 1) / 20) * (0.5 * (1 + math.cos(math.pi * min(share, 1))))
        image, target = make_tensors(step, next(source), network.device)
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
