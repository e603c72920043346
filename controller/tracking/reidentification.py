"""Who is who after two objects were seen as one: by what they looked like before."""

from __future__ import annotations

import numpy as np

from .appearance import AppearanceModel
from .track import Track

_SIGHTINGS = 3
"""Measurements of both, each alone, until it is judged."""
_CLEAR = 6.0
"""How much better the appearance must fit the other way round: 20 to 1 in likelihood."""

Pair = frozenset[int]


class Recognition:
    """Compares objects that have parted with what each usually looked like before they met.

    Who waited long inside another was last told apart by motion alone, which then says little.
    """

    def __init__(self) -> None:
        self._doubts: dict[Pair, list[float]] = {}

    def mistaken(
        self,
        merged: set[Pair],
        tracks: list[Track],
        alone: list[Track],
        appearance: AppearanceModel,
    ) -> list[tuple[Track, Track]]:
        """Return those that were taken for each other.

        Parameters
        ----------
        merged : set of frozenset of int
            Identities of pairs that are seen as one in this frame.
        tracks : list of Track
        alone : list of Track
            Those that were seen undisturbed.
        appearance : AppearanceModel
        """
        self._doubts |= {pair: [] for pair in merged}
        if not self._doubts:
            return []
        named, seen = {track.id: track for track in tracks}, {track.id for track in alone}
        self._doubts = {pair: d for pair, d in self._doubts.items() if pair <= named.keys()}
        found: list[tuple[Track, Track]] = []
        for pair in [pair for pair in self._doubts if pair <= seen]:
            one, other = (named[id] for id in sorted(pair))
            doubts = self._doubts[pair]
            doubts.append(_doubt(one, other, appearance))
            if len(doubts) == _SIGHTINGS:
                del self._doubts[pair]
                found += [(one, other)] * (sum(doubts) > _CLEAR * _SIGHTINGS)
        return found


def _doubt(one: Track, other: Track, appearance: AppearanceModel) -> float:
    """By how much the appearance of two would fit better the other way round."""
    usual = np.array([one.appearance, other.appearance, one.appearance, other.appearance])
    seen = np.array([one.past[-1], other.past[-1], other.past[-1], one.past[-1]])
    costs = appearance.costs(usual, seen, np.ones(4, np.bool_))
    return float(costs[:2].sum() - costs[2:].sum())
