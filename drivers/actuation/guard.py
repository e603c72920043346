"""The last guard before the hardware: what may not be carried out, and why."""

from __future__ import annotations

import math
from collections.abc import Sequence

import msgspec
import useq

from ..messages import Description, Dynamics, Move
from ..microscope import MicroscopeError
from ..stage import State

LONGEST_VELOCITY_NS = 1_000_000_000
"""How long a velocity lasts at most, whatever its move says. Chosen: policies send one with each
frame, and a controller that has died leaves the stage moving no longer."""
_REACTION_S = 0.05
"""How late a stage that has to stop may be told so. Chosen: two readings of a slow stage."""
_NEW_VELOCITY_REACTION_S = 2 * _REACTION_S
"""The same for a new velocity: near a limit it becomes slow instead of being ended at once."""

Range = tuple[float, float]
Box = tuple[Range, Range, Range]


def refuse_non_finite(move: Move) -> None:
    """Raise `MicroscopeError` if any number is NaN or infinite."""
    if not move.is_finite():
        target = f"({move.x_um}, {move.y_um}, {move.z_um}) µm"
        if move.velocity_um_s is not None:
            target += f" at {move.velocity_um_s} µm/s"
        raise MicroscopeError(
            f"A move to {target} was refused: every coordinate must be a finite number."
        )


def clipped_move(move: Move, limits_um: Box) -> Move:
    """Return the move with every coordinate brought to the nearest point inside the limits."""
    x, y, z = clipped((move.x_um, move.y_um, move.z_um), limits_um)
    return msgspec.structs.replace(move, x_um=x, y_um=y, z_um=z)


def clipped(position_um: Sequence[float | None], limits_um: Box) -> list[float | None]:
    """Return x, y and z brought to the nearest point inside the limits; None stays None."""
    return [
        None if value is None else min(max(value, low), high)
        for value, (low, high) in zip(position_um, limits_um, strict=True)
    ]


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


def _distance_um(position_um: float, sign: float, limits: Range) -> float:
    """Distance to the limit ahead, negative beyond it."""
    low, high = limits
    return high - position_um if sign > 0 else position_um - low


def checked_events(sequence: useq.MDASequence, about: Description) -> list[useq.MDAEvent]:
    """Return the events of an acquisition, its grids laid out for this camera's field.

    Raises
    ------
    MicroscopeError
        If any position lies outside the limits, or is not finite.
    """
    plan = sequence.model_copy(deep=True)
    inner = [place.sequence.grid_plan for place in plan.stage_positions if place.sequence]
    for grid in (plan.grid_plan, *inner):
        if grid is not None:
            grid.fov_width = about.width_px * about.pixel_um
            grid.fov_height = about.height_px * about.pixel_um
    events = list(plan)
    for event in events:
        check_inside(event.x_pos, event.y_pos, event.z_pos, about.limits_um)
    return events


def check_inside(x: float | None, y: float | None, z: float | None, limits_um: Box) -> None:
    """Raise `MicroscopeError` if a planned position lies outside the limits."""
    for name, value, (low, high) in zip("xyz", (x, y, z), limits_um, strict=True):
        if value is not None and not low <= value <= high:
            raise MicroscopeError(
                f"The acquisition wants {name} = {value:g} µm, outside the limits "
                f"[{low:g}, {high:g}]: change the plan, or {name}_um under [limits]."
            )
