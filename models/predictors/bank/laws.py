"""Transition and diffusion of modes of motion over a step of time, compiled."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from ...arrays import Floats
from ...compiling import compiled
from .modes import Mode, Slots

_SWING = 3
"""Numbers on each axis that a swing needs."""
_FACTORIALS = (1.0, 1.0, 2.0)


class Laws(NamedTuple):
    """M modes.

    Attributes
    ----------
    sizes : (M,) intp
        How many numbers on each axis describe an object: its position and derivatives.
    strengths, jitters : (M,)
        As in `Mode`.
    turns : (M,)
        Radians in a frame interval of modes that swing; 0 for the others.
    most : int
        Greatest size D.
    """

    sizes: Slots
    strengths: Floats
    jitters: Floats
    turns: Floats
    most: int


def laws_of(modes: Sequence[Mode]) -> Laws:
    """Return the laws of modes."""
    sizes = [_SWING if mode.period else mode.order for mode in modes]
    return Laws(
        np.array(sizes),
        np.array([mode.strength for mode in modes]),
        np.array([mode.jitter for mode in modes]),
        np.array([2 * math.pi / mode.period if mode.period else 0.0 for mode in modes]),
        max(sizes),
    )


def first_variances(
    laws: Laws, variances_um2: Floats, speeds2: Floats, interval_s: float
) -> Floats:
    """Variances (N, D, M) of the states of objects, (N,), first seen."""
    degrees = np.arange(laws.most)[:, None]
    variances, ratios = variances_um2[:, None, None], (speeds2 / variances_um2)[:, None, None]
    firsts = variances * ratios**degrees * (degrees < laws.sizes)
    swings = laws.turns > 0
    turned2 = speeds2[:, None] * (interval_s / laws.turns[swings]) ** 2
    firsts[:, 1:, swings] = turned2[:, None]
    return firsts


@compiled
def over(laws: Laws, step_s: float, interval_s: float) -> tuple[Floats, Floats]:
    """F and Q of all modes for a step, (D, D, M), Q for measurements of variance 1.

    With noise of spectral density ``q`` on the derivative of that order ``n``, the state
    (position, velocity, …) of one axis has after a step ``t``::

        F[i, j] = t ** (j - i) / (j - i)!
        Q[i, j] = q * t ** (k + l + 1) / ((k + l + 1) * k! * l!),  k = n - 1 - i, l = n - 1 - j

    (Bar-Shalom, Li and Kirubarajan 2001, Estimation with Applications to Tracking and
    Navigation, sections 6.2.2 and 6.2.3, and Brownian motion in the same way.)

    What swings is a harmonic oscillator on each axis, as in the coordinated turn of section
    11.7. Its state is the position, the velocity over ``w`` and the acceleration over
    ``w ** 2``, which is the middle less the position. With ``s = sin(w * t)`` and
    ``c = cos(w * t)``::

        F = [[1, s, 1 - c], [0, c, s], [0, -s, c]]
        Q = q / w ** 2 * integral of g g' over the step,  g = (s, c, -s)
    """
    count = len(laws.sizes)
    f, q = np.zeros((laws.most, laws.most, count)), np.zeros((laws.most, laws.most, count))
    frames = step_s / interval_s
    for m in range(count):
        if laws.turns[m] > 0:
            _swing(laws.turns[m], laws.strengths[m], frames, f[:, :, m], q[:, :, m])
        else:
            order, strength = laws.sizes[m], laws.strengths[m]
            _drift(order, strength, step_s, interval_s, f[:, :, m], q[:, :, m])
        q[0, 0, m] += laws.jitters[m] * frames
    return f, q


@compiled
def _drift(
    order: int, strength: float, step_s: float, interval_s: float, f: Floats, q: Floats
) -> None:
    for i in range(order):
        for j in range(order):
            k, last = order - 1 - i, order - 1 - j
            power = k + last + 1
            share = strength / (power * _FACTORIALS[k] * _FACTORIALS[last])
            q[i, j] = share * (step_s / interval_s) ** power / interval_s ** (i + j)
            f[i, j] = step_s ** (j - i) / _FACTORIALS[j - i] if j >= i else 0.0


@compiled
def _swing(turn: float, strength: float, frames: float, f: Floats, q: Floats) -> None:
    s, c = math.sin(turn * frames), math.cos(turn * frames)
    f[0, 0], f[0, 1], f[0, 2] = 1.0, s, 1 - c
    f[1, 0], f[1, 1], f[1, 2] = 0.0, c, s
    f[2, 0], f[2, 1], f[2, 2] = 0.0, -s, c
    density = strength / turn**2 / 2
    xx, vv = density * (frames - s * c / turn), density * (frames + s * c / turn)
    xv = density * s * s / turn
    q[0, 0], q[0, 1], q[0, 2] = xx, xv, -xx
    q[1, 0], q[1, 1], q[1, 2] = xv, vv, -xv
    q[2, 0], q[2, 1], q[2, 2] = -xx, -xv, xx
