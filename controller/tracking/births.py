"""Which measurements begin tracks, and which of several objects is pointed at."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike

from ...models.arrays import Bools, Floats, Indices
from ...models.pointing import BODY, pointing_costs
from .duplicates import doubled, nested
from .field_geometry import Measurements
from .track import Track


def births(
    measurements: Measurements,
    tracks: Sequence[Track],
    free: Bools,
    high: Bools,
    pointed_um: Floats | None = None,
) -> Indices:
    """Columns of the measurements that begin tracks, (K,).

    Those with a high score that no track took, one for each object; and what is pointed at,
    whatever its score.

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
    columns = columns[np.lexsort((-measurements.scores[columns], columns != pointed))]
    places_um, sizes_um = measurements.positions_um[columns], measurements.sizes_um[columns]
    kept = np.ones(len(columns), np.bool_)
    for first, other in np.transpose(nested(places_um, sizes_um, places_um, sizes_um)).tolist():
        kept[other] &= first > other or not kept[first]
    return np.sort(columns[kept])


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
