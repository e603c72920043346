"""What a template correlates with by chance, measured where its object is not."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from scipy.special import ndtri

from ...arrays import FloatImage
from ...images import QUANTISATION

_CHANCE = 0.02
"""Share of searches in which chance exceeds its level. Chosen: with the usual 0.05, what has gone
is still found in one of 40 images."""

_MAXIMA = 0.69
"""Maxima above a level of a Gaussian random field, for each area over which it correlates by more
than half, and for each time that chance exceeds the level in one of its points, over the square of
the level in standard deviations: ``ln 4 / 2`` (Adler 1981, The Geometry of Random Fields, 6.9)."""

_ASSUMED = 4.0
"""Independent places that the expected spread counts as, beside those that are measured. Chosen:
where the object fills the image there are none, and of a few the spread is known to a third."""

_LAG = 2
"""Pixels beyond which noise does not correlate with itself: those between which images are
interpolated, and of a camera, share no more than one."""

_USUAL = 0.25
"""Quantile of variances that is taken for that of the background. Chosen: as of noise elsewhere,
the quartile is hardly misled by objects."""

_CONTRAST_SIGMAS, _CORRELATED = 3.0, 1.5
"""Errors of a correlation by which it must exceed 0, and how much larger they are where neighbours
correlate by a half. Chosen: one patch of white noise in 700 exceeds the first; the second by
Bartlett's formula."""


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

    def level(self, places: float) -> float:
        """Z that is exceeded somewhere among so many independent places once in 50 searches."""
        maxima = max(places, 1.0)
        maxima *= max(1.0, _MAXIMA * float(ndtri(_CHANCE / maxima)) ** 2)
        return -self.spread * float(ndtri(_CHANCE / maxima))

    def score(self, z: float, places: float) -> float:
        """Share of z that is more than chance reaches in a search: 0 to 1."""
        return max(0.0, 1 - self.level(places) / z) if z > 0 else 0.0


def contrast_score(image: FloatImage, at: tuple[float, float], reach: int) -> float:
    """How much more contrast there is around a place than noise has by chance: 0 to 1.

    Either it varies more than most of the image does over as many pixels, or, where texture fills
    the image, it correlates with itself two pixels on.

    Parameters
    ----------
    image : (H, W) float32
        With a level near zero, for the sake of rounding.
    at : tuple of float
        x and y in pixels.
    reach : int
        How far around it.
    """
    x, y = (round(value) for value in at)
    patch = image[max(0, y - reach) : y + reach + 1, max(0, x - reach) : x + reach + 1]
    variance = float(patch.var()) if patch.size else 0.0
    if variance <= QUANTISATION**2:
        return 0.0
    size, border = (2 * reach + 1, 2 * reach + 1), cv2.BORDER_REFLECT
    variances = cv2.sqrBoxFilter(image, cv2.CV_32F, size, borderType=border)
    variances -= cv2.boxFilter(image, cv2.CV_32F, size, borderType=border) ** 2
    usual = max(float(np.quantile(variances, _USUAL)), QUANTISATION**2)
    error = _CORRELATED * (2 / patch.size) ** 0.5
    more = 1 - _CONTRAST_SIGMAS * error / max(variance / usual - 1, _CONTRAST_SIGMAS * error)
    return max(more, _texture_score(patch, variance))


def _texture_score(patch: FloatImage, variance: float) -> float:
    """How much more a patch correlates with itself two pixels on than noise does."""
    if min(patch.shape) <= _LAG:
        return 0.0
    away = patch - patch.mean()
    across, down = away[:, :-_LAG] * away[:, _LAG:], away[:-_LAG] * away[_LAG:]
    correlation = float(across.mean() + down.mean()) / (2 * variance)
    error = _CORRELATED / (2 * patch.size) ** 0.5
    return 1 - _CONTRAST_SIGMAS * error / max(correlation, _CONTRAST_SIGMAS * error)
