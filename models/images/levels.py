"""Contrast levels: the grey values that a network gets as black and white, smoothed over time."""

from typing import NamedTuple

import cv2
import numpy as np

from ..arrays import Bools, FloatImage, Image
from .preprocessing import camera_noise

LOW_PERCENTILE, HIGH_PERCENTILE = 0.5, 99.8
"""Grey values that become black and white. Chosen: what is rarer is hot pixels and dirt; a spot
of a few pixels still counts."""

LEAST_SPAN_SIGMAS = 12.0
"""Least span of the levels. Noise alone spans some 5.5 sigmas between the percentiles, so that it
is not stretched to more than half of the range."""

MOST_SAMPLES = 40_000
"""Pixels that are sorted, at most: the high level rests on the 80 brightest of them, known to some
11 %; sorting takes less than a millisecond."""

SHARE_OF_NEW = 0.2
"""Of a new image's levels in the smoothed ones. Chosen: slow against flicker, fast against
bleaching."""

JUMP = 0.25
"""Of the span: a level that differs by more is taken over at once. Chosen: lamps and shutters
change more, objects that come and go less."""


GLOW_SHARE = 0.8
"""Of the brightest values, that next to something saturated are its glow. Chosen."""

LEAST_LEFT_SIGMAS = 2 * LEAST_SPAN_SIGMAS
"""Span of what is left, in sigmas of the camera's noise, from which it is more than background;
else what saturates is taken for the objects, as where cells do. Chosen: twice what an image
without objects spans at most. Movies of saturated nuclei (of BBBC039) leave 7 to 11, dim T cells
beside a time stamp 36."""

LEAST_WITHIN = 0.25
"""Least share of the values within the range: with fewer, all count. Chosen."""

_NEIGHBOURS = np.ones((5, 5), np.uint8)


class Levels(NamedTuple):
    """How grey values are shown.

    Attributes
    ----------
    low, high : float
        Grey values that become 0 and 1.
    middle : float
        What the median becomes, for what lies beyond the border of the image.
    """

    low: float
    high: float
    middle: float


def levels_of(image: Image) -> Levels:
    """Grey values to show as black and as white.

    Percentiles of a grid of pixels, at least 12 sigmas of the camera's noise apart, so that an
    image without contrast stays without. What is cut off at either end of the range does not
    count where it is more than the percentiles leave out: the border of a registered movie, hot
    and dead pixels, a burnt-in time or scale bar, and debris that saturates with its glow, if
    something else stands out.
    """
    step = int(np.ceil((image.size / MOST_SAMPLES) ** 0.5))
    sample = image[::step, ::step]
    values = np.sort(sample, axis=None)
    middle = float(values[(values.size - 1) // 2])
    noise = _noise(image)
    low, high = _percentiles(values)
    if low == values[0] or high == values[-1]:
        within = np.sort(sample[_within_range(sample, low, high)])
        if within.size > LEAST_WITHIN * values.size:
            low, below = _percentiles(within)
            stands_out = below - low > LEAST_LEFT_SIGMAS * noise
            high = below if stands_out else high
    high = max(high, low + LEAST_SPAN_SIGMAS * noise)
    return Levels(low, high, float(np.clip((middle - low) / (high - low), 0, 1)))


def stretched(image: Image, levels: Levels, out: FloatImage | None = None) -> FloatImage:
    """Map grey values between levels to 0 to 1, cut off beyond, if wanted into ``out``."""
    out = np.subtract(image, np.float32(levels.low), out=out, dtype=np.float32)
    np.multiply(out, np.float32(1 / (levels.high - levels.low)), out=out)
    np.maximum(out, 0, out=out)
    return np.minimum(out, 1, out=out)


def is_uniform(image: Image) -> bool:
    """Say whether all pixels are the same: black, saturated, or no light at all."""
    first = image[0, 0]
    return bool((image[::16, ::16] == first).all() and (image == first).all())


class SmoothedLevels:
    """Levels of a stream of images that neither flicker nor lag.

    From image to image they move a fifth of the way to the new image's percentiles, so that
    an object that comes or goes hardly changes the contrast of the others. Where one of the new
    levels is off by more than a quarter of the span, the light has changed, or the
    specimen: both are taken over at once, as with an image of another shape or type.
    """

    def __init__(self) -> None:
        self._kind: tuple[tuple[int, ...], np.dtype] | None = None
        self._levels = Levels(0.0, 1.0, 0.0)

    def fits(self, image: Image) -> bool:
        """Say whether images of this shape and type were seen last."""
        return self._kind == (image.shape, image.dtype)

    @property
    def current(self) -> Levels:
        """Levels for a part of the image seen last, or of one alike."""
        return self._levels

    def update(self, image: Image) -> Levels:
        """See a whole image, (H, W) uint8 or uint16, and return the levels for it."""
        new = levels_of(image)
        if self.fits(image) and not self._jumped(new):
            pairs = zip(self._levels, new, strict=True)
            new = Levels(*(old + SHARE_OF_NEW * (seen - old) for old, seen in pairs))
        self._kind, self._levels = (image.shape, image.dtype), new
        return new

    def _jumped(self, new: Levels) -> bool:
        low, high, _ = self._levels
        far = JUMP * min(high - low, new.high - new.low)
        return abs(new.low - low) > far or abs(new.high - high) > far


def _noise(image: Image) -> float:
    """Noise of a pixel, from the middle of a large image."""
    height, width = (min(size, 512) for size in image.shape)
    top, left = (image.shape[0] - height) // 2, (image.shape[1] - width) // 2
    middle = image[top : top + height, left : left + width]
    return camera_noise(middle.astype(np.float32))


def _percentiles(values: np.ndarray) -> tuple[float, float]:
    """Low and high percentile of sorted values."""
    last = values.size - 1
    return (
        float(values[round(LOW_PERCENTILE / 100 * last)]),
        float(values[round(HIGH_PERCENTILE / 100 * last)]),
    )


def _within_range(sample: Image, low: float, high: float) -> Bools:
    """Which values of a grid are not cut off at the end of the range that a percentile is at.

    Nor is the glow around what saturates: as long as nearly all of the brightest values left
    lie next to what was left out, they are left out too.
    """
    within = np.ones(sample.shape, np.bool_)
    if low == sample.min():
        within &= sample > low
    if high < sample.max():
        return within
    beyond = (sample == high).astype(np.uint8)
    left = within & (beyond == 0)
    for _ in range(max(sample.shape)):
        values = sample[left]
        if not values.size:
            break
        at = round(HIGH_PERCENTILE / 100 * (values.size - 1))
        bright = left & (sample >= np.partition(values, at)[at])
        beside = bright & (cv2.dilate(beyond, _NEIGHBOURS) > 0)
        if np.count_nonzero(beside) < GLOW_SHARE * np.count_nonzero(bright):
            break
        beyond[beside] = 1
        left &= ~beside
    return left
