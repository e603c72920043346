"""A velocity always ends: in time, before a limit, when told, and if the stage disobeys."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest
from pursuit.drivers.actuation import StageWorker
from pursuit.drivers.actuation.velocity_mode import UNPROVEN_UM_S, Driver
from pursuit.drivers.clock import NS_PER_MS, VirtualClock
from pursuit.drivers.messages import Dynamics, Fault, Issued, Move, Report
from pursuit.drivers.microscope import MicroscopeError
from pursuit.drivers.settings import StageSettings
from pursuit.drivers.stage import PoseModel
from pursuit.sim.stand.stage import SimStage, StageModel

BOX = ((-2_000.0, 1_500.0), (-1e3, 1e3), (-10.0, 10.0))
NEVER = 2**62
SETTINGS = StageSettings(
    speed_um_s=5_000.0,
    acceleration_um_s2=5e4,
    velocity_x="XY,VX (mm/s)",
    velocity_y="XY,VY (mm/s)",
    velocity_unit_um_s=(1_000.0, -1_000.0),
)
PATIENCE = 2_000


class Core:
    """A stage on a virtual clock; its property for y counts against its coordinates."""

    def __init__(self, clock: VirtualClock) -> None:
        self._clock = clock
        self.stage = SimStage(StageModel(**_numbers()), (0.0, 0.0), np.random.default_rng(0))
        self.signs = {"VX (mm/s)": 1.0, "VY (mm/s)": -1.0}
        self.calls: list[Any] = []
        self.fails: set[Any] = set()

    def _call(self, *call: Any) -> None:
        self.calls.append(call)
        if call[0] in self.fails or call in self.fails:
            raise RuntimeError("no answer")

    def setProperty(self, device: str, name: str, value: float) -> None:  # noqa: N802
        self._call(name, value)
        velocity = value * 1_000.0 * self.signs[name]
        x = name == "VX (mm/s)"
        self.stage.drive(self._clock.now_ns(), velocity if x else None, None if x else velocity)

    def setXYPosition(self, label: str, x: float, y: float) -> None:  # noqa: N802
        self._call("position", x, y)
        self.stage.command(self._clock.now_ns(), x, y)

    def getXYPosition(self, label: str) -> tuple[float, ...]:  # noqa: N802
        return self.stage.encoder_um(self._clock.now_ns())

    def setPosition(self, label: str, z: float) -> None: ...  # noqa: N802
    def getPosition(self, label: str) -> float:  # noqa: N802
        return 0.0

    def deviceBusy(self, label: str) -> bool:  # noqa: N802
        return False

    def stop(self, label: str) -> None:
        self._call("stop")
        self.stage.halt(self._clock.now_ns())


def _numbers() -> dict[str, Any]:
    return {name: getattr(SETTINGS, name) for name in Dynamics.__struct_fields__}


class Stand:
    """A worker over such a core, and patience with its thread."""

    def __init__(self, settings: StageSettings = SETTINGS) -> None:
        self.clock = VirtualClock()
        self.core = Core(self.clock)
        self.reports: list[Report] = []
        core: Any = self.core
        pose = PoseModel((0.0, 0.0, 0.0), SETTINGS.dynamics, Dynamics())
        self.worker = StageWorker(core, "XY", "Z", settings, pose, BOX, self.clock)

    def drive(self, x: float, y: float = 0.0, expires_ns: int = NEVER) -> None:
        self.worker.move(Move(None, None, None, expires_ns, 1, (x, y)), 0)

    def until(self, happened: Callable[[], bool]) -> None:
        for _ in range(PATIENCE):
            self.reports += self.worker.reports()
            if happened():
                return
            time.sleep(0.001)
        raise AssertionError("it did not happen")

    def until_issued(self, count: int) -> None:
        self.until(lambda: len(self.told(Issued)) >= count)

    def until_issued_or_faulty(self, count: int) -> None:
        self.until(lambda: len(self.told(Issued)) >= count or bool(self.told(Fault)))

    def told(self, kind: type[Report]) -> list[Any]:
        return [report for report in self.reports if isinstance(report, kind)]

    def wait_ms(self, ms: float) -> None:
        self.clock.sleep_until_ns(self.clock.now_ns() + round(ms * NS_PER_MS))

    @property
    def rests(self) -> bool:
        """Whether the stage has a rest before it."""
        return not self.core.stage.busy(self.clock.now_ns() + 10**10)

    def at_um(self) -> tuple[float, ...]:
        return self.core.stage.encoder_um(self.clock.now_ns())

    def prove(self) -> None:
        """Drive to and fro until the stage has been seen to obey."""
        count = len(self.told(Issued))
        for i in range(20):
            self.drive(200.0 if i < 10 else -200.0, 200.0 if i < 10 else -200.0)
            count += 1
            self.until_issued(count)
            self.wait_ms(60)
            time.sleep(0.07)
        self.worker.stop()


@pytest.fixture
def stand() -> Iterator[Stand]:
    stand = Stand()
    yield stand
    stand.core.fails.clear()
    stand.worker.close()
    assert stand.rests


def test_it_is_given_in_units_of_the_property(stand: Stand) -> None:
    stand.drive(100.0, 50.0)
    stand.until_issued(1)
    assert ("VX (mm/s)", 0.1) in stand.core.calls
    assert ("VY (mm/s)", -0.05) in stand.core.calls
    assert stand.told(Issued)[0].velocity_um_s == (100.0, 50.0)
    before = stand.at_um()
    stand.wait_ms(200)
    moved = np.subtract(stand.at_um(), before)
    assert moved == pytest.approx((20.0, 10.0), abs=1.5)


def test_it_ends_when_it_expires_though_other_axes_move(stand: Stand) -> None:
    stand.drive(100.0, expires_ns=150 * NS_PER_MS)
    stand.until_issued(1)
    stand.worker.move(Move(None, None, 1.0, NEVER, 2), 0)
    stand.until_issued(2)
    assert not stand.rests
    stand.wait_ms(151)
    stand.until(lambda: stand.rests)
    assert ("VX (mm/s)", 0.0) in stand.core.calls and ("stop",) in stand.core.calls


def test_it_ends_after_a_second_whatever_was_asked_for(stand: Stand) -> None:
    stand.drive(100.0, expires_ns=NEVER)
    stand.until_issued(1)
    stand.wait_ms(1_001)
    stand.until(lambda: stand.rests)


def test_one_that_has_expired_is_dropped(stand: Stand) -> None:
    stand.wait_ms(100)
    stand.drive(100.0, expires_ns=50 * NS_PER_MS)
    stand.worker.move(Move(None, None, 1.0, NEVER, 2), 0)
    stand.until_issued(1)
    assert [issued.frame for issued in stand.told(Issued)] == [2]
    assert not stand.core.calls


def test_stop_takes_it_away(stand: Stand) -> None:
    stand.drive(100.0, -50.0)
    stand.until_issued(1)
    stand.worker.stop()
    assert stand.rests
    assert {("VX (mm/s)", 0.0), ("VY (mm/s)", 0.0), ("stop",)} <= set(stand.core.calls)


def test_a_position_takes_it_away_first(stand: Stand) -> None:
    stand.drive(100.0, 100.0)
    stand.until_issued(1)
    stand.worker.move(Move(7.0, None, None, NEVER, 2), 0)
    stand.until_issued(2)
    order = [call[0] for call in stand.core.calls[-4:]]
    assert order == ["VX (mm/s)", "VY (mm/s)", "stop", "position"]
    stand.wait_ms(500)
    assert stand.at_um() == pytest.approx((7.0, 0.0), abs=1.0)


def test_no_velocity_is_a_halt(stand: Stand) -> None:
    stand.worker.move(Move(500.0, None, None, NEVER, 1), 0)
    stand.until_issued(1)
    stand.wait_ms(30)
    stand.drive(0.0, 0.0)
    stand.until_issued(2)
    stand.wait_ms(300)
    assert 0 < stand.at_um()[0] < 450.0


def test_it_is_slow_until_the_stage_has_been_seen_to_obey(stand: Stand) -> None:
    stand.drive(3_000.0, -3_000.0)
    stand.until_issued(1)
    assert stand.told(Issued)[0].velocity_um_s == (UNPROVEN_UM_S, -UNPROVEN_UM_S)
    stand.prove()
    count = len(stand.told(Issued))
    stand.drive(800.0, -700.0)
    stand.until_issued(count + 1)
    assert stand.told(Issued)[-1].velocity_um_s == (800.0, -700.0)


@pytest.mark.parametrize("renewed_ms", [10.0, 300.0])
def test_it_never_carries_the_stage_over_a_limit(stand: Stand, renewed_ms: float) -> None:
    stand.prove()
    count = len(stand.told(Issued))
    for _ in range(round(1_500 / renewed_ms)):
        stand.drive(4_000.0, 0.0)
        count += 1
        stand.until_issued(count)
        for _ in range(round(renewed_ms / 10)):
            stand.wait_ms(10)
            time.sleep(0.001 if renewed_ms < 100 else 0.01)
        assert stand.at_um()[0] <= BOX[0][1]
    assert stand.at_um()[0] > BOX[0][1] - 400.0
    stand.worker.stop()
    stand.wait_ms(500)
    assert stand.at_um()[0] <= BOX[0][1]


def test_a_stage_that_goes_the_wrong_way_is_stopped_and_driven_no_more(stand: Stand) -> None:
    stand.core.signs["VX (mm/s)"] = -1.0
    count = 0
    while not (faults := stand.told(Fault)):
        stand.drive(3_000.0)
        count += 1
        stand.until_issued_or_faulty(count)
        stand.wait_ms(20)
        time.sleep(0.03)
        assert stand.at_um()[0] > -100.0
        stand.until(lambda: True)
    assert faults[0].fatal
    assert "check velocity_x" in faults[0].text
    stand.until(lambda: stand.rests)
    with pytest.raises(MicroscopeError, match="did not go where it was driven"):
        stand.drive(100.0)


def test_a_stage_that_takes_half_a_velocity_is_stopped(stand: Stand) -> None:
    stand.core.fails.add("VY (mm/s)")
    stand.drive(100.0, 100.0)
    stand.until(lambda: ("VX (mm/s)", 0.0) in stand.core.calls)
    stand.until(lambda: bool(stand.told(Fault)))
    assert "no answer" in stand.told(Fault)[0].text
    assert stand.rests


def test_stopping_is_tried_until_it_works(stand: Stand) -> None:
    stand.drive(100.0, expires_ns=50 * NS_PER_MS)
    stand.until_issued(1)
    stand.core.fails |= {"stop", ("VX (mm/s)", 0.0)}
    stand.wait_ms(60)
    stand.until(lambda: len(stand.told(Fault)) >= 3)
    assert not stand.rests
    stand.core.fails.clear()
    stand.until(lambda: stand.rests)


def test_while_others_move_there_is_none(stand: Stand) -> None:
    stand.drive(100.0)
    stand.until_issued(1)
    stand.worker.read_when_idle(False)
    assert stand.rests
    with pytest.raises(MicroscopeError, match="acquisition"):
        stand.drive(100.0)
    stand.worker.read_when_idle(True)
    stand.drive(100.0)
    stand.until_issued(2)


def test_a_stage_without_such_properties_says_so() -> None:
    stand = Stand(StageSettings())
    with pytest.raises(MicroscopeError, match="velocity_x"):
        stand.drive(100.0)
    stand.worker.close()


def test_settings_that_cannot_be_meant_are_refused() -> None:
    for wrong in (
        {"velocity_x": "XY,VX"},
        {"velocity_x": "XY", "velocity_y": "XY,VY"},
        {"velocity_x": "XY,VX", "velocity_y": "XY,VY", "velocity_unit_um_s": (0.0, 1.0)},
    ):
        with pytest.raises(ValueError, match="velocity_"):
            StageSettings(**wrong)  # type: ignore[arg-type]


def test_a_stage_found_to_brake_more_slowly_is_stopped_sooner() -> None:
    class Slower(PoseModel):
        @property
        def dynamics(self) -> Dynamics:
            return Dynamics(acceleration_um_s2=5e3, delay_ms=0.0)

    left_s = []
    for kind in (PoseModel, Slower):
        clock = VirtualClock()
        core: Any = Core(clock)
        pose = kind((0.0, 0.0, 0.0), SETTINGS.dynamics, Dynamics())
        driver = Driver(core, "XY", SETTINGS, pose, ((-50.0, 50.0), *BOX[1:]), clock)
        driver.send(Move(None, None, None, NEVER, 1, (UNPROVEN_UM_S, 0.0)))
        left_s.append(driver.left_s())
    braking_s = [UNPROVEN_UM_S / (2 * each) for each in (SETTINGS.acceleration_um_s2, 5e3)]
    assert left_s[0] - left_s[1] == pytest.approx(braking_s[1] - braking_s[0])
