"""The one architecture of all four steps: a small U-Net, plain enough to read."""

from itertools import pairwise

import torch
import torch.nn.functional as F  # noqa: N812
from torch import nn


class ConvBlock(nn.Sequential):
    """Two 3x3 convolutions with batch normalization."""

    def __init__(self, channels_in: int, channels_out: int) -> None:
        super().__init__(
            nn.Conv2d(channels_in, channels_out, 3, padding=1, bias=False),
            nn.BatchNorm2d(channels_out),
            nn.ReLU(inplace=True),
            nn.Conv2d(channels_out, channels_out, 3, padding=1, bias=False),
            nn.BatchNorm2d(channels_out),
            nn.ReLU(inplace=True),
        )


class UNet(nn.Module):
    """Images (B, channels_in, Y, X) to logits (B, channels_out, Y, X); Y and X multiples of ``2 ** (levels - 1)``.

    Parameters
    ----------
    channels_in, channels_out : int
    widths : sequence of int
        Channels at each level, finest first.

    Examples
    --------
    >>> UNet(channels_in=1, channels_out=4, widths=[4, 8])(torch.zeros(2, 1, 16, 16)).shape
    torch.Size([2, 4, 16, 16])
    """

    def __init__(self, *, channels_in: int, channels_out: int, widths: list[int]) -> None:
        super().__init__()
        inputs = [channels_in, *widths[:-1]]
        self.down = nn.ModuleList([ConvBlock(a, b) for a, b in zip(inputs, widths, strict=True)])
        self.up = nn.ModuleList([ConvBlock(a + b, a) for a, b in pairwise(widths)])
        self.head = nn.Conv2d(widths[0], channels_out, 1)

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        features = []
        for level, block in enumerate(self.down):
            image = block(F.max_pool2d(image, 2) if level else image)
            features.append(image)
        for block, skipped in zip(reversed(self.up), reversed(features[:-1]), strict=True):
            image = block(torch.cat([F.interpolate(image, scale_factor=2.0, mode="nearest"), skipped], dim=1))
        return self.head(image)
