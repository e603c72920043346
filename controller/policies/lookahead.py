"""Where to send one axis so that it is, frame after frame, as near its target as it can be."""

from __future__ import annotations

import math
from collections.abc import Callable

from ...drivers.clock import NS_PER_S
from ...drivers.messages import Dynamics
from ...drivers.stage import State, Trapezoid, end_through, reach_um

_LONGEST = 8
"""Exposures to look ahead for one by which a long move can be made."""
_ALONE = 0.001
"""Weight of the error that is left if no further command comes."""
_SECTIONS = 9
_GOLDEN = 0.618034


def steer(
    state: State,
    place_um: float,
    stride_um: float,
    after_s: float,
    interval_s: float,
    dynamics: Dynamics,
) -> float:
    """Return the target to send the axis to.

    What is sent now decides one exposure alone, for the next command comes before the one
    after it; but that one begins with the position and the velocity that this one leaves. So
    the sum of the squared errors at both is made least: here, and there with the best that can
    still be commanded. An axis that can be at rest in time is sent to the place itself. One
    that cannot is sent further than that, to be on its way through it; but no further than
    where the target itself would come to rest if it braked like the stage at the next exposure:
    should no further command come, or the stage differ from its model, it ends near the target.

    Parameters
    ----------
    state : (position_um, velocity_um_s)
        Of the axis when the command comes into force.
    place_um, stride_um : float
        Where the axis should be at the first exposure that it can affect, and how much further
        an interval later.
    after_s : float
        From that state to the middle of the first one.
    interval_s : float
        From one command to the next.
    dynamics : Dynamics
        Its speed and acceleration.
    """
    if not all(math.isfinite(each) for each in (*state, place_um, stride_um)):
        return math.nan
    next_um = place_um + stride_um

    def error_um2(end_um: float) -> float:
        profile = Trapezoid.plan(0, *state, end_um, dynamics)
        reached_um = profile.state(round(after_s * NS_PER_S))[0]
        left = profile.state(round(interval_s * NS_PER_S))
        low, high = reach_um(left, after_s, dynamics)
        missed_um = max(low - next_um, next_um - high, 0.0)
        alone_um = profile.state(round((after_s + interval_s) * NS_PER_S))[0] - next_um
        return (reached_um - place_um) ** 2 + missed_um**2 + _ALONE * alone_um**2

    soon_um = end_through(state, place_um, after_s, dynamics)
    low, high = reach_um((place_um, 0.0), after_s, dynamics)
    if soon_um == place_um and low <= next_um <= high:
        return place_um
    late_um = _later(state, place_um, stride_um, after_s, interval_s, dynamics)
    low, high = sorted((place_um, next_um + _braking_um(stride_um / interval_s, dynamics)))
    return min(max(_least(error_um2, soon_um, late_um), low), high)


def _braking_um(velocity_um_s: float, dynamics: Dynamics) -> float:
    return velocity_um_s * abs(velocity_um_s) / (2 * dynamics.acceleration_um_s2)


def _later(
    state: State,
    place_um: float,
    stride_um: float,
    after_s: float,
    interval_s: float,
    dynamics: Dynamics,
) -> float:
    """Target by which the axis is where it should be at the soonest of the later exposures."""
    then_s = after_s
    for _ in range(_LONGEST):
        then_s, place_um = then_s + interval_s, place_um + stride_um
        low, high = reach_um(state, then_s, dynamics)
        if low <= place_um <= high:
            break
    return end_through(state, place_um, then_s, dynamics)


def _least(error: Callable[[float], float], a: float, b: float) -> float:
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
