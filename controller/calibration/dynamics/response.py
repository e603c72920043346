"""The step response: where a stage's load is, in the mean over an exposure, after a move from rest.

The model of `drivers.stage` in closed form and for many exposures at once, as a fit needs it.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


class Response(NamedTuple):
    """How a stage answers a move.

    Attributes
    ----------
    delay_s : float
        From a command to the first motion.
    speed_um_s, acceleration_um_s2 : float
        Greatest of an axis.
    ring_hz, ring_damping : float
        Of the load; a frequency of 0 is none.
    """

    delay_s: float
    speed_um_s: float
    acceleration_um_s2: float
    ring_hz: float = 0.0
    ring_damping: float = 0.0


def mean_travel_um(
    begin_s: Floats, end_s: Floats, distance_um: Floats, backlash_um: Floats, response: Response
) -> Floats:
    """Return how far the load has gone, in the mean over each of N exposures.

    The drive moves as `drivers.stage.Trapezoid` plans it, which is a sum of steps of acceleration;
    the load follows once the drive has taken up the backlash, and rings as
    `drivers.stage.Ringing` describes it. All three are integrated over the exposure exactly.

    Parameters
    ----------
    begin_s, end_s : (N,)
        Of the exposures, since the command.
    distance_um : (N,)
        That the drive is sent, positive.
    backlash_um : (N,)
        What of it the load does not follow: none if the move goes on in the same direction.
    response : Response
    """
    begin, end = begin_s - response.delay_s, end_s - response.delay_s
    steps = _acceleration_steps(distance_um, response)
    taken_up_s = _passes_s(backlash_um, distance_um, steps)

    def travelled(until: Floats) -> Floats:
        late = np.maximum(until, taken_up_s)
        total = _integral(late, steps) - _integral(taken_up_s, steps)
        return total - backlash_um * (late - taken_up_s)

    pushed = (travelled(end) - travelled(begin)) / (end - begin)
    if response.ring_hz <= 0:
        return pushed
    return pushed + (_swing(end, steps, response) - _swing(begin, steps, response)) / (end - begin)


def duration_s(distance_um: float, response: Response) -> float:
    """Return how long the drive moves."""
    peak = _peak_um_s(np.array([distance_um]), response)[0]
    return float(distance_um / peak + peak / response.acceleration_um_s2) if distance_um else 0.0


def passes_s(gone_um: float, distance_um: float, response: Response) -> float:
    """Return how long the drive takes for a part of a move, from its first motion."""
    distance = np.array([distance_um])
    steps = _acceleration_steps(distance, response)
    return float(_passes_s(np.array([gone_um]), distance, steps)[0])


class _Steps(NamedTuple):
    """Instants (4, N) of the changes of acceleration of a trapezoid, and the changes (4, N)."""

    at_s: Floats
    change: Floats
    peak: Floats


def _peak_um_s(distance_um: Floats, response: Response) -> Floats:
    return np.minimum(np.sqrt(response.acceleration_um_s2 * distance_um), response.speed_um_s)


def _acceleration_steps(distance_um: Floats, response: Response) -> _Steps:
    acceleration = response.acceleration_um_s2
    peak = np.maximum(_peak_um_s(distance_um, response), 1e-9)
    ramp = peak / acceleration
    cruise = np.maximum(distance_um / peak - ramp, 0.0)
    at = np.stack([np.zeros_like(ramp), ramp, ramp + cruise, 2 * ramp + cruise])
    change = acceleration * np.array([1.0, -1.0, -1.0, 1.0])[:, None] * np.ones_like(ramp)
    return _Steps(at, change, peak)


def _integral(until_s: Floats, steps: _Steps) -> Floats:
    """Of the position of the drive, from the beginning of its move: ``Σ a t³/6``."""
    since = np.maximum(until_s - steps.at_s, 0.0)
    return (steps.change * since**3).sum(axis=0) / 6


def _passes_s(backlash_um: Floats, distance_um: Floats, steps: _Steps) -> Floats:
    """When the drive has gone so far; infinitely late, here a day, if it does not."""
    acceleration = steps.change[0]
    ramp_um = steps.peak**2 / (2 * acceleration)
    left = np.maximum(distance_um - backlash_um, 0.0)
    rising = np.sqrt(2 * backlash_um / acceleration)
    cruising = steps.at_s[1] + (backlash_um - ramp_um) / steps.peak
    braking = steps.at_s[3] - np.sqrt(2 * left / acceleration)
    at = np.where(backlash_um <= ramp_um, rising, np.where(left >= ramp_um, cruising, braking))
    return np.where(backlash_um < distance_um, at, 86_400.0)


def _swing(until_s: Floats, steps: _Steps, response: Response) -> Floats:
    """Integral of how far the load is ahead of the drive: ``Σ a (Re(u (exp(st) - 1)/s) - t/ω²)``.

    ``s`` and ``u`` are those of `drivers.stage.Ringing`.
    """
    omega, damping = 2 * math.pi * response.ring_hz, response.ring_damping
    turning = omega * math.sqrt(1 - damping**2)
    pole = complex(-damping * omega, turning)
    amplitude = complex(1.0, -damping * omega / turning) / omega**2
    since = np.maximum(until_s - steps.at_s, 0.0)
    ahead = (amplitude / pole * np.expm1(pole * since)).real - since / omega**2
    return (steps.change * ahead).sum(axis=0)
