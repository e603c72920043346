"""Stage identification: what readings tell of a stage's delay, speed and acceleration."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Iterator, Sequence
from itertools import product

import msgspec

from ..clock import NS_PER_MS
from ..messages import Dynamics
from .axis import Axis

_READINGS = 10
"""That are remembered. Chosen: two numbers each for three parameters, some spare."""
_READING_SIGMA_UM, _READING_SIGMA_S = 0.1, 1e-3
"""Standard deviations of a reading: of its position (encoder steps of 0.05 to 0.3 µm), and of its
instant (half of a quick answer over a serial line)."""
_DEGREES_OF_FREEDOM = 3.0
"""Of Student's distribution of residuals: the usual choice for robust fits (Lange, Little and
Taylor 1989, J. Am. Stat. Assoc. 84, 881), as some readings are of a stage moved by hand."""
_PRIOR_FACTOR = math.log(3.0)
"""Scale of the prior of speed and acceleration, of their logarithms. Chosen: what a user states
from a data sheet is within a factor of three."""
_PRIOR_DELAY_MS = 10.0
"""Scale of the prior of the delay. Chosen: a serial command takes some 10 ms."""
_LEAST_GAIN = 4.0
"""Gain in log posterior that other dynamics have to bring: odds of 50 to 1."""
_FACTORS = ((1.0, 1.0), (0.5, 0.5), (0.25, 0.25), (2.0, 2.0), (4.0, 4.0), (64.0, 4096.0))
"""On the nominal speed and acceleration, to start from: a factor of two apart, and a stage that
jumps."""
_DELAY_FACTORS = (1.0, 0.0, 2.0, 3.0)
"""On the nominal delay, to start from."""
_OTHER_LOG = math.log(3.0)
"""Logarithm of the factor by which speed or acceleration differ from what was told, from which on
ringing is not compensated: another profile of acceleration excites it otherwise, and corrections
would feed it. Chosen."""
_STEPS = (1.0, 0.5, 0.25, 0.12)
"""Of the descent: of the logarithms of speed and acceleration, and of ten milliseconds. The last
is about what ten readings can resolve."""
_MOST_MOVES = 3
"""Of each length: 50 ms of delay or a factor of 200 in all. More find no more in tests."""
_SHORTEST_WAIT_NS, _LONGEST_WAIT_NS = 50 * NS_PER_MS, 5_000 * NS_PER_MS
"""From one search to the next: doubled after each, halved by each reading that was predicted, so
that readings which no dynamics explain keep the computer busy for less than 1 % of the time."""
_LEAST_LOG, _MOST_LOG, _MOST_DELAY_MS = math.log(1 / 8), math.log(5e3), 500.0
"""Bounds of the search. Chosen: an eighth of the nominal speed, to a stage that jumps."""

Reading = tuple[int, tuple[float, float]]
"""Instant, and where by its commands alone the model should have had x and y then."""
Parameters = tuple[float, float, float]
"""Delay in ms; logarithms of the factors on nominal speed and acceleration."""


class Identification:
    """The delay, speed and acceleration of a stage that explain its last readings best.

    Maximum of the posterior: readings have errors of position and of time and are sometimes
    wild (Student's distribution); nominal values are off by an unknown factor. Found by some
    dozens of replays of the last commands.

    Parameters
    ----------
    nominal : Dynamics
        As the user states them.
    """

    def __init__(self, nominal: Dynamics) -> None:
        self._nominal = nominal
        self._readings: deque[Reading] = deque(maxlen=_READINGS)
        self._wait_ns, self._next_ns = _SHORTEST_WAIT_NS, 0

    def note(self, at_ns: int, position_um: tuple[float, float]) -> None:
        """Remember a reading: where the axes should have been by their commands alone."""
        self._readings.append((at_ns, position_um))

    def forget(self) -> None:
        """Forget all readings: the stage was moved by others, or given a velocity.

        Errors then add up from one velocity to the next, and tell nothing of the dynamics.
        """
        self._readings.clear()

    def confirm(self) -> None:
        """Note that a reading was predicted."""
        self._wait_ns = max(self._wait_ns // 2, _SHORTEST_WAIT_NS)

    def search(self, axes: Sequence[Axis], at_ns: int) -> Dynamics | None:
        """Return dynamics that explain the readings clearly better, if there are any.

        None, too, if the last search was a short time ago.
        """
        since_ns = min(axis.first_command_ns for axis in axes)
        readings = [reading for reading in self._readings if reading[0] > since_ns]
        if not readings or at_ns < self._next_ns:
            return None
        self._next_ns = at_ns + self._wait_ns
        self._wait_ns = min(2 * self._wait_ns, _LONGEST_WAIT_NS)
        costs: dict[Parameters, float] = {}

        def cost(tried: Parameters) -> float:
            if tried not in costs:
                likelihood = _log_likelihood(self._dynamics(tried), axes, readings)
                costs[tried] = self._neg_log_prior(tried) - likelihood
            return costs[tried]

        cost_now = cost(self._parameters(axes[0].dynamics))
        best = min(self._starts(), key=cost)
        for step in _STEPS:
            for _ in range(_MOST_MOVES):
                before, best = best, min(best, *_around(best, step), key=cost)
                if best == before:
                    break
        return self._dynamics(best) if cost(best) < cost_now - _LEAST_GAIN else None

    def _starts(self) -> Iterator[Parameters]:
        for (speed, acceleration), delay in product(_FACTORS, _DELAY_FACTORS):
            yield delay * self._nominal.delay_ms, math.log(speed), math.log(acceleration)

    def _parameters(self, dynamics: Dynamics) -> Parameters:
        speed = dynamics.speed_um_s / self._nominal.speed_um_s
        acceleration = dynamics.acceleration_um_s2 / self._nominal.acceleration_um_s2
        return dynamics.delay_ms, math.log(speed), math.log(acceleration)

    def _dynamics(self, parameters: Parameters) -> Dynamics:
        delay_ms, speed, acceleration = parameters
        is_other = max(abs(speed), abs(acceleration)) > _OTHER_LOG
        silent = {"ring_hz": 0.0, "ring_damping": 0.0} if is_other else {}
        return msgspec.structs.replace(
            self._nominal,
            **silent,
            delay_ms=delay_ms,
            speed_um_s=self._nominal.speed_um_s * math.exp(speed),
            acceleration_um_s2=self._nominal.acceleration_um_s2 * math.exp(acceleration),
        )

    def _neg_log_prior(self, parameters: Parameters) -> float:
        """Of Cauchy distributions about the nominal values, but for constants."""
        delay_ms, speed, acceleration = parameters
        later = (delay_ms - self._nominal.delay_ms) / _PRIOR_DELAY_MS
        off = later, speed / _PRIOR_FACTOR, acceleration / _PRIOR_FACTOR
        return sum(math.log1p(each**2) for each in off)


def _around(parameters: Parameters, step: float) -> Iterator[Parameters]:
    """Change one parameter at a time, or speed and acceleration together."""
    delay_ms, speed, acceleration = parameters
    for sign in (-step, step):
        yield min(max(delay_ms + sign * _PRIOR_DELAY_MS, 0.0), _MOST_DELAY_MS), speed, acceleration
        for faster, harder in ((1, 0), (0, 1), (1, 1)):
            yield delay_ms, _bounded(speed + faster * sign), _bounded(acceleration + harder * sign)


def _bounded(log_factor: float) -> float:
    return min(max(log_factor, _LEAST_LOG), _MOST_LOG)


def _log_likelihood(dynamics: Dynamics, axes: Sequence[Axis], readings: Sequence[Reading]) -> float:
    """Of readings, but for constants."""
    total = 0.0
    for i, axis in enumerate(axes):
        replayed = axis.replayed(dynamics)
        for at_ns, position_um in readings:
            x, v = replayed.state(at_ns)
            variance = _READING_SIGMA_UM**2 + (v * _READING_SIGMA_S) ** 2
            square = (position_um[i] - x) ** 2 / variance / _DEGREES_OF_FREEDOM
            total -= math.log(variance) / 2 + (_DEGREES_OF_FREEDOM + 1) / 2 * math.log1p(square)
    return total
