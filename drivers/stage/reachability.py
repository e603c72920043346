"""Reachability: where an axis can be at an instant, and by which target it is there."""

from __future__ import annotations

import math

from ..messages import Dynamics
from .axis import State


def reach_um(state: State, after_s: float, dynamics: Dynamics) -> tuple[float, float]:
    """Return the lowest and highest position that an axis can have a time after ``state``."""
    x, v = state
    up, down = (_furthest_um(sign * v, after_s, dynamics) for sign in (1, -1))
    return x - down, x + up


def target_through(state: State, position_um: float, after_s: float, dynamics: Dynamics) -> float:
    """Return the target whose time-optimal profile is at ``position_um`` a time after ``state``.

    The profile is that of `Trapezoid.plan`. If the axis can be at rest at the position in time, the
    target is the position itself. Otherwise it has to pass through it: it accelerates for ``t1``
    and brakes from then on, which gives ``position - x = v t + a t²/2 - a (t - t1)²``; or it
    cruises in between. For a position out of reach, the nearest within reach is taken.

    Parameters
    ----------
    state : (position_um, velocity_um_s)
        Of the axis when the command comes into force.
    position_um : float
    after_s : float
        Not negative.
    dynamics : Dynamics
        Its speed and acceleration.
    """
    x, v = state
    acceleration, speed = dynamics.acceleration_um_s2, dynamics.speed_um_s
    rest_um, rest_s = x + v * abs(v) / (2 * acceleration), abs(v) / acceleration
    short_s = max(rest_s - after_s, 0.0)
    braked_um = rest_um - math.copysign(acceleration * short_s**2 / 2, v)
    if position_um == braked_um:
        return rest_um
    sign = math.copysign(1.0, position_um - braked_um)
    v0, distance = sign * v, sign * (position_um - x)
    most_um = _furthest_um(v0, after_s, dynamics)
    distance = min(distance, most_um)
    brake_s = math.sqrt(max(v0 * after_s + acceleration * after_s**2 / 2 - distance, 0.0))
    brake_s = min(brake_s / math.sqrt(acceleration), after_s)
    peak = v0 + acceleration * (after_s - brake_s)
    if peak > speed:
        brake_s = math.sqrt(2 * (most_um - distance) / acceleration)
        peak = max(speed, v0)
    if peak <= acceleration * brake_s:
        return position_um
    left = peak - acceleration * brake_s
    return x + sign * (distance + left * left / (2 * acceleration))


def _furthest_um(v: float, after_s: float, dynamics: Dynamics) -> float:
    """Distance made with full acceleration up to full speed."""
    ramp_s = min(max((dynamics.speed_um_s - v) / dynamics.acceleration_um_s2, 0.0), after_s)
    return v * after_s + dynamics.acceleration_um_s2 * ramp_s * (after_s - ramp_s / 2)
