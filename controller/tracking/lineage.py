"""Lineage: which object divided into which, and which were seen as one for a while."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from ..decisions import Event
from .assignment import nearby
from .track import Track
from .track_table import TrackTable

_BESIDE = 1.5
"""Distance, in sizes of the mother, within which a daughter appears. Chosen: two daughters of half
the area that touch are 0.7 apart; they may have rounded up and sprung apart unseen."""
_MOST_SHRUNK = 1.6
"""Most by which a mother was larger than what is seen in her place at a birth: a little more than
the root of two, for half the area."""
_BEFORE = 0.8
"""Quantile of what a mother looked like in the past that is taken for the state before dividing.
Chosen: near the largest, as she shrinks while she divides, but not an outlier."""
_SHRUNK = math.log(0.9)
"""Brightness or area of a daughter over the mother's, as a logarithm, is below this. Chosen:
unequal daughters are allowed, but not one that has lost nothing."""
_WHOLE = math.log(0.65), math.log(1.4)
"""Between these is what the daughters have of the mother's brightness or area together. Chosen:
one, give or take a third for focus, condensation and a detector's errors."""
_UNUSUAL = 3.0
"""Standard deviations of how a mother has varied by which she must have lost light or area. Chosen:
the boxes of a network vary so much from frame to frame that to be smaller than once is no loss."""
_KNOWN = 5
"""Measurements from which that is known. Chosen: the fewest whose median deviation one outlier
does not change."""
_SIGMA = 1.4826
"""Standard deviation of normal noise over its median absolute deviation."""

Pair = frozenset[int]
"""Identities of two tracks."""


@dataclass(frozen=True, slots=True)
class _Before:
    """Logarithm of a mother's size, or brightness, before she began to divide.

    Attributes
    ----------
    value : float
    least : float
        Below which she has lost some.
    """

    value: float
    least: float

    @classmethod
    def of(cls, mother: Track, trait: int) -> _Before:
        """Size, 0, or brightness, 1."""
        past = np.array([appearance[trait] for appearance in mother.past])
        value = np.sort(past)[round(_BEFORE * (len(past) - 1))]
        middle = np.median(past)
        spread = _SIGMA * np.median(np.abs(past - middle))
        least = middle - _UNUSUAL * spread if len(past) >= _KNOWN else -math.inf
        return cls(float(value), float(least))


class Lineage:
    """Notices divisions, and merges and partings, among the tracks of a `Tracker`.

    Two objects in one merged measurement both keep their identity. A new object that appears
    beside another that shrinks is its daughter, and so is what is left of the other.

    Attributes
    ----------
    events : list of Event
        Since somebody took them.
    """

    def __init__(self) -> None:
        self._mothers: dict[Track, tuple[Track, _Before, _Before]] = {}
        self._merged: set[Pair] = set()
        self.events: list[Event] = []

    def note_merged(self, pairs: set[Pair], tracks: Sequence[Track]) -> None:
        """Note which identities share a measurement in this frame: merges and partings.

        A pair is forgotten when one of its identities ends.
        """
        seen = {track.id for track in tracks if track.seen_um is not None}
        alive = {track.id for track in tracks}
        parted = {pair for pair in self._merged - pairs if pair <= seen}
        self.events += [Event("merge", pair, pair) for pair in _sorted(pairs - self._merged)]
        self.events += [Event("parting", pair, pair) for pair in _sorted(parted)]
        self._merged = {pair for pair in self._merged | pairs if pair <= alive} - parted

    def note_births(self, born: Sequence[Track], table: TrackTable) -> None:
        """Note beside which objects new ones appeared; each may be its mother.

        A mother is confirmed and seen in this frame, and occludes nothing.
        """
        occluders = {t.occluder for t in table.tracks}
        rows = np.flatnonzero(
            [t.confirmed and t.seen_um is not None and t.id not in occluders for t in table.tracks]
        )
        if not born or not len(rows):
            return
        others, places_um = table.at(rows), table.means_um[rows]
        reaches_um = _BESIDE * _MOST_SHRUNK * np.array([other.size_um for other in others])
        births_um = np.array([child.seen_um for child in born])
        o, b = nearby(places_um, reaches_um, births_um)
        distances_um = np.hypot(*(places_um[o] - births_um[b]).T)
        for other, child, distance_um in zip(
            o.tolist(), b.tolist(), distances_um.tolist(), strict=True
        ):
            size, light = (_Before.of(others[other], trait) for trait in (0, 1))
            if distance_um < _BESIDE * math.exp(size.value):
                self._mothers[born[child]] = others[other], size, light

    def mother_of(self, child: Track) -> Track | None:
        """Return what has divided, now that a new object has been seen some times; None if nothing.

        Its candidate is forgotten with this.
        """
        if child not in self._mothers:
            return None
        mother, size, light = self._mothers.pop(child)
        if mother.seen_um is None or not mother.confirmed:
            return None
        appearance = np.array([mother.last_appearance, child.last_appearance])
        areas, lights = 2 * (appearance[:, 0] - size.value), appearance[:, 1] - light.value
        by_light = bool(np.isfinite(lights).all())
        shares, least = (lights, light.least) if by_light else (areas, size.least)
        together = math.log(np.exp(shares).sum())
        divided = shares.max() < _SHRUNK and _WHOLE[0] < together < _WHOLE[1]
        return mother if divided and appearance[0, int(by_light)] < least else None

    def divide(self, mother: Track, daughter: Track, id: int) -> None:
        """Give the mother, who is the other daughter now, a new identity."""
        ended = mother.id
        mother.become_daughter(id, ended)
        daughter.become_daughter(daughter.id, ended)
        self.events.append(Event("division", (ended,), (id, daughter.id)))

    def forget(self, dead: Iterable[Track]) -> None:
        """Forget new objects that came to nothing."""
        for track in dead:
            self._mothers.pop(track, None)


def _sorted(pairs: set[Pair]) -> list[tuple[int, ...]]:
    return sorted(tuple(sorted(pair)) for pair in pairs)
