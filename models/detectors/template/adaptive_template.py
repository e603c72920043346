"""Template of a followed object: its first appearance and a running mean of later ones."""

import cv2
import numpy as np
from numpy.typing import NDArray

from ...arrays import FloatImage
from ...images import QUANTISATION
from .correlation import correlate

_FIRST_SHARE = 0.5
"""Of the first appearance in the template. Chosen: alone it is soon outdated, without it the
template drifts off."""


class AdaptiveTemplate:
    """A square template that learns, and is held back from drifting off its object.

    Half of it is the first appearance for ever: the mean of later ones alone would take up every
    small error of a position, and drift off (Matthews, Ishikawa and Baker 2004, IEEE Trans
    Pattern Anal Mach Intell 26:810). Level and contrast do not count.

    Parameters
    ----------
    image : (H, W) float32
    at : tuple of float
        x and y of the object.
    reach : int
        The template spans ``2 * reach + 1`` pixels. Beyond the border the image's edge is
        repeated.
    """

    def __init__(self, image: FloatImage, at: tuple[float, float], reach: int) -> None:
        self._reach = reach
        self._first = self._mean = self._cut_out(image, at)
        self.pixels = self._first
        correlation, visible = correlate(np.pad(self._first, reach), self._first)
        self.lobe_px = max(1, int(np.count_nonzero((correlation > 0.5) & (visible > 0))))
        """Area over which the template correlates with itself: of one independent place."""

    @property
    def is_flat(self) -> bool:
        """Whether all its pixels are the same."""
        return not self.pixels.any()

    def learn(self, image: FloatImage, at: tuple[float, float], rate: float) -> None:
        """Blend in what is seen at a sub-pixel place, shifted to the middle of the template."""
        seen = self._cut_out(image, at)
        self._mean = _normalised((1 - rate) * self._mean + rate * seen)
        self.pixels = _normalised(_FIRST_SHARE * self._first + (1 - _FIRST_SHARE) * self._mean)

    def _cut_out(self, image: FloatImage, at: tuple[float, float]) -> FloatImage:
        offsets = np.arange(-self._reach, self._reach + 1, dtype=np.float32)
        x, y = np.meshgrid(offsets + np.float32(at[0]), offsets + np.float32(at[1]))
        seen = cv2.remap(image, x, y, cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE)
        return _normalised(seen) if seen.std() > QUANTISATION else np.zeros_like(x)


def _normalised(pixels: NDArray) -> FloatImage:
    """Zero mean and unit norm."""
    pixels = pixels - pixels.mean()
    return np.divide(pixels, np.linalg.norm(pixels), dtype=np.float32)
