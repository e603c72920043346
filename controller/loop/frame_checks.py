"""Frame checks: frames that would mislead, and when there have been too many of them."""

from __future__ import annotations

import math

import msgspec

from ...drivers.clock import NS_PER_MS, NS_PER_S
from ...drivers.messages import Frame, StagePose
from .repeated_pictures import RepeatedPictures

NO_PLACE = "the frame does not say where the stage was"
NO_TIME = "the frame's time is not after the last one's"
TOO_EARLY = "the frame could be read before it was exposed"
REPEATED = "the camera repeats its picture, pixel by pixel"
"""Reasons for which nothing is learned from a frame."""
_MOST_UM = 1e6
"""Positions and pose uncertainties from here on are faults. Chosen: no stage is a metre long."""
_REPEATS_NS, _LASTS_NS, _FRAMES = NS_PER_S, 10 * NS_PER_S, 5
"""How long none of so many frames in a row can be used until that is final, where the picture is
repeated and else. Chosen: a camera that hangs for a moment goes on then, a stage that lost its
place may find it again."""


class FrameChecks:
    """Tells frames that would mislead the tracker from those that can be used.

    Parameters
    ----------
    pixel_um : float
        Edge of a pixel in the specimen.
    """

    def __init__(self, pixel_um: float) -> None:
        self._first_ns: int | None = None
        self._last_ns: int | None = None
        self._pose = StagePose(0.0, 0.0, 0.0, 0)
        self._pictures = RepeatedPictures(pixel_um)
        self._unused, self._since_ns = 0, 0

    def fault(self, frame: Frame, seen: bool = False) -> str:
        """Return what is wrong with a frame; empty if nothing is.

        Parameters
        ----------
        frame : Frame
        seen : bool
            Whether the target was seen in the frame before.
        """
        fault = self._fault(frame) or (self._pictures.is_repeated(frame, seen) and REPEATED)
        if self._first_ns is None:
            self._first_ns = frame.readable_ns
        if not fault:
            self._unused = 0
            return ""
        self._since_ns = self._since_ns if self._unused else frame.readable_ns
        self._unused += 1
        return fault

    def lasting(self, frame: Frame, fault: str) -> str:
        """Return why following must end, after a frame with a fault; empty if it goes on."""
        longest_ns = _REPEATS_NS if fault == REPEATED else _LASTS_NS
        if self._unused < _FRAMES or frame.readable_ns - self._since_ns < longest_ns:
            return ""
        assert self._first_ns is not None
        since_s = (self._since_ns - self._first_ns) / NS_PER_S
        return f"No frame could be used since {since_s:.1f} s: {fault}."

    def _fault(self, frame: Frame) -> str:
        """What is wrong with the position or the times of a frame."""
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
