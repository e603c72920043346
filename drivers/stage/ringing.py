"""Ringing: what an axis carries oscillates about its drive after every change of acceleration."""

from __future__ import annotations

import cmath
import math
from collections.abc import Iterable

from ..messages import Dynamics
from .profiles import AccelerationStep

FREQUENCY_SIGMA = 0.15
"""Standard deviation of a measured frequency, as a share of it. Chosen so large that a frequency
that is wrong by as much makes following no worse than no compensation does (a test compares)."""
_NEGLIGIBLE = 9.0
"""An oscillation that has decayed by ``exp(-9)``, to a ten-thousandth, is left out."""


class Ringing:
    """How far the load of an axis is ahead of its drive, from the drive's accelerations.

    The load is coupled to the drive by a spring and a damper: ``r'' + 2 ζ ω r' + ω² r = -a`` with
    the drive's acceleration ``a``, an oscillator that is moved at its base (Meirovitch,
    Fundamentals of Vibrations, 2001, section 3.4). A drive accelerates in steps, and after a
    step by 1 the load is at ``r(t) = Re(u exp(s t)) - 1/ω²`` with ``s = ω (-ζ + i √(1 - ζ²))`` and
    ``u = (1 - i ζ / √(1 - ζ²)) / ω²``.

    If the frequency is not known exactly, the expectation over it is returned: it is taken to be
    normally distributed with a standard deviation of ``d``. ``exp(i ω t)`` then decays as
    ``exp(-(d t)²/2)``, and ``u``, which falls with ω², turns it by ``-2 t d²/ω``. Steps long ago
    count little, for their phase is unknown.

    Parameters
    ----------
    dynamics : Dynamics
        Frequency and damping of the load.
    frequency_sigma : float
        Standard deviation of the frequency, as a share of it.

    Attributes
    ----------
    dynamics : Dynamics
    rings : bool
        Whether the load rings at all.
    memory_s : float
        How long a step of acceleration has an effect.
    """

    def __init__(self, dynamics: Dynamics, frequency_sigma: float = FREQUENCY_SIGMA) -> None:
        self.dynamics = dynamics
        omega, damping = 2 * math.pi * dynamics.ring_hz, dynamics.ring_damping
        self.rings = omega > 0
        self.memory_s = 0.0
        if self.rings:
            turning = omega * math.sqrt(1 - damping**2)
            self._pole = complex(-damping * omega, turning * (1 - 2 * frequency_sigma**2))
            self._compliance = (1 + 3 * frequency_sigma**2) / omega**2
            self._response = complex(1.0, -damping * omega / turning) * self._compliance
            self._decay_rate = (frequency_sigma * turning) ** 2 / 2
            self.memory_s = self._decay_s(_NEGLIGIBLE)

    def ahead_um(
        self, acceleration_steps: Iterable[AccelerationStep], span_s: float = 0.0
    ) -> float:
        """Return how far the load is ahead of its drive, in the mean over a span until now.

        Parameters
        ----------
        acceleration_steps : iterable of (ago_s, change_um_s2)
            All changes of acceleration within `memory_s`; they add up to none.
        span_s : float
            0: right now.
        """
        if not self.rings:
            return 0.0
        if span_s <= 0:
            return self._now_um(acceleration_steps)
        pole, decay_rate, oscillation, sag = self._pole, self._decay_rate, 0j, 0.0
        within = cmath.exp(pole * span_s) - 1
        for ago_s, change in acceleration_steps:
            before_s = ago_s - span_s
            if before_s >= 0:
                exponent = decay_rate * (ago_s - span_s / 2) ** 2
                oscillation += change * within * cmath.exp(pole * before_s - exponent)
                sag += change * span_s
            else:
                exponent = decay_rate * (ago_s / 2) ** 2
                oscillation += change * (cmath.exp(pole * ago_s) - 1) * math.exp(-exponent)
                sag += change * ago_s
        return ((oscillation * self._response / pole).real - sag * self._compliance) / span_s

    def _now_um(self, acceleration_steps: Iterable[AccelerationStep]) -> float:
        pole, decay_rate, swing = self._pole, self._decay_rate, 0j
        for ago_s, change in acceleration_steps:
            swing += change * cmath.exp((pole - decay_rate * ago_s) * ago_s)
        return (swing * self._response).real

    def _decay_s(self, exponent: float) -> float:
        """When damping and unknown phase have let an oscillation decay by ``exp(-exponent)``."""
        damping = -self._pole.real
        return 2 * exponent / (damping + math.sqrt(damping**2 + 4 * self._decay_rate * exponent))
