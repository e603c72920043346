"""Colours in grey, the same for every format."""

import cv2
import numpy as np
from numpy.typing import NDArray

_REC601 = (0.299, 0.587, 0.114)
"""Weights of red, green and blue in the luminance (ITU-R BT.601)."""


def luminance(image: NDArray) -> NDArray:
    """Weigh colours, (H, W, S), by Rec. 601; what comes after red, green and blue is left out.

    One colour is grey already; of two the second is its transparency.
    """
    if image.shape[-1] < 3:
        return image[..., 0]
    colours = np.ascontiguousarray(image[..., :3])
    if colours.dtype in (np.uint8, np.uint16):
        return cv2.cvtColor(colours, cv2.COLOR_RGB2GRAY)
    return (colours @ np.array(_REC601)).astype(image.dtype)
