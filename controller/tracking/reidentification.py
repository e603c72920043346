"""Re-identification: after a loss, beside where an object was, and after two were seen as one."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field

import numpy as np

from ...models.arrays import Floats
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
_BODY = 0.7
"""Distance, in sizes, within which an object is taken for itself: as in `matching`."""
_STEP, _FARTHEST = 1.0, 4.0
"""How far, in sizes, an object gets from one look to the next, and how far from where it was last
detected it is looked for at most. Chosen: beyond its own size a step has rarely been assigned."""
_RATE_MEMORY, _RATES = 20.0, (0.05, 0.95)
"""Time constant, in looks, with which it is learned how often an object is detected, and bounds of
that rate. Chosen: as long as a short time lapse; no detector is that good or that bad."""


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


@dataclass(slots=True)
class _Followed:
    """What is known of the detections of one object that is followed."""

    rate: float = 0.5
    looks: int = 0
    last_um: Floats | None = None
    apart: set[int] = field(default_factory=set)
    missed: int = 0
    doubt: float = 0.0
    misses: int = 0

    def looked(self, detected: bool) -> None:
        """Note a look that should have shown it."""
        self.looks += 1
        if detected:
            self.missed, self.doubt = 0, 0.0
        else:
            self.missed += 1
            self.doubt -= 2 * math.log1p(-min(max(self.rate, _RATES[0]), _RATES[1]))
        self.rate += (detected - self.rate) / min(self.looks + 1, _RATE_MEMORY)


class Reappearance:
    """Finds what is followed again beside where it should be, once it is not detected there.

    Nothing appears from nothing in the middle of a field. If what was detected in nearly every
    look is not any more, and something that was not beside it then is within its reach and looks
    like it, they are one, however it got there. Its own image may still be found where it was:
    that of what rested before an edge holds the edge as well.
    """

    def __init__(self) -> None:
        self._followed: dict[int, _Followed] = {}

    def found(
        self,
        tracks: Sequence[Track],
        wanted: Collection[int],
        at_ns: int,
        may_be: Callable[[Track, Track], bool],
    ) -> list[tuple[Track, Track]]:
        """Pairs of a followed track and the one that it must be, after a frame exposed ``at_ns``.

        ``may_be`` says whether the second looks like the own image of the first.
        """
        followed = [track for track in tracks if track.id in wanted]
        self._followed = {t.id: self._followed.get(t.id, _Followed()) for t in followed}
        pairs = []
        for track in followed:
            known = self._followed[track.id]
            if not self._is_doubtful(known, track, tracks, at_ns):
                continue
            others = [t for t in tracks if t.id not in wanted and t.seen_ns == at_ns]
            likely = [t for t in others if _may_have_been(known, track, t) and may_be(track, t)]
            if len(likely) == 1:
                known.doubt = 0.0
                pairs.append((track, likely[0]))
        return pairs

    def _is_doubtful(
        self, known: _Followed, track: Track, tracks: Sequence[Track], at_ns: int
    ) -> bool:
        """Take note of a look, and say whether the object can hardly be where it is believed."""
        detected = track.seen_ns == at_ns
        missed = track.misses > known.misses or (not detected and track.seen_um is not None)
        known.misses = track.misses
        if not detected and not missed:
            return False
        known.looked(detected)
        if detected:
            known.last_um = track.prediction.mean_um[:2]
            beyond = _BODY * track.usual_size_um
            located = [t for t in tracks if t is not track and t.confirmed and t.is_located]
            known.apart = {t.id for t in located if _away_um(t, known.last_um) > beyond}
        return known.doubt >= _LEAST_ADVANTAGE and not track.occluder


def _may_have_been(known: _Followed, track: Track, other: Track) -> bool:
    """Whether another track is where an object may have got, and of its size and brightness."""
    if not other.confirmed or other.hits < 2 or other.id in known.apart or known.last_um is None:
        return False
    reach = min(_STEP * (1 + known.missed), _FARTHEST)
    if _away_um(other, known.last_um) > reach * track.usual_size_um:
        return False
    looks = np.array([track.appearance]), np.array([other.appearance])
    (unlike,) = misfits(*looks, LATER_SPREAD)
    return bool(unlike < MOST_MISFIT)


def _away_um(track: Track, place_um: Floats) -> float:
    return float(np.hypot(*(track.prediction.mean_um[:2] - place_um)))


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
