"""Default boxes of our single-shot detector: their sizes, their shapes, and where they lie."""

import math
from typing import NamedTuple

import torch
from torch import Tensor


class Shape(NamedTuple):
    """Default boxes of one size (root of the area) and width over height in every cell.

    ``across`` × ``down`` of them share a cell evenly, so that what is smaller than a cell still
    has one close by.
    """

    size_px: float
    ratio: float
    across: int = 1
    down: int = 1


class Level(NamedTuple):
    """A feature map: the pitch of its cells and the default boxes in each."""

    stride: int
    shapes: tuple[Shape, ...]

    @property
    def boxes_per_cell(self) -> int:
        """How many default boxes a cell has."""
        return sum(shape.across * shape.down for shape in self.shapes)


def _oblong(size_px: float) -> tuple[Shape, Shape]:
    return Shape(size_px, 2.4), Shape(size_px, 1 / 2.4)


_FINE = (
    Shape(6.5, 1, 3, 3),
    Shape(10, 1, 2, 2),
    Shape(11, 2.2, 1, 2),
    Shape(11, 1 / 2.2, 2, 1),
    Shape(16, 1, 2, 2),
    *_oblong(19),
    Shape(25, 1),
    *_oblong(30),
)
_COARSE = (*_oblong(72), Shape(85, 1), *_oblong(112), Shape(128, 1), *_oblong(170), Shape(190, 1))
LEVELS = (
    Level(8, _FINE),
    Level(16, (Shape(38, 1), *_oblong(46), Shape(57, 1))),
    Level(32, _COARSE),
)
"""Chosen so that every object of 6 to 200 px with sides up to 3 to 1 overlaps one by more than 0.4,
which a test checks; strides are those of the network."""


def cell_boxes(level: Level) -> Tensor:
    """Default boxes of a cell, (A, 4): left, top, right, bottom from its top left corner."""
    rows = []
    for shape in level.shapes:
        half_width = shape.size_px * math.sqrt(shape.ratio) / 2
        half_height = shape.size_px / math.sqrt(shape.ratio) / 2
        for j in range(shape.down):
            for i in range(shape.across):
                x = (i + 0.5) / shape.across * level.stride
                y = (j + 0.5) / shape.down * level.stride
                rows.append((x - half_width, y - half_height, x + half_width, y + half_height))
    return torch.tensor(rows)


def cell_corners(like: Tensor, stride: int) -> Tensor:
    """Top left corner (x, y, x, y) of every cell of a feature map, (cells, 1, 4) in pixels."""
    height, width = like.shape[2], like.shape[3]
    y = torch.arange(height, device=like.device, dtype=torch.float32) * stride
    x = torch.arange(width, device=like.device, dtype=torch.float32) * stride
    grid = torch.stack([x.expand(height, width), y[:, None].expand(height, width)], dim=-1)
    return grid.reshape(-1, 1, 2).repeat(1, 1, 2)
