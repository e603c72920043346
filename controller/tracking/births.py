"""Which measurements begin tracks, and which of several objects is pointed at."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike

from ...models.arrays import Bools, Floats, Indices
from ...models.pointing import BODY, pointing_costs
from .assignment import nearby
from .duplicates import NESTED, doubled, nested
from .field_geometry import Measurements
from .track import Track

_WEAKER, _COVERED = 0.5, 0.5
"""Share of the score of another box below which one that lies on it is not believed at once, and of
the smaller box that is covered then. Chosen: where objects overlap, a detector sees them together
once more, and is not sure of that."""


def births(
    measurements: Measurements,
    tracks: Sequence[Track],
    free: Bools,
    high: Bools,
    pointed_um: Floats | None = None,
) -> Indices:
    """Columns of the measurements that begin tracks, (K,).

    Those with a high score that no track took, one for each object; and what is pointed at,
    whatever its score. A box that lies on another of twice its score and about its size begins
    none.

    Parameters
    ----------
    free, high : (S,)
        Which no track took, and which have a high score.
    pointed_um : (2,), optional
        Where an object is pointed at that is not followed yet.
    """
    if not free.any():
        return np.empty(0, np.intp)
    pointed = _pointed(measurements, np.flatnonzero(free), pointed_um)
    begin = free & (high | (np.arange(len(free)) == pointed)) & ~doubled(measurements, tracks)
    columns = np.flatnonzero(begin)
    columns = columns[~_doubtful(measurements, columns) | (columns == pointed)]
    columns = columns[np.lexsort((-measurements.scores[columns], columns != pointed))]
    places_um, sizes_um = measurements.positions_um[columns], measurements.sizes_um[columns]
    kept = np.ones(len(columns), np.bool_)
    for first, other in np.transpose(nested(places_um, sizes_um, places_um, sizes_um)).tolist():
        kept[other] &= first > other or not kept[first]
    return np.sort(columns[kept])


def _doubtful(measurements: Measurements, columns: Indices) -> Bools:
    """Which boxes, (K,) of all, lie on another that is much surer, and so may be nothing."""
    doubtful = np.zeros(len(columns), np.bool_)
    places_um, extents_um = measurements.positions_um, measurements.extents_um
    longest_um = extents_um.max(axis=1)
    reaches_um = (longest_um[columns] + longest_um.max(initial=0.0)) / 2
    rows, others = nearby(places_um[columns], reaches_um, places_um)
    own = columns[rows]
    most_um = np.minimum(extents_um[own], extents_um[others])
    gaps_um = np.abs(places_um[own] - places_um[others])
    common_um = np.clip((extents_um[own] + extents_um[others]) / 2 - gaps_um, 0.0, most_um)
    areas_um2 = np.minimum(extents_um[own].prod(axis=1), extents_um[others].prod(axis=1))
    one_um, other_um = measurements.sizes_um[own], measurements.sizes_um[others]
    alike = (one_um < NESTED[1] * other_um) & (other_um < NESTED[1] * one_um)
    weaker = measurements.scores[own] < _WEAKER * measurements.scores[others]
    doubtful[rows[alike & weaker & (common_um.prod(axis=1) > _COVERED * areas_um2)]] = True
    return doubtful


def by_pointing(
    point_um: ArrayLike, places_um: Floats, sizes_um: Floats, scores: ArrayLike
) -> Indices:
    """Order, (N,), of objects by how likely each is the one that is pointed at.

    First those on which the point is, by how far it is from the middle and how surely they are
    objects: twice a negative log likelihood. Then the others, by their distance.

    Parameters
    ----------
    point_um : (2,)
    places_um, sizes_um, scores : (N, 2), (N,), (N,)
    """
    away_um = np.hypot(*(places_um - np.asarray(point_um)).T)
    costs = pointing_costs(point_um, places_um, sizes_um, scores, BODY)
    is_on = np.isfinite(costs)
    return np.lexsort((np.where(is_on, costs, away_um), ~is_on))


def _pointed(measurements: Measurements, columns: Indices, point_um: Floats | None) -> int:
    """Which of some measurements is pointed at; -1: none."""
    if point_um is None:
        return -1
    places_um, sizes_um = measurements.positions_um[columns], measurements.sizes_um[columns]
    costs = pointing_costs(point_um, places_um, sizes_um, measurements.scores[columns], BODY)
    best = int(costs.argmin())
    return int(columns[best]) if np.isfinite(costs[best]) else -1
