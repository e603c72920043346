"""A stage that is not as stated is identified from its readings, one moved by hand is not."""

from __future__ import annotations

from dataclasses import dataclass

import msgspec
import numpy as np
import pytest
from pursuit.drivers.clock import NS_PER_MS, NS_PER_S
from pursuit.drivers.messages import Dynamics
from pursuit.drivers.stage import Axis
from pursuit.drivers.stage.identification import Identification

NOMINAL = Dynamics(delay_ms=5.0, speed_um_s=5_000.0, acceleration_um_s2=1e5)
STATIC = (0.0, 0.0)


@dataclass
class Trial:
    """A true stage, the model of it, and readings of moves at random."""

    true: Dynamics
    seed: int = 0
    noise_um: float = 0.02

    def __post_init__(self) -> None:
        self.identification = Identification(NOMINAL)
        self.model = (Axis(0.0, NOMINAL), Axis(0.0, NOMINAL))
        self._stage = (Axis(0.0, self.true), Axis(0.0, self.true))
        self._rng = np.random.default_rng(self.seed)
        self.now_ns = NS_PER_S

    def move(self, reads: bool = True) -> None:
        """Send model and stage somewhere; read the stage some times on the way."""
        for model, stage in zip(self.model, self._stage, strict=True):
            target_um = self._rng.uniform(-80, 80)
            model.command(self.now_ns, target_um)
            stage.command(self.now_ns, target_um)
        for later_ms in self._rng.uniform((2, 12, 22, 32, 45), (12, 22, 32, 45, 60)):
            if reads:
                self.read(self.now_ns + round(later_ms * NS_PER_MS))
        self.now_ns += 150 * NS_PER_MS

    def read(self, at_ns: int, moved_um: tuple[float, float] = STATIC) -> None:
        noise = self._rng.normal(0, self.noise_um, 2)
        x, y = (
            axis.state(at_ns)[0] + off + more
            for axis, off, more in zip(self._stage, noise, moved_um, strict=True)
        )
        self.identification.note(at_ns, (x, y))

    def found(self) -> Dynamics | None:
        return self.identification.search(self.model, self.now_ns)

    def followed(self) -> Dynamics:
        """Identify and move on, again and again; return the dynamics of the model then."""
        for _ in range(8):
            self.move()
            if (found := self.found()) is not None:
                x, y = self.model
                self.model = x.replayed(found), y.replayed(found)
        return self.model[0].dynamics

    def rms_um(self, dynamics: Dynamics) -> float:
        """Error of a model with these dynamics in the last four moves."""
        at_ns = self.now_ns - np.arange(600) * NS_PER_MS
        errors = [
            model.replayed(dynamics).state(each)[0] - stage.state(each)[0]
            for model, stage in zip(self.model, self._stage, strict=True)
            for each in at_ns.tolist()
        ]
        return float(np.sqrt(np.mean(np.square(errors))))


def times(factor: float) -> Dynamics:
    return msgspec.structs.replace(
        NOMINAL,
        speed_um_s=factor * NOMINAL.speed_um_s,
        acceleration_um_s2=factor * NOMINAL.acceleration_um_s2,
    )


TRUE = {
    "three times as fast": times(3.0),
    "three times as slow": times(1 / 3),
    "at once": msgspec.structs.replace(NOMINAL, delay_ms=0.0),
    "later": msgspec.structs.replace(NOMINAL, delay_ms=12.0),
    "much later": msgspec.structs.replace(NOMINAL, delay_ms=30.0),
    "jumps": Dynamics(delay_ms=0.0, speed_um_s=1e6, acceleration_um_s2=1e9),
}


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("how", TRUE)
def test_a_stage_that_is_not_as_stated_is_identified(how: str, seed: int) -> None:
    trial = Trial(TRUE[how], seed)
    found = trial.followed()
    assert trial.rms_um(found) < 0.25 * trial.rms_um(NOMINAL)
    if how in ("at once", "later", "much later"):
        assert found.delay_ms == pytest.approx(TRUE[how].delay_ms, abs=2.0)
        assert found.acceleration_um_s2 == pytest.approx(1e5, rel=0.35)


@pytest.mark.parametrize("seed", range(5))
def test_a_stage_as_stated_is_not_identified_anew(seed: int) -> None:
    trial = Trial(NOMINAL, seed, noise_um=0.1)
    for _ in range(20):
        trial.move()
        assert trial.found() is None


@pytest.mark.parametrize("moved_um", [(35.0, 0.0), (-4.0, 9.0)])
def test_a_stage_that_was_moved_by_hand_is_not_identified_anew(
    moved_um: tuple[float, float],
) -> None:
    trial = Trial(NOMINAL)
    for _ in range(3):
        trial.move()
    for _ in range(3):
        trial.read(trial.now_ns, moved_um)
        trial.now_ns += 100 * NS_PER_MS
        assert trial.found() is None


def test_without_readings_of_remembered_commands_nothing_is_found() -> None:
    trial = Trial(times(3.0))
    assert trial.found() is None
    trial.move(reads=False)
    assert trial.found() is None
    trial.move()
    trial.identification.forget()
    assert trial.found() is None


def test_after_a_search_there_is_none_for_a_while() -> None:
    trial = Trial(times(3.0))
    for _ in range(4):
        trial.move()
    assert trial.found() is not None
    trial.now_ns += 49 * NS_PER_MS
    assert trial.found() is None
    trial.now_ns += NS_PER_MS
    assert trial.found() is not None
    trial.now_ns += 99 * NS_PER_MS
    assert trial.found() is None
    trial.now_ns += NS_PER_MS
    assert trial.found() is not None
