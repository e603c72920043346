"""The stage's own thread, with a core that is only a list of calls."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

import pytest
from pursuit.drivers.actuation import StageWorker
from pursuit.drivers.clock import NS_PER_MS, VirtualClock
from pursuit.drivers.messages import Dynamics, Issued, Move, PoseRead, Report
from pursuit.drivers.settings import StageSettings
from pursuit.drivers.stage import PoseModel

BOX = ((-1e3, 1e3), (-1e3, 1e3), (-10.0, 10.0))
NEVER = 2**62


class Core:
    """A stage that is where it was sent at once, or where a hand has pushed it."""

    position_um = (0.0, 0.0)

    def setXYPosition(self, label: str, x: float, y: float) -> None:  # noqa: N802
        self.position_um = (x, y)

    def getXYPosition(self, label: str) -> tuple[float, float]:  # noqa: N802
        return self.position_um

    def stop(self, label: str) -> None: ...


@pytest.fixture
def clock() -> VirtualClock:
    return VirtualClock()


@pytest.fixture
def worker(clock: VirtualClock) -> Iterator[StageWorker]:
    core: Any = Core()
    pose = PoseModel((0.0, 0.0, 0.0), Dynamics(), Dynamics())
    worker = StageWorker(core, "XY", "", StageSettings(), pose, BOX, clock)
    yield worker
    worker.close()


def moved(worker: StageWorker, frame: int) -> list[Report]:
    """Move, and return the reports once the thread is done with it."""
    worker.move(Move(0.1 * frame, 0.0, None, NEVER, frame), 0)
    reports: list[Report] = []
    for _ in range(5_000):
        reports += worker.reports()
        if any(isinstance(report, Issued) for report in reports):
            time.sleep(0.005)
            return reports + worker.reports()
        time.sleep(0.001)
    raise AssertionError("the move was not carried out")


def test_a_stage_that_is_never_at_rest_is_read_all_the_same(
    worker: StageWorker, clock: VirtualClock
) -> None:
    reads = 0
    for frame in range(1, 41):
        clock.sleep_until_ns(frame * 100 * NS_PER_MS)
        reads += sum(isinstance(report, PoseRead) for report in moved(worker, frame))
    assert 3 <= reads <= 5
