"""Pictures from files, as one channel of whole numbers."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import tifffile
from numpy.typing import NDArray

from ..errors import ModelError

IMAGE_SUFFIXES = (".png", ".jpg", ".jpeg", ".tif", ".tiff", ".bmp")


def read_raw(path: Path) -> NDArray:
    """Read a picture as it is.

    Raises
    ------
    ModelError
        If it is not a picture.
    """
    try:
        if path.suffix.lower() in (".tif", ".tiff"):
            return tifffile.imread(path)
        raw = np.fromfile(path, np.uint8)
        image = cv2.imdecode(raw, cv2.IMREAD_UNCHANGED) if raw.size else None
    except (OSError, ValueError, cv2.error) as error:
        raise ModelError(f"{path} cannot be read as a picture: {error}") from error
    if image is None:
        raise ModelError(f"{path} cannot be read as a picture: it is damaged or not one")
    return np.asarray(image)


def read_grey(path: Path) -> NDArray[np.uint8] | NDArray[np.uint16]:
    """Read a picture as one channel, (H, W) uint8 or uint16.

    Raises
    ------
    ModelError
        If it is not a picture of that kind.
    """
    image = grey(read_raw(path))
    if image.ndim != 2 or image.dtype not in (np.uint8, np.uint16):
        raise ModelError(
            f"{path} is {image.shape} {image.dtype}: a picture of uint8 or uint16 is needed"
        )
    return image


def grey(image: NDArray) -> NDArray:
    """Turn colours, (H, W, 3 or 4) in OpenCV's order, into luminance."""
    if image.ndim == 3 and image.shape[2] in (3, 4):
        return cv2.cvtColor(np.ascontiguousarray(image[..., :3]), cv2.COLOR_BGR2GRAY)
    return image[..., 0] if image.ndim == 3 and image.shape[2] == 1 else image
