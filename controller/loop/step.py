"""One step of the loop, and how long each part of it takes."""

from __future__ import annotations

import time
from dataclasses import dataclass

from ...drivers.messages import Frame, Report
from ..decisions import Decision
from ..tracking import Measurements


@dataclass(frozen=True, slots=True)
class Step:
    """One step of the loop: the frame, what was decided, what the microscope reported.

    What was detected in it is not recorded, but there for whoever looks on; None if the frame was
    not used.
    """

    frame: Frame
    decision: Decision
    reports: list[Report]
    measurements: Measurements | None = None


class Stopwatch:
    """Laps on the host's clock, in µs.

    The first two are the way of a frame from another process: ``wire``, until this process
    learned of it, and ``receive``, until it was in the hands of the loop.

    Attributes
    ----------
    laps_us : dict of str to float
    last_ns : int
        When the last lap ended.
    """

    def __init__(self, frame: Frame) -> None:
        self.last_ns = time.perf_counter_ns()
        self.laps_us: dict[str, float] = {}
        if frame.arrived_ns:
            self.laps_us["wire"] = (frame.arrived_ns - frame.readable_ns) / 1e3
            self.laps_us["receive"] = (self.last_ns - frame.arrived_ns) / 1e3

    def lap(self, name: str) -> None:
        """Note the time since the last lap."""
        now_ns = time.perf_counter_ns()
        self.laps_us[name] = (now_ns - self.last_ns) / 1e3
        self.last_ns = now_ns
