"""From what user and facility say, and where the stage stands, to limits in stage coordinates."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import NamedTuple

from ..messages import Area, Circle, Polygon, Restrictions
from ..microscope import MicroscopeError
from .envelope import Box, Position, Range
from .facility import facility_limits
from .region import Region
from .settings import CircleSettings, LimitSettings, ZoneSettings

_TRAVEL_UM = 2_000.0
"""To either side of where the stage stands; chosen: within one well or coverslip."""
_FOCUS_TRAVEL_UM = 20.0
"""The same for the focus drive; chosen: well within the working distance of objectives with a
high numerical aperture, some 100 µm."""
_EVERYWHERE: Range = (-math.inf, math.inf)
_NUMBERS = ("step_um", "focus_step_um", "speed_um_s", "acceleration_um_s2")
_KEYS = ("x_um", "y_um", "z_um")


class Limits(NamedTuple):
    """The box, and what restricts moves beside it; see `Description`."""

    limits_um: Box
    restrictions: Restrictions


class _Source(NamedTuple):
    """Limits, and where they were set; the place is empty for the configuration."""

    limits: LimitSettings
    file: str

    def name(self, key: str) -> str:
        return f"{key} in {self.file}" if self.file else f"{key} under [limits]"


def resolved(settings: LimitSettings, position_um: Position) -> Limits:
    """Return what is in force where the stage stands: the intersection with the facility's file.

    Raises
    ------
    MicroscopeError
        If that file cannot be used, or no place is left that the stage may be at.
    """
    facility = facility_limits()
    sources = [_Source(settings, "")]
    if facility is not None:
        sources.append(_Source(facility[1], facility[0]))
    box, names = _box(sources, position_um)
    inside = tuple(area for source in sources for area in _inside(source, position_um))
    keep_out = tuple(area for source in sources for area in _keep_out(source))
    restrictions = Restrictions(inside=inside, keep_out=keep_out)
    box = _bounded(box, restrictions, position_um)
    numbers, sources_of = _numbers(sources)
    restrictions = Restrictions(
        inside,
        keep_out,
        **numbers,
        return_inside=all(source.limits.return_inside for source in sources),
        facility=facility[0] if facility else "",
        names=names | sources_of,
    )
    return Limits(box, restrictions)


def _box(sources: list[_Source], at_um: Position) -> tuple[Box, dict[str, str]]:
    """Intersect the ranges; an axis that none limits is unlimited. Also who set which axis."""
    ranges, names = [_EVERYWHERE] * 3, {}
    for source in sources:
        for i, key, wanted in _ranges(source.limits, at_um[2]):
            common = _common(ranges[i], wanted)
            if common != ranges[i] and (source.file or key not in _KEYS):
                names[_KEYS[i]] = source.name(key)
            ranges[i] = common
    for key, (low, high) in zip(_KEYS, ranges, strict=True):
        if not low < high:
            where = " and ".join(source.name(key) for source in sources)
            raise MicroscopeError(
                f"No {key[0]} is left for the stage to be at ({where}): from {low:g} to {high:g} "
                "µm is no range. Change one of them."
            )
    x, y, z = ranges
    return (x, y, z), names


def _ranges(limits: LimitSettings, z_um: float) -> Iterator[tuple[int, str, Range]]:
    """Every range that is given: of which axis, by which key, and in stage coordinates."""
    for i, key in enumerate(_KEYS):
        given: Range | None = getattr(limits, key)
        if given is not None:
            yield i, key, given
    if limits.z_relative_um is not None:
        low, high = limits.z_relative_um
        yield 2, "z_relative_um", (z_um + low, z_um + high)


def _bounded(box: Box, restrictions: Restrictions, at_um: Position) -> Box:
    """Limit what is not limited yet, and check that some of the plane is left."""
    extents = [_extent(area) for area in restrictions.inside]
    plane: list[Range] = []
    for i in range(2):
        limits = box[i]
        for extent in extents:
            limits = _common(limits, extent[i])
        if limits == _EVERYWHERE:
            limits = at_um[i] - _TRAVEL_UM, at_um[i] + _TRAVEL_UM
        plane.append(limits)
    z = box[2]
    if z == _EVERYWHERE:
        z = at_um[2] - _FOCUS_TRAVEL_UM, at_um[2] + _FOCUS_TRAVEL_UM
    x, y = plane
    if not (x[0] < x[1] and y[0] < y[1]) or Region((x, y), restrictions).empty:
        names = [area.name for area in (*restrictions.inside, *restrictions.keep_out)]
        raise MicroscopeError(
            "No place is left for the stage to be at: the limits exclude each other "
            f"({', '.join(names)}, and x_um and y_um): change one of them."
        )
    return x, y, z


def _inside(source: _Source, at_um: Position) -> Iterator[Area]:
    given = source.limits
    if given.circle is not None:
        yield _circle(given.circle, source.name("circle"))
    if given.polygon is not None:
        yield Polygon(given.polygon, source.name("polygon"))
    if given.radius_um is not None:
        yield Circle(at_um[0], at_um[1], given.radius_um, source.name("radius_um"))


def _keep_out(source: _Source) -> Iterator[Area]:
    for i, zone in enumerate(source.limits.keep_out):
        yield _zone(zone, source.name(f"keep_out[{i}]"))


def _zone(zone: ZoneSettings, name: str) -> Area:
    if zone.circle is not None:
        return _circle(zone.circle, name)
    if zone.polygon is not None:
        return Polygon(zone.polygon, name)
    assert zone.x_um is not None and zone.y_um is not None
    (x0, x1), (y0, y1) = zone.x_um, zone.y_um
    return Polygon(((x0, y0), (x1, y0), (x1, y1), (x0, y1)), name)


def _circle(circle: CircleSettings, name: str) -> Circle:
    return Circle(circle.x_um, circle.y_um, circle.radius_um, name)


def _extent(area: Area) -> tuple[Range, Range]:
    """Ranges of x and y of an area."""
    if isinstance(area, Circle):
        r = area.radius_um
        return (area.x_um - r, area.x_um + r), (area.y_um - r, area.y_um + r)
    xs, ys = zip(*area.points_um, strict=True)
    return (min(xs), max(xs)), (min(ys), max(ys))


def _numbers(sources: list[_Source]) -> tuple[dict[str, float], dict[str, str]]:
    """The least of each number that is given, and who set it if not the configuration."""
    least: dict[str, float] = {}
    names: dict[str, str] = {}
    for source in sources:
        for key in _NUMBERS:
            value = getattr(source.limits, key)
            if value is not None and value < least.get(key, math.inf):
                least[key] = value
                if source.file:
                    names[key] = source.name(key)
    return least, names


def _common(one: Range, other: Range) -> Range:
    return max(one[0], other[0]), min(one[1], other[1])
