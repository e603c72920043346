"""Specks: what stays at its place in the picture while the stage moves."""

import numpy as np

from ...models.arrays import Floats
from ...models.detections import Detections

_SAME_PX = 3.0
"""Distance within which a detection is a speck. Chosen: ten errors of a bright one."""
_MOST = 10
"""Specks until the picture is taken not to answer at all. Chosen: more dust than a clean camera
shows."""


class Specks:
    """Places on the camera at which something is seen that is no specimen: dust, hot pixels.

    Attributes
    ----------
    places_px : (N, 2) float64
    """

    def __init__(self) -> None:
        self.places_px: Floats = np.empty((0, 2))

    @property
    def too_many(self) -> bool:
        """Whether there are so many that the stage must stand still, or the picture."""
        return len(self.places_px) > _MOST

    def add(self, place_px: Floats) -> None:
        """Leave out what is seen at a place, (2,), from now on."""
        self.places_px = np.vstack([self.places_px, place_px])

    def without(self, detections: Detections) -> Detections:
        """Return detections that are not at these places."""
        if not len(self.places_px) or not len(detections):
            return detections
        offsets_px = detections.centres_px[:, None] - self.places_px
        nearest_px = np.hypot(offsets_px[..., 0], offsets_px[..., 1]).min(axis=1)
        return detections.pick(nearest_px > _SAME_PX)
