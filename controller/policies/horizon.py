"""How far ahead to look: what a move can still affect, from measured times and moves under way."""

from __future__ import annotations

import math
from collections import deque
from statistics import median

from ...drivers.clock import NS_PER_MS, NS_PER_S
from ...drivers.messages import Description, Dynamics, Frame, Issued, Move, PoseRead, Report
from ...drivers.stage import AccelerationStep, Axis, Ringing, State, Trapezoid

_REMEMBERED = 15


class Horizon:
    """Learns camera interval and command latency, and knows what the stage is about to do.

    Parameters
    ----------
    description : Description
        Nominal interval and stage dynamics, until there are measurements.

    Attributes
    ----------
    dynamics : Dynamics
        Of the XY stage.
    ringing : Ringing
        Of what it carries.
    takes_velocity : bool
        Whether it can be given a velocity.
    interval_ns : float
        Time from one exposure to the next.
    answer_interval_ns : float
        Time from one frame that is answered to the next: longer if frames are passed over.
    latency_ns : float
        Time from a readable frame until its move is with the stage.
    """

    def __init__(self, description: Description) -> None:
        self.dynamics = description.dynamics
        self.ringing = Ringing(self.dynamics)
        self.takes_velocity = description.takes_velocity
        self._intervals_ns: deque[float] = deque(maxlen=_REMEMBERED)
        self._answer_intervals_ns: deque[int] = deque(maxlen=_REMEMBERED)
        self._latencies_ns: deque[int] = deque(maxlen=_REMEMBERED)
        self._readable_ns: dict[int, int] = {}
        self._last: Frame | None = None
        self._axes = (Axis(0.0, self.dynamics), Axis(0.0, self.dynamics))
        self._off_um = self._offset_um = (0.0, 0.0)
        self._offset_frame: Frame | None = None
        self._sent_frame, self._expires_ns = -1, 0
        self.interval_ns: float = description.interval_ms * NS_PER_MS
        self.answer_interval_ns = self.interval_ns
        self.latency_ns: float = NS_PER_MS

    def see(self, frame: Frame) -> None:
        """Learn from the timestamps and the pose of a frame."""
        if self._last is not None and frame.index > self._last.index:
            elapsed_ns = frame.exposed_ns - self._last.exposed_ns
            self._intervals_ns.append(elapsed_ns / (frame.index - self._last.index))
            self.interval_ns = median(self._intervals_ns)
            self._answer_intervals_ns.append(elapsed_ns)
            self.answer_interval_ns = float(median(self._answer_intervals_ns))
        self._last = frame
        self._off_um = self._offsets_um(frame)
        self._readable_ns[frame.index] = frame.readable_ns
        if len(self._readable_ns) > _REMEMBERED:
            del self._readable_ns[min(self._readable_ns)]

    def pause(self) -> None:
        """Forget the last frame and all moves: meanwhile the stage goes elsewhere."""
        self._last = None
        self._readable_ns.clear()
        self._sent_frame, self._expires_ns = -1, 0
        self._axes = (Axis(0.0, self.dynamics), Axis(0.0, self.dynamics))
        self._offset_frame = None

    def sent(self, move: Move) -> None:
        """Count on a move that was just sent, before it is reported."""
        readable_ns = self._readable_ns.get(move.frame)
        if readable_ns is not None:
            self._sent_frame, self._expires_ns = move.frame, move.expires_ns
            self._count_on(move, readable_ns + round(self.latency_ns))

    def learn(self, report: Report) -> None:
        """Learn how long a move takes from a readable frame to the stage, and what that does."""
        if isinstance(report, PoseRead) and report.dynamics not in (None, self.dynamics):
            self._recalibrate(report.dynamics)
        if isinstance(report, Issued) and report.frame in self._readable_ns:
            self._latencies_ns.append(report.issued_ns - self._readable_ns[report.frame])
            self.latency_ns = median(self._latencies_ns)
            if report.frame >= self._sent_frame:
                if report.frame > self._sent_frame:
                    self._sent_frame, self._expires_ns = report.frame, 0
                self._count_on(report, report.issued_ns)

    def _recalibrate(self, dynamics: Dynamics) -> None:
        self.dynamics, self.ringing = dynamics, Ringing(dynamics)
        for axis in self._axes:
            axis.dynamics = dynamics

    def start_ns(self, frame: Frame) -> int:
        """When a move that answers ``frame`` begins to show."""
        delay_ns = self.dynamics.delay_ms * NS_PER_MS
        return frame.readable_ns + round(self.latency_ns + delay_ns)

    def instant_ns(self, frame: Frame, later: int = 0) -> int:
        """Middle of the first exposure that a move answering ``frame`` can affect.

        With ``later``, of the exposure that comes so many after it.
        """
        ahead_ns = self.start_ns(frame) - frame.exposed_ns
        exposures = max(math.ceil(ahead_ns / self.interval_ns), 1) + later
        return frame.exposed_ns + round(exposures * self.interval_ns)

    def still_ns(self, frame: Frame, to_um: tuple[float, float]) -> int:
        """Middle of the first exposure during all of which the stage can rest at a place.

        It has moved there from where it is when the move begins, and has settled.
        """
        states = self.states(frame, self.start_ns(frame))
        needs_s = max(
            Trapezoid.plan(0, *state, end, self.dynamics).duration_s
            for state, end in zip(states, to_um, strict=True)
        )
        ready_ms = self.dynamics.settle_ms + frame.exposure_ms / 2
        ready_ns = self.start_ns(frame) + needs_s * NS_PER_S + ready_ms * NS_PER_MS
        first_ns = self.instant_ns(frame)
        late = max(math.ceil((ready_ns - first_ns) / self.interval_ns), 0)
        return self.instant_ns(frame, late)

    def states(self, frame: Frame, at_ns: int) -> tuple[State, State]:
        """Position and velocity of the drive along x and y at an instant if no more is sent."""
        off = self._offsets_um(frame)
        (x, vx), (y, vy) = (axis.state(at_ns) for axis in self._axes)
        return (x + off[0], vx), (y + off[1], vy)

    def acceleration_steps(
        self, at_ns: int
    ) -> tuple[list[AccelerationStep], list[AccelerationStep]]:
        """Changes of acceleration along x and y that are still felt at an instant."""
        within_s = self.ringing.memory_s
        x, y = (list(axis.acceleration_steps(at_ns, within_s)) for axis in self._axes)
        return x, y

    def answered(self, frame: Frame) -> bool:
        """Whether the frame before was answered by a move."""
        return 0 <= self._sent_frame < frame.index and self._sent_frame == self._before(frame)

    def _before(self, frame: Frame) -> int:
        """Index of the last frame seen before another."""
        return max((index for index in self._readable_ns if index < frame.index), default=-1)

    def _offsets_um(self, frame: Frame) -> tuple[float, float]:
        """How far the stage was from where the moves alone would have taken it."""
        if self._offset_frame is not frame:
            x, y = (self._mean_um(axis, frame) for axis in self._axes)
            self._offset_frame = frame
            self._offset_um = frame.pose.x_um - x, frame.pose.y_um - y
        return self._offset_um

    def _mean_um(self, axis: Axis, frame: Frame) -> float:
        """Where the moves alone would have had the load, in the mean over an exposure."""
        span_ns = round(frame.exposure_ms * NS_PER_MS)
        looks_ns = axis.instants(frame.exposed_ns, span_ns)
        driven_um = sum(axis.state(look_ns)[0] for look_ns in looks_ns) / len(looks_ns)
        if not self.ringing.rings:
            return driven_um
        span_s = span_ns / NS_PER_S
        felt = axis.acceleration_steps(
            frame.exposed_ns + span_ns // 2, self.ringing.memory_s + span_s
        )
        return driven_um + self.ringing.ahead_um(felt, span_s)

    def _count_on(self, move: Move | Issued, arrived_ns: int) -> None:
        self._offset_frame = None
        if move.velocity_um_s is not None:
            for axis, velocity in zip(self._axes, move.velocity_um_s, strict=True):
                axis.drive(arrived_ns, velocity)
                if move.frame == self._sent_frame and self._expires_ns > arrived_ns:
                    axis.halt(self._expires_ns)
        for axis, target, off in zip(self._axes, (move.x_um, move.y_um), self._off_um, strict=True):
            if target is not None:
                axis.command(arrived_ns, target - off)
