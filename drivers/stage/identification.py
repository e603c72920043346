"""Calibration by use: what readings tell of a stage's delay, speed and acceleration."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Iterator, Sequence
from itertools import product
from typing import TypeVar

import msgspec

from ..clock import NS_PER_MS
from ..messages import Dynamics
from .axis import Axis

_COMMANDS, _READINGS = 48, 10
"""How many of each are remembered."""
_READ_UM, _READ_S = 0.1, 1e-3
"""Standard deviations of a reading: of its position, and of its instant over a serial line."""
_TAILS = 3.0
"""Degrees of freedom of Student's distribution: some readings are of a hand on the joystick."""
_USUAL = math.log(3.0)
"""By how much, in logarithms, speed and acceleration are off where nobody has measured them."""
_USUAL_DELAY_MS = 10.0
_CLEARLY = 4.0
"""Gain in log likelihood that another calibration has to bring."""
_PACES = ((1.0, 1.0), (0.5, 0.5), (0.25, 0.25), (2.0, 2.0), (4.0, 4.0), (64.0, 4096.0))
_DELAYS = (1.0, 0.0, 2.0, 3.0)
"""Speed and acceleration, and delay, to begin with: factors on what was told."""
_SOONEST_NS, _LATEST_NS = 50 * NS_PER_MS, 5_000 * NS_PER_MS
"""From one search to the next: longer after each, shorter with each reading that was foreseen, so
that what no calibration explains does not keep the computer busy."""
_LEAST_PACE, _MOST_PACE, _MOST_DELAY_MS = math.log(1 / 8), math.log(5e3), 500.0

AnyAxis = TypeVar("AnyAxis", bound=Axis)
Reading = tuple[int, tuple[float, float]]
"""Instant, and where the model should have had x and y then."""
Guess = tuple[float, float, float]
"""Delay in ms; logarithms of the factors on speed and acceleration."""


class Traced(Axis):
    """An axis that can tell where it would be now if its stage were another."""

    def __init__(self, position_um: float, dynamics: Dynamics) -> None:
        super().__init__(position_um, dynamics)
        self._start_um = position_um
        self._log: deque[tuple[int, float | None, float]] = deque()

    def command(self, arrived_ns: int, target_um: float) -> None:
        """Take a target that reached the stage's controller at ``arrived_ns``."""
        self._note(arrived_ns, target_um, 0.0)
        super().command(arrived_ns, target_um)

    def drive(self, arrived_ns: int, velocity_um_s: float) -> None:
        """Take a velocity, to be kept until the next command; none brakes to rest."""
        if velocity_um_s:
            self._note(arrived_ns, None, velocity_um_s)
        super().drive(arrived_ns, velocity_um_s)

    def halt(self, arrived_ns: int) -> None:
        """Brake to rest as hard as the axis can."""
        self._note(arrived_ns, None, 0.0)
        super().halt(arrived_ns)

    def reset(self, at_ns: int, position_um: float) -> None:
        """Forget all commands: the axis rests at ``position_um``."""
        super().reset(at_ns, position_um)
        self._start_um = position_um
        self._log.clear()

    @property
    def since_ns(self) -> float:
        """Arrival of the first command that is remembered; infinite without any."""
        return self._log[0][0] if self._log else math.inf

    def as_if(self, dynamics: Dynamics) -> Axis:
        """Replay the commands on another stage."""
        return self._replayed(Axis(self._start_um, dynamics))

    def recalibrated(self, dynamics: Dynamics) -> Traced:
        """Return this axis with its past and future on another stage."""
        return self._replayed(Traced(self._start_um, dynamics))

    def _replayed(self, axis: AnyAxis) -> AnyAxis:
        for arrived_ns, target_um, velocity_um_s in self._log:
            if target_um is None:
                axis.drive(arrived_ns, velocity_um_s)
            else:
                axis.command(arrived_ns, target_um)
        return axis

    def _note(self, arrived_ns: int, target_um: float | None, velocity_um_s: float) -> None:
        if len(self._log) == _COMMANDS:
            self._log.popleft()
            self._start_um = self.state(self._log[0][0])[0]
        self._log.append((arrived_ns, target_um, velocity_um_s))


