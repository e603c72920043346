"""The stage's own thread: it does what it is asked, and ends."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import numpy as np
import pytest
from pursuit.drivers.actuation import StageWorker
from pursuit.drivers.clock import VirtualClock
from pursuit.drivers.envelope import Envelope
from pursuit.drivers.messages import Dynamics, Issued, Move
from pursuit.drivers.stage import PoseModel
from pursuit.sim.stand.stage import SimStage, StageModel
from pursuit.sim.stand.stage_device import SimStageDevice

BOX = Envelope(((-1e3, 1e3), (-1e3, 1e3), (-10.0, 10.0)))
NEVER = 2**62
PATIENCE_S = 10


class Device(SimStageDevice):
    """A simulated stage that says when it was told something."""

    def __init__(self, clock: VirtualClock) -> None:
        rng = np.random.default_rng(0)
        self.stage = SimStage(StageModel(), (0.0, 0.0), rng)
        super().__init__(self.stage, SimStage(StageModel(), (0.0,), rng), clock, True)
        self.told = threading.Event()
        self.stops = 0

    def send_xy(self, x_um: float, y_um: float) -> None:
        super().send_xy(x_um, y_um)
        self.told.set()

    def set_velocity(self, x_um_s: float, y_um_s: float) -> None:
        super().set_velocity(x_um_s, y_um_s)
        self.told.set()

    def stop_xy(self) -> None:
        super().stop_xy()
        self.stops += 1


@pytest.fixture
def device() -> Device:
    return Device(VirtualClock())


@pytest.fixture
def worker(device: Device) -> Iterator[StageWorker]:
    pose = PoseModel((0.0, 0.0, 0.0), Dynamics(), Dynamics())
    worker = StageWorker(device, pose, BOX, VirtualClock())
    yield worker
    worker.close()


def test_a_move_is_sent_and_reported(device: Device, worker: StageWorker) -> None:
    worker.move(Move(5.0, None, None, NEVER, 3), 7)
    assert device.told.wait(PATIENCE_S)
    worker.stop()
    (issued,) = (report for report in worker.reports() if isinstance(report, Issued))
    assert (issued.frame, issued.exposed_ns, issued.x_um) == (3, 7, 5.0)


def test_stop_returns_when_the_stage_has_been_told(device: Device, worker: StageWorker) -> None:
    for count in range(1, 20):
        worker.move(Move(500.0, None, None, NEVER, count), 0)
        worker.stop()
        assert device.stops == count


def test_a_velocity_ends_before_others_move(device: Device, worker: StageWorker) -> None:
    worker.move(Move(None, None, None, NEVER, 1, (100.0, 0.0)), 0)
    assert device.told.wait(PATIENCE_S)
    worker.read_when_idle(False)
    assert not device.stage.busy(10**10)


def test_closing_halts_the_stage_and_ends_the_thread(device: Device) -> None:
    before = set(threading.enumerate())
    pose = PoseModel((0.0, 0.0, 0.0), Dynamics(), Dynamics())
    worker = StageWorker(device, pose, BOX, VirtualClock())
    worker.move(Move(500.0, None, None, NEVER, 1), 0)
    worker.close()
    worker.close()
    assert device.stops == 1
    assert set(threading.enumerate()) <= before
    worker.stop()
