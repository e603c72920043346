"""Giving the measurements of a frame to tracks: gates, costs, and the order in which to match."""

from __future__ import annotations

import numpy as np

from ...models.arrays import Bools, Floats, Indices
from .appearance import AppearanceModel
from .assignment import best_pairs, nearby, unrivalled
from .measurements import Measurements
from .track import TrackTable

GATE = 13.8
"""Squared Mahalanobis distance that 99.9 % of true matches in the plane stay below (chi²)."""
LONE_GATE = 100.0
"""The same for the only measurement around that looks like the object and is nobody else's."""
ALIKE = 6.0
"""Squared misfit of appearance that 95 % of the same object's stay below (chi², two traits)."""
BODY = 0.7
"""Share of its own size within which an object is taken for itself, however it got there."""
_OLD, _NEWNESS = 30, 0.4
"""Measurements after which an object is not new any more; what each that lacks adds to its costs,
so that a false alarm beside an object does not take its measurements. One that is not confirmed
gets what confirmed ones leave."""
_STRANGE = 40.0
"""Squared distance beyond which a measurement within the body is no worse still."""


class Matcher:
    """Gated optimal assignment of measurements to tracks.

    Sure measurements are assigned first, then the weak ones to tracks that are left (Zhang et al.,
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
        sure: Bools,
        noise_um2: float,
        area_um2: float,
    ) -> tuple[Indices, Indices]:
        """Rows of tracks and of the measurements they are given.

        Parameters
        ----------
        table : TrackTable
        measurements : Measurements
        sure : (N,)
            Which measurements come first.
        noise_um2 : float
            Variance of a measurement along one axis.
        area_um2 : float
            Of what was looked at. No track reaches farther than a measurement is from the next on
            average: beyond, a stranger is likelier.
        """
        if not table.tracks or not len(measurements):
            return np.empty(0, np.intp), np.empty(0, np.intp)
        spacing_um = (area_um2 / len(measurements)) ** 0.5
        rows, columns, costs, far = self._candidates(table, measurements, noise_um2, spacing_um)
        waiting, unclaimed = (
            np.ones(len(table.tracks), np.bool_),
            np.ones(len(measurements), np.bool_),
        )
        if far.any():
            apart_um = np.maximum(BODY * table.sizes_um, self._least_body_um)
            lone = _lone(rows, columns, costs, table, measurements.positions_um, apart_um)
            far &= ~(lone & sure[columns])
        pairs = np.empty(0, np.intp)
        for wanted in (sure[columns] & ~far, ~sure[columns] & ~far, sure[columns] & far):
            left = np.flatnonzero(wanted & waiting[rows] & unclaimed[columns])
            if far[left].any():
                left = left[unrivalled(rows[left], columns[left])]
            if len(left):
                chosen = left[best_pairs(rows[left], columns[left], costs[left])]
                waiting[rows[chosen]] = unclaimed[columns[chosen]] = False
                pairs = np.concatenate([pairs, chosen])
        return rows[pairs], columns[pairs]

    def _candidates(
        self, table: TrackTable, measurements: Measurements, noise_um2: float, spacing_um: float
    ) -> tuple[Indices, Indices, Floats, Bools]:
        """Pairs of a track and a measurement that may be its own, their costs, and which are far.

        A far one is beyond the gate, of a track that was seen in the last frame and that it looks
        like. The cost is twice a negative log likelihood, but for constants: of the position and
        of the appearance. The inverse of the 2 x 2 covariances is written out.
        """
        spreads = table.covs_um2 + noise_um2 * np.eye(2)
        bodies_um = np.maximum(BODY * table.sizes_um, self._least_body_um)
        widest = np.sqrt(LONE_GATE * np.maximum(spreads[:, 0, 0], spreads[:, 1, 1]))
        reaches_um = np.maximum(np.minimum(widest, spacing_um), bodies_um)
        rows, columns = nearby(table.means_um, reaches_um, measurements.positions_um)
        right, down = (measurements.positions_um[columns] - table.means_um[rows]).T
        xx, xy, yy = spreads[rows, 0, 0], spreads[rows, 0, 1], spreads[rows, 1, 1]
        determinants = xx * yy - xy * xy
        squares = (yy * right**2 - 2 * xy * right * down + xx * down**2) / determinants
        own = (squares < GATE) | (right**2 + down**2 < bodies_um[rows] ** 2)
        same_class = table.kinds[rows] == measurements.classes[columns]
        appearance = self.appearance.costs(
            table.appearance[rows], measurements.appearance[columns], same_class
        )
        far = ~own & (squares < LONE_GATE) & (appearance < ALIKE) & table.lately[rows]
        kept = own | far
        doubts = np.where(table.confirmed, _NEWNESS * np.maximum(_OLD - table.hits, 0), LONE_GATE)
        costs = np.minimum(squares, _STRANGE) + np.log(determinants) + appearance + doubts[rows]
        return rows[kept], columns[kept], costs[kept], far[kept]


def _lone(
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
    proven = np.flatnonzero(table.confirmed[rows])
    proven = proven[np.lexsort((costs[proven], rows[proven]))]
    track, measurement = rows[proven], columns[proven]
    first = np.searchsorted(track, track)
    ways_um = positions_um[measurement] - positions_um[measurement[first]]
    strange = np.hypot(*ways_um.T) > bodies_um[track]
    best = proven[first == np.arange(len(proven))]
    lonely = (np.bincount(track, strange)[rows[best]] == 0) & unrivalled(rows[best], columns[best])
    lone = np.zeros(len(rows), np.bool_)
    lone[best[lonely]] = True
    return lone
