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


_SWING = 3
"""Numbers on each axis that a swing needs."""


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
    period : float
        Time, in frame intervals, in which it swings about a middle, or circles it, with noise
        on the velocity, order 2; 0 if it does neither.
    """

    order: int
    strength: float
    jitter: float = 0.0
    period: float = 0.0


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
    a mode of lower order ends in zeros, all these modes share one F. Modes with a period have
    the state and the law of `Swings`.

    Parameters
    ----------
    modes : sequence of Mode
        M of them, those with a period first.

    Attributes
    ----------
    size : int
        Length D of the state of an axis.
    sizes : (M,) intp
        How many of these numbers each mode uses.
    """

    def __init__(self, modes: Sequence[Mode]) -> None:
        swinging = [mode for mode in modes if mode.period]
        straight = modes[len(swinging) :]
        self._swings = Swings(swinging)
        self.sizes = np.array([_SWING] * len(swinging) + [mode.order for mode in straight])
        self.size = int(self.sizes.max())
        self._powers = np.arange(1.0, 2 * self.size)
        self._degrees = np.add.outer(np.arange(self.size), np.arange(self.size))[..., None]
        spreads = np.zeros((2 * self.size - 1, self.size, self.size, len(modes)))
        for m, mode in enumerate(modes):
            _shake(spreads[..., m], 1, mode.jitter)
            if not mode.period:
                _shake(spreads[..., m], mode.order, mode.strength)
        self._spreads, self._interval_s = spreads, 0.0
        self._densities = spreads
        most = max((mode.order for mode in straight), default=0)
        self._moves = [
            (i, j, 1 / factorial(j - i)) for i in range(most) for j in range(i + 1, most)
        ]

    def firsts(self, variances_um2: Floats, speeds2: Floats, interval_s: float) -> Floats:
        """Variances (D, M, N) of the states of objects, (N,), first seen."""
        degrees = np.arange(self.size)[:, None, None]
        firsts = variances_um2 * (speeds2 / variances_um2) ** degrees
        firsts = firsts * (self.sizes > degrees[:, :, 0])[..., None]
        if self._swings:
            firsts[1:, : len(self._swings)] = self._swings.first_um2(speeds2, interval_s)
        return firsts

    def diffusion(self, step_s: float, interval_s: float) -> Floats:
        """Q, (D, D, M, 1), for measurements of variance 1."""
        if interval_s != self._interval_s:
            self._interval_s = interval_s
            densities = self._spreads / interval_s**self._degrees
            self._densities = densities.reshape(len(self._powers), -1)
        flat = (step_s / interval_s) ** self._powers @ self._densities
        diffusion = flat.reshape(self.size, self.size, -1, 1)
        if self._swings:
            self._swings.shake(diffusion[:, :, : len(self._swings)], step_s / interval_s)
        return diffusion

    def move(self, states: Floats, step_s: float, interval_s: float) -> None:
        """Take states [P | x], (D, D + A, M, N), a step on without noise: to [F P F' | F x]."""
        swinging = len(self._swings)
        straight = states[:, :, swinging:]
        for i, j, share in self._moves:
            straight[i] += share * step_s ** (j - i) * straight[j]
        for i, j, share in self._moves:
            straight[:, i] += share * step_s ** (j - i) * straight[:, j]
        if swinging:
            self._swings.move(states[:, :, :swinging], step_s / interval_s)


class Swings:
    """Transition and diffusion of modes that swing about a middle, or circle it.

    Each axis is a harmonic oscillator, as in the coordinated turn of Bar-Shalom, Li and
    Kirubarajan 2001, section 11.7. Its state is the position, the velocity over ``w`` and the
    acceleration over ``w ** 2``, which is the middle less the position. Noise of density ``q``
    shakes the velocity. After a step ``t``, with ``s = sin(w * t)`` and ``c = cos(w * t)``::

        F = [[1, s, 1 - c], [0, c, s], [0, -s, c]]
        Q = q / w ** 2 * integral of g g' over the step,  g = (s, c, -s)
    """

    def __init__(self, modes: Sequence[Mode]) -> None:
        self._turns = 2 * np.pi / np.array([mode.period for mode in modes])[:, None]
        strengths = np.array([mode.strength for mode in modes])[:, None]
        self._densities = strengths / self._turns**2 / 2

    def __len__(self) -> int:
        return len(self._turns)

    def first_um2(self, speeds2: Floats, interval_s: float) -> Floats:
        """Variance (M, N) of the last two numbers of the state, at first."""
        return speeds2 * (interval_s / self._turns) ** 2

    def move(self, states: Floats, frames: float) -> None:
        """Take states [P | x], (3, 3 + A, M, N), some frame intervals on without noise."""
        s, c = np.sin(self._turns * frames), np.cos(self._turns * frames)
        _swing(states, s, c)
        _swing(states.swapaxes(0, 1), s, c)

    def shake(self, diffusion: Floats, frames: float) -> None:
        """Add Q to (3, 3, M, 1), for measurements of variance 1."""
        s = np.sin(self._turns * frames)
        part = s * np.cos(self._turns * frames) / self._turns
        xx, vv = self._densities * (frames - part), self._densities * (frames + part)
        xv = self._densities * s * s / self._turns
        diffusion[0, 0] += xx
        diffusion[0, 1] = diffusion[1, 0] = xv
        diffusion[0, 2] = diffusion[2, 0] = -xx
        diffusion[1, 1] = vv
        diffusion[1, 2] = diffusion[2, 1] = -xv
        diffusion[2, 2] = xx


def _swing(rows: Floats, s: Floats, c: Floats) -> None:
    """Multiply the first three rows, (3 or more, ...), by F from the left, in place."""
    away = s * rows[1]
    away -= c * rows[2]
    away += rows[2]
    rows[0] += away
    turned = s * rows[1]
    rows[1] *= c
    rows[1] += s * rows[2]
    rows[2] *= c
    rows[2] -= turned


def _shake(spreads: Floats, order: int, strength: float) -> None:
    """Add to coefficients of the powers of the step, (2 * D - 1, D, D), those of a noise."""
    for i in range(order):
        for j in range(order):
            k, last = order - 1 - i, order - 1 - j
            power = k + last + 1
            share = 1 / (power * factorial(k) * factorial(last))
            spreads[power - 1, i, j] += strength * share
