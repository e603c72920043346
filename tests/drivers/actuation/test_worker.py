"""The stage's own thread: it does what it is asked, stops whatever the device does, and ends."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator

import numpy as np
import pytest
from pursuit.drivers.actuation import StageWorker
from pursuit.drivers.actuation.brake import Brake
from pursuit.drivers.clock import NS_PER_S, SystemClock
from pursuit.drivers.envelope import Envelope
from pursuit.drivers.messages import Dynamics, Fault, Issued, Move, PoseRead
from pursuit.drivers.microscope import MicroscopeError
from pursuit.drivers.stage import PoseModel
from pursuit.sim.stand.stage import SimStage, StageModel
from pursuit.sim.stand.stage_device import SimStageDevice

from .simple_stand import Stand

BOX = Envelope(((-1e5, 1e5), (-1e5, 1e5), (-10.0, 10.0)))
NEVER = 2**62
PATIENCE_S = 10
FAR_UM = 50_000.0
MODEL = StageModel()
BRAKING_UM = MODEL.speed_um_s**2 / (2 * MODEL.acceleration_um_s2)


class Device(SimStageDevice):
    """A simulated stage that says when it was told something."""

    def __init__(self) -> None:
        self.clock = SystemClock()
        rng = np.random.default_rng(0)
        self.stage = SimStage(MODEL, (0.0, 0.0), rng)
        super().__init__(self.stage, SimStage(MODEL, (0.0,), rng), self.clock, True)
        self.told = threading.Event()
        self.stop_ns = 0

    def send_xy(self, x_um: float, y_um: float) -> None:
        super().send_xy(x_um, y_um)
        self.told.set()

    def set_velocity(self, x_um_s: float, y_um_s: float) -> None:
        super().set_velocity(x_um_s, y_um_s)
        self.told.set()

    def stop_xy(self) -> None:
        self.stop_ns = self.stop_ns or self.clock.now_ns()
        super().stop_xy()

    @property
    def moves(self) -> bool:
        now_ns = self.clock.now_ns()
        return self.stage.encoder_um(now_ns) != self.stage.encoder_um(now_ns + NS_PER_S)

    @property
    def x_um(self) -> float:
        return self.stage.encoder_um(self.clock.now_ns())[0]


class StopRaises(Device):
    """A stage whose adapter does not know how to stop."""

    def stop_xy(self) -> None:
        raise RuntimeError("unsupported command")


class StopIgnored(Device):
    """A stage that acknowledges a stop, and goes on."""

    def stop_xy(self) -> None:
        pass


class Blocks(Device):
    """A stage whose adapter returns on arrival, and locks everybody else out until then."""

    def __init__(self) -> None:
        super().__init__()
        self._lock = threading.Lock()

    def send_xy(self, x_um: float, y_um: float) -> None:
        with self._lock:
            super().send_xy(x_um, y_um)
            while self.moves:
                time.sleep(0.001)

    def stop_xy(self) -> None:
        with self._lock:
            super().stop_xy()

    def xy_busy(self) -> bool:
        with self._lock:
            return super().xy_busy()


class Dead(Device):
    """A stage whose adapter never returns from a stop."""

    def __init__(self) -> None:
        super().__init__()
        self.ends = threading.Event()

    def stop_xy(self) -> None:
        self.ends.wait()


class Runaway(Device):
    """A stage that obeys nothing any more once it is far away."""

    def stop_xy(self) -> None:
        pass

    def send_xy(self, x_um: float, y_um: float) -> None:
        if self.x_um < 50.0:
            super().send_xy(x_um, y_um)

    def set_velocity(self, x_um_s: float, y_um_s: float) -> None:
        pass


def make_worker(device: Device) -> StageWorker:
    pose = PoseModel((0.0, 0.0, 0.0), Dynamics(), Dynamics())
    return StageWorker(device, pose, BOX, device.clock)


@pytest.fixture
def device(request: pytest.FixtureRequest) -> Device:
    return getattr(request, "param", Device)()


@pytest.fixture
def worker(device: Device) -> Iterator[StageWorker]:
    worker = make_worker(device)
    yield worker
    worker.close()


def go_far(device: Device, worker: StageWorker) -> None:
    """Send the stage away, and wait until it is on its way."""
    worker.move(Move(FAR_UM, None, None, NEVER, 3), 7)
    assert device.told.wait(PATIENCE_S)
    until_s = time.monotonic() + PATIENCE_S
    while device.x_um < 100.0 and time.monotonic() < until_s:
        time.sleep(0.001)


def test_a_move_is_sent_and_reported(device: Device, worker: StageWorker) -> None:
    worker.move(Move(5.0, None, None, NEVER, 3), 7)
    assert device.told.wait(PATIENCE_S)
    worker.stop("enough")
    (issued,) = (report for report in worker.reports() if isinstance(report, Issued))
    assert (issued.frame, issued.exposed_ns, issued.x_um) == (3, 7, 5.0)


@pytest.mark.parametrize("device", [Device, StopRaises, StopIgnored, Blocks], indirect=True)
def test_stop_returns_when_the_stage_stands_whatever_its_adapter_does(
    device: Device, worker: StageWorker
) -> None:
    go_far(device, worker)
    began_um = device.x_um
    worker.stop("the test")
    assert not device.moves
    stands_um = device.x_um
    assert stands_um - began_um < BRAKING_UM + 0.1 * MODEL.speed_um_s
    with pytest.raises(MicroscopeError, match="the test"):
        worker.move(Move(FAR_UM, None, None, NEVER, 4), 8)
    assert device.x_um == stands_um
    worker.arm()
    worker.move(Move(stands_um + 5.0, None, None, NEVER, 5), 9)
    until_s = time.monotonic() + PATIENCE_S
    while abs(device.x_um - stands_um - 5.0) > 0.1 and time.monotonic() < until_s:
        time.sleep(0.001)
    assert device.x_um == pytest.approx(stands_um + 5.0, abs=0.1)


@pytest.mark.parametrize("device", [Runaway], indirect=True)
def test_a_stage_that_does_not_stop_is_a_fatal_fault(device: Device, worker: StageWorker) -> None:
    go_far(device, worker)
    with pytest.raises(MicroscopeError, match="not known to stand: it is still moving"):
        worker.stop("the test")
    faults = [report for report in worker.reports() if isinstance(report, Fault)]
    assert any(fault.fatal and "stand" in fault.text for fault in faults)
    with pytest.raises(MicroscopeError, match="look at it"):
        worker.arm()


@pytest.mark.parametrize("device", [Dead], indirect=True)
def test_an_adapter_that_does_not_return_is_said_to(device: Device, worker: StageWorker) -> None:
    assert isinstance(device, Dead)
    with pytest.raises(MicroscopeError, match="adapter does not return"):
        worker.stop("the test")
    device.ends.set()


def test_a_stage_that_is_held_because_it_does_not_stop_was_sent_there() -> None:
    """Otherwise it seems to be jammed, on its way to where it had been sent before."""
    stand = Stand()
    stand.device.silent, stand.device.xy = True, (50.0, 0.0)
    pose = PoseModel((0.0, 0.0, 0.0), Dynamics(), Dynamics())
    pose.commanded(0, 5_000.0, 0.0, None)
    brake = Brake(stand.device, pose, stand.clock)
    brake.bring_to_rest(brake.drives[0], lambda: False)
    assert stand.device.sent
    assert pose.target_um[:2] == (50.0, 0.0)


def test_halt_returns_at_once_and_moves_are_taken_again(
    device: Device, worker: StageWorker
) -> None:
    go_far(device, worker)
    worker.halt()
    worker.move(Move(-5.0, None, None, NEVER, 5), 9)
    until_s = time.monotonic() + PATIENCE_S
    while device.moves and time.monotonic() < until_s:
        time.sleep(0.001)
    assert device.stop_ns
    while device.x_um > -4.9 and time.monotonic() < until_s:
        time.sleep(0.001)
    assert device.x_um == pytest.approx(-5.0, abs=0.1)


def test_a_velocity_ends_before_others_move(device: Device, worker: StageWorker) -> None:
    worker.move(Move(None, None, None, NEVER, 1, (100.0, 0.0)), 0)
    assert device.told.wait(PATIENCE_S)
    worker.others_move(True)
    assert not device.stage.busy(device.clock.now_ns() + 10 * NS_PER_S)


def test_after_others_have_moved_the_stage_its_position_is_known(
    device: Device, worker: StageWorker
) -> None:
    worker.others_move(True)
    worker.send(40.0, -30.0, 2.0)
    until_s = time.monotonic() + PATIENCE_S
    while (device.moves or abs(device.x_um - 40.0) > 1e-6) and time.monotonic() < until_s:
        time.sleep(0.001)
    worker.others_move(False)
    read = [report for report in worker.reports() if isinstance(report, PoseRead)][-1]
    assert (read.pose.x_um, read.pose.y_um) == pytest.approx((40.0, -30.0))


def test_closing_halts_the_stage_and_ends_the_threads(device: Device) -> None:
    before = set(threading.enumerate())
    worker = make_worker(device)
    go_far(device, worker)
    worker.close()
    worker.close()
    assert not device.moves
    assert device.x_um < FAR_UM / 2
    assert set(threading.enumerate()) <= before
