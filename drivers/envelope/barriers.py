"""Barriers: the areas that a stage must be inside of, and those that it keeps out of."""

from __future__ import annotations

import math
from typing import Protocol

import shapely
from shapely.geometry.base import BaseGeometry

from ..messages import Area, Circle, Point, Polygon

Rectangle = tuple[float, float, float, float]
"""Lowest x and y, greatest x and y, in µm."""

SLACK_UM = 1.0
"""How far beyond an edge a stage may stand and still count as standing on it. Chosen: as exactly as
its place is known, with drift, backlash and the encoder's steps."""


class Barrier(Protocol):
    """One edge, and the side of it on which the stage has to be."""

    @property
    def name(self) -> str:
        """The setting that it comes from."""
        ...

    def excess_um(self, x_um: float, y_um: float) -> float:
        """How far a place is on the wrong side; 0 on the right side and on the edge."""
        ...

    def allows(self, swept: Rectangle, slack_um: float) -> bool:
        """Whether all of a rectangle is on the right side, or beyond the edge by the slack."""
        ...

    def describe(self, x_um: float, y_um: float) -> str:
        """Say how a place on the wrong side lies to the edge."""
        ...


def inside_of(area: Area) -> Barrier:
    """Return the barrier around an area that the stage must be inside of."""
    return _InCircle(area) if isinstance(area, Circle) else _InPolygon(area)


def outside_of(area: Area) -> Barrier:
    """Return the barrier around an area that the stage keeps out of."""
    return _OutOfCircle(area) if isinstance(area, Circle) else _OutOfPolygon(area)


class _InCircle:
    def __init__(self, circle: Circle) -> None:
        self._circle, self.name = circle, circle.name

    def excess_um(self, x_um: float, y_um: float) -> float:
        return max(_from_middle_um(self._circle, x_um, y_um) - self._circle.radius_um, 0.0)

    def allows(self, swept: Rectangle, slack_um: float) -> bool:
        """A circle is convex: its inside holds a rectangle if it holds the corners."""
        x0, y0, x1, y1 = swept
        circle = self._circle
        dx, dy = max(circle.x_um - x0, x1 - circle.x_um), max(circle.y_um - y0, y1 - circle.y_um)
        return math.hypot(dx, dy) <= circle.radius_um + slack_um

    def describe(self, x_um: float, y_um: float) -> str:
        far_um = _from_middle_um(self._circle, x_um, y_um)
        return f"{far_um:.6g} µm from the middle of a circle of {self._circle.radius_um:g} µm"


class _OutOfCircle:
    def __init__(self, circle: Circle) -> None:
        self._circle, self.name = circle, circle.name

    def excess_um(self, x_um: float, y_um: float) -> float:
        return max(self._circle.radius_um - _from_middle_um(self._circle, x_um, y_um), 0.0)

    def allows(self, swept: Rectangle, slack_um: float) -> bool:
        """The point of the rectangle that is nearest to the middle decides."""
        x0, y0, x1, y1 = swept
        circle = self._circle
        x, y = min(max(circle.x_um, x0), x1), min(max(circle.y_um, y0), y1)
        return _from_middle_um(circle, x, y) >= circle.radius_um - slack_um

    def describe(self, x_um: float, y_um: float) -> str:
        far_um = _from_middle_um(self._circle, x_um, y_um)
        return (
            f"{far_um:.6g} µm from the middle of a circle of {self._circle.radius_um:g} µm that is "
            "to be kept out of"
        )


class _InPolygon:
    def __init__(self, polygon: Polygon) -> None:
        self.name = polygon.name
        self._exact = shapely.Polygon(polygon.points_um)
        self._grown = self._exact.buffer(SLACK_UM)
        shapely.prepare([self._exact, self._grown])

    def excess_um(self, x_um: float, y_um: float) -> float:
        return float(shapely.distance(self._exact, shapely.Point(x_um, y_um)))

    def allows(self, swept: Rectangle, slack_um: float) -> bool:
        outline = self._grown if slack_um > 0 else self._exact
        return bool(shapely.covers(outline, _geometry(swept)))

    def describe(self, x_um: float, y_um: float) -> str:
        return _nearest_edge(self._exact, x_um, y_um, "outside a polygon")


class _OutOfPolygon:
    def __init__(self, polygon: Polygon) -> None:
        self.name = polygon.name
        self._exact = shapely.Polygon(polygon.points_um)
        self._shrunk = self._exact.buffer(-SLACK_UM)
        shapely.prepare([self._exact, self._shrunk])

    def excess_um(self, x_um: float, y_um: float) -> float:
        place = shapely.Point(x_um, y_um)
        if not shapely.intersects(self._exact, place):
            return 0.0
        return float(shapely.distance(self._exact.exterior, place))

    def allows(self, swept: Rectangle, slack_um: float) -> bool:
        zone, rectangle = self._shrunk if slack_um > 0 else self._exact, _geometry(swept)
        meets = shapely.intersects(zone, rectangle)
        return not meets or bool(shapely.touches(zone, rectangle))

    def describe(self, x_um: float, y_um: float) -> str:
        return _nearest_edge(self._exact, x_um, y_um, "inside a polygon that is to be kept out of")


def _from_middle_um(circle: Circle, x_um: float, y_um: float) -> float:
    return math.hypot(x_um - circle.x_um, y_um - circle.y_um)


def _geometry(swept: Rectangle) -> BaseGeometry:
    """The rectangle; a line or a point if it has no height or width."""
    x0, y0, x1, y1 = swept
    if x0 < x1 and y0 < y1:
        return shapely.box(x0, y0, x1, y1)
    if x0 < x1 or y0 < y1:
        return shapely.LineString(((x0, y0), (x1, y1)))
    return shapely.Point(x0, y0)


def nearest_um(geometry: BaseGeometry, x_um: float, y_um: float) -> Point:
    """Return the point of a geometry that is nearest to a place."""
    line = shapely.shortest_line(geometry, shapely.Point(x_um, y_um))
    x, y = line.coords[0]
    return x, y


def _nearest_edge(polygon: shapely.Polygon, x_um: float, y_um: float, where: str) -> str:
    x, y = nearest_um(polygon.exterior, x_um, y_um)
    return f"{where}, whose edge is nearest at ({x:.6g}, {y:.6g}) µm"
