"""The visit schedule: which objects to show next when one field does not hold all."""

import numpy as np

from ...drivers.messages import Frame
from ..tracking import Track
from .target_group import TargetGroup

_MOST_FRAMES_STUCK = 10
"""Frames after which a place that the stage comes no nearer to is passed over. Chosen: longer than
a slow stage takes to start, shorter than anybody wants to wait."""
_LEAST_APPROACH = 0.02
"""By how much of the field the stage must have come nearer to be on its way. Chosen: more than a
resting stage drifts and a diffusing object comes by itself."""


class VisitSchedule:
    """Chooses which objects to visit when one field does not hold all.

    It goes in rounds: each object is visited once in each, the most uncertain first, together with
    as many others as the field holds. One that was in the field by the way counts as visited; so
    does one that is not found where it should be, or cannot be reached.

    ``field_um`` is the edge of the part of the field within which an object counts as shown.
    """

    def __init__(self, field_um: float) -> None:
        self._field_um = field_um
        self._visited: set[int] = set()
        self._next_id = 0
        self._nearest_um, self._frames_stuck = np.inf, 0

    def next(self, followed: TargetGroup, frame: Frame) -> TargetGroup:
        """Return what to show after a frame: all that is followed, or those that are due."""
        everything = TargetGroup(followed.all)
        if len(everything.members) == 1 or everything.size_um <= self._field_um:
            self._visited.clear()
            return everything
        centre_um = np.array((frame.pose.x_um, frame.pose.y_um))
        away_um = {
            track.id: float(np.abs(track.prediction.mean_um[:2] - centre_um).max())
            for track in everything.members
        }
        shown = {id for id, away in away_um.items() if away <= self._field_um / 2}
        self._visited |= shown
        if self._is_stuck(away_um.get(self._next_id, np.inf)):
            self._visited.add(self._next_id)
        ordered = sorted(everything.members, key=lambda track: -track.sigma_um)
        due = self._due(ordered, shown)
        if self._next_id not in (track.id for track in due):
            self._next_id = due[0].id
            self._nearest_um, self._frames_stuck = np.inf, 0
        first = next(track for track in due if track.id == self._next_id)
        return TargetGroup(self._that_fit(first, due + [one for one in ordered if one not in due]))

    def _due(self, tracks: list[Track], shown: set[int]) -> list[Track]:
        """Those of the tracks that wait in this round; if none does, another one begins."""
        due = [track for track in tracks if track.id not in self._visited]
        if not due:
            self._visited.clear()
            due = [track for track in tracks if track.id not in shown]
        return due or tracks

    def _is_stuck(self, away_um: float) -> bool:
        """Whether the stage has come no nearer to where it goes for too long."""
        if away_um < self._nearest_um - _LEAST_APPROACH * self._field_um:
            self._nearest_um, self._frames_stuck = away_um, 0
        else:
            self._frames_stuck += 1
        return self._frames_stuck > _MOST_FRAMES_STUCK

    def _that_fit(self, first: Track, others: list[Track]) -> list[Track]:
        """The first, and of the others, in their order, those that the field holds as well."""
        low = high = first.prediction.mean_um[:2]
        room_um = self._field_um - first.size_um
        chosen = [first]
        for track in others:
            place_um = track.prediction.mean_um[:2]
            lower, higher = np.minimum(low, place_um), np.maximum(high, place_um)
            if track is not first and (higher - lower).max() + track.size_um <= room_um:
                low, high = lower, higher
                chosen.append(track)
        return chosen
