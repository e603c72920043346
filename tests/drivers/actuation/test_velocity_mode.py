"""A velocity always ends: in time, before a limit, when told, and if the stage disobeys."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from pursuit.drivers.actuation import Brake, MoveExecutor
from pursuit.drivers.actuation.velocity_mode import UNVERIFIED_UM_S, VelocityMode
from pursuit.drivers.clock import NS_PER_MS, NS_PER_S, VirtualClock
from pursuit.drivers.envelope import Envelope
from pursuit.drivers.messages import Dynamics, Fault, Issued, Move, Report
from pursuit.drivers.microscope import MicroscopeError
from pursuit.drivers.stage import PoseModel
from pursuit.sim.stand.stage import SimStage, StageModel
from pursuit.sim.stand.stage_device import SimStageDevice

BOX = ((-2_000.0, 1_500.0), (-1e3, 1e3), (-10.0, 10.0))
NEVER = 2**62
MODEL = StageModel(speed_um_s=5_000.0, acceleration_um_s2=5e4)


class Device(SimStageDevice):
    """A simulated stage that writes down its calls, and may fail or go the wrong way."""

    def __init__(self, clock: VirtualClock, takes_velocity: bool = True) -> None:
        self.stage = SimStage(MODEL, (0.0, 0.0), np.random.default_rng(0))
        focus = SimStage(StageModel(), (0.0,), np.random.default_rng(0))
        super().__init__(self.stage, focus, clock, takes_velocity)
        self.sign_x = 1.0
        self.calls: list[Any] = []
        self.fails: set[Any] = set()

    def _call(self, *call: Any) -> None:
        self.calls.append(call)
        if call[0] in self.fails or call in self.fails:
            raise RuntimeError("no answer")

    def set_velocity(self, x_um_s: float, y_um_s: float) -> None:
        """Fail when y was set and x was not."""
        self.stage.set_velocity(self._clock.now_ns(), None, y_um_s)
        self._call("velocity", x_um_s, y_um_s)
        self.stage.set_velocity(self._clock.now_ns(), self.sign_x * x_um_s, None)

    def send_xy(self, x_um: float, y_um: float) -> None:
        self._call("position", x_um, y_um)
        super().send_xy(x_um, y_um)

    def stop_xy(self) -> None:
        self._call("stop")
        super().stop_xy()


class Stand:
    """An executor over such a device, stepped in virtual time as a thread would step it."""

    def __init__(self, takes_velocity: bool = True) -> None:
        self.clock = VirtualClock()
        self.device = Device(self.clock, takes_velocity)
        self.reports: list[Report] = []
        pose = PoseModel((0.0, 0.0, 0.0), MODEL.dynamics, Dynamics())
        self.stopped = ""
        self.executor = MoveExecutor(self.device, pose, Envelope(BOX), self.clock, self._stop)
        self._brake = Brake(self.device, pose, self.clock)
        self.step()

    def step(self) -> None:
        self.executor.step()
        self.reports += self.executor.reports()
        self._wakes_ns = self.clock.now_ns() + math.ceil(self.executor.wait_s() * NS_PER_S)

    def wait_ms(self, ms: float) -> None:
        until_ns = self.clock.now_ns() + round(ms * NS_PER_MS)
        while self._wakes_ns <= until_ns:
            self.clock.sleep_until_ns(self._wakes_ns)
            self.step()
        self.clock.sleep_until_ns(until_ns)

    def move(self, move: Move) -> None:
        self.executor.accept(move, 0, self.clock.now_ns())
        self.step()

    def set_velocity(self, x: float, y: float = 0.0, expires_ns: int = NEVER) -> None:
        self.move(Move(None, None, None, expires_ns, 1, (x, y)))

    def stop(self) -> None:
        self.executor.hold()
        for drive in self._brake.drives:
            assert self._brake.bring_to_rest(drive, lambda: False) == ""
        self.executor.release()
        self._wakes_ns = self.clock.now_ns()

    def _stop(self, reason: str) -> None:
        self.stopped = reason
        self.stop()

    def told(self, kind: type[Report]) -> list[Any]:
        return [report for report in self.reports if isinstance(report, kind)]

    @property
    def rests(self) -> bool:
        """Whether the stage comes to rest if nothing more is sent."""
        return not self.device.stage.busy(self.clock.now_ns() + 10**10)

    def at_um(self) -> tuple[float, ...]:
        return self.device.read_xy()

    def verify(self) -> None:
        """Move to and fro until the stage has been seen to obey."""
        for i in range(20):
            speed = 200.0 if i < 10 else -200.0
            self.set_velocity(speed, speed)
            self.wait_ms(60)
        self.stop()


@pytest.fixture
def stand() -> Stand:
    return Stand()


def test_the_stage_is_given_it_and_keeps_it(stand: Stand) -> None:
    stand.set_velocity(100.0, 50.0)
    assert stand.device.calls == [("velocity", 100.0, 50.0)]
    assert stand.told(Issued)[0].velocity_um_s == (100.0, 50.0)
    before = stand.at_um()
    stand.wait_ms(200)
    moved = np.subtract(stand.at_um(), before)
    assert moved == pytest.approx((20.0, 10.0), abs=1.5)


def test_it_ends_when_it_expires_though_other_axes_move(stand: Stand) -> None:
    stand.set_velocity(100.0, expires_ns=150 * NS_PER_MS)
    stand.move(Move(None, None, 1.0, NEVER, 2))
    stand.wait_ms(149)
    assert not stand.rests
    stand.wait_ms(2)
    assert stand.rests
    assert stand.device.calls[-2:] == [("velocity", 0.0, 0.0), ("stop",)]


def test_it_ends_after_a_second_whatever_was_asked_for(stand: Stand) -> None:
    stand.set_velocity(100.0, expires_ns=NEVER)
    stand.wait_ms(999)
    assert not stand.rests
    stand.wait_ms(2)
    assert stand.rests


def test_one_that_has_expired_is_dropped(stand: Stand) -> None:
    stand.wait_ms(100)
    stand.set_velocity(100.0, expires_ns=50 * NS_PER_MS)
    stand.move(Move(None, None, 1.0, NEVER, 2))
    assert [issued.frame for issued in stand.told(Issued)] == [2]
    assert not stand.device.calls


def test_stop_takes_it_away(stand: Stand) -> None:
    stand.set_velocity(100.0, -50.0)
    stand.stop()
    assert stand.rests
    assert {("velocity", 0.0, 0.0), ("stop",)} <= set(stand.device.calls)


def test_a_position_takes_it_away_first(stand: Stand) -> None:
    stand.set_velocity(100.0, 100.0)
    stand.wait_ms(10)
    stand.move(Move(7.0, None, None, NEVER, 2))
    order = [call[0] for call in stand.device.calls]
    assert order == ["velocity", "velocity", "stop", "position"]
    stand.wait_ms(500)
    assert stand.at_um() == pytest.approx((7.0, 0.0), abs=1.0)


def test_no_velocity_is_a_halt(stand: Stand) -> None:
    stand.move(Move(500.0, None, None, NEVER, 1))
    stand.wait_ms(30)
    stand.set_velocity(0.0, 0.0)
    stand.wait_ms(300)
    assert 0 < stand.at_um()[0] < 450.0


def test_it_is_slow_until_the_stage_has_been_seen_to_obey(stand: Stand) -> None:
    stand.set_velocity(3_000.0, -3_000.0)
    assert stand.told(Issued)[0].velocity_um_s == (UNVERIFIED_UM_S, -UNVERIFIED_UM_S)
    stand.verify()
    stand.set_velocity(800.0, -700.0)
    assert stand.told(Issued)[-1].velocity_um_s == (800.0, -700.0)


@pytest.mark.parametrize("renewed_ms", [10.0, 300.0])
def test_it_never_carries_the_stage_over_a_limit(stand: Stand, renewed_ms: float) -> None:
    stand.verify()
    for _ in range(round(1_500 / renewed_ms)):
        stand.set_velocity(4_000.0, 0.0)
        for _ in range(round(renewed_ms / 10)):
            stand.wait_ms(10)
            assert stand.at_um()[0] <= BOX[0][1]
    assert stand.at_um()[0] > BOX[0][1] - 400.0
    stand.stop()
    stand.wait_ms(500)
    assert stand.at_um()[0] <= BOX[0][1]


def test_a_stage_that_goes_the_wrong_way_is_stopped_and_given_no_more(stand: Stand) -> None:
    stand.device.sign_x = -1.0
    while not stand.stopped:
        stand.set_velocity(3_000.0)
        stand.wait_ms(20)
        assert stand.at_um()[0] > -100.0
    assert "check velocity_x" in stand.stopped
    assert stand.rests
    with pytest.raises(MicroscopeError, match="did not go where it was driven"):
        stand.set_velocity(100.0)


def test_a_stage_that_takes_half_a_velocity_is_stopped(stand: Stand) -> None:
    stand.device.fails.add(("velocity", 100.0, 100.0))
    stand.set_velocity(100.0, 100.0)
    assert stand.device.calls[1:] == [("velocity", 0.0, 0.0), ("stop",)]
    assert "no answer" in stand.told(Fault)[0].text
    assert stand.rests


def test_stopping_is_tried_until_it_works(stand: Stand) -> None:
    stand.set_velocity(100.0, expires_ns=50 * NS_PER_MS)
    stand.device.fails |= {"stop", ("velocity", 0.0, 0.0)}
    stand.wait_ms(100)
    assert len(stand.told(Fault)) >= 3
    assert not stand.rests
    stand.device.fails.clear()
    stand.wait_ms(20)
    assert stand.rests


def test_while_others_move_there_is_none(stand: Stand) -> None:
    stand.set_velocity(100.0)
    assert stand.executor.has_velocity
    stand.executor.others_move = True
    with pytest.raises(MicroscopeError, match="acquisition"):
        stand.set_velocity(100.0)
    stand.executor.others_move = False
    stand.set_velocity(100.0)
    assert len(stand.told(Issued)) == 2


def test_a_stage_without_such_properties_says_so() -> None:
    with pytest.raises(MicroscopeError, match="velocity_x"):
        Stand(takes_velocity=False).set_velocity(100.0)


def test_a_stage_found_to_brake_more_slowly_is_stopped_sooner() -> None:
    class Slower(PoseModel):
        @property
        def identified(self) -> Dynamics:
            return Dynamics(acceleration_um_s2=5e3, delay_ms=0.0)

    left_s = []
    for kind in (PoseModel, Slower):
        clock = VirtualClock()
        pose = kind((0.0, 0.0, 0.0), MODEL.dynamics, Dynamics())
        velocity = VelocityMode(
            Device(clock), pose, Envelope(((-50.0, 50.0), BOX[1], BOX[2])), clock
        )
        velocity.send((UNVERIFIED_UM_S, 0.0), NEVER)
        left_s.append(velocity.left_s())
    braking_s = [UNVERIFIED_UM_S / (2 * each) for each in (MODEL.acceleration_um_s2, 5e3)]
    assert left_s[0] - left_s[1] == pytest.approx(braking_s[1] - braking_s[0])
