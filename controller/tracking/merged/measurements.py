"""Merged measurements: which tracks share one because their objects overlap."""

from dataclasses import dataclass

import numpy as np

from ....models.arrays import Bools, Floats, Indices
from ..appearance import MERGED_SPREAD, MOST_MISFIT, misfits
from ..assignment import GATE, MOST_SQUARE, cheapest_of_each, nearby
from ..field_geometry import Measurements
from ..track_table import TrackTable

CENTRE_ERROR = 0.1
"""Error of the middle of two objects in their merged measurement, in sizes or, if that is more, in
their distances. Chosen: as for two whose shares of the light are known to a tenth."""
MOST_DISTANCE = 2.0
"""Greatest distance, in sizes, of two objects in one measurement. Chosen: farther apart there is a
dark gap between them, and blobs and watershed see two from 1.3 on."""

_REACH = 2.1
"""Distance, in sizes, within which two tracks may share a measurement: `MOST_DISTANCE`, and a
little for the error of the prediction."""
_POSITION_ERROR = 0.15
"""Error of a predicted position, in sizes, whatever its covariance says, when one object is weighed
against two. Chosen: predictions are too sure of objects that have just touched."""


@dataclass(frozen=True, slots=True, eq=False)
class Assigned:
    """Which track has which measurement, alone or together with another.

    Attributes
    ----------
    columns : (N,)
        Measurement of each track, -1 for none.
    occluders : (N,)
        Row of the track that occludes each, -1 if none does: both have the same measurement.
    free : (S,)
        Which measurements belong to no track.
    """

    columns: Indices
    occluders: Indices
    free: Bools

    @property
    def occluded(self) -> Indices:
        """Rows of the tracks that are occluded."""
        return np.flatnonzero(self.occluders >= 0)

    @property
    def seen(self) -> Indices:
        """Rows of the tracks that have a measurement and are not occluded in it."""
        return np.flatnonzero((self.columns >= 0) & (self.occluders < 0))


