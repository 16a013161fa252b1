"""Training of one network: samples drawn as they are needed, a running mean of the weights as the result."""

import math
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, cast

import numpy as np
import torch
from monai.losses import DiceCELoss
from torch.optim.swa_utils import AveragedModel

from ..networks.unet import UNet
from .synthetic.samples import DRAW, Sample, close_up, turned

ARCHITECTURE: dict[str, dict[str, Any]] = {
    "peak": {"channels_in": 32, "channels_out": 3, "widths": [24, 32, 64, 96]},
    "box": {"channels_in": 1, "channels_out": 4, "widths": [16, 32, 64, 96, 128]},
    "labels": {"channels_in": 3, "channels_out": 4, "widths": [16, 32, 64, 128, 192]},
    "points": {"channels_in": 3, "channels_out": 2, "widths": [16, 32, 64, 128, 192]},
}
BATCH = 16
HEAT_SD_PX = 2.0
LEARNING_RATE, FURTHER_LEARNING_RATE = 2e-3, 5e-4
"""Largest step of a training from the start, and of one that goes on from trained weights; chosen."""
_SEEN_TIMES = 4
_REMEMBERED = 1536
_CLOSE_UP = 64
_CLOSE_UPS = {"labels": 0.75, "points": 0.75}


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


def fit(
    step: str,
    *,
    folder: Path,
    minutes: float,
    seed: int,
    device: str,
    start_from: Path | None = None,
    learning_rate: float = LEARNING_RATE,
    progress: Callable[[str], None] = print,
) -> tuple[UNet, int]:
    """The network of one step after ``minutes`` of training, and how many batches it has seen.

    Goes on from ``folder/<step>.checkpoint`` where there is one.

    start_from : weights of another step to begin with, as far as their shapes agree; of channels that it did not see,
        nothing is believed at first
    """
    torch.manual_seed(seed)
    checkpoint = folder / f"{step}.checkpoint"
    net = UNet(**ARCHITECTURE[step]).to(device)
    net.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    if start_from is not None:
        _borrow(net, start_from)
    mean = AveragedModel(net, avg_fn=_running_mean, use_buffers=True)
    optimizer = torch.optim.AdamW(net.parameters(), lr=learning_rate, weight_decay=1e-3)
    elapsed, iteration = 0.0, 0
    if checkpoint.exists():
        state = torch.load(checkpoint, map_location=device, weights_only=True)
        net.load_state_dict(state["net"])
        mean.load_state_dict(state["mean"])
        optimizer.load_state_dict(state["optimizer"])
        elapsed, iteration = state["elapsed_s"], state["iteration"]
    loss_of = loss_for(step)
    source = batches(step, seed + 1_000_003 * iteration)
    total_s, losses, said = 60 * minutes, [], 0.0
    net.train()
    while elapsed < total_s:
        began = time.monotonic()
        share = elapsed / total_s
        for group in optimizer.param_groups:
            group["lr"] = learning_rate * min(1, (iteration + 1) / 100) * (0.5 * (1 + math.cos(math.pi * share)) + 0.01)
        image, target = tensors(step, next(source), device)
        with torch.autocast(device.split(":")[0], torch.bfloat16, enabled=device.startswith("cuda")):
            logits = net(image)
        loss = loss_of(logits.float(), target)
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(net.parameters(), 5.0)
        optimizer.step()
        mean.update_parameters(net)
        losses.append(float(loss.detach()))
        iteration += 1
        elapsed += time.monotonic() - began
        if elapsed - said > 60 or elapsed >= total_s:
            progress(f"{step}: {elapsed / 60:.1f} min, {iteration} batches, loss {np.mean(losses[-200:]):.3f}")
            said = elapsed
            state = {"net": net.state_dict(), "mean": mean.state_dict(), "optimizer": optimizer.state_dict()}
            torch.save({**state, "elapsed_s": elapsed, "iteration": iteration}, checkpoint)
    return cast(UNet, mean.module.eval()), iteration


def _running_mean(mean, now, count):
    """Mean over about the last 500 steps, over all steps while there are fewer."""
    if not mean.is_floating_point():
        return now
    return mean + (now - mean) / (count + 1).clamp(max=500)


def tensors(step, samples, device):
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


def loss_for(step):
    """What a network of this step minimizes, a function of its answers and the targets."""
    return _points_loss if step == "points" else _LabelsLoss(3 if step == "peak" else 4)


class _LabelsLoss:
    """Dice and cross-entropy over all labels."""

    def __init__(self, labels: int) -> None:
        self.loss = DiceCELoss(to_onehot_y=True, softmax=True, include_background=False, batch=True)

    def __call__(self, logits, labels):
        return self.loss(logits, labels[:, None])


def _points_loss(logits, points_px):
    """Cross-entropy between each heat map and a Gaussian around the true point."""
    size = logits.shape[-1]
    axis = torch.arange(size, device=logits.device)
    present = torch.isfinite(points_px[:, 0, 0])
    place = torch.nan_to_num(points_px)[..., None]
    rows, columns = (torch.exp(-(((axis - place[:, :, i]) / HEAT_SD_PX) ** 2) / 2) for i in range(2))
    heat = (rows[..., :, None] * columns[..., None, :]).flatten(2)
    heat = heat / heat.sum(-1, keepdim=True).clamp_min(1e-6)
    loss = -(heat * torch.log_softmax(logits.flatten(2), dim=-1)).sum(-1).mean(1)
    return (loss * present).sum() / present.sum().clamp_min(1)


def _borrow(net, path):
    mine = net.state_dict()
    theirs = torch.load(path, map_location="cpu", weights_only=True)
    theirs = theirs.get("net", theirs)
    for name, value in theirs.items():
        wanted = mine[name].shape if name in mine else None
        if value.shape == wanted:
            mine[name] = value
        elif wanted and value.ndim == 4 and value.shape[:1] + value.shape[2:] == wanted[:1] + wanted[2:]:
            mine[name] = torch.zeros(wanted)
            mine[name][:, : value.shape[1]] = value
    net.load_state_dict(mine)
