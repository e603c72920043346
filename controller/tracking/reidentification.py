"""Re-identification: after a loss, and after two objects were seen as one."""

from collections import Counter
from collections.abc import Sequence

import numpy as np

from .appearance import LATER_SPREAD, MOST_MISFIT, AppearanceModel, misfits
from .assignment import GATE
from .lineage import Pair
from .track import Track

_LEAST_ADVANTAGE = 6.0
"""How much less another explanation must cost than the next best, or than the present one: 20 to 1
in likelihood, as costs are negative log likelihoods times two."""
_POSITION_ERROR = 0.5
"""Error of a lost object's predicted position, in sizes, whatever its covariance says. Chosen:
models of motion fail when an object is lost; half a size is no move at all."""
_COMPARED = 3
"""Undisturbed measurements of both objects after a parting that are compared before it is decided.
Chosen: few, as a mistake spoils what is followed; more than one, as single ones err."""


def recovered(lost: Sequence[Track], new: Sequence[Track]) -> list[tuple[Track, Track]]:
    """Pairs of a lost track, predicted to the last frame, and the new one that must be it.

    A new object that two lost ones might be is neither.
    """
    pairs = [(one, found) for one in lost if (found := _only_candidate(one, new)) is not None]
    claims = Counter(found.id for _, found in pairs)
    return [(one, found) for one, found in pairs if claims[found.id] == 1]


def _only_candidate(lost: Track, new: Sequence[Track]) -> Track | None:
    """Return the one new track that must be the lost one, None if none must or two may.

    An object that was seen beside it before the loss is not it. Another is, if it is where the
    motion may have brought it, looks like it, and no other does as well.
    """
    mean_um, cov_um2 = lost.prediction.mean_um[:2], lost.prediction.cov_um2[:2, :2]
    spread_um2 = cov_um2 + np.eye(2) * (_POSITION_ERROR * lost.size_um) ** 2
    costs: list[tuple[float, int, Track]] = []
    for track in new:
        if track.seen_um is None or track.born_ns <= lost.seen_ns:
            continue
        away_um = track.prediction.mean_um[:2] - mean_um
        square = float(away_um @ np.linalg.solve(spread_um2, away_um))
        (unlike,) = misfits(np.array([lost.appearance]), np.array([track.appearance]), LATER_SPREAD)
        if square < GATE and unlike < MOST_MISFIT:
            costs.append((square + float(unlike), track.id, track))
    costs.sort()
    if not costs or (len(costs) > 1 and costs[1][0] - costs[0][0] < _LEAST_ADVANTAGE):
        return None
    return costs[0][2]


class SwapCheck:
    """Finds out whether two objects were taken for each other when they parted.

    Of one that was occluded for long, the prediction says little when it appears again. So the
    first measurements of both after the parting are compared with what each usually looked like
    before they met.
    """

    def __init__(self) -> None:
        self._advantages: dict[Pair, list[float]] = {}

    def swapped(
        self,
        merged: set[Pair],
        tracks: Sequence[Track],
        undisturbed: Sequence[Track],
        appearance: AppearanceModel,
    ) -> list[tuple[Track, Track]]:
        """Return those that were taken for each other, given the pairs that share a measurement."""
        self._advantages |= {pair: [] for pair in merged}
        if not self._advantages:
            return []
        named, seen = {track.id: track for track in tracks}, {track.id for track in undisturbed}
        self._advantages = {p: each for p, each in self._advantages.items() if p <= named.keys()}
        found: list[tuple[Track, Track]] = []
        for pair in [pair for pair in self._advantages if pair <= seen]:
            one, other = (named[id] for id in sorted(pair))
            advantages = self._advantages[pair]
            advantages.append(_advantage_of_swap(one, other, appearance))
            if len(advantages) == _COMPARED:
                del self._advantages[pair]
                found += [(one, other)] * (sum(advantages) > _LEAST_ADVANTAGE * _COMPARED)
        return found


def _advantage_of_swap(one: Track, other: Track, appearance: AppearanceModel) -> float:
    """By how much less the appearance of two would cost the other way round."""
    usual = np.array([one.appearance, other.appearance, one.appearance, other.appearance])
    seen = np.array([one.past[-1], other.past[-1], other.past[-1], one.past[-1]])
    costs = appearance.costs(usual, seen, np.ones(4, np.bool_))
    return float(costs[:2].sum() - costs[2:].sum())
