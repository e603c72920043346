"""Frame checks: frames without a position, or with times that cannot be, are not used."""

from __future__ import annotations

import math

import msgspec

from ...drivers.clock import NS_PER_MS
from ...drivers.messages import Frame, StagePose

NO_PLACE = "the frame does not say where the stage was"
NO_TIME = "the frame's time is not after the last one's"
TOO_EARLY = "the frame could be read before it was exposed"
_MOST_UM = 1e6
"""Positions and pose uncertainties from here on are faults. Chosen: no stage is a metre long."""


class FrameChecks:
    """Tells frames that would mislead the tracker from those that can be used."""

    def __init__(self) -> None:
        self._last_ns: int | None = None
        self._pose = StagePose(0.0, 0.0, 0.0, 0)

    def fault(self, frame: Frame) -> str:
        """Return what is wrong with a frame; empty if nothing is."""
        pose = frame.pose
        numbers = (pose.x_um, pose.y_um, pose.z_um, pose.sigma_um)
        if not all(abs(number) < _MOST_UM for number in numbers):
            return NO_PLACE
        if frame.exposed_ns > frame.readable_ns + frame.exposure_ms * NS_PER_MS:
            return TOO_EARLY
        if self._last_ns is not None and frame.exposed_ns <= self._last_ns:
            return NO_TIME
        self._last_ns, self._pose = frame.exposed_ns, pose
        return ""

    def with_known_pose(self, frame: Frame) -> Frame:
        """Return a faulty frame with the last pose that was known, for the record."""
        known = math.isfinite(frame.pose.x_um + frame.pose.y_um + frame.pose.z_um)
        return frame if known else msgspec.structs.replace(frame, pose=self._pose)
