"""Where a template is in a part of an image, and how sure that is."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ...arrays import FloatImage
from ..window import Window
from .binned_crop import BinnedCrop
from .chance import Chance
from .correlation import correlate, peak_shift, significance

EDGE_PENALTY = 0.25
"""Taken off a correlation at the edge of a window, against its middle. Chosen: enough to
prefer the middle of two alike, too little to prefer background."""

Place = tuple[int, int]
"""Row and column of a pixel."""


@dataclass(frozen=True, slots=True)
class Peak:
    """Place of a template.

    Attributes
    ----------
    at : tuple of float
        x and y in blocks.
    z : float
        Fisher's z of the correlation there.
    visible : float
        Share of the template's variance inside the image.
    chance : Chance
        How z scatters where the object is not.
    places : float
        Independent ones that were searched.
    """

    at: tuple[float, float]
    z: float
    visible: float
    chance: Chance
    places: float


@dataclass(frozen=True, slots=True)
class Search:
    """A part of an image, correlated with a template.

    Attributes
    ----------
    area : BinnedCrop
    correlation, visible, z : (H, W) float32
        Pearson's, the share of the template inside the image, and Fisher's z.
    reach, lobe_px : int
        Of the template, and the area of an independent place.
    """

    area: BinnedCrop
    correlation: FloatImage
    visible: FloatImage
    z: FloatImage
    reach: int
    lobe_px: int

    @classmethod
    def of(cls, area: BinnedCrop, pixels: FloatImage, lobe_px: int) -> Search:
        """Correlate; ``pixels`` is the template, (2 K + 1, 2 K + 1)."""
        correlation, visible = correlate(area.work, pixels)
        z = significance(correlation, visible)
        return cls(area, correlation, visible, z, len(pixels) // 2, lobe_px)

    def highest(self, window: Window | None, chance: Chance) -> Peak:
        """Find the highest place, of two alike in a window the one nearer to its middle."""
        if window is None:
            return self._peak(_highest(self.z), self.z.size, chance)
        distance = _distance(self.area, window, self.z.shape)
        inside = distance <= 1
        place = _highest(np.where(inside, np.tanh(self.z) - EDGE_PENALTY * distance**2, -2))
        return self._peak(_climb(self.z, place), int(np.count_nonzero(inside)), chance)

    def at(self, at: tuple[float, float], chance: Chance) -> Peak:
        """Take the place next to x and y in blocks, where the object is known to be."""
        row, column = (
            min(max(round(value), 0), size - 1)
            for value, size in zip(at[::-1], self.z.shape, strict=True)
        )
        return self._peak((row, column), self.z.size, chance)

    def _peak(self, place: Place, searched: int, chance: Chance) -> Peak:
        shift_x, shift_y = peak_shift(self.correlation, place)
        return Peak(
            (place[1] + shift_x, place[0] + shift_y),
            float(self.z[place]),
            float(self.visible[place]),
            chance.measured(self.z, place, self.reach, self.lobe_px),
            searched / self.lobe_px,
        )


def _distance(area: BinnedCrop, window: Window, shape: tuple[int, ...]) -> FloatImage:
    """How far each place is from the middle of a window, in halves of its edge."""
    x, y = area.inside(window.centre_px)
    half = max(window.half_px / area.factor, 1.0)
    columns, rows = np.arange(shape[1]) - x, np.arange(shape[0]) - y
    return np.maximum(np.abs(columns), np.abs(rows)[:, None]).astype(np.float32) / half


def _highest(values: FloatImage) -> Place:
    row, column = np.unravel_index(values.argmax(), values.shape)
    return int(row), int(column)


def _climb(values: FloatImage, place: Place) -> Place:
    """Highest place next to one, from there on to the top."""
    while True:
        low_row, low_column = max(place[0] - 1, 0), max(place[1] - 1, 0)
        around = values[low_row : place[0] + 2, low_column : place[1] + 2]
        row, column = _highest(around)
        if values[place] >= around[row, column]:
            return place
        place = (low_row + row, low_column + column)
