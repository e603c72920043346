"""Motion models of an object, and their matrices over a step of time, compiled."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from ...arrays import Floats, Indices
from ...compiling import compiled

_OSCILLATOR_SIZE = 3
"""Numbers on each axis in the state of an oscillator: position, velocity, offset of the centre."""
_FACTORIALS = (1.0, 1.0, 2.0)
"""Of 0, 1 and 2."""


@dataclass(frozen=True, slots=True)
class Mode:
    """One linear motion model along an axis, driven by white noise.

    Attributes
    ----------
    order : {1, 2, 3}
        Derivative of the position that the noise drives: 1 the position itself (Brownian motion),
        2 its velocity (nearly constant velocity), 3 its acceleration (nearly constant
        acceleration).
    process_noise : float
        Spectral density of that noise in units of ``r / T ** (2 * order - 1)``, with the
        variance of a measured position ``r`` and the frame interval ``T``. It is the square of
        the manoeuvring index (Kalata, IEEE Trans. Aerospace Electron. Syst. 20:174, 1984), so
        that one set of values serves any specimen, magnification and frame rate.
    position_noise : float
        Spectral density of noise that drives the position besides, in units of ``r / T``.
    period : float
        Of an oscillation about a centre, or of circling it, in frame intervals, with noise that
        drives the velocity (order 2); 0 for a mode that does not oscillate.
    """

    order: int
    process_noise: float
    position_noise: float = 0.0
    period: float = 0.0


@dataclass(frozen=True, slots=True)
class Hypothesis:
    """One mode for good, or several that the object switches between.

    ``dwell_times`` are the mean times for which each mode is kept, in frame intervals; there are
    none for a single mode.
    """

    modes: tuple[Mode, ...]
    dwell_times: tuple[float, ...] = ()


class ModeParameters(NamedTuple):
    """M modes as arrays.

    Attributes
    ----------
    sizes : (M,) intp
        Numbers on each axis in the state of each mode.
    angles : (M,)
        Radians in a frame interval of modes that oscillate; 0 for the others.
    largest : int
        Greatest size, D.
    """

    sizes: Indices
    process_noises: Floats
    position_noises: Floats
    angles: Floats
    largest: int


def parameters_of(modes: Sequence[Mode]) -> ModeParameters:
    """Return modes as arrays."""
    sizes = [_OSCILLATOR_SIZE if mode.period else mode.order for mode in modes]
    return ModeParameters(
        np.array(sizes),
        np.array([mode.process_noise for mode in modes]),
        np.array([mode.position_noise for mode in modes]),
        np.array([2 * math.pi / mode.period if mode.period else 0.0 for mode in modes]),
        max(sizes),
    )


def initial_variances(
    modes: ModeParameters, variances_um2: Floats, speeds2: Floats, interval_s: float
) -> Floats:
    """Variances (N, D, M) of the state of objects at their first measurement.

    Each derivative has the variance of the one before times the ratio of ``speeds2`` (N,) to
    the measurement noise ``variances_um2`` (N,).
    """
    degrees = np.arange(modes.largest)[:, None]
    variances, ratios = variances_um2[:, None, None], (speeds2 / variances_um2)[:, None, None]
    initial = variances * ratios**degrees * (degrees < modes.sizes)
    oscillate = modes.angles > 0
    swept2 = speeds2[:, None] * (interval_s / modes.angles[oscillate]) ** 2
    initial[:, 1:, oscillate] = swept2[:, None]
    return initial


@compiled
def matrices(modes: ModeParameters, step_s: float, interval_s: float) -> tuple[Floats, Floats]:
    """F and Q of all modes for a step, (D, D, M), Q for a measurement variance of 1.

    With noise of spectral density ``q`` on the derivative of that order ``n``, the state
    (position, velocity, …) of one axis has after a step ``t``::

        F[i, j] = t ** (j - i) / (j - i)!
        Q[i, j] = q * t ** (k + l + 1) / ((k + l + 1) * k! * l!),  k = n - 1 - i, l = n - 1 - j

    (Bar-Shalom, Li and Kirubarajan 2001, Estimation with Applications to Tracking and
    Navigation, sections 6.2.2 and 6.2.3, and Brownian motion in the same way.)

    An oscillating mode is a harmonic oscillator on each axis, as in the coordinated turn of
    section 11.7. Its state is the position, the velocity over ``w`` and the acceleration over
    ``w ** 2``, which is the centre less the position. With ``s = sin(w * t)`` and
    ``c = cos(w * t)``::

        F = [[1, s, 1 - c], [0, c, s], [0, -s, c]]
        Q = q / w ** 2 * integral of g g' over the step,  g = (s, c, -s)
    """
    count = len(modes.sizes)
    f = np.zeros((modes.largest, modes.largest, count))
    q = np.zeros((modes.largest, modes.largest, count))
    frames = step_s / interval_s
    for m in range(count):
        if modes.angles[m] > 0:
            _oscillator(modes.angles[m], modes.process_noises[m], frames, f[:, :, m], q[:, :, m])
        else:
            order, density = modes.sizes[m], modes.process_noises[m]
            _integrator(order, density, step_s, interval_s, f[:, :, m], q[:, :, m])
        q[0, 0, m] += modes.position_noises[m] * frames
    return f, q


@compiled
def _integrator(
    order: int, density: float, step_s: float, interval_s: float, f: Floats, q: Floats
) -> None:
    for i in range(order):
        for j in range(order):
            k, last = order - 1 - i, order - 1 - j
            power = k + last + 1
            share = density / (power * _FACTORIALS[k] * _FACTORIALS[last])
            q[i, j] = share * (step_s / interval_s) ** power / interval_s ** (i + j)
            f[i, j] = step_s ** (j - i) / _FACTORIALS[j - i] if j >= i else 0.0


@compiled
def _oscillator(angle: float, density: float, frames: float, f: Floats, q: Floats) -> None:
    s, c = math.sin(angle * frames), math.cos(angle * frames)
    f[0, 0], f[0, 1], f[0, 2] = 1.0, s, 1 - c
    f[1, 0], f[1, 1], f[1, 2] = 0.0, c, s
    f[2, 0], f[2, 1], f[2, 2] = 0.0, -s, c
    scaled = density / angle**2 / 2
    xx, vv = scaled * (frames - s * c / angle), scaled * (frames + s * c / angle)
    xv = scaled * s * s / angle
    q[0, 0], q[0, 1], q[0, 2] = xx, xv, -xx
    q[1, 0], q[1, 1], q[1, 2] = xv, vv, -xv
    q[2, 0], q[2, 1], q[2, 2] = -xx, -xv, xx
