"""How far ahead to look: the first exposure that a move can still affect, from measured times."""

import math
from collections import deque
from statistics import median

from ...drivers.clock import NS_PER_MS, NS_PER_S
from ...drivers.messages import Description, Frame, Issued, Move, PoseRead, Report
from ...drivers.stage import StageForecast, Trapezoid

_REMEMBERED = 15
"""Frames whose times the medians are of. Chosen: seven late ones change nothing."""
_FIRST_LATENCY_NS = NS_PER_MS
"""Until there is a measurement. Chosen: what a quick detector takes."""

_MOST_AHEAD_NS, _MOST_USUAL = NS_PER_S, 2
"""Of a plan that comes later than that, and than so many times the usual latency, it is not
foreseen where the target is by then. Chosen: a computer that stalled for seconds sends the stage no
further than a second's way; with a detector that always takes so long, it is where the target is.
"""


class Horizon:
    """Learns the camera's interval and the latency of commands.

    Until there are measurements, interval and dynamics of the stage are nominal.

    Attributes
    ----------
    stage : StageForecast
        What the stage is about to do.
    takes_velocity : bool
        Whether it can be given a velocity.
    interval_ns : float
        Time from one exposure to the next.
    answer_interval_ns : float
        Time from one frame that is answered to the next: longer if frames are passed over.
    latency_ns : float
        Time from a readable frame until its move is with the stage: for the newest frame what has
        passed until its plan and, from there on, what is usual; the usual time until then.
    """

    def __init__(self, description: Description) -> None:
        self.stage = StageForecast(description.dynamics)
        self.takes_velocity = description.takes_velocity
        self._intervals_ns: deque[float] = deque(maxlen=_REMEMBERED)
        self._answer_intervals_ns: deque[int] = deque(maxlen=_REMEMBERED)
        self._latencies_ns: deque[int] = deque(maxlen=_REMEMBERED)
        self._after_plan_ns: deque[int] = deque([_FIRST_LATENCY_NS], maxlen=_REMEMBERED)
        self._readable_ns: dict[int, int] = {}
        self._planned_ns: dict[int, int] = {}
        self._last: Frame | None = None
        self._sent_frame, self._expires_ns = -1, 0
        self.interval_ns: float = description.interval_ms * NS_PER_MS
        self.answer_interval_ns = self.interval_ns
        self.latency_ns: float = _FIRST_LATENCY_NS

    def see(self, frame: Frame) -> None:
        """Learn from the timestamps and the pose of a frame."""
        if self._last is not None and frame.index > self._last.index:
            elapsed_ns = frame.exposed_ns - self._last.exposed_ns
            self._intervals_ns.append(elapsed_ns / (frame.index - self._last.index))
            self.interval_ns = median(self._intervals_ns)
            self._answer_intervals_ns.append(elapsed_ns)
            self.answer_interval_ns = float(median(self._answer_intervals_ns))
        self._last = frame
        self.stage.see(frame)
        self._readable_ns[frame.index] = frame.readable_ns
        if len(self._readable_ns) > _REMEMBERED:
            oldest = min(self._readable_ns)
            del self._readable_ns[oldest]
            self._planned_ns.pop(oldest, None)

    def begin_plan(self, frame: Frame, now_ns: int) -> None:
        """Note that the answer to the newest frame is planned now: how late it is is no guess.

        Not if the microscope is in this process, where its time may be a virtual one.
        """
        if not frame.arrived_ns:
            return
        late_ns = now_ns - frame.arrived_ns  # by one clock: on another host there is a second one
        self._planned_ns[frame.index] = frame.readable_ns + late_ns
        usual_ns = median(self._latencies_ns) if self._latencies_ns else 0
        most_ns = max(_MOST_AHEAD_NS, _MOST_USUAL * usual_ns)
        self.latency_ns = min(late_ns + median(self._after_plan_ns), most_ns)

    def planned_ns(self, frame: Frame) -> int:
        """When what answers a frame was planned; when the frame was readable, if not noted."""
        return self._planned_ns.get(frame.index, frame.readable_ns)

    def pause(self) -> None:
        """Forget the last frame and all moves: meanwhile the stage goes elsewhere."""
        self._last = None
        self._readable_ns.clear()
        self._planned_ns.clear()
        self._sent_frame, self._expires_ns = -1, 0
        self.stage = StageForecast(self.stage.dynamics)

    def sent(self, move: Move) -> None:
        """Expect the effect of a move that was just sent, before it is reported."""
        readable_ns = self._readable_ns.get(move.frame)
        if readable_ns is not None:
            self._sent_frame, self._expires_ns = move.frame, move.expires_ns
            self._expect(move, readable_ns + round(self.latency_ns))

    def learn(self, report: Report) -> None:
        """Learn when a move was with the stage, and how the stage answers."""
        if isinstance(report, PoseRead) and report.dynamics not in (None, self.stage.dynamics):
            self.stage.identified(report.dynamics)
        if isinstance(report, Issued) and report.frame in self._readable_ns:
            self._latencies_ns.append(report.issued_ns - self._readable_ns[report.frame])
            self.latency_ns = median(self._latencies_ns)
            if report.frame in self._planned_ns:
                after_ns = report.issued_ns - self._planned_ns[report.frame]
                self._after_plan_ns.append(after_ns)
            if report.frame >= self._sent_frame:
                if report.frame > self._sent_frame:
                    self._sent_frame, self._expires_ns = report.frame, 0
                self._expect(report, report.issued_ns)

    def _expect(self, move: Move | Issued, arrives_ns: int) -> None:
        if move.velocity_um_s is not None:
            self.stage.expect_velocity(arrives_ns, move.velocity_um_s, self._expires_ns)
        self.stage.expect(arrives_ns, (move.x_um, move.y_um))

    def start_ns(self, frame: Frame) -> int:
        """When a move that answers ``frame`` begins to show."""
        delay_ns = self.stage.dynamics.delay_ms * NS_PER_MS
        return frame.readable_ns + round(self.latency_ns + delay_ns)

    def instant_ns(self, frame: Frame, later: int = 0) -> int:
        """Middle of the first exposure that a move answering ``frame`` can affect.

        With ``later``, of the exposure that comes so many after it.
        """
        ahead_ns = self.start_ns(frame) - frame.exposed_ns
        exposures = max(math.ceil(ahead_ns / self.interval_ns), 1) + later
        return frame.exposed_ns + round(exposures * self.interval_ns)

    def still_ns(self, frame: Frame, to_um: tuple[float, float]) -> int:
        """Middle of the first exposure during all of which the stage can rest at a position.

        It has moved there from where it is when the move begins, and has settled.
        """
        dynamics = self.stage.dynamics
        needs_s = max(
            Trapezoid.plan(0, *state, end, dynamics).duration_s
            for state, end in zip(self.stage.states(self.start_ns(frame)), to_um, strict=True)
        )
        ready_ms = dynamics.settle_ms + frame.exposure_ms / 2
        ready_ns = self.start_ns(frame) + needs_s * NS_PER_S + ready_ms * NS_PER_MS
        first_ns = self.instant_ns(frame)
        late = max(math.ceil((ready_ns - first_ns) / self.interval_ns), 0)
        return self.instant_ns(frame, late)

    def answered(self, frame: Frame) -> bool:
        """Whether the frame before was answered by a move."""
        before = max((index for index in self._readable_ns if index < frame.index), default=-1)
        return 0 <= self._sent_frame < frame.index and self._sent_frame == before
