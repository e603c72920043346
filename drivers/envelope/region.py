"""The region: all of the plane that a stage may be in, as one geometry."""

from __future__ import annotations

import math

import numpy as np
import shapely
from shapely.geometry.base import BaseGeometry
from shapely.geometry.polygon import orient

from ..messages import Area, Circle, Point, Restrictions
from .barriers import nearest_um

_QUARTER = 64
"""Sides of the polygon that stands for a quarter of a circle. It lies inside the circle by at most
``1 - cos(π / 256)`` of the radius, 0.15 µm of 2 mm."""
_LEAST_MARGIN_UM = 1e-6
"""By which the nearest place inside is off the edge, so that rounding cannot put it outside.
Chosen: far below any stage's step, and above the rounding of coordinates of a metre."""
_GRID_UM = 1e-9
"""To which corners are rounded: without, GEOS 3.14 may leave a difference out where edges coincide
but for rounding. Chosen: far below the margin, and above the rounding of coordinates of a metre."""

Reach = tuple[float, float, float, float]
"""How far something reaches to the left, down, right and up of its place; not negative."""


class Region:
    """The box, cut by the areas to be inside of, without those to keep out of.

    Circles are polygons here, with an error on the safe side.

    Parameters
    ----------
    box_um : ((x0, x1), (y0, y1))
    restrictions : Restrictions

    Attributes
    ----------
    empty : bool
        Whether nothing is left.
    """

    def __init__(self, box_um: tuple[tuple[float, float], ...], restrictions: Restrictions) -> None:
        (x0, x1), (y0, y1) = box_um
        geometry = _areas(shapely.box(x0, y0, x1, y1))
        for area in restrictions.inside:
            geometry = _areas(shapely.intersection(geometry, _within(area), grid_size=_GRID_UM))
        for area in restrictions.keep_out:
            geometry = _areas(shapely.difference(geometry, _around(area), grid_size=_GRID_UM))
        parts = shapely.get_parts(geometry)
        self._geometry = geometry
        shapely.prepare(self._geometry)
        self.empty = self._geometry.buffer(-_LEAST_MARGIN_UM).is_empty
        rings = [
            np.asarray(ring.coords)
            for part in map(orient, parts)
            for ring in (part.exterior, *part.interiors)
        ]
        ends = [np.hstack((ring[:-1], ring[1:])) for ring in rings]
        sides = np.vstack(ends) if ends else np.empty((0, 4))
        along = sides[:, 2:] - sides[:, :2]
        length = np.hypot(*along.T)
        self._sides, along = sides[length > 0], along[length > 0] / length[length > 0, None]
        self._normals = np.stack((-along[:, 1], along[:, 0]), axis=1)
        self._eroded: dict[float, BaseGeometry] = {}

    @property
    def bounds_um(self) -> tuple[tuple[float, float], tuple[float, float]]:
        """Ranges of x and y."""
        x0, y0, x1, y1 = self._geometry.bounds
        return (x0, x1), (y0, y1)

    def holds(self, x_um: float, y_um: float) -> bool:
        """Whether a place is inside or on the edge."""
        return bool(shapely.covers(self._geometry, shapely.Point(x_um, y_um)))

    def nearest_um(self, x_um: float, y_um: float, margin_um: float) -> Point:
        """Return the nearest place at least a margin inside, or as far inside as there is room."""
        margin_um = max(margin_um, _LEAST_MARGIN_UM)
        inner = self._eroded.get(margin_um)
        if inner is None:
            inner, room_um = self._geometry.buffer(-margin_um), margin_um
            while inner.is_empty and room_um > _LEAST_MARGIN_UM:
                room_um = max(room_um / 2, _LEAST_MARGIN_UM)
                inner = self._geometry.buffer(-room_um)
            self._eroded[margin_um] = inner
        return nearest_um(inner, x_um, y_um)

    def distance_um(self, position_um: Point, unit: Point, reach_um: Reach, free: Reach) -> float:
        """Return how far a box can go in a direction until it touches an edge; 0 if it does.

        The box with its place at ``p`` touches a side of the outline while ``p`` is in the sum of
        the side and the mirrored box, a hexagon that is bounded by three pairs of parallels: of
        x, of y, and along the side. Each pair bounds the way along a straight line (the slab method
        of Kay and Kajiya, 1986).

        Parameters
        ----------
        position_um : (x, y)
            The place of the box.
        unit : (x, y)
            The direction, of length 1.
        reach_um : Reach
            The box.
        free : Reach
            The box in its place for sides that it goes away from: there it only must not be cut.
        """
        p, u = np.array(position_um), np.array(unit)
        leaves = self._normals @ u > 0
        wide = np.array(reach_um) + _LEAST_MARGIN_UM  # else a line passes through a corner
        reach = np.where(leaves[:, None], np.array(free), wide)
        low, high = self._sides[:, :2], self._sides[:, 2:]
        least = np.minimum(low, high) - reach[:, 2:]
        most = np.maximum(low, high) + reach[:, :2]
        normals = self._normals
        offset = (normals * low).sum(axis=1)
        ahead = np.where(normals > 0, reach[:, 2:], reach[:, :2])
        behind = np.where(normals > 0, reach[:, :2], reach[:, 2:])
        size = np.abs(normals)
        slabs = (
            (p[0], u[0], least[:, 0], most[:, 0]),
            (p[1], u[1], least[:, 1], most[:, 1]),
            (
                normals @ p,
                normals @ u,
                offset - (size * ahead).sum(axis=1),
                offset + (size * behind).sum(axis=1),
            ),
        )
        enters, ends = np.zeros(len(normals)), np.full(len(normals), np.inf)
        with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
            for at, speed, lowest, highest in slabs:
                one, other = (lowest - at) / speed, (highest - at) / speed
                still = np.broadcast_to(np.asarray(speed) == 0, one.shape)
                between = (lowest <= at) & (at <= highest)
                first = np.where(still, np.where(between, -np.inf, np.inf), np.minimum(one, other))
                last = np.where(still, np.where(between, np.inf, -np.inf), np.maximum(one, other))
                enters, ends = np.maximum(enters, first), np.minimum(ends, last)
        touched = (enters <= ends) & ~(leaves & (ends <= 0))
        return float(enters[touched].min(initial=math.inf))


def _areas(geometry: BaseGeometry) -> BaseGeometry:
    """All of it that has an area: no common corners and edges."""
    return shapely.MultiPolygon([part for part in shapely.get_parts(geometry) if part.area > 0])


def _within(area: Area) -> BaseGeometry:
    if isinstance(area, Circle):
        return shapely.Point(area.x_um, area.y_um).buffer(area.radius_um, quad_segs=_QUARTER)
    return shapely.Polygon(area.points_um)


def _around(area: Area) -> BaseGeometry:
    if isinstance(area, Circle):
        radius_um = area.radius_um / math.cos(math.pi / (4 * _QUARTER))
        return shapely.Point(area.x_um, area.y_um).buffer(radius_um, quad_segs=_QUARTER)
    return shapely.Polygon(area.points_um)
