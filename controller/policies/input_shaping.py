"""Where to send an axis whose load rings, so that the load is at its target all the same."""

from __future__ import annotations

from functools import lru_cache
from itertools import pairwise
from typing import NamedTuple

from ...drivers.messages import Dynamics
from ...drivers.stage import AccelerationStep, Ringing, State, Trapezoid, acceleration_steps
from .lookahead import steer

_GAIN = 0.7
"""Greatest share of an answer to earlier answers, as a sum of magnitudes: they die out."""
_NOMINAL_UM = 0.1
_NOTHING_UM = 1e-3
_MOST_ANSWERS = 64
"""As many moves as an `Axis` remembers."""


class Timing(NamedTuple):
    """When things happen, in s.

    Attributes
    ----------
    after_s : float
        From where the command comes into force to the middle of the exposure.
    interval_s : float
        From one command to the next.
    exposure_s : float
    """

    after_s: float
    interval_s: float
    exposure_s: float


def steadied(
    state: State,
    felt: list[AccelerationStep],
    place_um: float,
    stride_um: float,
    timing: Timing,
    ringing: Ringing,
) -> float:
    """Return the target to send the drive to, see `steer`, for a load that rings.

    Its place is moved by as much as the load will be ahead of the drive in the mean over the
    exposure, from what it has been through and from the move itself, which the correction
    changes: a step of the secant method finds where both agree. Each correction excites the load
    anew; `share` keeps a series of them from growing.

    Parameters
    ----------
    state : (position_um, velocity_um_s)
        Of the drive when the command comes into force.
    felt : list of (ago_s, change_um_s2)
        Changes of its acceleration until then.
    place_um, stride_um : float
        Where the load should be at the first exposure that the command can affect, and how much
        further an interval later.
    timing : Timing
    ringing : Ringing
        Of the load.
    """
    dynamics, (after_s, interval_s, exposure_s) = ringing.dynamics, timing
    end_um = steer(state, place_um, stride_um, after_s, interval_s, dynamics)
    if not ringing.rings:
        return end_um
    part = share(dynamics, *(round(each, 4) for each in timing))
    until_s = after_s + exposure_s / 2
    old_um = ringing.ahead_um([(ago_s + until_s, change) for ago_s, change in felt], exposure_s)

    def ahead_um(end_um: float) -> float:
        move = Trapezoid.plan(0, *state, end_um, dynamics)
        return part * (old_um + ringing.ahead_um(acceleration_steps(move, until_s), exposure_s))

    first_um = ahead_um(end_um)
    if abs(first_um) < _NOTHING_UM:
        return end_um
    growth = ahead_um(end_um - first_um) / first_um - 1
    off_um = first_um / (1 - min(max(growth, -_GAIN), _GAIN))
    return steer(state, place_um - off_um, stride_um + off_um, after_s, interval_s, dynamics)


@lru_cache(maxsize=256)
def share(dynamics: Dynamics, after_s: float, interval_s: float, exposure_s: float) -> float:
    """Return how much of the ringing can be compensated in every frame without exciting more.

    With ``a_n`` for how far a load is ahead in the nth exposure after a step by 1, and a share
    ``p``, the drive's places answer the wanted ones by ``1 / (c_0 + c_1 z⁻¹ + ...)`` with
    ``c_0 = 1 + p a_0`` and ``c_n = p (a_n - a_n-1)``. That is stable, and its gain at most
    ``1 / (c_0 (1 - g))``, if the magnitudes of ``c_1, c_2, ...`` add up to ``g c_0`` with g < 1.
    """
    ringing = Ringing(dynamics)
    move = Trapezoid.plan(0, 0.0, 0.0, _NOMINAL_UM, dynamics)
    ahead = []
    for n in range(_MOST_ANSWERS):
        until_s = after_s + n * interval_s + exposure_s / 2
        ahead.append(ringing.ahead_um(acceleration_steps(move, until_s), exposure_s) / _NOMINAL_UM)
        if n * interval_s > ringing.memory_s:
            break
    changes = sum(abs(b - a) for a, b in pairwise((*ahead, 0.0)))
    most = changes - _GAIN * ahead[0]
    return min(_GAIN / most, 1.0) if most > 0 else 1.0
