"""Pixels of a camera that are defect: bright or dark alone among their neighbours."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from ..arrays import Image
from .preprocessing import LEAST_CAMERA_NOISE

_SIGMAS = 8.0
"""Of the noise, by which a defect pixel differs from the median around it. Chosen: weaker ones
do no harm, and noise does not reach it."""
_ALONE = 0.25
"""Of its difference from what is around it, which at most one of its neighbours has, which may be
defect as well. Light is not as sharp: of a point seen with 4 times 0.1 on pixels of 6.5 µm, a
Gaussian 0.65 px wide (0.21 wavelengths over the aperture; Zhang et al. 2007, Appl Opt 46, 1819),
two have 0.37 or more after integration over pixels, wherever it lies."""
_SPREADS = 2.0
"""By which it stands out of its neighbours, over the range of all but two of them: noise of bright
objects is larger than that of the background. Chosen: the range is two standard deviations."""
_NEIGHBOURS = [(-1, -1), (-1, 0), (-1, 1), (0, -1), (0, 1), (1, -1), (1, 0), (1, 1)]
_SQUARE = [(down, right) for down in range(-2, 3) for right in range(-2, 3)]
"""Places from a pixel: down, right."""
_SIGMA_PER_MEDIAN = 1.4826
"""Of a normal distribution, over the median of its absolute values."""
_ROUNDING = 0.5
"""Of the median of whole grey values."""
_LEAST_PX = 5
"""Edge of an image whose pixels have something around them."""
_SAMPLE = 4_000
"""Pixels from which the noise is told, to some 3 %."""


def without_hot_pixels(image: Image, crop: tuple[int, int, int, int] | None = None) -> Image:
    """Put the median of 3 x 3 in place of pixels that are bright or dark alone.

    Parameters
    ----------
    image : (H, W) uint8 or uint16
    crop : (left, top, right, bottom), optional
        Look at these pixels only.

    Returns
    -------
    (H, W) of the same type
        The image itself if there are none.
    """
    left, top, right, bottom = crop or (0, 0, image.shape[1], image.shape[0])
    part = image[top:bottom, left:right]
    if min(part.shape) < _LEAST_PX:
        return image
    median: NDArray[Any] = cv2.medianBlur(part, 3)
    away = cv2.absdiff(part, median)
    stride = max(1, int((part.size / _SAMPLE) ** 0.5))
    noise = _SIGMA_PER_MEDIAN * (float(np.median(away[::stride, ::stride])) + _ROUNDING)
    least = min(_SIGMAS * max(noise, LEAST_CAMERA_NOISE), np.iinfo(image.dtype).max)
    far = np.flatnonzero(away.ravel() > away.dtype.type(least))
    if not len(far):
        return image
    rows, columns = np.divmod(far, part.shape[1])
    alone = _are_alone(part, rows, columns, least)
    if not alone.any():
        return image
    rows, columns = rows[alone], columns[alone]
    repaired = image.copy()
    repaired[top + rows, left + columns] = median[rows, columns]
    return repaired


def _are_alone(
    image: Image, rows: NDArray[np.intp], columns: NDArray[np.intp], least: float
) -> NDArray[np.bool_]:
    """Whether pixels differ by so much, and at most one neighbour likewise, from what is around."""
    framed: NDArray[Any] = cv2.copyMakeBorder(image, 2, 2, 2, 2, cv2.BORDER_REFLECT_101)
    own = framed[rows + 2, columns + 2].astype(np.int32)
    near = np.sort(_gathered(framed, rows, columns, _NEIGHBOURS), axis=0)
    step = np.maximum(own - near[-2], near[1] - own)
    alone = step > np.maximum((1 - _ALONE) * least, _SPREADS * (near[-2] - near[1]))
    at = np.flatnonzero(alone)
    around = np.median(_gathered(framed, rows[at], columns[at], _SQUARE), axis=0)
    alone[at] = step[at] > (1 - _ALONE) * np.maximum(np.abs(own[at] - around), least)
    return alone


def _gathered(
    framed: NDArray[Any],
    rows: NDArray[np.intp],
    columns: NDArray[np.intp],
    places: Sequence[tuple[int, int]],
) -> NDArray[np.int32]:
    """Pixels at places from some of them, (places, pixels), in an image with a frame of two."""
    shifts = np.array(places)[:, :, None] + 2
    return framed[rows + shifts[:, 0], columns + shifts[:, 1]].astype(np.int32)
