"""Giving the measurements of a frame to tracks: gates, costs, and the order in which to match."""

from collections.abc import Mapping

import numpy as np

from ...models.arrays import Bools, Floats, Indices
from .appearance import ALIKE, AppearanceModel
from .assignment import GATE, MOST_SQUARE, best_pairs, cheapest_of_each, nearby, without_rival
from .field_geometry import Measurements
from .track_table import TrackTable

_WIDE_GATE = 100.0
"""Squared Mahalanobis distance up to which a measurement without a rival continues a track. Chosen:
ten standard deviations, for objects that turn more sharply than they ever did."""
_BODY = 0.7
"""Distance, in its own sizes, within which an object is taken for itself, however it got there: the
half diagonal of its box, as no other object has room there."""
_OLD, _NEWNESS = 30, 0.4
"""Measurements from which a track is not new any more, and what each that lacks adds to its costs,
so that a false alarm beside an object does not take its measurements. Chosen: together 12, nearly
the gate."""
_NO_MATCH = 1e5
"""Cost of a row without a match, above any sum of costs, so that as many as can be are matched."""
_RIVAL_UNMATCHED = 10.0
"""By how much more than the best match of each it costs to leave what is followed, or a rival,
without one: worse matches are not made for the sake of number. Chosen: most of the gate."""
_UNCONFIRMED = 100.0
"""Added to the costs of tracks that are not confirmed: they get what confirmed ones leave."""


class Matcher:
    """Gated optimal assignment of measurements to tracks.

    Those of high score are assigned first, then the others to tracks that are left (Zhang et al.,
    ByteTrack, ECCV 2022), at last those beyond the gate, if they have no rival: an object may
    turn more sharply than it ever did. Those whose only rivals are not confirmed come first too.

    Parameters
    ----------
    least_body_um : float
        Least distance within which an object is taken for itself: a shaken image of a point must
        not look like another object.

    Attributes
    ----------
    appearance : AppearanceModel
        How alike objects look from frame to frame.
    """

    def __init__(self, least_body_um: float) -> None:
        self._least_body_um = least_body_um
        self.appearance = AppearanceModel()

    def match(
        self,
        table: TrackTable,
        measurements: Measurements,
        high: Bools,
        area_um2: float,
        misfits: Mapping[int, Floats] | None = None,
    ) -> tuple[Indices, Indices]:
        """Rows of tracks and of the measurements they are given.

        Parameters
        ----------
        table, measurements
        high : (N,)
            Which measurements have a high score and come first.
        area_um2 : float
            Of what was looked at. No track reaches farther than a measurement is from the next on
            average: beyond, another object is likelier.
        misfits : mapping of int to (N,), optional
            By row, how little each measurement looks like the own image of a track, squared.
        """
        if not table.tracks or not len(measurements):
            return np.empty(0, np.intp), np.empty(0, np.intp)
        spacing_um = (area_um2 / len(measurements)) ** 0.5
        rows, columns, costs, far = self._candidates(table, measurements, spacing_um, misfits or {})
        if far.any():
            sole = _sole_candidates(
                rows, columns, costs, table, measurements.positions_um, self._bodies_um(table)
            )
            far &= ~(sole & high[columns])
        unmatched = np.ones(len(table.tracks), np.bool_)
        unassigned = np.ones(len(measurements), np.bool_)
        pairs = np.empty(0, np.intp)
        for wanted in (high[columns] & ~far, ~high[columns] & ~far, high[columns] & far):
            left = np.flatnonzero(wanted & unmatched[rows] & unassigned[columns])
            if far[left].any():
                left = left[without_rival(rows[left], columns[left])]
            if len(left):
                alone = _costs_unmatched(rows[left], columns[left], costs[left], table)
                chosen = left[best_pairs(rows[left], columns[left], costs[left], alone)]
                unmatched[rows[chosen]] = unassigned[columns[chosen]] = False
                pairs = np.concatenate([pairs, chosen])
        return rows[pairs], columns[pairs]

    def _bodies_um(self, table: TrackTable) -> Floats:
        """Distances, (N,), within which objects are taken for themselves."""
        return np.maximum(_BODY * table.sizes_um, self._least_body_um)

    def _candidates(
        self,
        table: TrackTable,
        measurements: Measurements,
        spacing_um: float,
        misfits: Mapping[int, Floats],
    ) -> tuple[Indices, Indices, Floats, Bools]:
        """Pairs of a track and a measurement that may be its own, their costs, and which are far.

        A far one is beyond the gate, of a track that was seen in the last frame and that it looks
        like. The cost is twice a negative log likelihood, but for constants: of the position and
        of the appearance. The inverse of the 2 x 2 covariances is written out.
        """
        spreads = table.covs_um2 + table.noises_um2[:, None, None] * np.eye(2)
        bodies_um = self._bodies_um(table)
        widest = np.sqrt(_WIDE_GATE * np.maximum(spreads[:, 0, 0], spreads[:, 1, 1]))
        reaches_um = np.maximum(np.minimum(widest, spacing_um), bodies_um)
        rows, columns = nearby(table.means_um, reaches_um, measurements.positions_um)
        right, down = (measurements.positions_um[columns] - table.means_um[rows]).T
        xx, xy, yy = spreads[rows, 0, 0], spreads[rows, 0, 1], spreads[rows, 1, 1]
        determinants = xx * yy - xy * xy
        squares = (yy * right**2 - 2 * xy * right * down + xx * down**2) / determinants
        inside = (squares < GATE) | (right**2 + down**2 < bodies_um[rows] ** 2)
        same_class = table.kinds[rows] == measurements.classes[columns]
        appearance = self.appearance.costs(
            table.appearance[rows], measurements.appearance[columns], same_class
        )
        for row, misfit in misfits.items():
            own = rows == row
            appearance[own] += misfit[columns[own]]
        alike = (appearance < ALIKE) & table.seen_before[rows]
        far = ~inside & (squares < _WIDE_GATE) & alike
        candidates = inside | far
        newness = _NEWNESS * np.maximum(_OLD - table.hits, 0)
        handicaps = np.where(table.confirmed, newness, _UNCONFIRMED)
        costs = np.minimum(squares, MOST_SQUARE) + np.log(determinants) + appearance
        costs += handicaps[rows]
        candidates &= ~_steals(table, rows, columns, candidates)
        return rows[candidates], columns[candidates], costs[candidates], far[candidates]