class ClosePairs:
    """Confirmed tracks that are so close that one measurement may be of both.

    Each pair is there twice, with either of them first.

    Attributes
    ----------
    first, second : (P,), (P,)
        Rows of the tracks of each pair.
    gaps_um, distances : (P, 2), (P,)
        From the first to the second; how far that is in sizes.
    sizes_um : (P,)
        Geometric mean of their usual sizes.
    light_shares : (P,)
        Share that the first has of the light of both.
    """

    def __init__(self, table: TrackTable) -> None:
        self.table = table
        rows = np.flatnonzero(table.confirmed & np.isfinite(table.appearance[:, 0]))
        places_um, sizes_um = table.means_um[rows], np.exp(table.appearance[rows, 0])
        first, second = nearby(places_um, _REACH * sizes_um, places_um)
        gaps_um = places_um[second] - places_um[first]
        distances = np.hypot(*gaps_um.T) * 2 / (sizes_um[first] + sizes_um[second])
        close = (distances < _REACH) & (first != second)
        self.first, self.second = rows[first[close]], rows[second[close]]
        self.gaps_um, self.distances = gaps_um[close], distances[close]
        self.sizes_um = np.sqrt(sizes_um[first[close]] * sizes_um[second[close]])
        ratios = np.exp(table.appearance[self.second, 1] - table.appearance[self.first, 1])
        self.light_shares = np.where(np.isfinite(ratios), 1 / (1 + ratios), 0.5)

    def __len__(self) -> int:
        return len(self.first)

    def assign(self, rows: Indices, columns: Indices, measurements: Measurements) -> Assigned:
        """Complete an assignment, tracks (K,) and their measurements (K,), by those merged."""
        own, free = np.full(len(self.table.tracks), -1), np.ones(len(measurements), np.bool_)
        own[rows], free[columns] = columns, False
        occluders = np.full_like(own, -1)
        if len(self):
            self._take_free(own, free, measurements)
            self._occlude(own, occluders, measurements)
        return Assigned(own, occluders, free)

    def _take_free(self, own: Indices, free: Bools, measurements: Measurements) -> None:
        """Take merged measurements that were given to no track; the first of a pair gets it.

        If either of them has a measurement of its own, this one is a detection too many.
        """
        left = np.flatnonzero(free)
        if not len(left):
            return
        pairs, at = nearby(self._middles_um, self.sizes_um, measurements.positions_um[left])
        columns = left[at]
        squares, unlike = self._misfits_of_both(pairs, measurements, columns)
        fits = (squares < GATE) & (unlike < MOST_MISFIT)
        pairs, columns = pairs[fits], columns[fits]
        best = cheapest_of_each(columns, (squares + unlike)[fits])
        pairs, columns = pairs[best], columns[best]
        free[columns] = False
        unseen = (own[self.first[pairs]] < 0) & (own[self.second[pairs]] < 0)
        own[self.first[pairs[unseen]]] = columns[unseen]

    def _occlude(self, own: Indices, occluders: Indices, measurements: Measurements) -> None:
        """Give tracks without a measurement that of a neighbour if it is likelier of both."""
        pairs = np.flatnonzero((own[self.first] >= 0) & (own[self.second] < 0))
        if not len(pairs):
            return
        columns = own[self.first[pairs]]
        squares, unlike = self._misfits_of_both(pairs, measurements, columns)
        costs = squares + unlike + 2 * np.log(self._spreads_um2(pairs))
        merged = costs < self._costs_of_first(pairs, measurements, columns)
        pairs, columns = pairs[merged], columns[merged]
        best = cheapest_of_each(self.second[pairs], costs[merged])
        occluded = self.second[pairs[best]]
        own[occluded], occluders[occluded] = columns[best], self.first[pairs[best]]

    @property
    def _middles_um(self) -> Floats:
        """Centres of the light of pairs, (P, 2)."""
        return self.table.means_um[self.first] + (1 - self.light_shares)[:, None] * self.gaps_um

    def _spreads_um2(self, pairs: Indices) -> Floats:
        """Variances of measurements of both along one axis."""
        light, variances = self.light_shares[pairs], self.table.variances_um2
        predicted = light**2 * variances[self.first[pairs]]
        predicted += (1 - light) ** 2 * variances[self.second[pairs]]
        errors = (_POSITION_ERROR * self.sizes_um[pairs]) ** 2
        errors += CENTRE_ERROR**2 * (self.gaps_um[pairs] ** 2).sum(axis=1)
        return predicted + errors + self.table.noises_um2[self.first[pairs]]

    def _misfits_of_both(
        self, pairs: Indices, measurements: Measurements, columns: Indices
    ) -> tuple[Floats, Floats]:
        """Squared misfits of positions and of appearance if measurements show both.

        At a distance of d sizes, the size is expected to be larger by the root of 1 + d²: about
        as much as that of a box around both.
        """
        appearance = self.table.appearance
        first, second = appearance[self.first[pairs]], appearance[self.second[pairs]]
        growth = 0.5 * np.log1p(np.minimum(self.distances[pairs], MOST_DISTANCE) ** 2)
        with np.errstate(invalid="ignore"):
            lights = np.logaddexp(first[:, 1], second[:, 1])
        expected = np.column_stack([np.log(self.sizes_um[pairs]) + growth, lights])
        misses_um = measurements.positions_um[columns] - self._middles_um[pairs]
        squares = (misses_um**2).sum(axis=1) / self._spreads_um2(pairs)
        unlike = misfits(expected, measurements.appearance[columns], MERGED_SPREAD)
        return np.minimum(squares, MOST_SQUARE), unlike

    def _costs_of_first(
        self, pairs: Indices, measurements: Measurements, columns: Indices
    ) -> Floats:
        """Negative log likelihoods, times two, that measurements show the first of a pair only."""
        first = self.first[pairs]
        spreads = self.table.variances_um2[first] + self.table.noises_um2[first]
        spreads += (_POSITION_ERROR * self.sizes_um[pairs]) ** 2
        misses_um = measurements.positions_um[columns] - self.table.means_um[first]
        squares = np.minimum((misses_um**2).sum(axis=1) / spreads, MOST_SQUARE)
        unlike = misfits(
            self.table.appearance[first], measurements.appearance[columns], MERGED_SPREAD
        )
        return squares + 2 * np.log(spreads) + unlike
