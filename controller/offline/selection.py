"""Which tracklets are objects: those seen surely enough, each object once."""

from __future__ import annotations

import numpy as np
from scipy.spatial import KDTree

from ...models.arrays import Bools, Floats, Indices
from .tracklets import Tracklets

_SAME_PLACE = 0.25
"""Distance, in the larger one's sizes, of two boxes of one object. Chosen on movies made of other
stills than those that `pursuit bench track` reports, of 0.25, 0.35, 0.5 and 0.7."""
_LARGE = 0.99
"""Quantile of the sizes up to which others are looked for at the same place. Chosen: a box of half
the field must not pair all with all."""
_TOGETHER = 0.5
"""Share of its measurements that a duplicate has at another's place: most of them."""
_WELL_SEEN = 0.9
"""Quantile of the scores of a tracklet that stands for all. Chosen there, beside the median and
the mean: an object is not always in focus or alone."""
_SUREST = 0.9
"""Quantile over all measurements of that of their tracklets: what objects score in this movie."""
_SHARE = 0.55
"""Least score of an object over that. Chosen there, of 0.5 to 0.7."""


def without_duplicates(tracklets: Tracklets) -> Tracklets:
    """Leave out tracklets that are mostly where a surer one is: several boxes of one object."""
    if not len(tracklets):
        return tracklets
    reach_um = _SAME_PLACE * float(np.quantile(tracklets.sizes_um, _LARGE))
    apart_um = 2 * reach_um * tracklets.frames[:, None]
    tree = KDTree(np.hstack([tracklets.positions_um, apart_um]))
    one, other = tree.query_pairs(reach_um, output_type="ndarray").T
    gaps_um = np.hypot(*(tracklets.positions_um[one] - tracklets.positions_um[other]).T)
    larger_um = np.maximum(tracklets.sizes_um[one], tracklets.sizes_um[other])
    same = gaps_um < _SAME_PLACE * larger_um
    names, lengths = (
        np.repeat(np.arange(len(tracklets.firsts)), tracklets.lengths),
        tracklets.lengths,
    )
    evidence = np.bincount(names, tracklets.scores)
    pairs = np.column_stack([names[one[same]], names[other[same]]])
    surer_first = np.take_along_axis(pairs, np.argsort(-evidence[pairs], axis=1), axis=1)
    kinds, counts = np.unique(surer_first, axis=0, return_counts=True)
    gone = np.zeros(len(lengths), np.bool_)
    for row in np.argsort(-evidence[kinds[:, 0]], kind="stable").tolist():
        surer, weaker = kinds[row]
        if not gone[surer] and counts[row] >= _TOGETHER * lengths[weaker]:
            gone[weaker] = True
    return tracklets.at(~gone[names])


def credible(tracklets: Tracklets, least_measurements: int, by_score: bool) -> Tracklets:
    """Leave out what was measured too seldom or, by what objects score in the movie, too weakly."""
    if not len(tracklets):
        return tracklets
    kept: Bools = tracklets.lengths >= least_measurements
    if by_score and kept.any():
        seen = _scores_well_seen(tracklets)
        kept &= seen >= _SHARE * _quantile_over(seen[kept], tracklets.lengths[kept])
    return tracklets.at(np.repeat(kept, tracklets.lengths))


def _scores_well_seen(tracklets: Tracklets) -> Floats:
    """Score of each tracklet, (K,): a quantile of those of its measurements."""
    order = np.lexsort((tracklets.scores, tracklets.ids))
    places = tracklets.firsts + np.floor(_WELL_SEEN * (tracklets.lengths - 1)).astype(np.intp)
    return tracklets.scores[order][places]


def _quantile_over(values: Floats, weights: Indices) -> float:
    """Quantile of values, (K,), that count as often as their weights say."""
    order = np.argsort(values)
    share = np.cumsum(weights[order]) / weights.sum()
    return float(values[order][np.searchsorted(share, _SUREST)])
