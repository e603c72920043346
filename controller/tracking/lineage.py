"""Objects that touch and part, and objects that divide: who is who, and whose daughter."""

from __future__ import annotations

import math

import numpy as np

from ..decisions import Event
from .assignment import nearby
from .track import Track, TrackTable

_BESIDE = 1.5
"""Distance of a daughter from the mother's place, in sizes of the mother."""
_MOST_SHRUNK = 1.6
"""Most by which a mother may be larger than the daughter that takes her place."""
_BEFORE = 0.8
"""Quantile of a mother's size and brightness in the past that she had before dividing."""
_SHRUNK = math.log(0.9)
"""Brightness or area of a daughter over her mother's, as a logarithm, is below this."""
_WHOLE = math.log(0.65), math.log(1.4)
"""Between these is what the daughters have of the mother's brightness or area together."""


class Lineage:
    """Notices merges, partings and divisions among the tracks of a `Tracker`.

    Two objects in one measurement both keep their identity: the one that got it goes on, the other
    waits inside it. A new object that appears within another that shrinks is its daughter, and
    so is what is left of the other.
    """

    def __init__(self) -> None:
        self._mothers: dict[int, tuple[Track, tuple[float, float]]] = {}
        self._merged: set[frozenset[int]] = set()
        self.events: list[Event] = []

    def note_hidden(self, hidden: list[tuple[Track, Track]], tracks: list[Track]) -> None:
        """Note on every track in whose measurement it hides, and the events that this makes."""
        hides_in = {hides.id: other.id for hides, other in hidden}
        for track in tracks:
            track.merged_with = hides_in.get(track.id, 0)
        pairs = {frozenset(pair) for pair in hides_in.items()}
        seen = {track.id for track in tracks if track.seen_um is not None}
        alive = {track.id for track in tracks}
        parted = {pair for pair in self._merged - pairs if pair <= seen}
        self.events += [Event("merge", pair, pair) for pair in _sorted(pairs - self._merged)]
        self.events += [Event("parting", pair, pair) for pair in _sorted(parted)]
        self._merged = {pair for pair in self._merged | pairs if pair <= alive} - parted

    def note_births(self, children: list[Track], table: TrackTable) -> None:
        """Note within whom, of those seen in this frame by themselves, new objects appeared."""
        crowded = {t.merged_with for t in table.tracks}
        whole = [
            t.confirmed and t.seen_um is not None and t.id not in crowded for t in table.tracks
        ]
        rows = np.flatnonzero(whole)
        if not children or not len(rows):
            return
        hosts, places = table.at(rows), table.means_um[rows]
        reaches_um = _BESIDE * _MOST_SHRUNK * np.array([host.size_um for host in hosts])
        births = np.array([child.seen_um for child in children])
        h, c = nearby(places, reaches_um, births)
        apart_um = np.hypot(*(places[h] - births[c]).T)
        for host, child, away_um in zip(h.tolist(), c.tolist(), apart_um.tolist(), strict=True):
            size = _before(hosts[host], 0)
            if away_um < _BESIDE * math.exp(size):
                before = size, _before(hosts[host], 1)
                self._mothers[id(children[child])] = hosts[host], before

    def mother(self, child: Track) -> Track | None:
        """Who has divided, now that a new object has been seen some times; None if nobody has."""
        mother, before = self._mothers.pop(id(child), (None, (math.nan, math.nan)))
        if mother is None or mother.seen_um is None or not mother.confirmed:
            return None
        appearance = np.array([_look(mother), _look(child)])
        area, light = 2 * (appearance[:, 0] - before[0]), appearance[:, 1] - before[1]
        shares = light if np.isfinite(light).all() else area
        together = math.log(np.exp(shares).sum())
        divided = shares.max() < _SHRUNK and _WHOLE[0] < together < _WHOLE[1]
        return mother if divided else None

    def note_division(self, mother: int, daughters: tuple[Track, Track]) -> None:
        """Note that the track ``mother`` has ended in two others."""
        for daughter in daughters:
            daughter.parents = (mother,)
            daughter.appearance = _look(daughter)
            daughter.past.clear()
            daughter.past.append(daughter.appearance)
        first, second = daughters
        self.events.append(Event("division", (mother,), (first.id, second.id)))

    def forget(self, dead: list[Track]) -> None:
        """Forget candidates that came to nothing."""
        for track in dead:
            self._mothers.pop(id(track), None)


def _sorted(pairs: set[frozenset[int]]) -> list[tuple[int, ...]]:
    return sorted(tuple(sorted(pair)) for pair in pairs)


def _before(mother: Track, trait: int) -> float:
    """Logarithm of a mother's size, or brightness, before she began to divide."""
    ordered = sorted([look[trait] for look in mother.past])
    return ordered[round(_BEFORE * (len(ordered) - 1))]


def _look(track: Track) -> tuple[float, float]:
    """Logarithms of what a track looked like when it was seen last."""
    size, brightness = track.size_um, track.brightness
    return _log(size), _log(brightness)


def _log(value: float) -> float:
    return math.log(value) if value > 0 else math.nan
