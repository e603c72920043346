"""What tests of the contract share: moves, places, and a caller that watches frames and reports.

Nothing here waits for a time to pass: whatever takes a while is awaited by a number of frames.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from itertools import islice, pairwise

import useq
from pursuit.drivers.clock import NS_PER_MS
from pursuit.drivers.messages import Frame, Issued, Move, PoseRead, Report
from pursuit.drivers.microscope import Frames, Microscope

NEVER = 2**62
PATIENCE = 1_000
"""Frames within which whatever was asked for has happened."""
SHOWS_NS = 30 * NS_PER_MS
NEAR_UM = 0.1
FAR_UM = 1_500.0


def moved(
    frame: Frame,
    x: float | None = None,
    y: float | None = None,
    z: float | None = None,
    *,
    expires_ns: int = NEVER,
) -> Move:
    """Return a move by so much from where the frame was taken."""
    pose = frame.pose
    offsets = ((pose.x_um, x), (pose.y_um, y), (pose.z_um, z))
    targets = [None if by is None else at + by for at, by in offsets]
    return Move(targets[0], targets[1], targets[2], expires_ns, frame.index)


def at(what: Frame | PoseRead) -> tuple[float, float, float]:
    return what.pose.x_um, what.pose.y_um, what.pose.z_um


def near(position: tuple[float, float, float], move: Move, start: Frame) -> bool:
    """Whether a position is where a move from a frame leads; axes left out stay put."""
    wanted = (move.x_um, move.y_um, move.z_um)
    targets = (here if to is None else to for to, here in zip(wanted, at(start), strict=True))
    return math.dist(position, tuple(targets)) < NEAR_UM


class Watch:
    """Pulls frames and keeps every report that comes meanwhile."""

    def __init__(self, scope: Microscope, frames: Frames) -> None:
        self._scope, self._frames = scope, frames
        self.reports: list[Report] = []

    def until(self, happened: Callable[[Frame], bool]) -> Frame:
        for frame in islice(self._frames, PATIENCE):
            self.reports += self._scope.reports()
            if happened(frame):
                return frame
        raise AssertionError(f"did not happen within {PATIENCE} frames: {self.reports[-6:]}")

    def issued(self) -> list[Issued]:
        return [report for report in self.reports if isinstance(report, Issued)]

    def until_issued(self, count: int) -> None:
        self.until(lambda frame: len(self.issued()) >= count)

    def reads_after(self, at_ns: int) -> list[PoseRead]:
        reads = (report for report in self.reports if isinstance(report, PoseRead))
        return [read for read in reads if read.pose.at_ns > at_ns]

    def until_there(self, move: Move, start: Frame) -> None:
        """Wait until model and stage both say that a move has ended where it should."""
        self.until(
            lambda frame: (
                near(at(frame), move, start)
                and any(near(at(read), move, start) for read in self.reads_after(start.readable_ns))
            )
        )

    def until_read(self, since: Frame) -> PoseRead:
        """Wait until whatever was sent has had time to show; return what the stage then says."""
        later = self.until(lambda frame: frame.readable_ns > since.readable_ns + SHOWS_NS)
        self.until(lambda frame: bool(self.reads_after(later.readable_ns)))
        return self.reads_after(later.readable_ns)[0]

    def until_still(self, since: Frame) -> PoseRead:
        """Wait until the stage was read twice at the same place; return that reading."""

        def still(frame: Frame) -> bool:
            places = [at(read) for read in self.reads_after(since.readable_ns)]
            return any(math.dist(a, b) < NEAR_UM for a, b in pairwise(places))

        self.until(still)
        return self.reads_after(since.readable_ns)[-1]


def plan(scope: Microscope, x_um: float = 0.0) -> useq.MDASequence:
    """Two places, three planes, and two channels where there are any."""
    return useq.MDASequence.model_validate(
        {
            "stage_positions": [(x_um, 0.0, 0.0), (x_um + 20.0, -15.0, 1.0)],
            "z_plan": {"range": 2, "step": 1},
            "channels": list(scope.describe().channels[:2]),
        }
    )
