"""How far ahead to look: the first exposure that a move can still affect, as measured."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from statistics import median

from ..drivers.clock import NS_PER_MS
from ..drivers.kinematics import travel_ms
from ..drivers.messages import Description, Frame, Issued, Report

_REMEMBERED = 15


class Horizon:
    """Learns camera interval and command latency, and names the instant to aim at.

    Parameters
    ----------
    description : Description
        Nominal interval and stage dynamics, until there are measurements.

    Attributes
    ----------
    interval_ns : float
        Time from one exposure to the next.
    latency_ns : float
        Time from a readable frame until its move is with the stage.
    """

    def __init__(self, description: Description) -> None:
        self._dynamics = description.dynamics
        self._intervals_ns: deque[float] = deque(maxlen=_REMEMBERED)
        self._latencies_ns: deque[int] = deque(maxlen=_REMEMBERED)
        self._readable_ns: dict[int, int] = {}
        self._last: Frame | None = None
        self._sent_um: tuple[float, float] | None = None
        self.interval_ns: float = description.interval_ms * NS_PER_MS
        self.latency_ns: float = NS_PER_MS

    def see(self, frame: Frame) -> None:
        """Learn from the timestamps of a frame."""
        if self._last is not None and frame.index > self._last.index:
            elapsed_ns = frame.exposed_ns - self._last.exposed_ns
            self._intervals_ns.append(elapsed_ns / (frame.index - self._last.index))
            self.interval_ns = median(self._intervals_ns)
        self._last = frame
        self._readable_ns[frame.index] = frame.readable_ns
        if len(self._readable_ns) > _REMEMBERED:
            del self._readable_ns[min(self._readable_ns)]

    def learn(self, report: Report) -> None:
        """Learn from a move how long it takes from a readable frame to the stage."""
        if isinstance(report, Issued) and report.frame in self._readable_ns:
            self._latencies_ns.append(report.issued_ns - self._readable_ns[report.frame])
            self.latency_ns = median(self._latencies_ns)
            if report.x_um is not None and report.y_um is not None:
                self._sent_um = report.x_um, report.y_um

    def instant_ns(self, frame: Frame, to_um: Sequence[float] | None = None) -> int:
        """Middle of the first exposure by which a move answering ``frame`` can be finished.

        Parameters
        ----------
        frame : Frame
            The frame just seen.
        to_um : (x, y), optional
            End of the move, which begins where the last one ends; without it, a move of no
            length.
        """
        distance_um = 0.0
        if to_um is not None:
            start_um = self._sent_um or (frame.pose.x_um, frame.pose.y_um)
            distance_um = max(abs(to_um[0] - start_um[0]), abs(to_um[1] - start_um[1]))
        travel_ns = travel_ms(distance_um, self._dynamics) * NS_PER_MS
        there_ns = frame.readable_ns + self.latency_ns + travel_ns
        exposures = max(-(-(there_ns - frame.exposed_ns) // self.interval_ns), 1)
        return frame.exposed_ns + round(exposures * self.interval_ns)
