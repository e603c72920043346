"""The envelope: everything that no move may leave, and where its edge is."""

from __future__ import annotations

import math
from collections.abc import Iterable

from ..messages import Description, Dynamics, Move, Point, Restrictions
from .barriers import SLACK_UM, Rectangle, inside_of, outside_of
from .region import Reach, Region

Range = tuple[float, float]
Box = tuple[Range, Range, Range]
Position = tuple[float, float, float]
"""x, y and z in stage µm."""
Target = tuple[float | None, float | None, float | None]
"""The same; an axis that is None stays."""

_AXES = ("x", "y", "z")
_NO_REACH: Reach = (0.0, 0.0, 0.0, 0.0)


class Envelope:
    """Where a stage may be, and how it may get there; immutable.

    The axes of a stage need not arrive together, so a move sweeps the rectangle between its ends
    at most: all of that has to be inside.

    Parameters
    ----------
    limits_um : ((x0, x1), (y0, y1), (z0, z1))
        The box.
    restrictions : Restrictions
        What must be obeyed beside it.

    Attributes
    ----------
    limits_um, restrictions
        As given.
    convex : bool
        Whether the box is all that counts in x and y: then no way between two places inside it
        leaves it.
    """

    def __init__(self, limits_um: Box, restrictions: Restrictions | None = None) -> None:
        restrictions = restrictions or Restrictions()
        self.limits_um, self.restrictions = limits_um, restrictions
        self._barriers = (
            *(inside_of(area) for area in restrictions.inside),
            *(outside_of(area) for area in restrictions.keep_out),
        )
        self.convex = not self._barriers
        self._region = Region(limits_um[:2], restrictions)
        self._names = tuple(restrictions.name(f"{axis}_um") for axis in _AXES)

    @classmethod
    def of(cls, description: Description) -> Envelope:
        """Return the envelope of a microscope."""
        return cls(description.limits_um, description.restrictions)

    @property
    def empty(self) -> bool:
        """Whether no place is left in x and y."""
        return self._region.empty

    @property
    def z_um(self) -> Range:
        """Range of the focus drive."""
        return self.limits_um[2]

    def problem(self, from_um: Position, to_um: Target, through_um: Iterable[Point] = ()) -> str:
        """Say why a move must not be made, as a clause with the numbers; empty if it may.

        Parameters
        ----------
        from_um : (x, y, z)
            Where the stage is.
        to_um : (x, y, z)
            Where it is sent; an axis that is None stays.
        through_um : iterable of (x, y)
            Where else it will be on the way, because it is in motion.
        """
        x, y, z = (there if to is None else to for there, to in zip(from_um, to_um, strict=True))
        end_um = (x, y, z)
        if self.lies_outside(from_um):
            return self._return_problem(from_um, end_um)
        places = [(from_um[0], from_um[1]), (x, y), *through_um]
        still = to_um[0] is None and to_um[1] is None
        return (
            self.place_problem(to_um)
            or ("" if still or self.convex else self.way_problem(places))
            or self._step_problem(from_um, end_um)
        )

    def place_problem(self, to_um: Target, slack_um: float = 0.0) -> str:
        """Say how a place is outside by more than the slack, whatever way leads there."""
        for axis, to, (low, high), name in zip(
            _AXES, to_um, self.limits_um, self._names, strict=True
        ):
            if to is not None and not low - slack_um <= to <= high + slack_um:
                return f"{axis} = {to:.6g} µm is outside the limits [{low:g}, {high:g}] ({name})"
        x, y, _ = to_um
        if x is None or y is None:
            return ""
        for barrier in self._barriers:
            if not barrier.excess_um(x, y) <= slack_um:
                place = f"({x:.6g}, {y:.6g}) µm is outside the limits"
                return f"{place}: {barrier.describe(x, y)} ({barrier.name})"
        return ""

    def speed_problem(self, dynamics: Dynamics, move: Move) -> str:
        """Say how a move may be faster than the limits; empty if it may not.

        A stage goes to a position with its own greatest speed, and changes its velocity with its
        own greatest acceleration: both must be known to be within the limits.
        """
        sets_velocity = move.velocity_um_s is not None
        if not sets_velocity and move.x_um is None and move.y_um is None:
            return ""
        for key, unit in (("speed_um_s", "µm/s"), ("acceleration_um_s2", "µm/s²")):
            most, own = getattr(self.restrictions, key), getattr(dynamics, key)
            if most is not None and own > most and not (sets_velocity and key == "speed_um_s"):
                return (
                    f"the stage moves with up to {own:g} {unit} ({key} under [stage]), and the "
                    f"limit is {most:g} {unit} ({self.restrictions.name(key)}): lower it in the "
                    "stage's own controller, and set it under [stage] to what it is there"
                )
        return ""

    def lies_outside(self, position_um: Position) -> str:
        """Say how a place is outside by more than what counts as the edge; empty if it is not."""
        return self.place_problem(position_um, SLACK_UM)

    def is_inside(self, position_um: Position) -> bool:
        """Whether a place is inside or on the edge."""
        return not self.place_problem(position_um)

    def nearest_inside(self, position_um: Position, margin_um: float = 0.0) -> Position:
        """Return the nearest place inside, in x and y a margin off every edge if there is room."""
        (x0, x1), (y0, y1), (z0, z1) = self.limits_um
        x, y, z = position_um
        if self.convex:
            most_um = min(x1 - x0, y1 - y0) / 2
            margin_um = min(margin_um, most_um)
            x = min(max(x, x0 + margin_um), x1 - margin_um)
            y = min(max(y, y0 + margin_um), y1 - margin_um)
        else:
            x, y = self._region.nearest_um(x, y, margin_um)
        return x, y, min(max(z, z0), z1)

    def distance_um(
        self,
        position_um: Point,
        direction: Point,
        reach_um: Reach = _NO_REACH,
        free_um: Reach = _NO_REACH,
    ) -> float:
        """Return the distance along a direction to the nearest edge; infinite if there is none.

        Parameters
        ----------
        position_um : (x, y)
            A place beyond the edge by no more than counts as the edge is taken for the nearest one
            inside; from farther out the distance is 0.
        direction : (x, y)
            Of any length; the distance is infinite if it is 0.
        reach_um, free_um : Reach
            What must not touch an edge around that place: the edges ahead, and those that the
            direction leads away from.
        """
        length = math.hypot(*direction)
        if length == 0:
            return math.inf
        if not self._region.holds(*position_um):
            position_um = self._region.nearest_um(*(outside_um := position_um), 0.0)
            if math.dist(position_um, outside_um) > SLACK_UM:
                return 0.0
        unit = direction[0] / length, direction[1] / length
        return self._region.distance_um(position_um, unit, reach_um, free_um)

    def _step_problem(self, from_um: Position, end_um: Position) -> str:
        steps = (
            ("step_um", math.dist(from_um[:2], end_um[:2]), self.restrictions.step_um),
            ("focus_step_um", abs(end_um[2] - from_um[2]), self.restrictions.focus_step_um),
        )
        for key, step_um, most_um in steps:
            if most_um is not None and step_um > most_um:
                name = self.restrictions.name(key)
                return f"a step of {step_um:.6g} µm is longer than {most_um:g} µm ({name})"
        return ""

    def way_problem(self, places: list[Point]) -> str:
        """Say why not to go from the first place to the second by way of the others; see `problem`.

        Whether the box holds them is not looked at: a way between two places in it does not leave
        it.
        """
        if problem := self.place_problem((*places[1], None)):
            return problem
        xs, ys = zip(*places, strict=True)
        swept: Rectangle = (min(xs), min(ys), max(xs), max(ys))
        (x0, y0), (x1, y1) = places[:2]
        for barrier in self._barriers:
            slack_um = SLACK_UM if barrier.excess_um(x0, y0) > 0 else 0.0
            if not barrier.allows(swept, slack_um):
                return (
                    f"the way from ({x0:.6g}, {y0:.6g}) to ({x1:.6g}, {y1:.6g}) µm may pass "
                    f"outside the limits ({barrier.name})"
                )
        return ""

    def _return_problem(self, from_um: Position, end_um: Position) -> str:
        """What is wrong with a move of a stage that stands outside."""
        outside = self.lies_outside(from_um)
        if not self.restrictions.return_inside:
            return (
                f"the stage stands outside, {outside}: bring it inside by hand, or let it be moved "
                "inward by return_inside = true under [limits]"
            )
        before, after = self._excesses_um(from_um), self._excesses_um(end_um)
        nearer = all(new <= old for old, new in zip(before, after, strict=True))
        if not (nearer and sum(after) < sum(before)):
            end = ", ".join(f"{value:.6g}" for value in end_um)
            return (
                f"the stage stands outside, {outside}, and ({end}) µm is not nearer to the inside"
            )
        problem = self._step_problem(from_um, end_um)
        (x0, y0, _), (x1, y1, _) = from_um, end_um
        swept = (min(x0, x1), min(y0, y1), max(x0, x1), max(y0, y1))
        for barrier in self._barriers:
            if barrier.excess_um(x0, y0) <= 0 and not barrier.allows(swept, 0.0):
                problem = f"the way from there may pass outside the limits ({barrier.name})"
        return problem

    def _excesses_um(self, position_um: Position) -> list[float]:
        """How far a place is beyond each edge."""
        box = (
            max(low - value, value - high, 0.0)
            for value, (low, high) in zip(position_um, self.limits_um, strict=True)
        )
        x, y, _ = position_um
        return [*box, *(barrier.excess_um(x, y) for barrier in self._barriers)]
