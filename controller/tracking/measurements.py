"""The detections of a frame in stage coordinates."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ...models.arrays import Floats
from ...models.detections import BoxConvention

Crop = tuple[int, int, int, int]
"""Part of a frame in pixels: left, top, right, bottom, the latter two exclusive."""


@dataclass(frozen=True, slots=True, eq=False)
class Measurements:
    """The detections of one frame in stage µm.

    Attributes
    ----------
    positions_um : (N, 2)
        Where the stage would have to be for the object to be centred.
    sizes_um : (N,)
        Root of the area of the box.
    scores, brightness, classes : (N,)
        As in `Detections`.
    appearance : (N, 2)
        Logarithms of size and brightness, NaN for an unknown one.
    extents_um : (N, 2)
        Extents of the box along the axes of the stage.
    convention : BoxConvention
        What the boxes of the detector say of objects that overlap.
    looked_px : Crop, optional
        Part of the frame that was looked at; without it, all of it.
    """

    positions_um: Floats
    sizes_um: Floats
    scores: NDArray[np.float32]
    brightness: NDArray[np.float32]
    classes: NDArray[np.int32]
    appearance: Floats
    extents_um: Floats
    convention: BoxConvention
    looked_px: Crop | None = None

    def __len__(self) -> int:
        return len(self.positions_um)
