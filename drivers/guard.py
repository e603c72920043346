"""The last guard before the hardware: what may not be carried out, and why."""

from __future__ import annotations

import msgspec
import useq

from .messages import Description, Move
from .microscope import MicroscopeError

Box = tuple[tuple[float, float], tuple[float, float], tuple[float, float]]


def refuse_non_finite(move: Move) -> None:
    """Raise `MicroscopeError` if any coordinate is NaN or infinite."""
    if not move.is_finite():
        raise MicroscopeError(
            f"A move to ({move.x_um}, {move.y_um}, {move.z_um}) µm was refused: "
            "every coordinate must be a finite number."
        )


def within(move: Move, limits_um: Box) -> Move:
    """Return the move with every coordinate brought to the nearest point inside the limits."""
    x, y, z = (
        None if value is None else min(max(value, low), high)
        for value, (low, high) in zip((move.x_um, move.y_um, move.z_um), limits_um, strict=True)
    )
    return msgspec.structs.replace(move, x_um=x, y_um=y, z_um=z)


def planned(sequence: useq.MDASequence, about: Description) -> list[useq.MDAEvent]:
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
