"""Whether corners make a polygon."""

from __future__ import annotations

from collections.abc import Sequence

from shapely import Polygon

from ..messages import Point


def polygon_problem(points_um: Sequence[Point]) -> str:
    """Say why points are not the corners of a polygon, as the end of a sentence; empty if so."""
    if len(set(points_um)) < 3:
        return f"must have 3 different corners or more, not {len(set(points_um))}"
    outline = Polygon(points_um)
    if not outline.is_valid or outline.area <= 0:
        return "must not cross or touch itself: list its corners in order around it"
    return ""
