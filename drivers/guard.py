"""The last guard before the hardware: what may not be carried out, and why."""

from __future__ import annotations

import msgspec

from .messages import Move
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


def check_inside(x: float | None, y: float | None, z: float | None, limits_um: Box) -> None:
    """Raise `MicroscopeError` if a planned position lies outside the limits."""
    for name, value, (low, high) in zip("xyz", (x, y, z), limits_um, strict=True):
        if value is not None and not low <= value <= high:
            raise MicroscopeError(
                f"The acquisition wants {name} = {value:g} µm, outside the limits "
                f"[{low:g}, {high:g}]: change the plan, or {name}_um under [limits]."
            )
