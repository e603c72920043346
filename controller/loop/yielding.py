"""Yielding: what follows when a hand moves the stage, and when it lets go."""

from __future__ import annotations

from typing import Literal

from msgspec.structs import replace

from ...drivers.clock import NS_PER_S
from ...drivers.messages import Frame, PoseRead, Report
from ..targets import TargetGroup, TargetSelection
from ..tracking import FieldGeometry

BY_HAND = "the stage is moved by hand: nothing is sent until it rests"
"""Reason while the stage is yielded."""


class Yielding:
    """Knows from readings of the stage whether a hand moves it.

    Parameters
    ----------
    geometry : FieldGeometry
        Of the microscope.

    Attributes
    ----------
    by_hand : bool
        Whether it does.
    """

    def __init__(self, geometry: FieldGeometry) -> None:
        self._geometry = geometry
        self._first_ns: int | None = None
        self._was_by_hand = self.by_hand = False
        self._notes: list[str] = []

    @property
    def held_by(self) -> Literal["", "hand"]:
        """The hand, if there is one."""
        return "hand" if self.by_hand else ""

    def take_notes(self) -> tuple[str, ...]:
        """What there is to say since the last call."""
        notes, self._notes = tuple(self._notes), []
        return notes

    def learn(self, report: Report) -> None:
        """Learn whether the stage is moved by others."""
        if isinstance(report, PoseRead):
            self.by_hand = report.taken_over

    def target_after(
        self, frame: Frame, target: TargetSelection, followed: TargetGroup | None
    ) -> TargetSelection:
        """Return what to follow from a frame on.

        The same, but where a hand has let go of the stage with the target outside of the field:
        there another one is chosen.
        """
        self._first_ns = frame.exposed_ns if self._first_ns is None else self._first_ns
        before, self._was_by_hand = self._was_by_hand, self.by_hand
        at_s = (frame.exposed_ns - self._first_ns) / NS_PER_S
        if self.by_hand and not before:
            self._notes.append(f"Yielded to a hand on the stage at {at_s:.1f} s: nothing is sent.")
        if not before or self.by_hand:
            return target
        gone = self._is_gone(frame, target, followed)
        where = "where the target is not in the field: another is looked for" if gone else ""
        self._notes.append(f"The hand let go of the stage at {at_s:.1f} s {where}".rstrip() + ".")
        return (
            TargetSelection(replace(target.settings, point_um=None), target.places)
            if gone
            else target
        )

    def _is_gone(self, frame: Frame, target: TargetSelection, followed: TargetGroup | None) -> bool:
        """Whether the target is predicted outside of the field."""
        predicted = followed or target.lost
        if predicted is None:
            return False
        height, width = frame.image.shape
        place_um = predicted.predict(frame.exposed_ns).mean_um[:2]
        x, y = self._geometry.pixel_of(place_um, frame)
        return not (0 <= x < width and 0 <= y < height)
