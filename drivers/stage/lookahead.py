"""Lookahead: where to send one axis so that it is near its target frame after frame."""

from __future__ import annotations

import math
from collections.abc import Callable

from ..clock import NS_PER_S
from ..messages import Dynamics
from .axis import State
from .profiles import Trapezoid
from .reachability import reach_um, target_through

_MOST_EXPOSURES = 8
"""To look ahead for one by which a long move can be made. Chosen: predictions further ahead are
seldom worth a move."""
_UNANSWERED_WEIGHT = 0.001
"""Weight of the squared error that is left if no further command comes. Chosen: it decides only
between targets that are equally good otherwise."""
_SECTIONS = 9
"""Of the golden-section search: they leave 0.618⁹, a hundredth of the interval."""
_GOLDEN = 0.618034
"""Share of the interval that each section leaves (Kiefer 1953, Proc. Am. Math. Soc. 4, 502)."""


def lookahead_target(
    state: State,
    position_um: float,
    stride_um: float,
    after_s: float,
    interval_s: float,
    dynamics: Dynamics,
) -> float:
    """Return the target to send the axis to.

    A command decides one exposure alone, for the next command comes before the exposure after
    it; but that one begins with the position and velocity that this one leaves. So the sum of
    the squared errors at both is minimised: here, and there with the best that can still be
    commanded. An axis that can be at rest in time is sent to the position itself. One that
    cannot is sent further, to pass through it; but no further than where the target itself would
    come to rest if it braked like the stage at the next exposure: should no further command
    come, or the stage differ from its model, it ends near the target.

    Parameters
    ----------
    state : (position_um, velocity_um_s)
        Of the axis when the command comes into force.
    position_um, stride_um : float
        Where the axis should be at the first exposure that it can affect, and how much further
        an interval later.
    after_s : float
        From that state to the middle of the first one.
    interval_s : float
        From one command to the next.
    dynamics : Dynamics
        Its speed and acceleration.
    """
    if not all(math.isfinite(each) for each in (*state, position_um, stride_um)):
        return math.nan
    next_um = position_um + stride_um

    def error_um2(end_um: float) -> float:
        profile = Trapezoid.plan(0, *state, end_um, dynamics)
        reached_um = profile.state(round(after_s * NS_PER_S))[0]
        left = profile.state(round(interval_s * NS_PER_S))
        low, high = reach_um(left, after_s, dynamics)
        missed_um = max(low - next_um, next_um - high, 0.0)
        unanswered_um = profile.state(round((after_s + interval_s) * NS_PER_S))[0] - next_um
        squares = (reached_um - position_um) ** 2 + missed_um**2
        return squares + _UNANSWERED_WEIGHT * unanswered_um**2

    soon_um = target_through(state, position_um, after_s, dynamics)
    low, high = reach_um((position_um, 0.0), after_s, dynamics)
    if soon_um == position_um and low <= next_um <= high:
        return position_um
    late_um = _later(state, position_um, stride_um, after_s, interval_s, dynamics)
    low, high = sorted((position_um, next_um + _braking_um(stride_um / interval_s, dynamics)))
    return min(max(_minimum(error_um2, soon_um, late_um), low), high)


def _braking_um(velocity_um_s: float, dynamics: Dynamics) -> float:
    return velocity_um_s * abs(velocity_um_s) / (2 * dynamics.acceleration_um_s2)


def _later(
    state: State,
    position_um: float,
    stride_um: float,
    after_s: float,
    interval_s: float,
    dynamics: Dynamics,
) -> float:
    """Target by which the axis is where it should be at the soonest of the later exposures."""
    then_s = after_s
    for _ in range(_MOST_EXPOSURES):
        then_s, position_um = then_s + interval_s, position_um + stride_um
        low, high = reach_um(state, then_s, dynamics)
        if low <= position_um <= high:
            break
    return target_through(state, position_um, then_s, dynamics)


def _minimum(error: Callable[[float], float], a: float, b: float) -> float:
    """Return where between ``a`` and ``b`` a function with one minimum there is least."""
    c, d = b - _GOLDEN * (b - a), a + _GOLDEN * (b - a)
    at_c, at_d = error(c), error(d)
    for _ in range(_SECTIONS):
        if at_c < at_d:
            b, d, at_d = d, c, at_c
            c = b - _GOLDEN * (b - a)
            at_c = error(c)
        else:
            a, c, at_c = c, d, at_d
            d = a + _GOLDEN * (b - a)
            at_d = error(d)
    return c if at_c < at_d else d
