"""The least controller that there can be: the brightest object's middle, and a move there."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import closing

import cv2
import numpy as np

from ....drivers.clock import NS_PER_MS
from ....drivers.messages import Frame, Image, Move
from ....drivers.microscope import Microscope
from ....models.arrays import Floats
from ...decisions import Decision, Lock
from ...loop import Step, Stopwatch
from ...tracking import FieldGeometry

_AROUND_PX = 12
"""Half of the square around the brightest pixel of which the centroid is taken. Chosen: larger than
the object of the scenario."""
_LIFE_NS = 250 * NS_PER_MS
"""Life of a move; as that of the real loop."""


class FloorLoop:
    """Sends the stage to the centroid around the brightest pixel of each frame, without a gain.

    It has no detector, tracker, predictor or latency: what it takes is what processes, transport
    and messages take.

    Parameters
    ----------
    microscope : Microscope
    """

    dry_run = False

    def __init__(self, microscope: Microscope) -> None:
        about = microscope.describe()
        self._microscope, self._geometry = microscope, FieldGeometry(about)
        self.interval_ns = about.interval_ms * NS_PER_MS

    def prepare(self) -> None:
        """There is nothing to prepare."""

    def note(self, text: str) -> None:
        """Nobody is told."""

    def steps(self) -> Generator[Step, None, None]:
        """Follow for as long as frames come."""
        with closing(self._microscope.frames()) as frames:
            for frame in frames:
                yield self._step(frame)

    def _step(self, frame: Frame) -> Step:
        stopwatch = Stopwatch(frame)
        x, y = self._geometry.position_of(_brightest_px(frame.image), frame).tolist()
        stopwatch.lap("track")
        expires_ns = stopwatch.last_ns + _LIFE_NS
        self._microscope.move(Move(x, y, None, expires_ns, frame.index))
        stopwatch.lap("move")
        reports = self._microscope.reports()
        pose = frame.pose
        decision = Decision(
            *(frame.index, frame.exposed_ns, (pose.x_um, pose.y_um, pose.z_um), 1, Lock.LOCKED),
            seen_um=(x, y),
            move_um=(x, y),
            timings_us=stopwatch.laps_us,
        )
        return Step(frame, decision, reports)


def _brightest_px(image: Image) -> Floats:
    """Centroid, (x, y), of what is brighter than the mean around the brightest pixel."""
    _, _, _, (x, y) = cv2.minMaxLoc(image)
    left, top = max(x - _AROUND_PX, 0), max(y - _AROUND_PX, 0)
    part = image[top : y + _AROUND_PX + 1, left : x + _AROUND_PX + 1].astype(np.float64)
    light = np.maximum(part - part.mean(), 0.0) + 1e-9
    columns, rows = light.sum(axis=0), light.sum(axis=1)
    middle = (
        np.average(np.arange(len(columns)), weights=columns),
        np.average(np.arange(len(rows)), weights=rows),
    )
    return np.add((left, top), middle)
