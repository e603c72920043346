"""What is thought possible of a motion: modes of it, and hypotheses made of them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Slots = NDArray[np.intp]


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
