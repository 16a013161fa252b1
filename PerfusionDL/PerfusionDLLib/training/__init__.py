"""Offline training of the networks from images drawn at random, and their evaluation; never packaged into Slicer."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from ..data.errors import PerfusionError
from ..networks import STEPS

# How the minutes of `step="all"` are shared out; the labels decide most and learn slowest.
_SHARE = {"peak": 0.2, "box": 0.15, "labels": 0.45, "points": 0.2}


def train(
    out: Path,
    *,
    minutes: float = 60.0,
    step: str = "all",
    seed: int = 0,
    device: str = "cpu",
    weights: Path | None = None,
    progress: Callable[[str], None] = print,
) -> list[Path]:
    """Train one network or all four; weights and cards are written into ``out``.

    An interrupted training goes on from its last checkpoint in ``out`` when it is called again.

    weights : a folder of networks to go on from, with smaller steps; None to begin anew

    Returns the cards' paths.
    """
    with _packages():
        from .card import write_network
        from .fit import FURTHER_LEARNING_RATE, LEARNING_RATE, fit
    if step not in (*STEPS, "all"):
        raise ValueError(f"step must be one of {(*STEPS, 'all')}, got {step!r}")
    out.mkdir(parents=True, exist_ok=True)
    shares = _SHARE if step == "all" else {step: 1.0}
    cards = []
    for name in sorted(shares, key=lambda one: one != "labels"):
        borrowed = out / "labels.checkpoint"
        start_from = borrowed if name in ("box", "points") and borrowed.exists() else None
        if weights is not None:
            start_from = weights / f"{name}.pt"
        net, batches = fit(
            name,
            folder=out,
            minutes=minutes * shares[name],
            seed=seed,
            device=device,
            start_from=start_from,
            learning_rate=LEARNING_RATE if weights is None else FURTHER_LEARNING_RATE,
            progress=progress,
        )
        further = "" if weights is None else " --weights FOLDER"
        training = {
            "command": f"perfusiondl train --step {step} --minutes {minutes:g} --seed {seed}{further}",
            "batches": batches,
        }
        cards.append(write_network(net, name, out, training=training, scores={}))
    return cards


def learn(folders: Sequence[Path], out: Path, **options) -> str:
    """Train networks further on what readers corrected; see `finetune.learn`."""
    with _packages():
        from . import finetune
    return finetune.learn(folders, out, **options)


@contextmanager
def _packages() -> Iterator[None]:
    """Say which package is missing where one is."""
    try:
        yield
    except ModuleNotFoundError as error:
        raise PerfusionError(
            f"Training needs the package {error.name}, which is not installed.",
            "Install it: pip install perfusiondl[train]",
        ) from error
