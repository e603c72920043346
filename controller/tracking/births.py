"""How tracks begin: with what, where something is pointed at, and what is fast at once."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike
from scipy.spatial import KDTree

from ...models.arrays import Bools, Floats, Indices
from ...models.pointing import BODY, pointing_costs
from ...models.predictors import Predictor
from .appearance import ALIKE, AppearanceModel
from .assignment import nearby
from .duplicates import NESTED, doubled, nested
from .field_geometry import Measurements
from .track import Track, note_measurements, slots_of
from .track_table import TrackTable

_WEAKER, _COVERED = 0.5, 0.5
"""Share of the score of another box below which one that lies on it is not believed at once, and of
the smaller box that is covered then. Chosen: where objects overlap, a detector sees them together
once more, and is not sure of that."""
_CLEARANCE = 2.0
"""How many times as far as its next measurement any other has to be from an object of which one is
known. Chosen: nothing else that is in sight can have got there then, at the same speed."""


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


def begin(
    columns: Indices,
    z_um: float,
    measurements: Measurements,
    predictor: Predictor,
    at_ns: int,
    noise_um2: float,
) -> list[Track]:
    """Begin tracks with measurements, of variance ``noise_um2`` along one axis, at a height."""
    if not len(columns):
        return []
    positions_um = np.full((len(columns), 3), z_um)
    positions_um[:, :2] = measurements.positions_um[columns]
    slots = predictor.begin(positions_um, np.full(len(columns), noise_um2))
    forecast = predictor.predict(slots, at_ns)
    born = [
        Track(predictor, slot, forecast[row], born_ns=at_ns)
        for row, slot in enumerate(slots.tolist())
    ]
    appearance, all_born = measurements.appearance[columns], np.ones(len(born), np.bool_)
    note_measurements(born, measurements, columns, appearance, at_ns, all_born)
    return born


def move_on(
    table: TrackTable,
    unseen: Indices,
    free: Bools,
    measurements: Measurements,
    predictor: Predictor,
    at_ns: int,
    noise_um2: float,
    appearance: AppearanceModel,
) -> Indices:
    """Take tracks of one measurement to where their objects went beyond the gate.

    An object may be faster than anybody expects of one that was seen once. If what is alike lies
    somewhere else now, and nothing else is near either, the two give a velocity (initialisation
    by two points: Bar-Shalom, Li and Kirubarajan 2001, Estimation with Applications to Tracking
    and Navigation, section 5.5.3). That is no evidence yet: a third measurement has to prove it.

    Parameters
    ----------
    table : TrackTable
    unseen : (U,)
        Rows of those that got no measurement.
    free : (S,)
        Which measurements no track took and may begin one.
    measurements, predictor, at_ns, noise_um2
        What is measured, and with which variance along one axis.
    appearance : AppearanceModel

    Returns
    -------
    (V,)
        Rows of those that are unseen still.
    """
    rows, columns = _moved_on(table, unseen, free, measurements, appearance)
    if not len(rows):
        return unseen
    moved, places_um = table.at(rows), measurements.positions_um[columns]
    order = np.argsort(slots := slots_of(moved))
    predictor.update(slots[order], places_um[order], np.full(len(rows), noise_um2))
    looks, undisturbed = measurements.appearance[columns], np.ones(len(rows), np.bool_)
    note_measurements(moved, measurements, columns, looks, at_ns, undisturbed)
    for track in moved:
        track.hits -= 1
    return np.setdiff1d(unseen, rows)


def _moved_on(
    table: TrackTable,
    unseen: Indices,
    free: Bools,
    measurements: Measurements,
    appearance: AppearanceModel,
) -> tuple[Indices, Indices]:
    """Rows and columns, (P,) each, of tracks and of what they went on to."""
    new = table.seen_before[unseen] & ~table.confirmed[unseen]
    rows = unseen[new & np.array([t.seen_ns == t.born_ns for t in table.at(unseen)], np.bool_)]
    if not len(rows) or not free.any():
        return np.empty(0, np.intp), np.empty(0, np.intp)
    measured_um, tracks_um = measurements.positions_um, table.means_um[table.seen_before]
    gaps_um, nearest = map(np.asarray, KDTree(measured_um).query(table.means_um[rows], k=2))
    own_um, columns = gaps_um[:, 0], nearest[:, 0]
    track_gaps_um = np.asarray(KDTree(tracks_um).query(measured_um[columns], k=2)[0])
    others_um = np.minimum(gaps_um[:, 1], track_gaps_um[:, 1])
    alone = (track_gaps_um[:, 0] == own_um) & (others_um > _CLEARANCE * own_um)
    looks = table.appearance[rows], measurements.appearance[columns]
    same_class = table.kinds[rows] == measurements.classes[columns]
    alike = appearance.costs(*looks, same_class) < ALIKE
    chosen = free[columns] & alone & alike
    return rows[chosen], columns[chosen]


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
