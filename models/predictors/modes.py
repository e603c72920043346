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
    jitter : float
        How much noise shakes the position besides, in units of ``r / T``.
    """

    order: int
    strength: float
    jitter: float = 0.0


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
    Navigation, sections 6.2.2 and 6.2.3, and Brownian motion in the same way.) As the state of
    a mode of lower order ends in zeros, all modes share one F.

    Parameters
    ----------
    modes : sequence of Mode
        M of them.

    Attributes
    ----------
    size : int
        Length D of the state of an axis.
    orders : (M,) intp
    """

    def __init__(self, modes: Sequence[Mode]) -> None:
        self.orders = np.array([mode.order for mode in modes])
        self.size = int(self.orders.max())
        self._powers = np.arange(1.0, 2 * self.size)
        self._degrees = np.add.outer(np.arange(self.size), np.arange(self.size))[..., None]
        spreads = np.zeros((2 * self.size - 1, self.size, self.size, len(modes)))
        for m, mode in enumerate(modes):
            _shake(spreads[..., m], 1, mode.jitter)
            _shake(spreads[..., m], mode.order, mode.strength)
        self._spreads, self._interval_s = spreads, 0.0
        self._densities = spreads
        self._moves = [
            (i, j, 1 / factorial(j - i)) for i in range(self.size) for j in range(i + 1, self.size)
        ]

    def diffusion(self, step_s: float, interval_s: float) -> Floats:
        """Q, (D, D, M, 1), for measurements of variance 1."""
        if interval_s != self._interval_s:
            self._interval_s = interval_s
            densities = self._spreads / interval_s**self._degrees
            self._densities = densities.reshape(len(self._powers), -1)
        flat = (step_s / interval_s) ** self._powers @ self._densities
        return flat.reshape(self.size, self.size, -1, 1)

    def move(self, states: Floats, step_s: float) -> None:
        """Take states [P | x], (D, D + A, ...), a step on without noise: to [F P F' | F x]."""
        for i, j, share in self._moves:
            states[i] += share * step_s ** (j - i) * states[j]
        for i, j, share in self._moves:
            states[:, i] += share * step_s ** (j - i) * states[:, j]


def _shake(spreads: Floats, order: int, strength: float) -> None:
    """Add to coefficients of the powers of the step, (2 * D - 1, D, D), those of a noise."""
    for i in range(order):
        for j in range(order):
            k, last = order - 1 - i, order - 1 - j
            power = k + last + 1
            share = 1 / (power * factorial(k) * factorial(last))
            spreads[power - 1, i, j] += strength * share
