"""What a file of images holds, in the units that all formats share."""

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

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
