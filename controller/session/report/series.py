"""What happened in a session, collected frame by frame, and the same as a series of arrays."""

from __future__ import annotations

from array import array
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ....drivers.clock import NS_PER_MS, NS_PER_S
from ....drivers.messages import Dynamics, Fault, Frame, Issued, PoseRead, Report, Truth
from ...decisions import Decision, Followed, Lock
from ...loop import Step

LOCKS = tuple(Lock)
"""`Series.lock` holds indices into this."""

_NAN = float("nan")


class Rows:
    """What a summary needs of every frame, decision and report; about 150 bytes a frame.

    Attributes
    ----------
    origin_ns : int or None
        The first exposure, from which times are counted.
    latency_ms : array of float
        Photon to motion, of every move issued: from the middle of the exposure that it was
        based on to its hand-over to the stage.
    timings_us : dict of str to array of float
        Host time that each stage of the loop took.
    faults : list of str
        Sentences.
    found : Dynamics or None
        How the stage answers commands, if readings differ from the description.
    answers : bool
        Whether, at the end, the picture answered to the stage as the calibration says.
    answered_from : int or None
        The first frame in which it did, after the first moves.
    detections : int
        In all frames.
    held_by, held_since_s : str, float or None
        What kept the stage from the target at the end, as in `Decision`, and since when.
    hand_s : float or None
        When a hand began to move the stage for the last time.
    followed : Followed
        What was followed, and in how many frames it was not seen.
    """

    def __init__(self) -> None:
        self.origin_ns: int | None = None
        self.latency_ms = array("f")
        self.timings_us: dict[str, array[float]] = {}
        self.faults: list[str] = []
        self.found: Dynamics | None = None
        self.answers = False
        self.answered_from: int | None = None
        self.detections = 0
        self.held_by = ""
        self.held_since_s: float | None = None
        self.hand_s: float | None = None
        self.followed = Followed()
        self._frames = array("d")
        self._truths = array("d")
        self._decisions = array("d")

    def step(self, step: Step) -> None:
        """Take note of a step of the loop and all that belongs to it."""
        self.frame(step.frame)
        self.decision(step.decision)
        for report in step.reports:
            self.report(report)

    def frame(self, frame: Frame) -> None:
        """Take note of an exposure, whether or not the controller processed it."""
        pose, t_s = frame.pose, self.seconds(frame.exposed_ns)
        self._frames.extend((frame.index, t_s, pose.x_um, pose.y_um))

    def decision(self, decision: Decision) -> None:
        """Take note of one step of the loop."""
        (x, y, _), seen = decision.pose_um, decision.seen_um
        offset = (_NAN, _NAN) if seen is None else (seen[0] - x, seen[1] - y)
        lock = LOCKS.index(decision.lock)
        self.answers = decision.answers
        self.detections += decision.detections
        if decision.answers and self.answered_from is None:
            self.answered_from = decision.frame
        t_s = self.seconds(decision.exposed_ns)
        self.followed.see(decision, t_s)
        if decision.held_by != self.held_by:
            self.held_by = decision.held_by
            self.held_since_s = round(t_s, 6) if decision.held_by else None
            self.hand_s = self.held_since_s if decision.held_by == "hand" else self.hand_s
        self._decisions.extend((decision.frame, t_s, x, y, *offset, lock))
        for stage, us in decision.timings_us.items():
            self.timings_us.setdefault(stage, array("f")).append(us)

    def report(self, report: Report) -> None:
        """Take note of the truth, of moves, of faults and of what readings told of the stage."""
        if isinstance(report, Truth):
            self._truths.extend((report.frame, report.x_um, report.y_um))
        elif isinstance(report, Issued):
            if report.exposed_ns:
                self.latency_ms.append((report.issued_ns - report.exposed_ns) / NS_PER_MS)
        elif isinstance(report, Fault):
            self.faults.append(report.text)
        elif isinstance(report, PoseRead):
            self.found = report.dynamics or self.found

    def seconds(self, at_ns: int) -> float:
        """Seconds since the first exposure; the first instant asked for becomes the origin."""
        if self.origin_ns is None:
            self.origin_ns = at_ns
        return (at_ns - self.origin_ns) / NS_PER_S

    def series(self) -> Series:
        """Join frames, decisions and the truth by the index of the frame."""
        frames = np.frombuffer(self._frames).reshape(-1, 4)
        decisions = np.frombuffer(self._decisions).reshape(-1, 7)
        truths = np.frombuffer(self._truths).reshape(-1, 3)
        index = np.union1d(frames[:, 0], decisions[:, 0])
        table = np.full((len(index), 5), _NAN)
        lock = np.full(len(index), -1, np.int8)
        at = np.searchsorted(index, decisions[:, 0])
        table[at] = decisions[:, 1:6]
        lock[at] = decisions[:, 6]
        table[np.searchsorted(index, frames[:, 0]), :3] = frames[:, 1:]
        truths = truths[np.isin(truths[:, 0], index) & np.isfinite(truths).all(1)]
        at = np.searchsorted(index, truths[:, 0])
        table[at, 3:] = truths[:, 1:]
        truth = np.zeros(len(index), bool)
        truth[at] = True
        return Series(index.astype(np.int64), table[:, 0], table[:, 1:3], table[:, 3:], truth, lock)


@dataclass(frozen=True, slots=True, eq=False)
class Series:
    """A session frame by frame, in the order of exposure.

    Attributes
    ----------
    frame : (N,) int64
        Index of the frame.
    t_s : (N,) float64
        Middle of its exposure, from the first one.
    pose_um : (N, 2) float64
        Stage position then.
    offset_um : (N, 2) float64
        Target relative to the middle of the field, in stage directions: the truth if it is
        known, else where it was detected; NaN if neither.
    truth : (N,) bool
        Whether the offset is the truth.
    lock : (N,) int8
        Index into `LOCKS`; -1 for an exposure that the controller did not process.
    """

    frame: NDArray[np.int64]
    t_s: NDArray[np.float64]
    pose_um: NDArray[np.float64]
    offset_um: NDArray[np.float64]
    truth: NDArray[np.bool_]
    lock: NDArray[np.int8]

    def __len__(self) -> int:
        return len(self.frame)

    @property
    def error_um(self) -> NDArray[np.float64]:
        """Centring error of each frame, (N,); NaN where it is unknown."""
        return np.hypot(*self.offset_um.T)

    @property
    def processed(self) -> NDArray[np.bool_]:
        """Which frames the controller processed, (N,)."""
        return self.lock >= 0

    def is_lock(self, *locks: Lock) -> NDArray[np.bool_]:
        """Which frames ended in one of these states, (N,)."""
        return np.isin(self.lock, [LOCKS.index(lock) for lock in locks])
