"""What is thought possible of a motion: modes of it, and hypotheses made of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import factorial

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Slots = NDArray[np.intp]
Bools = NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Mode:
    """One linear law of motion along an axis, shaken by white noise.

    Attributes
    ----------
    order : {1, 2, 3}
        What the noise shakes: 1 the position (Brownian), 2 the velocity (nearly constant
        velocity), 3 the acceleration (nearly constant acceleration).
    strength : float
        How much: the spectral density of the noise in units of ``r / T ** (2 * order - 1)``,
        with the variance of a measured position ``r`` and the frame interval ``T``. It is the
        square of what tracking books call the manoeuvring index, so that one set of strengths
        serves any specimen, magnification and frame rate.
    """

    order: int
    strength: float


@dataclass(frozen=True, slots=True)
class Hypothesis:
    """What an object might be: always in one mode, or switching between several.

    Attributes
    ----------
    modes : tuple of Mode
    dwells : tuple of float
        Mean time for which each mode is kept, in frame intervals.
    """

    modes: tuple[Mode, ...]
    dwells: tuple[float, ...] = ()


class Laws:
    """Transition and diffusion of several modes, for any step.

    With noise of spectral density ``q`` on the derivative of that order ``n``, the state
    (position, velocity, …) of one axis has after a step ``t``::

        F[i, j] = t ** (j - i) / (j - i)!
        Q[i, j] = q * t ** (k + l + 1) / ((k + l + 1) * k! * l!),  k = n - 1 - i, l = n - 1 - j

    (Bar-Shalom, Li and Kirubarajan 2001, Estimation with Applications to Tracking and
    Navigation, sections 6.2.2 and 6.2.3, and Brownian motion in the same way.)

    Parameters
    ----------
    modes : sequence of Mode
        M of them.

    Attributes
    ----------
    size : int
        Length D of the state of an axis; modes of lower order leave its end at zero.
    """

    def __init__(self, modes: Sequence[Mode]) -> None:
        self.size = max(2, *(mode.order for mode in modes))
        self._orders = np.array([mode.order for mode in modes])
        self._strengths = np.array([mode.strength for mode in modes])
        count, d = len(modes), self.size
        self._moves = np.zeros((d, count, d, d))
        self._spreads = np.zeros((2 * d, count, d, d))
        for m, mode in enumerate(modes):
            self._write(m, mode.order)

    def _write(self, m: int, order: int) -> None:
        """Write the coefficients of the powers of the step, for one mode of strength 1."""
        for i in range(order):
            for j in range(i, order):
                self._moves[j - i, m, i, j] = 1 / factorial(j - i)
            for j in range(order):
                k, last = order - 1 - i, order - 1 - j
                power = k + last + 1
                self._spreads[power, m, i, j] = 1 / (power * factorial(k) * factorial(last))

    def step(self, step_s: float, interval_s: float) -> tuple[Floats, Floats]:
        """Transition F and diffusion Q, (M, D, D), the latter for measurements of variance 1."""
        powers = step_s ** np.arange(2 * self.size)
        density = self._strengths / interval_s ** (2.0 * self._orders - 1)
        transition = np.tensordot(powers[: self.size], self._moves, 1)
        diffusion = np.tensordot(powers, self._spreads, 1)
        return transition, diffusion * density[:, None, None]
