"""Pixels of other types as the counts of a camera: unsigned whole numbers of 8 or 16 bits."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

_MOST = np.iinfo(np.uint16).max
_ABSURD = 1000.0
"""Ranges of nearly all pixels by which a value beyond marks something else. Chosen: of what is seen
65 grey values would be left."""
_NEARLY_ALL, _SAMPLE = (0.1, 99.9), 10_000
"""Percentiles of an image that nearly all lie between, and pixels that tell them."""


@dataclass(frozen=True, slots=True, eq=False)
class _Scaled:
    """Images (N, H, W) whose grey values from ``low`` on are ``gain`` times the counts."""

    images: Any
    low: float
    gain: float

    @property
    def shape(self) -> tuple[int, ...]:
        return self.images.shape

    @property
    def dtype(self) -> np.dtype:
        return np.dtype(np.uint16)

    def __getitem__(self, index: int) -> NDArray:
        values = np.nan_to_num(self.images[index].astype(np.float64), nan=self.low)
        counts = np.rint((values - self.low) * self.gain)
        return np.clip(counts, 0, _MOST).astype(np.uint16)


def as_counts(images: Any) -> tuple[Any, str]:
    """Make images (N, H, W) of any type uint8 or uint16, all in the same way.

    Whole numbers keep their steps, if they fit. Others are stretched from the least to the
    greatest in all images, which are read for it; a value that is a thousand times as far away as
    the others are from each other is cut off.

    Returns
    -------
    images : array
        Read when indexed.
    note : str
        What was made of them, empty if nothing.

    Raises
    ------
    ValueError
        If they are no real numbers, or none is finite.
    """
    dtype = np.dtype(images.dtype).newbyteorder("=")
    if dtype in (np.uint8, np.uint16):
        return images, ""
    if dtype.kind not in "biuf":
        raise ValueError(f"pixels of type {dtype}")
    low, high, whole = _range_of(images)
    if dtype.kind == "b":
        return _Scaled(images, 0.0, 255.0), "pixels that are true or false are taken as 255 and 0"
    if whole and low >= 0 and high <= _MOST:
        return _Scaled(images, 0.0, 1.0), f"pixels of type {dtype} are taken as 16 bits"
    if whole and high - low <= _MOST:
        taken = f"pixels of type {dtype} are taken as 16 bits, {low:g} as 0"
        return _Scaled(images, low, 1.0), taken
    least, most = _believable(images)
    is_absurd = low < least or high > most
    if is_absurd:
        low, high, _ = _range_of(images, least, most)
    gain = _MOST / (high - low) if high > low else 0.0
    note = f"pixels of type {dtype} from {low:.6g} to {high:.6g} are taken as 0 to {_MOST}"
    return _Scaled(images, low, gain), note + ", and absurd values beyond cut off" * is_absurd


def _believable(images: Any) -> tuple[float, float]:
    """Values beyond which nothing is light, by what nearly all pixels have."""
    ends = []
    for index in range(images.shape[0]):
        step = max(1, int((images[index].size / _SAMPLE) ** 0.5))
        sample = np.asarray(images[index][::step, ::step], np.float64)
        if (finite := sample[np.isfinite(sample)]).size:
            ends.append(np.percentile(finite, _NEARLY_ALL))
    lows, highs = np.transpose(ends or [(0.0, 0.0)])
    low, high = float(np.median(lows)), float(np.median(highs))
    reach = _ABSURD * (high - low) or np.inf
    return low - reach, high + reach


def _range_of(
    images: Any, least: float = -np.inf, most: float = np.inf
) -> tuple[float, float, bool]:
    """Extremes of what is finite and between limits, in all images; whether all are whole."""
    low, high, whole = np.inf, -np.inf, True
    for index in range(images.shape[0]):
        image = images[index]
        finite = image[np.isfinite(image)] if image.dtype.kind == "f" else image
        finite = finite[(finite >= least) & (finite <= most)]
        if finite.size:
            low, high = min(low, float(finite.min())), max(high, float(finite.max()))
            whole = whole and (image.dtype.kind != "f" or bool((finite == np.rint(finite)).all()))
    if not low <= high:
        raise ValueError("no pixel that is a number")
    return low, high, whole
