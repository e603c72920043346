"""Duplicates: several boxes of one object, which are nested, and the tracks that come of them."""

from __future__ import annotations

from collections.abc import Collection, Sequence

import numpy as np

from ...models.arrays import Bools, Floats, Indices
from .assignment import nearby
from .field_geometry import Measurements
from .track import Track

_SAME_PLACE = 0.35
"""Distance, in its sizes, from the place of an object within which another box may be of the same
one. Chosen: daughters appear half a size apart."""
NESTED = 1.15, 2.5
"""Between these is the factor between the sizes of two boxes of one object: of boxes more alike at
one place a detector keeps the better itself (at an overlap of half of both, the factor is 1.4), and
a much smaller object lies in the larger. Chosen."""
_TOGETHER = 3
"""Frames in a row after which two tracks at the same place are one. Chosen: two objects that pass
over each other are hardly seen apart for as long."""


def doubled(measurements: Measurements, tracks: Sequence[Track]) -> Bools:
    """Which measurements, (S,), are where a confirmed track was just measured: of it once more."""
    found = np.zeros(len(measurements), np.bool_)
    seen = [track for track in tracks if track.confirmed and track.seen_um is not None]
    if not seen or not len(measurements):
        return found
    places_um = np.array([track.seen_um for track in seen])
    sizes_um = np.array([track.size_um for track in seen])
    _, columns = nested(places_um, sizes_um, measurements.positions_um, measurements.sizes_um)
    found[columns] = True
    return found


class Duplicates:
    """Notices tracks that are always where what is followed is: they are of one object."""

    def __init__(self) -> None:
        self._together: dict[tuple[Track, Track], int] = {}

    def ended(self, seen: Sequence[Track], wanted: Collection[int]) -> list[Track]:
        """Which of the tracks, each measured by itself in this frame, end for it; none wanted."""
        seen = [track for track in seen if track.confirmed]
        if len(seen) < 2 or not wanted:
            self._together = {}
            return []
        places_um = np.array([track.seen_um for track in seen])
        sizes_um = np.array([track.size_um for track in seen])
        pairs = np.transpose(nested(places_um, sizes_um, places_um, sizes_um)).tolist()
        self._together = {
            (seen[one], seen[other]): self._together.get((seen[one], seen[other]), 0) + 1
            for one, other in pairs
            if seen[one].id in wanted and seen[other].id not in wanted
        }
        ended = {other for (_, other), frames in self._together.items() if frames >= _TOGETHER}
        return [track for track in seen if track in ended]


def nested(
    places_um: Floats, sizes_um: Floats, others_um: Floats, other_sizes_um: Floats
) -> tuple[Indices, Indices]:
    """Pairs, rows (P,) and (P,) in ascending order, of nested boxes of the same object."""
    rows, others = nearby(places_um, _SAME_PLACE * sizes_um, others_um)
    gaps_um = np.hypot(*(others_um[others] - places_um[rows]).T)
    smaller = np.minimum(sizes_um[rows], other_sizes_um[others])
    larger = np.maximum(sizes_um[rows], other_sizes_um[others])
    nested = (larger > NESTED[0] * smaller) & (larger < NESTED[1] * smaller)
    same = nested & (gaps_um < _SAME_PLACE * sizes_um[rows])
    return rows[same], others[same]
