"""From pixels to the stage: what a detector saw, in stage coordinates."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..drivers.messages import Description, Frame
from ..models.detections import Detections

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class Sightings:
    """The detections of one frame in stage µm.

    Attributes
    ----------
    positions_um : (N, 2)
        Where the stage would have to be for the object to be centred.
    sizes_um : (N,)
        Root of the area of the box.
    scores, brightness : (N,)
        As in `Detections`.
    """

    positions_um: Floats
    sizes_um: Floats
    scores: NDArray[np.float32]
    brightness: NDArray[np.float32]

    def __len__(self) -> int:
        return len(self.positions_um)


class View:
    """How the field of one microscope lies on the specimen."""

    def __init__(self, description: Description) -> None:
        self._affine = np.array(description.affine).reshape(2, 2)
        self._inverse = np.linalg.inv(self._affine)
        self._half_px = np.array([description.width_px, description.height_px]) / 2
        self._middle_px = self._half_px - 0.5
        self.pixel_um = description.pixel_um

    def sightings(self, detections: Detections, frame: Frame) -> Sightings:
        """Place detections in stage coordinates by the pose at the middle of the exposure."""
        offsets_px = detections.centres_px - self._middle_px
        return Sightings(
            offsets_px @ self._affine.T + (frame.pose.x_um, frame.pose.y_um),
            np.sqrt(detections.sizes_px.prod(axis=1, dtype=np.float64)) * self.pixel_um,
            detections.scores,
            detections.brightness,
        )

    def shows(self, positions_um: Floats, frame: Frame) -> NDArray[np.bool_]:
        """Which positions, (N, 2) in stage µm, lie inside the field of a frame."""
        offsets_um = positions_um - (frame.pose.x_um, frame.pose.y_um)
        inside = np.abs(offsets_um @ self._inverse.T) <= self._half_px
        return np.logical_and(inside[:, 0], inside[:, 1])
