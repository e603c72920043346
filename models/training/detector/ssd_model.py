"""The single-shot detector: a light network over default boxes of many sizes and shapes."""

import math
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional

from .ssd_boxes import LEVELS, Level, cell_boxes, cell_corners

STRIDE = 32
"""Height and width of the input are multiples of it: that of the coarsest feature map."""
VARIANCE = 0.25
"""Unit of the outputs for boxes: an edge moved by this share of the default box's size. Chosen: so
that outputs are of the order of one."""
RARE = 0.003
"""Score of every default box before training. Chosen: about the share of them that hold an object
(the prior of Lin et al. 2017, Focal loss)."""


class HeadOutputs(NamedTuple):
    """Outputs for every default box.

    Attributes
    ----------
    boxes : (B, N, 4) float32
        Left, top, right, bottom in pixels.
    logits : (B, N, classes)
        The sigmoid of it is the score.
    """

    boxes: Tensor
    logits: Tensor


class Conv(nn.Sequential):
    """Convolution, batch norm, activation."""

    def __init__(self, inputs: int, outputs: int, kernel: int = 3, stride: int = 1) -> None:
        super().__init__(
            nn.Conv2d(inputs, outputs, kernel, stride, kernel // 2, bias=False),
            nn.BatchNorm2d(outputs),
            nn.SiLU(inplace=True),
        )


class Stage(nn.Module):
    """Half the channels pass residual pairs of convolutions; every step joins the output."""

    def __init__(self, channels: int, pairs: int) -> None:
        super().__init__()
        half = channels // 2
        self.enter = Conv(channels, channels, 1)
        self.pairs = nn.ModuleList(
            nn.Sequential(Conv(half, half), Conv(half, half)) for _ in range(pairs)
        )
        self.leave = Conv(half * (2 + pairs), channels, 1)

    def forward(self, x: Tensor) -> Tensor:
        """Keep the shape (B, channels, H, W)."""
        parts = list(self.enter(x).chunk(2, dim=1))
        for pair in self.pairs:
            parts.append(parts[-1] + pair(parts[-1]))
        return self.leave(torch.cat(parts, dim=1))


class Backbone(nn.Module):
    """Feature maps at strides 8, 16 and 32."""

    channels = (64, 128, 160)

    def __init__(self) -> None:
        super().__init__()
        fine, middle, coarse = self.channels
        self.stem = nn.Sequential(Conv(1, 16, stride=2), Conv(16, 32, stride=2), Stage(32, 1))
        self.fine = nn.Sequential(Conv(32, fine, stride=2), Stage(fine, 2))
        self.middle = nn.Sequential(Conv(fine, middle, stride=2), Stage(middle, 2))
        self.coarse = nn.Sequential(Conv(middle, coarse, stride=2), Stage(coarse, 2))

    def forward(self, images: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Compute them for (B, 1, H, W)."""
        fine = self.fine(self.stem(images))
        middle = self.middle(fine)
        return fine, middle, self.coarse(middle)


class Head(nn.Module):
    """Boxes and class scores from the default boxes of one level."""

    def __init__(self, channels: int, level: Level, classes: int) -> None:
        super().__init__()
        self.level, self.classes = level, classes
        boxes = cell_boxes(level)
        spread = VARIANCE * (boxes[:, 2:] - boxes[:, :2]).repeat(1, 2)
        self.register_buffer("boxes", boxes.view(1, -1, 1, 1), persistent=False)
        self.register_buffer("spread", spread.view(1, -1, 1, 1), persistent=False)
        self.where = Conv(channels, channels)
        self.what = Conv(channels, channels)
        self.deltas = nn.Conv2d(channels, len(boxes) * 4, 1)
        self.logits = nn.Conv2d(channels, len(boxes) * classes, 1)
        rare = math.log(RARE / (1 - RARE))
        for layer, bias in ((self.deltas, 0.0), (self.logits, rare)):
            nn.init.normal_(layer.weight, std=0.01)
            layer.bias = nn.Parameter(torch.full((layer.out_channels,), bias))

    def forward(self, x: Tensor) -> HeadOutputs:
        """Outputs for a feature map (B, channels, rows, columns)."""
        pictures = x.shape[0]
        within = self.deltas(self.where(x)) * self.get_buffer("spread") + self.get_buffer("boxes")
        logits = self.logits(self.what(x)).permute(0, 2, 3, 1)
        boxes = within.permute(0, 2, 3, 1).reshape(pictures, -1, self.level.boxes_per_cell, 4)
        boxes = boxes.float() + cell_corners(x, self.level.stride)
        return HeadOutputs(
            boxes.reshape(pictures, -1, 4), logits.reshape(pictures, -1, self.classes)
        )


class SsdModel(nn.Module):
    """Single-shot multibox detector (Liu et al. 2016) for pictures of one channel."""

    def __init__(self, classes: int) -> None:
        super().__init__()
        width = 64
        self.backbone = Backbone()
        self.lateral = nn.ModuleList(Conv(c, width, 1) for c in Backbone.channels)
        self.smooth = nn.ModuleList(Conv(width, width) for _ in LEVELS[:-1])
        self.heads = nn.ModuleList(Head(width, level, classes) for level in LEVELS)

    def forward(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """Find objects in (B, 1, H, W) float32 from 0 to 1, H and W multiples of 32.

        Returns
        -------
        boxes : (B, N, 4)
            Left, top, right, bottom in pixels; 0 is the left (top) edge of the picture.
        scores : (B, N, classes)
            From 0 to 1.
        """
        boxes, logits = self.answers(images)
        return boxes, logits.sigmoid()

    def answers(self, images: Tensor) -> HeadOutputs:
        """Outputs for every default box, scores as logits."""
        maps = self._pyramid(images)
        said = [head(x) for head, x in zip(self.heads, maps, strict=True)]
        return HeadOutputs(
            torch.cat([one.boxes for one in said], dim=1),
            torch.cat([one.logits for one in said], dim=1),
        )

    def _pyramid(self, images: Tensor) -> list[Tensor]:
        """Feature maps of all levels; the finer ones get what the coarser ones have."""
        maps = [join(x) for join, x in zip(self.lateral, self.backbone(images), strict=True)]
        for index in range(len(maps) - 2, -1, -1):
            above = functional.interpolate(maps[index + 1], scale_factor=2.0, mode="nearest")
            maps[index] = self.smooth[index](maps[index] + above)
        return maps
