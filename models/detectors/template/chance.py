"""What a template correlates with by chance, measured where its object is not."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.special import ndtri

from ...arrays import FloatImage

_CHANCE = 0.05
"""Share of searches in which chance exceeds its level: the usual significance."""

_MAXIMA = 0.69
"""Maxima above a level of a Gaussian random field, for each area over which it correlates by more
than half, and for each time that chance exceeds the level in one of its points, over the square of
the level in standard deviations: ``ln 4 / 2`` (Adler 1981, The Geometry of Random Fields, 6.9)."""

_ASSUMED = 4.0
"""Independent places that the expected spread counts as, beside those that are measured. Chosen:
where the object fills the image there are none, and of a few the spread is known to a third."""


_CONTRAST_SIGMAS = 3.0
"""Errors of a variance by which it must exceed that of noise. Chosen: one patch of noise in 700
does."""

_NOISE_ERROR = 0.06
"""Relative error of the variance of noise, which is measured in some 2000 to 4000 pixels."""


@dataclass(frozen=True, slots=True)
class Chance:
    """How Fisher's z scatters where the object is not.

    Attributes
    ----------
    squares : float
        Sum over independent places.
    places : float
        How many they are.
    """

    squares: float
    places: float

    @classmethod
    def expected(cls, variance: float) -> Chance:
        """Of something else with the same texture, before anything is measured."""
        return cls(_ASSUMED * variance, _ASSUMED)

    def measured(self, z: FloatImage, at: tuple[int, int], reach: int, lobe_px: float) -> Chance:
        """Take in the z of a search, further than ``reach`` from the object ``at`` row, column."""
        row, column = at
        away = np.ones(z.shape, np.bool_)
        rows, columns = (slice(max(0, v - reach), v + reach + 1) for v in (row, column))
        away[rows, columns] = False
        values = z[away].astype(np.float64)
        squares, places = float(values @ values), values.size
        return Chance(self.squares + squares / lobe_px, self.places + places / lobe_px)

    @property
    def spread(self) -> float:
        """Standard deviation of z."""
        return (self.squares / self.places) ** 0.5

    def level(self, places: float, is_expected: bool) -> float:
        """Z that is exceeded somewhere among so many independent places once in 20 searches.

        Where the object ``is_expected``, each place counts once; else as often as noise has maxima.
        """
        maxima = max(places, 1.0)
        if not is_expected:
            maxima *= max(1.0, _MAXIMA * float(ndtri(_CHANCE / maxima)) ** 2)
        return -self.spread * float(ndtri(_CHANCE / maxima))

    def score(self, z: float, places: float, is_expected: bool) -> float:
        """Share of z that is more than chance reaches in a search: 0 to 1."""
        return max(0.0, 1 - self.level(places, is_expected) / z) if z > 0 else 0.0


def contrast_score(contrast: float, noise: float, pixels: int) -> float:
    """Share of the contrast of so many pixels that is more than noise has by chance: 0 to 1.

    Parameters
    ----------
    contrast, noise : float
        Standard deviations of grey values.
    pixels : int
    """
    excess = (contrast / noise) ** 2 - 1
    error = (2 / pixels + _NOISE_ERROR**2) ** 0.5
    return max(0.0, 1 - _CONTRAST_SIGMAS * error / excess) if excess > 0 else 0.0