class Calibration:
    """The delay, speed and acceleration of a stage that explain its last readings best.

    Maximum of the posterior: readings have errors of position and of time, and now and then
    mean nothing (Student's distribution); what was told is off by an unknown factor, usually
    less than three. Found by a few dozen replays of the last commands.

    Parameters
    ----------
    told : Dynamics
        What the user says.
    """

    def __init__(self, told: Dynamics) -> None:
        self._told = told
        self._readings: deque[Reading] = deque(maxlen=_READINGS)
        self._wait_ns, self._next_ns = _SOONEST_NS, 0

    def note(self, at_ns: int, place_um: tuple[float, float]) -> None:
        """Remember a reading: where the axes, by themselves, should have been."""
        self._readings.append((at_ns, place_um))

    def forget(self) -> None:
        """Forget all readings: the stage was moved by others, or given a velocity.

        What is off then adds up from one velocity to the next, and tells nothing of the stage.
        """
        self._readings.clear()

    def confirmed(self) -> None:
        """Note that a reading was foreseen."""
        self._wait_ns = max(self._wait_ns // 2, _SOONEST_NS)

    def better(self, axes: Sequence[Traced], at_ns: int) -> Dynamics | None:
        """Return a calibration that explains the readings clearly better, if there is one.

        None, too, if it was asked at an instant soon after the last one.
        """
        since_ns = min(axis.since_ns for axis in axes)
        readings = [reading for reading in self._readings if reading[0] > since_ns]
        if not readings or at_ns < self._next_ns:
            return None
        self._next_ns = at_ns + self._wait_ns
        self._wait_ns = min(2 * self._wait_ns, _LATEST_NS)
        now = axes[0].dynamics
        costs: dict[Guess, float] = {}

        def cost(guess: Guess) -> float:
            if guess not in costs:
                costs[guess] = self._doubt(guess) + _misfit(self._made(guess), axes, readings)
            return costs[guess]

        best = self._guessed(now)
        cost_now = cost(best)
        best = min(self._beginnings(), key=cost)
        for step in (1.0, 0.5, 0.25, 0.12):
            nearest = best
            for guess in _around(best, step):
                nearest = min(nearest, guess, key=cost)
            best = nearest
        return self._made(best) if cost(best) < cost_now - _CLEARLY else None

    def _beginnings(self) -> Iterator[Guess]:
        for (speed, acceleration), delay in product(_PACES, _DELAYS):
            yield delay * self._told.delay_ms, math.log(speed), math.log(acceleration)

    def _guessed(self, dynamics: Dynamics) -> Guess:
        speed = dynamics.speed_um_s / self._told.speed_um_s
        acceleration = dynamics.acceleration_um_s2 / self._told.acceleration_um_s2
        return dynamics.delay_ms, math.log(speed), math.log(acceleration)

    def _made(self, guess: Guess) -> Dynamics:
        delay_ms, speed, acceleration = guess
        return msgspec.structs.replace(
            self._told,
            delay_ms=delay_ms,
            speed_um_s=self._told.speed_um_s * math.exp(speed),
            acceleration_um_s2=self._told.acceleration_um_s2 * math.exp(acceleration),
        )

    def _doubt(self, guess: Guess) -> float:
        """How unlikely it is that what was told is off by so much."""
        delay_ms, speed, acceleration = guess
        later = (delay_ms - self._told.delay_ms) / _USUAL_DELAY_MS
        off = later, speed / _USUAL, acceleration / _USUAL
        return sum(math.log1p(each**2) for each in off)


def _around(guess: Guess, step: float) -> Iterator[Guess]:
    """Change one thing at a time, or speed and acceleration together."""
    delay_ms, speed, acceleration = guess
    for sign in (-step, step):
        yield min(max(delay_ms + sign * _USUAL_DELAY_MS, 0.0), _MOST_DELAY_MS), speed, acceleration
        for faster, harder in ((1, 0), (0, 1), (1, 1)):
            yield delay_ms, _pace(speed + faster * sign), _pace(acceleration + harder * sign)


def _pace(pace: float) -> float:
    return min(max(pace, _LEAST_PACE), _MOST_PACE)


def _misfit(dynamics: Dynamics, axes: Sequence[Traced], readings: Sequence[Reading]) -> float:
    """Negative log likelihood of readings, but for constants."""
    total = 0.0
    for i, axis in enumerate(axes):
        replayed = axis.as_if(dynamics)
        for at_ns, place_um in readings:
            x, v = replayed.state(at_ns)
            variance = _READ_UM**2 + (v * _READ_S) ** 2
            square = (place_um[i] - x) ** 2 / variance
            total += math.log(variance) / 2 + (_TAILS + 1) / 2 * math.log1p(square / _TAILS)
    return total
