"""When a target meets another object, and how far it may seem to jump because of that."""

import numpy as np

from ...drivers.clock import NS_PER_S
from ...models.arrays import Floats
from ...models.detections import Detections

_NEAR = 3.0
"""Sizes of an object within which another one is met. Chosen: their images merge soon."""
_MEETING_NS, _MEETING_FRAMES = NS_PER_S * 2 // 5, 2
"""How long two objects may be merged until they are seen apart, and in frames. Chosen."""


class Meetings:
    """Remembers when the target was last seen near another object."""

    def __init__(self) -> None:
        self._last_ns: int | None = None
        self._size_px = 0.0

    def see(self, detections: Detections, target_px: Floats | None, at_ns: int) -> None:
        """Take in a frame that was exposed at an instant; ``target_px``, (2,), if it is seen."""
        if target_px is None or len(detections) < 2:
            return
        offsets_px = detections.centres_px - target_px
        distances_px = np.hypot(offsets_px[:, 0], offsets_px[:, 1])
        left, top, right, bottom = detections.boxes_px[distances_px.argmin()]
        size_px = float(max(right - left, bottom - top))
        if int((distances_px < _NEAR * size_px).sum()) > 1:
            self._last_ns, self._size_px = at_ns, size_px

    def go_on(self, at_ns: int) -> None:
        """Take in a frame in which the target shares its measurement with what it has met."""
        if self._last_ns is not None:
            self._last_ns = at_ns

    def slack_px(self, at_ns: int, apart_ns: int) -> float:
        """How far the target may seem to jump between frames, 0 if it meets nothing."""
        lasts_ns = max(_MEETING_NS, _MEETING_FRAMES * apart_ns)
        meets = self._last_ns is not None and at_ns - self._last_ns < lasts_ns
        return self._size_px if meets else 0.0
