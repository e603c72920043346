"""Label images: an integer for each object and 0 elsewhere, as programs save them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image as PillowImage
from scipy import ndimage

from ..errors import ModelError
from ..images import read_labels

Place = tuple[slice, slice]
"""Rows and columns of the box of an object."""

_MOST_LISTED = 2**20
"""Greatest number for which a place is looked up among all. Chosen: the list stays small."""
_LOSSY = (".jpg", ".jpeg")
_BORDER, _BORDER_COLOUR = 255, [224, 224, 192]
"""Of palettes of Pascal VOC: pixels of that number are borders of objects, and belong to none."""


def read_label_image(path: Path) -> NDArray:
    """Read a label image, (H, W) of integers, also with a palette or in another type of pixels.

    Raises
    ------
    ModelError
        If it cannot be read, is not one, or was saved with losses.
    """
    if path.suffix.lower() in _LOSSY:
        raise ModelError(f"the label image {path} is a JPEG, which changes numbers: save it as PNG")
    try:
        with PillowImage.open(path) as image:
            if getattr(image, "n_frames", 1) == 1:
                if image.mode == "P":
                    return _without_border(np.array(image), image.getpalette() or [])
                if image.mode in ("RGB", "RGBA", "LA"):
                    return _of_equal_channels(path)
                if image.mode in ("1", "F"):
                    return _whole(path, np.array(image))
    except (OSError, PillowImage.DecompressionBombError):
        pass
    return read_labels(path)


def _without_border(labels: NDArray, palette: list[int]) -> NDArray:
    if palette[3 * _BORDER : 3 * _BORDER + 3] == _BORDER_COLOUR:
        labels[labels == _BORDER] = 0
    return labels


def _of_equal_channels(path: Path) -> NDArray:
    colours = cv2.imdecode(np.fromfile(path, np.uint8), cv2.IMREAD_UNCHANGED)
    if colours is None or colours.ndim != 3 or (colours[..., :3] != colours[..., :1]).any():
        raise ModelError(
            f"the label image {path} has colours, not numbers: save one integer for each object"
        )
    return np.ascontiguousarray(colours[..., 0])


def _whole(path: Path, numbers: NDArray) -> NDArray:
    """Bring two values, or whole numbers of another type, to integers."""
    if (numbers != np.round(numbers)).any():
        raise ModelError(
            f"the label image {path} has fractions: it needs one integer for each object"
        )
    return numbers.astype(np.int64)


def objects_in(labels: NDArray) -> Iterator[tuple[int, Place, NDArray[np.bool_]]]:
    """Yield number, place, and the mask there of each object, by number, which may be any."""
    numbers = None
    if not 0 <= labels.min(initial=0) <= labels.max(initial=0) < _MOST_LISTED:
        numbers = np.unique(np.append(labels[labels > 0], labels.dtype.type(0)))
        labels = np.searchsorted(numbers, np.maximum(labels, 0))
    at = labels.astype(np.int32)
    for index, place in enumerate(ndimage.find_objects(at), start=1):
        if place is not None:
            yield index if numbers is None else int(numbers[index]), place, at[place] == index


def pieces_of(mask: NDArray[np.bool_]) -> list[tuple[Place, int]]:
    """Return place and number of pixels of each connected piece; corners connect."""
    _, _, table, _ = cv2.connectedComponentsWithStats(mask.view(np.uint8), connectivity=8)
    return [
        ((slice(top, top + height), slice(left, left + width)), area)
        for left, top, width, height, area in table[1:].tolist()
    ]
