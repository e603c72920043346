"""Tracklets cut where no object can have gone, and joined over gaps by looking at both sides."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from scipy.spatial import KDTree

from ...models.arrays import Bools, Floats, Indices
from ..tracking import best_pairs
from .tracklets import Tracklets

_USUAL = 0.95
"""Quantile of the steps from frame to frame that stands for a usual one. Chosen: few links are
wrong, and those are the longest."""
_FARTHEST = 2.5
"""Longest possible step over a usual one. Chosen on movies made of other stills than those that
`pursuit bench track` reports, of 2, 2.5, 3 and 4."""
_BODY = 0.5
"""Step, in sizes, that is always possible: the object still overlaps itself."""
SIGMAS = 3.0
"""Longest possible step over the standard deviation along an axis that is assumed of one."""
_BY_MOTION = 3
"""Frames for which a tracklet goes on as it did, and measurements from which that is told. Chosen:
as far as cells go on straight."""
_TYPICAL = 8
"""Measurements beside a gap of which the median size is compared."""
SIZE_SPREAD = 0.2
"""Standard deviation of the logarithm of the ratio of two sizes of one object."""
UNSEEN = 0.5
"""Chance that an object which is missed in one frame is missed in the next, too."""


def longest_step_um(tracklets: Tracklets) -> float:
    """How far an object can go from frame to frame, as told by what was linked.

    Infinite if nothing was.
    """
    steps_um = tracklets.steps_um()[tracklets.gaps() == 1]
    if not len(steps_um):
        return np.inf
    body_um = _BODY * float(np.median(tracklets.sizes_um))
    return max(_FARTHEST * float(np.quantile(steps_um, _USUAL)), body_um)


def cut(tracklets: Tracklets, longest_um: float) -> Tracklets:
    """Cut tracklets where they go farther than is possible; over gaps it grows as diffusion."""
    far = tracklets.steps_um() > longest_um * np.sqrt(tracklets.gaps())
    begins = np.zeros(len(tracklets), np.intp)
    begins[tracklets.firsts] = 1
    begins[tracklets.inside[far] + 1] = 1
    return tracklets.named(np.cumsum(begins))


class _Candidates(NamedTuple):
    """Pairs of a tracklet that ends and one that begins: which, gaps in frames, ways (P, 2)."""

    ends: Indices
    begins: Indices
    gaps: Indices
    ways_um: Floats


def joined(tracklets: Tracklets, longest_um: float, most_missed: int) -> Tracklets:
    """Join tracklets that are of one object, all decided together.

    The cost of a pair is the negative log likelihood that they are of one object, by position, by
    size and by the length of the gap, over that of an object that begins there by chance; of all
    joins cheaper than none, those of least total cost are made (the second step of Jaqaman et
    al., Nat. Methods 5:695, 2008). What ends or begins with a division is not joined.

    Parameters
    ----------
    tracklets : Tracklets
    longest_um : float
        Longest possible step from frame to frame.
    most_missed : int
        Frames without a measurement that an object survives.
    """
    if not np.isfinite(longest_um) or not len(tracklets):
        return tracklets
    found = _candidates(tracklets, longest_um, most_missed + 1)
    costs = _costs(tracklets, found, longest_um)
    cheap = np.flatnonzero(costs < 0)
    if not len(cheap):
        return tracklets
    ends, begins = found.ends[cheap], found.begins[cheap]
    pairs = best_pairs(ends, begins, costs[cheap], np.zeros(len(cheap)))
    names = np.arange(1, len(tracklets.firsts) + 1)
    order = np.argsort(tracklets.frames[tracklets.firsts][begins[pairs]], kind="stable")
    for end, begin in zip(ends[pairs][order].tolist(), begins[pairs][order].tolist(), strict=True):
        names[begin] = names[end]
    return tracklets.named(np.repeat(names, tracklets.lengths))


def _candidates(tracklets: Tracklets, longest_um: float, most: int) -> _Candidates:
    """Pairs within reach; ``most`` frames lie between a measurement and the next."""
    firsts, lasts = tracklets.firsts, tracklets.lasts
    reach_um = longest_um * most**0.5
    frame_um = 2 * reach_um / most
    half_way = (most + 1) / 2, 0.0
    trees = [
        KDTree(
            np.column_stack([tracklets.positions_um[at], frame_um * (tracklets.frames[at] + by)])
        )
        for at, by in zip((lasts, firsts), half_way, strict=True)
    ]
    near = trees[0].sparse_distance_matrix(trees[1], reach_um, p=np.inf, output_type="ndarray")
    ends, begins = near["i"], near["j"]
    gaps = tracklets.frames[firsts[begins]] - tracklets.frames[lasts[ends]]
    ways_um = tracklets.positions_um[firsts[begins]] - tracklets.positions_um[lasts[ends]]
    good = (gaps >= 1) & (gaps <= most)
    good &= np.hypot(*ways_um.T) <= longest_um * np.sqrt(np.maximum(gaps, 1))
    good &= ~_divides(tracklets)[ends] & ~_is_daughter(tracklets)[begins]
    return _Candidates(ends[good], begins[good], gaps[good], ways_um[good])


def _divides(tracklets: Tracklets) -> Bools:
    """Which tracklets, (K,), end with a division."""
    return np.isin(tracklets.sources[tracklets.lasts], [*tracklets.mothers.values()]) & (
        _is_border(tracklets, tracklets.lasts, 1)
    )


def _is_daughter(tracklets: Tracklets) -> Bools:
    """Which tracklets, (K,), begin with a division."""
    return np.isin(tracklets.sources[tracklets.firsts], [*tracklets.mothers]) & (
        _is_border(tracklets, tracklets.firsts, -1)
    )


def _is_border(tracklets: Tracklets, rows: Indices, beyond: int) -> Bools:
    """Whether the source of rows has no measurement beyond them."""
    padded = np.pad(tracklets.sources, 1, constant_values=-1)
    return padded[rows + 1 + beyond] != tracklets.sources[rows]


def _costs(tracklets: Tracklets, found: _Candidates, longest_um: float) -> Floats:
    """Negative log likelihoods, (P,), over those of a beginning by chance."""
    if not len(found.ends):
        return np.empty(0)
    after_um, before_um = _velocities_um(tracklets)
    going_um = (after_um[found.ends] + before_um[found.begins]) / 2
    moved_um = going_um * np.minimum(found.gaps, _BY_MOTION)[:, None]
    away_um2 = np.minimum((found.ways_um**2).sum(1), ((found.ways_um - moved_um) ** 2).sum(1))
    variances_um2 = (longest_um / SIGMAS) ** 2 * found.gaps
    frames, places_um = np.ptp(tracklets.frames) + 1, np.ptp(tracklets.positions_um, axis=0)
    births = len(tracklets.firsts) / (frames * max(float(places_um.prod()), longest_um**2))
    ending, beginning = _log_sizes(tracklets)
    unlike = (beginning[found.begins] - ending[found.ends]) / SIZE_SPREAD
    costs = away_um2 / variances_um2 / 2 + np.log(2 * np.pi * variances_um2 * births)
    return costs + unlike**2 / 2 - 0.5 - (found.gaps - 1) * np.log(UNSEEN)


def _velocities_um(tracklets: Tracklets) -> tuple[Floats, Floats]:
    """Steps a frame at the end and at the beginning of each tracklet, (K, 2) and (K, 2)."""
    firsts, lasts = tracklets.firsts, tracklets.lasts
    earlier = np.maximum(firsts, lasts - _BY_MOTION)
    later = np.minimum(lasts, firsts + _BY_MOTION)

    def velocity_um(one: Indices, other: Indices) -> Floats:
        frames = np.maximum(tracklets.frames[other] - tracklets.frames[one], 1)
        way_um = tracklets.positions_um[other] - tracklets.positions_um[one]
        return way_um / frames[:, None]

    return velocity_um(earlier, lasts), velocity_um(firsts, later)


def _log_sizes(tracklets: Tracklets) -> tuple[Floats, Floats]:
    """Mean logarithms of size at the end and at the beginning of each tracklet, (K,) and (K,)."""
    firsts, lasts = tracklets.firsts, tracklets.lasts
    sums = np.append(0.0, np.cumsum(np.log(np.maximum(tracklets.sizes_um, 1e-12))))

    def mean(one: Indices, other: Indices) -> Floats:
        return (sums[other + 1] - sums[one]) / (other + 1 - one)

    earlier = np.maximum(firsts, lasts - _TYPICAL + 1)
    return mean(earlier, lasts), mean(firsts, np.minimum(lasts, firsts + _TYPICAL - 1))
