"""Annotated images: what a detector learns from and is judged on."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cached_property
from hashlib import sha256

import numpy as np
from numpy.typing import NDArray

from ..arrays import Image

_USUAL_PX = 32.0
"""Size of objects in a data set that has none. Chosen: detectors are trained on about that."""


@dataclass(frozen=True, slots=True, eq=False)
class Sample:
    """One annotated image, read when it is needed.

    Attributes
    ----------
    name : str
        For people; with the name of its data set, unique.
    load : callable
        Returns the image, (H, W) uint8 or uint16.
    boxes_px : (N, 4) float32
        Left, top, right, bottom; the centre of the top left pixel is (0, 0).
    classes : (N,) int64
        Index into the classes of the data set.
    group : str
        Copies of one image share it, and stay on one side of a split.
    """

    name: str
    load: Callable[[], Image]
    boxes_px: NDArray[np.float32]
    classes: NDArray[np.int64]
    group: str

    @property
    def sizes_px(self) -> NDArray[np.float32]:
        """Root of the area of every box, (N,)."""
        return np.sqrt((self.boxes_px[:, 2:] - self.boxes_px[:, :2]).prod(axis=1))


@dataclass(frozen=True, eq=False)
class Dataset:
    """Samples of one source with the names of their classes.

    Attributes
    ----------
    licence : str
        Of the images; empty if unknown.
    """

    name: str
    classes: tuple[str, ...]
    samples: tuple[Sample, ...]
    licence: str = ""

    def __len__(self) -> int:
        return len(self.samples)

    @cached_property
    def object_px(self) -> float:
        """Median size of an object; `_USUAL_PX` if there is none."""
        sizes = [sample.sizes_px for sample in self.samples if len(sample.boxes_px)]
        return float(np.median(np.concatenate(sizes))) if sizes else _USUAL_PX

    def split(self, held_back: float) -> tuple[Dataset, Dataset]:
        """Split into what is learned from and what is held back.

        A group goes to one side by a hash of its name, which gives the same split on any
        computer and whatever else is in the data set.
        """
        back = [_fraction(f"{self.name}/{sample.group}") < held_back for sample in self.samples]
        parts = [
            tuple(s for s, is_back in zip(self.samples, back, strict=True) if is_back == side)
            for side in (False, True)
        ]
        return replace(self, samples=parts[0]), replace(self, samples=parts[1])


def _fraction(text: str) -> float:
    """Map texts evenly to 0 to 1, by a hash."""
    return int.from_bytes(sha256(text.encode()).digest()[:8], "big") / 2**64
