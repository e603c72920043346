"""The last guard before the hardware: what may not be carried out, and why."""

from __future__ import annotations

import math
from typing import NamedTuple

from ..clock import NS_PER_MS
from ..envelope import Envelope, Range, Target
from ..messages import Dynamics, Move, Point
from ..microscope import MicroscopeError, MoveRefused
from ..stage import PoseModel, State

LONGEST_VELOCITY_NS = 1_000_000_000
"""How long a velocity lasts at most, whatever its move says. Chosen: policies send one with each
frame, and a controller that has died leaves the stage moving no longer."""
_REACTION_S = 0.05
"""How late a stage that has to stop may be told so. Chosen: two readings of a slow stage."""
_NEW_VELOCITY_REACTION_S = 2 * _REACTION_S
"""The same for a new velocity: near a limit it becomes slow instead of being ended at once."""
_SHARES = (1.0, 0.7, 0.5, 0.35, 0.25, 0.15, 0.1, 0.05, 0.02, 0.0)
"""Of a velocity that are tried near an edge, the greatest first. Chosen: steps of about 1.4."""


class Motion(NamedTuple):
    """How an XY stage moves at an instant.

    Attributes
    ----------
    states : (State, State)
        Of x and y.
    dynamics : Dynamics
        Greatest speed and acceleration of an axis.
    unsure_um : float
        How far from there the stage may be.
    """

    states: tuple[State, State]
    dynamics: Dynamics
    unsure_um: float


def refuse_non_finite(move: Move) -> None:
    """Raise `MicroscopeError` if any number is NaN or infinite."""
    if not move.is_finite():
        target = f"({move.x_um}, {move.y_um}, {move.z_um}) µm"
        if move.velocity_um_s is not None:
            target += f" at {move.velocity_um_s} µm/s"
        raise MicroscopeError(
            f"A move to {target} was refused: every coordinate must be a finite number."
        )


def check_move(move: Move, envelope: Envelope, pose: PoseModel, now_ns: int) -> None:
    """Raise `MoveRefused` if a move leaves the envelope from where the stage is and is going.

    Between two positions each axis takes its own time, so the stage sweeps the rectangle between
    them at most; one in motion also passes where it is when the move shows, and where it could
    come to rest then. A halt, the velocity (0, 0), is always allowed.
    """
    if move.velocity_um_s == (0.0, 0.0) and move.z_um is None:
        return
    dynamics = pose.identified or pose.nominal
    (x, _), (y, _) = pose.states(now_ns)
    (next_x, vx), (next_y, vy) = pose.states(now_ns + round(dynamics.delay_ms * NS_PER_MS))
    twice_a = 2 * dynamics.acceleration_um_s2
    rest_um = (next_x + vx * abs(vx) / twice_a, next_y + vy * abs(vy) / twice_a)
    through: list[Point] = [(next_x, next_y), rest_um]
    from_um = (x, y, pose.target_um[2])
    problem = envelope.speed_problem(pose.nominal, move) or envelope.problem(
        from_um, (move.x_um, move.y_um, move.z_um), through
    )
    if problem:
        raise MoveRefused(f"A move was refused: {problem}.")


def drive_targets_um(move: Move, envelope: Envelope, pose: PoseModel, now_ns: int) -> Target:
    """Return where the drives are sent so that the load is at the target of a move.

    Where the compensation of backlash would take a drive out of the envelope, on its way or by its
    length too, there is none.
    """
    load = (move.x_um, move.y_um, move.z_um)
    x, y, z = pose.drive_targets_um(now_ns, *load)
    (from_x, _), (from_y, _) = pose.states(now_ns)
    if envelope.problem((from_x, from_y, pose.target_um[2]), (x, y, z)):
        return load
    return x, y, z


