"""What the networks minimize in training."""

from collections.abc import Callable

import torch
from monai.losses import DiceCELoss

HEAT_SD_PX = 2.0
"""Standard deviation of the Gaussian that a heat map is trained to be, pixels; chosen."""


def make_loss(step: str) -> Callable[[torch.Tensor, torch.Tensor], torch.Tensor]:
    """What a network of this step minimizes, a function of its answers and the targets."""
    if step == "points":
        return compute_points_loss
    overlap = DiceCELoss(to_onehot_y=True, softmax=True, include_background=False, batch=True)
    return lambda logits, labels: overlap(logits, labels[:, None])


def compute_points_loss(logits: torch.Tensor, points_px: torch.Tensor) -> torch.Tensor:
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
