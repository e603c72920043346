"""Contrast of whole images along rows and columns, as sharpness shows in it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from ....drivers.messages import Image
from ..probe import NotCalibratedError

Grey = NDArray[np.float32]

_BLURS_PX = (1.0, 2.0, 4.0)
"""Blurs to choose from. Chosen: the finest that is not lost in noise answers most to defocus."""
_CLEAR, _LEAST = 0.04, 0.1
"""Relative error of the contrast of a few images that is good enough, and from which there is no
contrast. Chosen: sharpness is told to a hundredth by 60 images, or by too many."""
_SETS = 6
"""Sets of images from which that error is estimated."""
IMAGES = 4
"""In a set."""
_NOISE = 3.0
"""Errors of a contrast below which it is not taken to be, as its powers grow with noise. Chosen."""


class Contrast(NamedTuple):
    """Energy of the gradients along rows (right) and columns (down), in squared grey values."""

    rows: float
    columns: float

    def sharpness(self, other: Contrast, error: float) -> NDArray[np.float64]:
        """Sharpness of rows and of columns, (2,), over those of another image.

        A point spread by variances v and w along rows and columns has gradients of energies
        v^-3/2 w^-1/2 and v^-1/2 w^-3/2; solved for 1 / v and 1 / w. Either is a Lorentzian of the
        defocus, whatever the astigmatism. The relative error is that of the other's contrast.
        """
        energies = np.array(self) / np.array(other)
        rows, columns = np.log(np.maximum(energies, _NOISE * error)).tolist()
        return np.exp([0.75 * rows - 0.25 * columns, 0.75 * columns - 0.25 * rows])


def gradients(image: Image, blur_px: float) -> Grey:
    """Return the slopes of a blurred image along rows and columns, (2, H, W)."""
    smooth = cv2.GaussianBlur(image.astype(np.float32), (0, 0), blur_px)
    right = smooth[1:-1, 2:] - smooth[1:-1, :-2]
    down = smooth[2:, 1:-1] - smooth[:-2, 1:-1]
    return np.stack([right, down])


def contrast(images: Sequence[Image], blur_px: float) -> Contrast:
    """Return the mean energy that gradients of different images have in common, per pixel.

    Noise of one image has nothing in common with that of another, so that none of it is left.
    """
    slopes = [gradients(image, blur_px) for image in images]
    n, total = len(slopes), np.sum(slopes, axis=0)
    alone = sum(np.square(each).mean(axis=(1, 2), dtype=np.float64) for each in slopes)
    energy = np.square(total).mean(axis=(1, 2), dtype=np.float64) - alone
    rows, columns = (energy / (n * (n - 1))).tolist()
    return Contrast(rows, columns)


def choose_blur_px(images: Sequence[Image]) -> tuple[float, float]:
    """Return the best blur, and the relative error of the contrast of `IMAGES` images with it.

    Parameters
    ----------
    images : sequence of Image
        Six times as many.

    Raises
    ------
    NotCalibratedError
        If there is no contrast, or it is not the same in all.
    """
    found = []
    for blur_px in _BLURS_PX:
        sets = [images[i : i + IMAGES] for i in range(0, _SETS * IMAGES, IMAGES)]
        energies = np.array([sum(contrast(each, blur_px)) for each in sets])
        mean = float(energies.mean())
        error = float(energies.std(ddof=1)) / mean if mean > 0 else np.inf
        found.append((error, blur_px))
        if error < _CLEAR:
            break
    error, blur_px = min(found)
    if error > _LEAST:
        raise NotCalibratedError(
            "No contrast: the sharpness of images of the same plane differs by "
            f"{min(error, 9.99):.0%}; focus on something with contrast that lies still, and see "
            "that light and exposure suffice."
        )
    return blur_px, error


IMAGES_AT_REST = _SETS * IMAGES
"""Images that `choose_blur_px` needs."""
