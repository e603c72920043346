"""Ringing: what an axis carries swings about its drive after every change of acceleration."""

from __future__ import annotations

import cmath
import math
from collections.abc import Iterable

from ..messages import Dynamics
from .profiles import AccelerationStep

DOUBT = 0.15
"""How exactly a measured frequency is believed: its standard deviation, as a share of it.

So great that a frequency that is wrong by that much makes nothing worse."""
_FORGOTTEN = 9.0
"""A swing that has faded by ``exp(-9)``, to a ten-thousandth."""


class Ringing:
    """How far the load of an axis is ahead of its drive, from what the drive has done.

    The load hangs on the drive by a spring and a damper: ``r'' + 2 ζ ω r' + ω² r = -a`` with the
    drive's acceleration ``a``, an oscillator that is moved at its base (Meirovitch, Fundamentals
    of Vibrations, 2001, section 3.4). A drive accelerates in steps, and after a step by 1 the
    load is at ``r(t) = Re(u exp(s t)) - 1/ω²`` with ``s = ω (-ζ + i √(1 - ζ²))`` and
    ``u = (1 - i ζ / √(1 - ζ²)) / ω²``.

    Of a load whose frequency is not known exactly it tells the mean over what it may be: normally
    distributed, with a standard deviation of ``d``. ``exp(i ω t)`` then fades as
    ``exp(-(d t)²/2)``, and ``u``, which falls with ω², turns it by ``-2 t d²/ω``. What is long
    past counts little, for nobody knows its phase.

    Parameters
    ----------
    dynamics : Dynamics
        Frequency and damping of the load.
    doubt : float
        Standard deviation of the frequency, as a share of it.

    Attributes
    ----------
    dynamics : Dynamics
    rings : bool
        Whether there is anything to tell.
    memory_s : float
        How long a jolt is felt.
    """

    def __init__(self, dynamics: Dynamics, doubt: float = DOUBT) -> None:
        self.dynamics = dynamics
        omega, damping = 2 * math.pi * dynamics.ring_hz, dynamics.ring_damping
        self.rings = omega > 0
        self.memory_s = 0.0
        if self.rings:
            turning = omega * math.sqrt(1 - damping**2)
            self._pole = complex(-damping * omega, turning * (1 - 2 * doubt**2))
            self._give = (1 + 3 * doubt**2) / omega**2
            self._unit = complex(1.0, -damping * omega / turning) * self._give
            self._fading = (doubt * turning) ** 2 / 2
            self.memory_s = self._felt_s(_FORGOTTEN)

    def ahead_um(
        self, acceleration_steps: Iterable[AccelerationStep], span_s: float = 0.0
    ) -> float:
        """Return how far the load is ahead of its drive, in the mean over a span until now.

        Parameters
        ----------
        acceleration_steps : iterable of (ago_s, change_um_s2)
            All changes of acceleration that are still felt; they leave none.
        span_s : float
            0: right now.
        """
        if not self.rings:
            return 0.0
        if span_s <= 0:
            return self._now_um(acceleration_steps)
        pole, fading, swung, pulled = self._pole, self._fading, 0j, 0.0
        within = cmath.exp(pole * span_s) - 1
        for ago_s, change in acceleration_steps:
            before_s = ago_s - span_s
            if before_s >= 0:
                faded = fading * (ago_s - span_s / 2) ** 2
                swung += change * within * cmath.exp(pole * before_s - faded)
                pulled += change * span_s
            else:
                faded = fading * (ago_s / 2) ** 2
                swung += change * (cmath.exp(pole * ago_s) - 1) * math.exp(-faded)
                pulled += change * ago_s
        return ((swung * self._unit / pole).real - pulled * self._give) / span_s

    def _now_um(self, acceleration_steps: Iterable[AccelerationStep]) -> float:
        pole, fading, swing = self._pole, self._fading, 0j
        for ago_s, change in acceleration_steps:
            swing += change * cmath.exp((pole - fading * ago_s) * ago_s)
        return (swing * self._unit).real

    def _felt_s(self, exponent: float) -> float:
        """When damping and doubt have let a swing fade by ``exp(-exponent)``."""
        damping = -self._pole.real
        return 2 * exponent / (damping + math.sqrt(damping**2 + 4 * self._fading * exponent))