def limited_velocity(
    velocity_um_s: float, state: State, limits: Range, dynamics: Dynamics
) -> float:
    """Return the velocity of an axis, reduced so far that it can be stopped inside its limits.

    It keeps ``v t + v²/2a``, the distance in the time that it may take until the axis is told to
    stop, and that of braking, within the distance to the limit.

    Parameters
    ----------
    velocity_um_s : float
        What is wanted.
    state : (position_um, velocity_um_s)
        When the velocity would come into force.
    limits : (low, high)
        In µm.
    dynamics : Dynamics
        Greatest speed and acceleration of the axis.
    """
    acceleration = dynamics.acceleration_um_s2
    sign = math.copysign(1.0, velocity_um_s)
    now = max(sign * state[1], 0.0)
    distance_um = max(_distance_um(state[0], sign, limits), 0.0)
    late_s = _NEW_VELOCITY_REACTION_S
    most = acceleration * (math.sqrt(late_s**2 + 2 * distance_um / acceleration) - late_s)
    if now > most:
        most = max(distance_um - now * now / (2 * acceleration), 0.0) / late_s
    return sign * min(abs(velocity_um_s), dynamics.speed_um_s, most)


def time_to_stop_s(velocity_um_s: float, state: State, limits: Range, dynamics: Dynamics) -> float:
    """Return how long an axis may keep a velocity until it has to be told to stop.

    Parameters are those of `limited_velocity`; infinite for an axis that stands.
    """
    sign = math.copysign(1.0, velocity_um_s or state[1])
    speed = max(abs(velocity_um_s), sign * state[1])
    if speed <= 0:
        return math.inf
    needed_um = speed * _REACTION_S + speed * speed / (2 * dynamics.acceleration_um_s2)
    return max(_distance_um(state[0], sign, limits) - needed_um, 0.0) / speed


def velocity_share(velocity: Point, motion: Motion, envelope: Envelope) -> float:
    """Return the share of a velocity with which the stage can be stopped before every edge.

    `limited_velocity` does it for the box, axis by axis; this does it for other edges, along the
    direction of the motion.

    Parameters
    ----------
    velocity : (x, y)
        What is wanted, in µm/s.
    motion : Motion
        Of the stage when it would come into force.
    envelope : Envelope
    """
    if envelope.convex:
        return 1.0
    for share in _SHARES:
        wanted = share * velocity[0], share * velocity[1]
        ahead_um = _way_ahead_um(wanted, motion, envelope)
        if ahead_um > 0 and ahead_um >= math.hypot(*wanted) * _NEW_VELOCITY_REACTION_S:
            return share
    return 0.0


def time_to_stop_before_edges_s(velocity: Point, motion: Motion, envelope: Envelope) -> float:
    """Return how long a velocity may be kept, as `time_to_stop_s`, but before every edge.

    Parameters are those of `velocity_share`.
    """
    if envelope.convex:
        return math.inf
    moving = velocity if any(velocity) else (motion.states[0][1], motion.states[1][1])
    speed = math.hypot(*moving)
    if speed <= 0:
        return math.inf
    ahead_um = _way_ahead_um(moving, motion, envelope)
    return max(ahead_um - speed * _REACTION_S, 0.0) / speed


def _way_ahead_um(velocity: Point, motion: Motion, envelope: Envelope) -> float:
    """How far the stage can go along a velocity until it could not be stopped before an edge.

    From every place on the line it must be able to brake: each axis goes on by ``v²/2a`` then, and
    on its way from its present velocity to the new one it is ahead of the line, or behind, by
    ``(v0 - v) |v0 - v| / 2a``. The box of all that must not touch an edge.
    """
    states, dynamics, unsure = motion
    reach = [0.0, 0.0, 0.0, 0.0]
    for i, (v, (_, v0)) in enumerate(zip(velocity, states, strict=True)):
        braking = [each * abs(each) / (2 * dynamics.acceleration_um_s2) for each in (v, v0, v0 - v)]
        reach[i] = max(*(-each for each in braking[:2]), 0.0) + max(-braking[2], 0.0)
        reach[i + 2] = max(*braking[:2], 0.0) + max(braking[2], 0.0)
    left, down, right, up = reach
    wide = (left + unsure, down + unsure, right + unsure, up + unsure)
    place = (states[0][0], states[1][0])
    return envelope.distance_um(place, velocity, wide, (left, down, right, up))


def _distance_um(position_um: float, sign: float, limits: Range) -> float:
    """Distance to the limit ahead, negative beyond it."""
    low, high = limits
    return high - position_um if sign > 0 else position_um - low
