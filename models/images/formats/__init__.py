"""Formats of image files, one module each, imported when the first such file is read.

In: a path. Out: pixels with their axes and scales, as the file has them. A new format is a
module with a function ``read(path)`` that returns a `FileContent`, and its suffixes in `SUFFIXES`.
"""

from collections.abc import Callable, Mapping
from importlib import import_module
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

__all__ = ["IMAGE_SUFFIXES", "FileContent", "in_unit", "read"]

SUFFIXES = {
    "tiff": (".tif", ".tiff"),
    "picture": (".png", ".jpg", ".jpeg", ".bmp"),
}
"""Module of a format to the suffixes of its files."""

IMAGE_SUFFIXES = tuple(suffix for suffixes in SUFFIXES.values() for suffix in suffixes)
"""Suffixes of all files that hold images, for who looks through a folder."""

_FOLDER = "ome_zarr"
"""Module of the only format that is a folder."""
_TIFF_SIGNATURES = (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")
"""How a TIFF or BigTIFF file begins, whatever it is called (TIFF 6.0, page 13, and BigTIFF)."""


UNITS = {
    "nm": 1e-3, "nanometer": 1e-3,
    "µm": 1.0, "μm": 1.0, "um": 1.0, "micron": 1.0, "microns": 1.0, "micrometer": 1.0,
    "\\u00B5m": 1.0,
    "mm": 1e3, "millimeter": 1e3,
    "ms": 1e-3, "msec": 1e-3, "millisecond": 1e-3,
    "s": 1.0, "sec": 1.0, "second": 1.0,
    "min": 60.0, "minute": 60.0,
    "h": 3600.0, "hour": 3600.0,
}  # fmt: skip
"""Units of length in µm and of time in s, as OME-XML, ImageJ and OME-Zarr write them."""


def mean_of_colours(image: NDArray) -> NDArray:
    """Turn colours (H, W, S) into their mean over red, green and blue, without transparency."""
    return np.round(image[..., :3].mean(axis=-1)).astype(image.dtype)


class FileContent(NamedTuple):
    """What a file holds.

    Attributes
    ----------
    pixels : array
        Read when indexed, where the format allows it; of any type and byte order.
    axes : str
        A letter for each axis as in tifffile: T time, Z focus, Y rows, X columns, S colours;
        I and Q stand for a series of images of which nothing is told.
    scales : mapping of str to float
        Of the axes that the file tells them of: X and Z in µm, T in s.
    to_grey : callable
        What turns an image with colours, (H, W, S), into one channel.
    """

    pixels: Any
    axes: str
    scales: Mapping[str, float] = {}
    to_grey: Callable[[NDArray], NDArray] = mean_of_colours


def in_unit(**told: tuple[Any, Any]) -> dict[str, float]:
    """Scales of axes from their values and units, without those that are open.

    Parameters
    ----------
    **told : (value, unit)
        Of each axis: X, Z or T.
    """
    return {
        axis: float(value) * UNITS[unit]
        for axis, (value, unit) in told.items()
        if value is not None and unit in UNITS and float(value) > 0
    }


def read(path: Path) -> FileContent:
    """Read what a file or folder holds, pixels later where the format allows it.

    Raises
    ------
    ModelError
        If it cannot be read.
    """
    return import_module(f".{_format_of(path)}", __name__).read(path)


def _format_of(path: Path) -> str:
    if path.is_dir():
        return _FOLDER
    for name, suffixes in SUFFIXES.items():
        if path.suffix.lower() in suffixes:
            return name
    with path.open("rb") as file:
        return "tiff" if file.read(4) in _TIFF_SIGNATURES else "picture"
