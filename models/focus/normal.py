"""A window as the defocus network sees it: normalised in size and contrast."""

from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from ..arrays import Image
from ..images import checked
from .lens import Lens
from .sharpness import LEAST_EDGE_PX

EDGE_PX = 48
"""Edge of the picture that the network is shown. Chosen: an object is then 16 pixels wide."""
SIZES = 3.0
"""Edge of a window in sizes of the object in it, about: as much again around it on each side."""
LEAST_ASTIGMATISM_PX = 0.1
"""Half the astigmatism, as a blur in pixels of the picture, below which the shape of an image
hardly changes with the side of the focus. Chosen."""


class Windows(NamedTuple):
    """Pictures of objects and their true defocus.

    Attributes
    ----------
    pictures : (N, 2, EDGE_PX, EDGE_PX) float32
        As `normalised` returns them.
    blurs_px : (N,) float32
        Defocus over ``um_per_px``: positive above the focal plane.
    """

    pictures: NDArray[np.float32]
    blurs_px: NDArray[np.float32]


def normalised(image: Image, lens: Lens) -> tuple[NDArray[np.float32], float]:
    """Scale a window to one size, its grey values to mean square 1 around the background.

    Parameters
    ----------
    image : (H, W) uint8 or uint16
        The object with as much again around it on each side.

    Returns
    -------
    picture : (2, EDGE_PX, EDGE_PX) float32
        The image, and everywhere the blur that half the astigmatism makes, in its pixels: what
        the network must know of the lens.
    um_per_px : float
        Defocus that makes a blur of one of its pixels.

    Raises
    ------
    ValueError
        If the image has another type, or is smaller than 8 pixels.
    """
    grey = checked(image).astype(np.float32)
    if min(grey.shape) < LEAST_EDGE_PX:
        raise ValueError(f"a window must be at least {LEAST_EDGE_PX} pixels wide and high")
    edge_px = min(grey.shape)
    top, left = (grey.shape[0] - edge_px) // 2, (grey.shape[1] - edge_px) // 2
    grey = grey[top : top + edge_px, left : left + edge_px]
    rim = np.concatenate([grey[0], grey[-1], grey[:, 0], grey[:, -1]])
    how = cv2.INTER_AREA if edge_px > EDGE_PX else cv2.INTER_LINEAR
    picture = np.empty((2, EDGE_PX, EDGE_PX), np.float32)
    picture[0] = cv2.resize(grey - rim.mean(), (EDGE_PX, EDGE_PX), interpolation=how)
    picture[0] /= max(float(np.sqrt(np.square(picture[0]).mean())), 1e-6)
    um_per_px = lens.pixel_um * edge_px / EDGE_PX / lens.blur
    picture[1] = lens.astigmatism_um / 2 / um_per_px
    return picture, um_per_px
