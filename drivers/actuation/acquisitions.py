"""Acquisitions: laid out for a camera, and checked in full before anything moves."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import msgspec
import useq

from ..envelope import Envelope, Position
from ..messages import Description
from ..microscope import MicroscopeError, one_line

MOST_EVENTS = 100_000
"""Chosen: a day of pictures every second, and what can be laid out and checked within seconds."""


def read_sequence(text: str) -> useq.MDASequence:
    """Read an acquisition from JSON; the rest is checked by `checked_events`.

    Raises
    ------
    MicroscopeError
        If it cannot be read, or has so many points in a well that reading would lay out too many.
    """
    try:
        plate = msgspec.json.decode(text, type=_Plates).stage_positions
    except msgspec.MsgspecError:
        plate = None
    points = plate.well_points_plan if plate is not None else {}
    for keys in (("num_points",), ("rows", "columns"), ("width", "height")):
        numbers = [points.get(key, 0) for key in keys]
        if all(isinstance(n, int | float) for n in numbers) and math.prod(numbers) > MOST_EVENTS:
            raise _too_many(math.prod(numbers))
    try:
        return useq.MDASequence.model_validate_json(text)
    except ValueError as error:
        raise MicroscopeError(f"The acquisition cannot be read: {one_line(error)}") from error


class _Plate(msgspec.Struct):
    """What of a plan of a well plate useq lays out when it reads it."""

    well_points_plan: dict[str, Any]


class _Plates(msgspec.Struct):
    stage_positions: _Plate


def checked_events(
    sequence: useq.MDASequence, about: Description, start_um: Position | None = None
) -> list[useq.MDAEvent]:
    """Return the events of an acquisition, its grids laid out for this camera's field.

    Parameters
    ----------
    sequence : useq.MDASequence
    about : Description
        Of the microscope.
    start_um : (x, y, z), optional
        Where the stage is; without it, only the places are checked, not the ways to them.

    Raises
    ------
    MicroscopeError
        If it has too many events, or any position or the way to it leaves the limits, or is not
        finite.
    """
    plan = sequence.model_copy(deep=True)
    for grid in _grids(plan):
        grid.fov_width = about.width_px * about.pixel_um
        grid.fov_height = about.height_px * about.pixel_um
    count = _most_events(plan)
    if not count <= MOST_EVENTS:
        raise _too_many(count)
    events = list(plan)
    _check_places(events, Envelope.of(about), start_um)
    _check_properties(events, about)
    return events


def _too_many(count: float) -> MicroscopeError:
    return MicroscopeError(
        f"The acquisition was refused: it has {count:.6g} events, and {MOST_EVENTS:,} are the "
        "most. Divide it."
    )


def _check_places(
    events: list[useq.MDAEvent], envelope: Envelope, start_um: Position | None
) -> None:
    """Refuse the first event that leaves the envelope, or to which the way does."""
    here = start_um
    for event in events:
        to_um = (event.x_pos, event.y_pos, event.z_pos)
        if here is None:
            problem = envelope.place_problem(to_um)
        else:
            problem = envelope.problem(here, to_um)
            x, y, z = (at if to is None else to for at, to in zip(here, to_um, strict=True))
            here = (x, y, z)
        if problem:
            raise MicroscopeError(f"The acquisition was refused: {problem}. Change the plan.")


def _check_properties(events: list[useq.MDAEvent], about: Description) -> None:
    """Refuse to set properties of what moves: that could move it unchecked."""
    for event in events:
        for device, name, _ in event.properties or ():
            if device in (about.xy_stage, about.focus):
                raise MicroscopeError(
                    f"The acquisition was refused: it sets the property {name} of {device}, and "
                    "what moves is only sent to positions. Change the plan."
                )


def _grids(plan: useq.MDASequence) -> Iterator[Any]:
    """All grid plans of a sequence and of the sequences in it."""
    if plan.grid_plan is not None:
        yield plan.grid_plan
    for inner in _inner(plan):
        yield from _grids(inner)


def _inner(plan: useq.MDASequence) -> list[useq.MDASequence]:
    """The sequences of single places."""
    if isinstance(plan.stage_positions, useq.WellPlatePlan):
        return []
    return [place.sequence for place in plan.stage_positions if place.sequence is not None]


def _most_events(plan: useq.MDASequence) -> float:
    """An upper bound of the number of events, without laying them out."""
    each = _times(plan.time_plan) * max(len(plan.channels), 1) * _positions(plan.z_plan)
    each *= _tiles(plan.grid_plan) * (1 if plan.autofocus_plan is None else 2)
    places = plan.stage_positions
    if isinstance(places, useq.WellPlatePlan):
        return each * len(places.selected_well_indices) * _positions(places.well_points_plan)
    inner = _inner(plan)
    return each * max(len(places) - len(inner) + sum(map(_most_events, inner)), 1.0)


def _times(plan: Any) -> float:
    phases = getattr(plan, "phases", None)
    if phases is not None:
        return float(sum(_times(phase) for phase in phases))
    if plan is None:
        return 1.0
    try:
        return float(plan.num_timepoints())
    except (ZeroDivisionError, OverflowError):
        return math.inf


def _positions(plan: Any) -> float:
    """Number of positions in a plan, or 1 without one."""
    try:
        return 1.0 if plan is None else float(max(plan.num_positions(), 1))
    except (ValueError, OverflowError, ZeroDivisionError):
        return math.inf


def _tiles(plan: Any) -> float:
    """Tiles of a grid; of one over a polygon those over its extent, as useq goes through them."""
    if not isinstance(plan, useq.GridFromPolygon):
        return _positions(plan)
    assert plan.fov_width is not None and plan.fov_height is not None
    x0, y0, x1, y1 = plan.poly.bounds
    columns, rows = (
        max(extent / (field * (1 - overlap / 100)), 0.0) + 2 if overlap < 100 else math.inf
        for extent, field, overlap in zip(
            (x1 - x0, y1 - y0), (plan.fov_width, plan.fov_height), plan.overlap, strict=True
        )
    )
    return columns * rows
