"""The own image of an object: a running mean of what was seen around it, found again in a frame."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from ....drivers.messages import Image
from ....models.arrays import Floats
from ....models.detectors.template import peak_shift
from ....models.images import QUANTISATION

_WORKING_SIZE = 12
"""Blocks of an object's size from which on an image is averaged in blocks. Chosen on movies made of
stills other than those of the bench: 18 were as good, 8 worse."""
_SPAN = 1.25
"""Edge of the own image in sizes. Chosen likewise: with an eighth of a size around an object its
outline is a feature; 1 was as good, 1.5 took in neighbours."""
_STEEPNESS = 15.0
"""Negative log likelihood of a correlation of 0 against one of 1. Chosen likewise, 8 to 30 were as
good: that of independent pixels would be larger, but objects change."""
_LEAST_REACH = 4
"""Blocks in every direction that are searched at least. Chosen: a peak needs surroundings."""

FloatImage = NDArray[np.float32]


@dataclass(frozen=True, slots=True, eq=False)
class _Blocks:
    """A square part of an image, averaged in blocks; beyond the border its edge is repeated."""

    values: FloatImage
    corner_px: Floats
    factor: int

    @classmethod
    def around(cls, image: Image, at_px: Floats, reach: int, factor: int) -> _Blocks | None:
        """``2 reach + 1`` blocks in a square around a pixel; None if that is outside the image."""
        if not np.isfinite(at_px).all():
            return None
        side = (2 * reach + 1) * factor
        left, top = (round(value - (side - 1) / 2) for value in at_px.tolist())
        height, width = image.shape
        low = max(left, 0), max(top, 0)
        part = image[low[1] : max(top + side, 0), low[0] : max(left + side, 0)]
        if not part.size:
            return None
        after = max(top + side - height, 0), max(left + side - width, 0)
        borders = (low[1] - top, after[0], low[0] - left, after[1])
        padded: Any = cv2.copyMakeBorder(part, *borders, cv2.BORDER_REPLICATE)
        blocks = cv2.resize(
            padded.astype(np.float32),
            None,
            fx=1 / factor,
            fy=1 / factor,
            interpolation=cv2.INTER_AREA,
        )
        return cls(blocks, np.array([left, top], np.float64), factor)

    def inside(self, at_px: Floats) -> Floats:
        """From a place (x, y) in the image to blocks."""
        return (at_px - self.corner_px + 0.5) / self.factor - 0.5

    def outside(self, at: Floats) -> Floats:
        """From blocks to a place in the image."""
        return (at + 0.5) * self.factor - 0.5 + self.corner_px


class OwnImage:
    """How one object has looked: level and contrast do not count.

    Parameters
    ----------
    image : (H, W)
    at_px : (2,)
        x and y of the object.
    size_px : float
        Its size.
    """

    def __init__(self, image: Image, at_px: Floats, size_px: float) -> None:
        self.size_px = size_px
        self._factor = max(1, int(size_px / _WORKING_SIZE))
        self._reach = max(2, round(_SPAN * size_px / self._factor / 2))
        blocks = _Blocks.around(image, at_px, self._reach + 1, self._factor)
        self._pixels = None if blocks is None else self._cut(blocks, at_px)
        self._searched: _Blocks | None = None

    def find(self, image: Image, at_px: Floats, sigma_px: float) -> tuple[Floats, float] | None:
        """Where it is most likely, and how well it correlates there, -1 to 1.

        Expected at a place (2,) with a standard deviation along one axis, and searched for within
        three of them: the squared distance and the correlation are weighed as likelihoods. None if
        it is likeliest at the edge of that, or there is nothing to compare.
        """
        self._searched = None
        if self._pixels is None:
            return None
        reach = max(math.ceil(3 * sigma_px / self._factor), _LEAST_REACH)
        area = _Blocks.around(image, at_px, self._reach + reach, self._factor)
        if area is None:
            return None
        self._searched = area
        correlation = _correlate(area.values, self._pixels)
        expected = area.inside(at_px) - self._reach
        steps = np.arange(2 * reach + 1)
        squares = (steps - expected[0]) ** 2 + (steps[:, None] - expected[1]) ** 2
        costs = squares * (self._factor / sigma_px) ** 2 / 2 - _STEEPNESS * correlation
        row, column = (int(i) for i in np.unravel_index(costs.argmin(), costs.shape))
        if not (0 < row < 2 * reach and 0 < column < 2 * reach):
            return None
        place = np.array([column, row]) + peak_shift(correlation, (row, column)) + self._reach
        return area.outside(place), float(correlation[row, column])

    def correlation_at(self, image: Image, at_px: Floats) -> float:
        """Greatest correlation within two blocks of a place, (2,); -1 outside the image."""
        area = _Blocks.around(image, at_px, self._reach + 2, self._factor)
        if area is None or self._pixels is None:
            return -1.0
        return float(_correlate(area.values, self._pixels).max())

    def learn(self, image: Image, at_px: Floats, share: float) -> None:
        """Take in what is seen at a place, (2,), in the image that was searched last."""
        blocks = self._searched
        if blocks is None or not self._holds(blocks, at_px):
            blocks = _Blocks.around(image, at_px, self._reach + 1, self._factor)
        seen = None if blocks is None else self._cut(blocks, at_px)
        if seen is None:
            return
        mean = seen if self._pixels is None else (1 - share) * self._pixels + share * seen
        self._pixels = _normalised(mean)

    def _holds(self, blocks: _Blocks, at_px: Floats) -> bool:
        at = blocks.inside(at_px)
        return bool((at >= self._reach).all() and (at < len(blocks.values) - self._reach - 1).all())

    def _cut(self, blocks: _Blocks, at_px: Floats) -> FloatImage | None:
        side = 2 * self._reach + 1
        x, y = blocks.inside(at_px).tolist()
        pixels = cv2.getRectSubPix(blocks.values, (side, side), (x, y))
        return _normalised(pixels) if pixels.std() > QUANTISATION else None


def _correlate(area: FloatImage, pixels: FloatImage) -> FloatImage:
    """Pearson's correlation at each place at which the pixels are wholly inside; 0 on flat ones."""
    correlation: Any = cv2.matchTemplate(area - area.mean(), pixels, cv2.TM_CCOEFF_NORMED)
    return correlation


def _normalised(pixels: Any) -> FloatImage | None:
    """Zero mean and unit norm; None if all are the same."""
    pixels = pixels - pixels.mean()
    norm = float(np.linalg.norm(pixels))
    return (pixels / norm).astype(np.float32) if norm > 0 else None
