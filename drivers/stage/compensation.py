"""Input shaping: where to send an axis whose load rings, so that the load is at its target."""

from __future__ import annotations

from functools import lru_cache
from itertools import pairwise
from typing import NamedTuple

from ..messages import Dynamics
from .axis import REMEMBERED_COMMANDS, State
from .lookahead import lookahead_target
from .profiles import AccelerationStep, Trapezoid, acceleration_steps
from .ringing import Ringing

_MOST_GAIN = 0.7
"""Greatest sum of magnitudes with which a correction answers earlier ones. Less than 1 makes them
decay; chosen, 0.7 bounds what an oscillation can add up to by ``1 / (1 - 0.7)``, some 3."""
_TEST_STEP_UM = 0.1
"""Of the step whose response is examined. Chosen: of a correction's size, far below full speed."""
_NEGLIGIBLE_UM = 1e-3
"""Ringing below this is left alone. Chosen: a fiftieth of a good encoder's step."""


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


def shaped_target(
    state: State,
    earlier: list[AccelerationStep],
    position_um: float,
    stride_um: float,
    timing: Timing,
    ringing: Ringing,
) -> float:
    """Return the input-shaped target of a drive: the `lookahead_target` for a load that rings.

    The wanted position is corrected by how far the load will be ahead of the drive in the mean
    over the exposure, by its earlier accelerations and by the move itself, which the correction
    changes: a step of the secant method finds where both agree. Each correction excites the load
    anew; `stable_gain` keeps a series of them from growing.

    Parameters
    ----------
    state : (position_um, velocity_um_s)
        Of the drive when the command comes into force.
    earlier : list of (ago_s, change_um_s2)
        Changes of its acceleration until then.
    position_um, stride_um : float
        Where the load should be at the first exposure that the command can affect, and how much
        further an interval later.
    timing : Timing
    ringing : Ringing
        Of the load.
    """
    dynamics, (after_s, interval_s, exposure_s) = ringing.dynamics, timing
    end_um = lookahead_target(state, position_um, stride_um, after_s, interval_s, dynamics)
    if not ringing.rings:
        return end_um
    gain = stable_gain(dynamics, *(round(each, 4) for each in timing))
    until_s = after_s + exposure_s / 2
    old_um = ringing.ahead_um([(ago_s + until_s, change) for ago_s, change in earlier], exposure_s)

    def ahead_um(end_um: float) -> float:
        move = Trapezoid.plan(0, *state, end_um, dynamics)
        return gain * (old_um + ringing.ahead_um(acceleration_steps(move, until_s), exposure_s))

    first_um = ahead_um(end_um)
    if abs(first_um) < _NEGLIGIBLE_UM:
        return end_um
    growth = ahead_um(end_um - first_um) / first_um - 1
    off_um = first_um / (1 - min(max(growth, -_MOST_GAIN), _MOST_GAIN))
    return lookahead_target(
        state, position_um - off_um, stride_um + off_um, after_s, interval_s, dynamics
    )


@lru_cache(maxsize=256)
def stable_gain(dynamics: Dynamics, after_s: float, interval_s: float, exposure_s: float) -> float:
    """Return the share of the ringing that can be compensated in every frame stably.

    With ``a_n`` for how far a load is ahead in the nth exposure after a step by 1, and a gain
    ``p``, the drive's positions answer the wanted ones by ``1 / (c_0 + c_1 z⁻¹ + ...)`` with
    ``c_0 = 1 + p a_0`` and ``c_n = p (a_n - a_n-1)``. That is stable, and its gain at most
    ``1 / (c_0 (1 - g))``, if the magnitudes of ``c_1, c_2, ...`` add up to ``g c_0`` with g < 1.
    """
    ringing = Ringing(dynamics)
    move = Trapezoid.plan(0, 0.0, 0.0, _TEST_STEP_UM, dynamics)
    ahead = []
    for n in range(REMEMBERED_COMMANDS):
        until_s = after_s + n * interval_s + exposure_s / 2
        steps = acceleration_steps(move, until_s)
        ahead.append(ringing.ahead_um(steps, exposure_s) / _TEST_STEP_UM)
        if n * interval_s > ringing.memory_s:
            break
    changes = sum(abs(b - a) for a, b in pairwise((*ahead, 0.0)))
    most = changes - _MOST_GAIN * ahead[0]
    return min(_MOST_GAIN / most, 1.0) if most > 0 else 1.0
