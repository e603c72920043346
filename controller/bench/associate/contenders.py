"""Trackers behind one way to be asked: detections in, identities out; Pursuit's own is one."""

from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from ....drivers.clock import NS_PER_S
from ....models import predictors
from ....models.detections import Detections
from ...offline import OfflineTracker
from ...tracking import Track, TrackingSettings
from .crowd import INTERVAL_S, NOISE_PX, PIXEL_UM

Named = tuple[NDArray[np.intp], NDArray[np.float64]]
"""Identities (K,), and the centres (K, 2) in px of the detections that have them."""


class Contender(Protocol):
    """A tracker with a crowd to itself."""

    who: str

    def update(self, found: Detections) -> None:
        """Take in the detections of the next frame."""
        ...

    def named(self) -> Named:
        """Tell which detections of that frame belong to whom."""
        ...


class Pursuit:
    """The tracker of this package with its defaults, but told how exact the detector is."""

    who = "pursuit"

    def __init__(self, size_px: int, predictor: str) -> None:
        self._middle_px = (size_px - 1) / 2
        settings = TrackingSettings(sigma_px=NOISE_PX)
        made = predictors.create(predictor)
        self._tracker = OfflineTracker(settings, made, size_px, size_px, PIXEL_UM)
        self._image = np.zeros((size_px, size_px), np.uint8)
        self._count = 0
        self._tracks: list[Track] = []

    def update(self, found: Detections) -> None:
        """Take in the detections of the next frame."""
        at_ns = round(self._count * INTERVAL_S * NS_PER_S)
        self._tracks = self._tracker.update(self._image, found, at_ns)
        self._count += 1

    def named(self) -> Named:
        """Tell which detections of that frame belong to whom."""
        seen = [(track.id, track.seen_um) for track in self._tracks if track.seen_um is not None]
        places_um = np.array([place for _, place in seen]).reshape(-1, 2)
        return np.array([id for id, _ in seen], np.intp), places_um / PIXEL_UM + self._middle_px
