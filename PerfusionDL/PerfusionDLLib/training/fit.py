"""Training of one network: samples drawn as they are needed, a running mean of the weights as the result."""

import math
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, cast

import numpy as np
import torch
from torch.optim.swa_utils import AveragedModel

from ..networks.unet import UNet
from .batches import batches, make_tensors
from .losses import make_loss

ARCHITECTURE: dict[str, dict[str, Any]] = {
    "peak": {"channels_in": 32, "channels_out": 3, "widths": [24, 32, 64, 96]},
    "box": {"channels_in": 1, "channels_out": 4, "widths": [16, 32, 64, 96, 128]},
    "labels": {"channels_in": 3, "channels_out": 4, "widths": [16, 32, 64, 128, 192]},
    "points": {"channels_in": 3, "channels_out": 2, "widths": [16, 32, 64, 128, 192]},
}
LEARNING_RATE, FURTHER_LEARNING_RATE = 2e-3, 5e-4
"""Largest step of a training from the start, and of one that goes on from trained weights; chosen."""


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
    loss_of = make_loss(step)
    source = batches(step, seed + 1_000_003 * iteration)
    total_s, losses, said = 60 * minutes, [], 0.0
    net.train()
    while elapsed < total_s:
        began = time.monotonic()
        share = elapsed / total_s
        for group in optimizer.param_groups:
            group["lr"] = learning_rate * min(1, (iteration + 1) / 100) * (0.5 * (1 + math.cos(math.pi * share)) + 0.01)
        image, target = make_tensors(step, next(source), device)
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