def _steals(table: TrackTable, rows: Indices, columns: Indices, candidates: Bools) -> Bools:
    """Which pairs, (P,), would take a measurement from what is followed by a track long unseen.

    A track that was not seen in the last frame, nor occluded, may be anywhere: the attention
    window may not have shown it.
    """
    followed = candidates & table.wanted[rows]
    if not followed.any() or followed.all():
        return np.zeros(len(rows), np.bool_)
    contested = np.isin(columns, columns[followed])
    return contested & ~table.wanted[rows] & ~table.located[rows]


def _costs_unmatched(rows: Indices, columns: Indices, costs: Floats, table: TrackTable) -> Floats:
    """What it costs, (P,), to leave the row of each pair without a match.

    As many as can be are matched, but where what is followed is concerned no pair is that is much
    worse than another: it need not give way to a rival and take a worse measurement instead.
    """
    unmatched = np.full(len(rows), _NO_MATCH)
    followed = table.wanted[rows]
    if not followed.any() or followed.all():
        return unmatched
    rivals = np.isin(rows, rows[np.isin(columns, columns[followed])]) & table.confirmed[rows]
    if rivals.any():
        best = cheapest_of_each(rows[rivals], costs[rivals])
        unmatched[rivals] = costs[rivals][best].max() + _RIVAL_UNMATCHED
    return unmatched


def _sole_candidates(
    rows: Indices,
    columns: Indices,
    costs: Floats,
    table: TrackTable,
    positions_um: Floats,
    bodies_um: Floats,
) -> Bools:
    """Which pairs, (P,), have no rival among confirmed tracks and measurements.

    Measurements within a body of the one that costs least are no rivals to it: a fast object may
    be drawn out into a streak that is taken for two.
    """
    confirmed = np.flatnonzero(table.confirmed[rows])
    confirmed = confirmed[np.lexsort((costs[confirmed], rows[confirmed]))]
    track, measurement = rows[confirmed], columns[confirmed]
    first = np.searchsorted(track, track)
    gaps_um = positions_um[measurement] - positions_um[measurement[first]]
    elsewhere = np.hypot(*gaps_um.T) > bodies_um[track]
    best = confirmed[first == np.arange(len(confirmed))]
    alone = np.bincount(track, elsewhere)[rows[best]] == 0
    sole = np.zeros(len(rows), np.bool_)
    sole[best[alone & without_rival(rows[best], columns[best])]] = True
    return sole
