"""What a user, or a facility, can say about limits."""

from __future__ import annotations

import math

import msgspec

from ..messages import Point
from .outline import polygon_problem

Range = tuple[float, float]
_MOST = 1e9
"""Greatest coordinate, length, speed and acceleration. Chosen: a kilometre, so that products of
such numbers stay finite."""
_POSITIVE = ("radius_um", "step_um", "focus_step_um", "speed_um_s", "acceleration_um_s2")


class CircleSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A circle: its middle and its radius."""

    x_um: float
    y_um: float
    radius_um: float

    def __post_init__(self) -> None:
        if not (abs(self.x_um) <= _MOST and abs(self.y_um) <= _MOST):
            raise ValueError("x_um and y_um of a circle must be finite and at most 1e9")
        _check_positive("radius_um", self.radius_um)


class ZoneSettings(
    msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True, kw_only=True
):
    """A zone that the stage keeps out of: a box, a circle or a polygon."""

    x_um: Range | None = None
    y_um: Range | None = None
    circle: CircleSettings | None = None
    polygon: tuple[Point, ...] | None = None

    def __post_init__(self) -> None:
        _check_range("x_um of a zone in keep_out", self.x_um)
        _check_range("y_um of a zone in keep_out", self.y_um)
        _check_polygon("polygon of a zone in keep_out", self.polygon)
        if (self.x_um is None) != (self.y_um is None):
            raise ValueError("a box in keep_out needs x_um and y_um")
        if sum(each is not None for each in (self.x_um, self.circle, self.polygon)) != 1:
            raise ValueError(
                "each zone in keep_out must have exactly one of a box (x_um and y_um), a circle "
                "and a polygon"
            )


class LimitSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What no move may leave, in stage µm; all that is given counts.

    Attributes
    ----------
    x_um : (low, high), optional
        Range of x. If nothing that is given limits x, 2000 µm to either side of where the stage
        stands at the start.
    y_um : (low, high), optional
        Range of y; likewise.
    z_um : (low, high), optional
        Range of the focus drive. If nothing that is given limits z, 20 µm to either side of where
        it stands at the start.

    Other Parameters
    ----------------
    circle : table, optional
        A circle that the stage stays inside of: ``{ x_um = 0, y_um = 0, radius_um = 3000 }``.
    polygon : list of (x, y), optional
        The same for a polygon, given by its corners.
    radius_um : float, optional
        How far from where it stands at the start the stage may go.
    keep_out : list of tables
        Zones that the stage never enters, each with ``x_um`` and ``y_um``, or a ``circle``, or
        a ``polygon``.
    z_relative_um : (low, high), optional
        Range of the focus drive, counted from where it stands at the start.
    step_um : float, optional
        Longest move in x and y; a target farther off is approached in several.
    focus_step_um : float, optional
        Longest move of the focus drive.
    speed_um_s : float, optional
        Greatest speed along an axis of the stage.
    acceleration_um_s2 : float, optional
        Greatest acceleration along an axis of the stage.
    return_inside : bool
        Whether a stage that stands outside may be moved, and then only inward: each move ends
        nearer to the inside than it began.
    """

    x_um: Range | None = None
    y_um: Range | None = None
    circle: CircleSettings | None = None
    polygon: tuple[Point, ...] | None = None
    radius_um: float | None = None
    keep_out: tuple[ZoneSettings, ...] = ()
    z_um: Range | None = None
    z_relative_um: Range | None = None
    step_um: float | None = None
    focus_step_um: float | None = None
    speed_um_s: float | None = None
    acceleration_um_s2: float | None = None
    return_inside: bool = False

    def __post_init__(self) -> None:
        for name in ("x_um", "y_um", "z_um", "z_relative_um"):
            _check_range(name, getattr(self, name))
        if (
            self.z_relative_um is not None
            and not self.z_relative_um[0] <= 0 <= self.z_relative_um[1]
        ):
            raise ValueError("z_relative_um must contain 0, where the focus drive stands")
        for name in _POSITIVE:
            _check_positive(name, getattr(self, name))
        _check_polygon("polygon", self.polygon)


def _check_positive(name: str, value: float | None) -> None:
    if value is not None and not 0 < value <= _MOST:
        raise ValueError(f"{name} must be a positive number, at most 1e9")


def _check_range(name: str, limits: Range | None) -> None:
    if limits is None:
        return
    if not all(math.isfinite(end) and abs(end) <= _MOST for end in limits):
        raise ValueError(f"{name} must be [low, high], both finite and at most 1e9")
    if not limits[0] < limits[1]:
        raise ValueError(f"{name} must be [low, high] with low < high")


def _check_polygon(name: str, points_um: tuple[Point, ...] | None) -> None:
    if points_um is None:
        return
    if not all(abs(number) <= _MOST for point in points_um for number in point):
        raise ValueError(f"{name} must be a list of [x, y], all finite and at most 1e9")
    if problem := polygon_problem(points_um):
        raise ValueError(f"{name} {problem}")
