"""What stands out from its surroundings in an image: at a place, and all in all."""

import cv2
import numpy as np
from numpy.typing import NDArray

from ...arrays import Bools, FloatImage, Floats
from ...images import QUANTISATION, camera_noise, noise_of
from .outline import Outline, is_small

_TIMES_USUAL, _OF_OUTLINED = 3.0, 1.6
"""Variance over the median of as large squares from which a place stands out, and an outline is one
of an object. Chosen: backgrounds of recorded movies reach 2.4, and within outlines mostly 1.5;
objects of theirs mostly have 2 and more."""

_CONTRAST = 5.0
"""Of an outline, from which it is one of an object however large that is. Chosen: nuclei that fill
much of a field have 7 and more, outlines of background mostly 4 at most."""

_TIMES_NOISE = 2.5
"""Standard deviation over the noise of a pixel from which texture is an object, though all the
image is as textured. Chosen: collagen around cells mostly has 2."""

_OF_STRONG = 0.5
"""Variance over the median of all that stand out, from which a place is told. Chosen: what is
faintest of all was hardly meant."""


def recorded(image: NDArray) -> tuple[slice, slice]:
    """Rows and columns of an image without margins of one grey value, as beyond a movie's border.

    The outermost pixels within such a margin are left out too: they may be interpolated with it.
    Empty if all of it has one value.
    """
    return _within(np.ptp(image, axis=1) > 0), _within(np.ptp(image, axis=0) > 0)


def _within(varies: Bools) -> slice:
    if not varies.any():
        return slice(0, 0)
    first, beyond = int(varies.argmax()), len(varies) - int(varies[::-1].argmax())
    return slice(first + (first > 0), beyond - (beyond < len(varies)))


def noise_at_all_scales(image: FloatImage) -> float:
    """Noise of a pixel, also where it was smoothed, as by an interpolation between pixels."""
    if is_small(image):
        return camera_noise(image)
    height, width = (max(size // 2, 1) for size in image.shape)
    part = np.ascontiguousarray(image[: 2 * height, : 2 * width])
    half = cv2.resize(part, (width, height), interpolation=cv2.INTER_AREA)
    return max(camera_noise(image), 2 * camera_noise(np.asarray(half, np.float32)))


def believed(image: FloatImage, at: tuple[float, float], outline: Outline | None) -> bool:
    """Whether an outline is sharp, or what is in it varies more than most squares of its size.

    If the image is too small to tell, it is believed.
    """
    if outline is None or is_small(image):
        return outline is not None
    return outline.contrast > _CONTRAST or _times_usual(image, at, outline.diameter) > _OF_OUTLINED


def stands_out(image: FloatImage, at: tuple[float, float], diameter: float, noise: float) -> bool:
    """Whether a square varies more than most do, or far more than noise.

    If the image is too small to tell, it does.

    Parameters
    ----------
    image : (H, W) float32
        With a level near zero, for the sake of rounding.
    at : tuple of float
        x and y in pixels.
    diameter : float
        Edge of the square.
    noise : float
        Of a pixel, in grey values.
    """
    if is_small(image):
        return True
    half, (column, row) = int(diameter / 2), (round(value) for value in at)
    rows, columns = (slice(max(v - half, 0), v + half + 1) for v in (row, column))
    patch = image[rows, columns]
    spread = noise_of(patch - np.median(patch))
    return spread > _TIMES_NOISE * noise or _times_usual(image, at, diameter) > _TIMES_USUAL


def _times_usual(image: FloatImage, at: tuple[float, float], diameter: float) -> float:
    """Variance of a square over the median of all as large ones."""
    variances, (column, row) = _variances(image, diameter), (round(value) for value in at)
    return float(variances[row, column]) / _usual(variances)


def places_that_stand_out(image: FloatImage, diameter: float, noise: float) -> Floats:
    """Places, (N, 2), x and y, that stand out; parameters as of `stands_out`."""
    variances = _variances(image, diameter)
    least = max(_TIMES_USUAL * _usual(variances), (_TIMES_NOISE * noise) ** 2)
    smooth = cv2.GaussianBlur(variances, (0, 0), max(diameter / 4, 1.0))
    around = np.ones((2 * int(diameter / 2) + 1,) * 2, np.uint8)
    is_top: Bools = (smooth >= cv2.dilate(smooth, around)) & (variances > least)
    rows, columns = np.nonzero(is_top)
    heights = smooth[rows, columns]
    if not len(heights):
        return np.empty((0, 2))
    strong = heights > _OF_STRONG * np.median(heights)
    return np.column_stack([columns, rows])[strong].astype(np.float64)


def _variances(image: FloatImage, diameter: float) -> FloatImage:
    """Variance of the square around every pixel."""
    size, border = (2 * int(diameter / 2) + 1,) * 2, cv2.BORDER_REFLECT
    means = np.asarray(cv2.boxFilter(image, cv2.CV_32F, size, borderType=border), np.float32)
    squares = np.asarray(cv2.sqrBoxFilter(image, cv2.CV_32F, size, borderType=border), np.float32)
    return squares - means**2


def _usual(variances: FloatImage) -> float:
    return max(float(np.median(variances)), QUANTISATION**2)
