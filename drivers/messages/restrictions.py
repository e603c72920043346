"""Restrictions: what a move must obey beside the box of the limits."""

from __future__ import annotations

from .message import Message

Point = tuple[float, float]
"""x and y in stage µm."""


class Circle(Message, frozen=True, tag="circle"):
    """A circle in the plane of the stage.

    Attributes
    ----------
    x_um, y_um : float
        Its middle.
    radius_um : float
    name : str
        The setting that it comes from, for messages: ``"circle under [limits]"``.
    """

    x_um: float
    y_um: float
    radius_um: float
    name: str


class Polygon(Message, frozen=True, tag="polygon"):
    """A polygon in the plane of the stage, its last corner joined to the first.

    Attributes
    ----------
    points_um : tuple of (x, y)
        Its corners, three or more; the sides do not cross.
    name : str
        As of `Circle`.
    """

    points_um: tuple[Point, ...]
    name: str


Area = Circle | Polygon


class Restrictions(Message, frozen=True):
    """What a move must obey beside the box of the limits; a number that is None restricts nothing.

    Attributes
    ----------
    inside : tuple of Area
        The stage stays inside every one of them.
    keep_out : tuple of Area
        The stage never enters any of them.
    step_um, focus_step_um : float or None
        Longest move in x and y, and of the focus drive.
    speed_um_s, acceleration_um_s2 : float or None
        Greatest along an axis of the XY stage.
    return_inside : bool
        Whether a stage that stands outside may be moved inward.
    facility : str
        The facility's file that is part of this, on the microscope's host; empty if none is.
    names : dict of str to str
        Where a key was set, if not under ``[limits]`` of the configuration: in that file.
    """

    inside: tuple[Area, ...] = ()
    keep_out: tuple[Area, ...] = ()
    step_um: float | None = None
    focus_step_um: float | None = None
    speed_um_s: float | None = None
    acceleration_um_s2: float | None = None
    return_inside: bool = False
    facility: str = ""
    names: dict[str, str] = {}  # noqa: RUF012 (msgspec copies an empty default)

    def name(self, key: str) -> str:
        """Return a key and where it was set, for messages."""
        return self.names.get(key) or f"{key} under [limits]"
