"""What a network is shown in training: batches of samples from all sides, and the tensors made of them."""

from collections.abc import Iterator, Sequence

import numpy as np
import torch

from .synthetic.samples import DRAW, Sample, close_up, turned

BATCH = 16
_SEEN_TIMES = 4
"""How often a drawing is shown, each time from another side; chosen: drawing costs more than looking."""
_REMEMBERED = 1536
"""Drawings that may be shown again; chosen."""
_CLOSE_UP = 64
"""Rows and columns of a close-up; chosen: a heart with its surroundings, at less than half the cost."""
_CLOSE_UPS = {"labels": 0.75, "points": 0.75}
"""Share of batches that are close-ups, of the networks that look at the heart alone; chosen."""


def batches(step: str, seed: int) -> Iterator[list[Sample]]:
    """Endless batches; every drawing is shown about four times, each time from another of eight sides.

    Most batches of the steps that look at the heart alone are close-ups, which cost less than half the time.
    """
    rng = np.random.default_rng(seed)
    memory: list[Sample] = []
    while True:
        fresh = BATCH if len(memory) < BATCH * 8 else max(1, BATCH // _SEEN_TIMES)
        new = [DRAW[step](rng) for _ in range(fresh)]
        old = [memory[i] for i in rng.integers(len(memory), size=BATCH - fresh)] if fresh < BATCH else []
        memory = (memory + new)[-_REMEMBERED:]
        seen = [turned(sample, int(rng.integers(4)), bool(rng.integers(2))) for sample in new + old]
        close = rng.random() < _CLOSE_UPS.get(step, 0)
        yield [close_up(rng, sample, _CLOSE_UP) for sample in seen] if close else seen


def make_tensors(step: str, samples: Sequence[Sample], device: str) -> tuple[torch.Tensor, torch.Tensor]:
    """Images and targets of a batch, each image a little brighter or darker than it was drawn."""
    image = torch.from_numpy(np.stack([sample.image for sample in samples]))
    brightness = torch.exp(0.15 * torch.randn(len(image), 1, 1, 1))
    gamma = torch.exp(0.15 * torch.randn(len(image), 1, 1, 1))
    image = (image * brightness).clamp(0, 4) ** gamma
    if step == "points":
        target = torch.from_numpy(np.stack([sample.points_px for sample in samples]).astype(np.float32))
    else:
        labels = np.stack([sample.labels for sample in samples]).astype(np.int64)
        target = torch.from_numpy(np.maximum(labels - 1, 0) if step == "peak" else labels)
    return image.to(device, memory_format=torch.channels_last), target.to(device)
