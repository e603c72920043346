"""Objects that overlap: who hides in whose measurement."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ...models.arrays import Bools, Floats, Indices
from .assignment import nearby
from .measurements import Measurements
from .track import TrackTable

_REACH = 2.1
"""Distance, in sizes, within which two may be seen as one, however surely they are apart."""
CENTRE = 0.1
"""Error of the common middle in a measurement of both, in sizes, or in their distance if larger."""
WIDEST = 2.0
"""Greatest distance, in sizes, that is believed of two in one measurement."""
_PLACE = 0.15
"""Error of a place, in sizes, however surely it is believed, when it is asked who was seen."""
_LIGHT, _GROWTH = 0.25, 0.15
"""Relative errors of the light and of the size that two are expected to have together."""
_STRANGE, _MOST = 40.0, 9.0
"""Squared misfits, of a place and of a trait, beyond which they count no more."""
_GATE = 13.8
"""Squared Mahalanobis distance that 99.9 % of measurements of both stay below (chi², plane)."""


@dataclass(frozen=True, slots=True, eq=False)
class Shares:
    """Which track has which measurement, alone or together with another.

    Attributes
    ----------
    columns : (N,)
        Measurement of each track, -1 for none.
    hosts : (N,)
        Row of the track in whose measurement each hides, -1 if it does not.
    free : (S,)
        Which measurements hold no track.
    """

    columns: Indices
    hosts: Indices
    free: Bools

    @property
    def hiding(self) -> Indices:
        """Rows of those that hide."""
        return np.flatnonzero(self.hosts >= 0)

    @property
    def seen(self) -> Indices:
        """Rows of those that have a measurement and do not hide in it."""
        return np.flatnonzero((self.columns >= 0) & (self.hosts < 0))


class Overlaps:
    """Confirmed tracks that are believed to lie so close that they may be seen as one.

    Each pair is there twice, with either of them first.

    Parameters
    ----------
    table : TrackTable
    noise_um2 : float
        Variance of an undisturbed measurement along one axis.

    Attributes
    ----------
    one, other : (P,), (P,)
        Rows of the tracks of each pair.
    gaps_um, apart : (P, 2), (P,)
        From the one to the other; how far that is in sizes.
    sizes_um : (P,)
        Geometric mean of their usual sizes.
    lights : (P,)
        Share that the one has of the light of both.
    """

    def __init__(self, table: TrackTable, noise_um2: float) -> None:
        self.table, self.noise_um2 = table, noise_um2
        rows = np.flatnonzero(table.confirmed & np.isfinite(table.appearance[:, 0]))
        places_um, sizes_um = table.means_um[rows], np.exp(table.appearance[rows, 0])
        one, other = nearby(places_um, _REACH * sizes_um, places_um)
        gaps_um = places_um[other] - places_um[one]
        apart = np.hypot(*gaps_um.T) * 2 / (sizes_um[one] + sizes_um[other])
        near = (apart < _REACH) & (one != other)
        self.one, self.other = rows[one[near]], rows[other[near]]
        self.gaps_um, self.apart = gaps_um[near], apart[near]
        self.sizes_um = np.sqrt(sizes_um[one[near]] * sizes_um[other[near]])
        ratios = np.exp(table.appearance[self.other, 1] - table.appearance[self.one, 1])
        self.lights = np.where(np.isfinite(ratios), 1 / (1 + ratios), 0.5)

    def __len__(self) -> int:
        return len(self.one)

    def share(self, rows: Indices, columns: Indices, measurements: Measurements) -> Shares:
        """Find out who else is in the measurements that were given to tracks, and in the others."""
        own, free = np.full(len(self.table.tracks), -1), np.ones(len(measurements), np.bool_)
        own[rows], free[columns] = columns, False
        hosts = np.full_like(own, -1)
        if len(self):
            self._claim(own, free, measurements)
            self._hide(own, hosts, measurements)
        return Shares(own, hosts, free)

    def _claim(self, own: Indices, free: Bools, measurements: Measurements) -> None:
        """Let pairs claim the measurements of both that were given to neither."""
        left = np.flatnonzero(free)
        if not len(left):
            return
        pairs, at = nearby(self._middles_um, self.sizes_um, measurements.positions_um[left])
        columns = left[at]
        squares, unlike = self._misfits_of_both(pairs, measurements, columns)
        fits = (squares < _GATE) & (unlike < _MOST)
        pairs, columns = pairs[fits], columns[fits]
        best = first_of_each(columns, (squares + unlike)[fits])
        pairs, columns = pairs[best], columns[best]
        free[columns] = False
        unseen = (own[self.one[pairs]] < 0) & (own[self.other[pairs]] < 0)
        own[self.one[pairs[unseen]]] = columns[unseen]

    def _hide(self, own: Indices, hosts: Indices, measurements: Measurements) -> None:
        """Let those that were not seen hide where a measurement is rather of both than of one."""
        pairs = np.flatnonzero((own[self.one] >= 0) & (own[self.other] < 0))
        if not len(pairs):
            return
        columns = own[self.one[pairs]]
        squares, unlike = self._misfits_of_both(pairs, measurements, columns)
        costs = squares + unlike + 2 * np.log(self._spreads_um2(pairs))
        rather = costs < self._costs_of_one(pairs, measurements, columns)
        pairs, columns = pairs[rather], columns[rather]
        best = first_of_each(self.other[pairs], costs[rather])
        hiding = self.other[pairs[best]]
        own[hiding], hosts[hiding] = columns[best], self.one[pairs[best]]

    @property
    def _middles_um(self) -> Floats:
        """Centres of the light of pairs, (P, 2)."""
        return self.table.means_um[self.one] + (1 - self.lights)[:, None] * self.gaps_um

    def _spreads_um2(self, pairs: Indices) -> Floats:
        """Variances of measurements of both along one axis."""
        light, variances = self.lights[pairs], self.table.variances_um2
        believed = light**2 * variances[self.one[pairs]]
        believed += (1 - light) ** 2 * variances[self.other[pairs]]
        errors = (_PLACE * self.sizes_um[pairs]) ** 2
        errors += CENTRE**2 * (self.gaps_um[pairs] ** 2).sum(axis=1)
        return believed + errors + self.noise_um2

    def _misfits_of_both(
        self, pairs: Indices, measurements: Measurements, columns: Indices
    ) -> tuple[Floats, Floats]:
        """Squared misfits of places, and of appearance, if measurements show both."""
        one, other = (
            self.table.appearance[self.one[pairs]],
            self.table.appearance[self.other[pairs]],
        )
        wider = 0.5 * np.log1p(np.minimum(self.apart[pairs], WIDEST) ** 2)
        sizes = np.log(self.sizes_um[pairs]) + wider
        with np.errstate(invalid="ignore"):
            lights = np.logaddexp(one[:, 1], other[:, 1])
        misses_um = measurements.positions_um[columns] - self._middles_um[pairs]
        squares = (misses_um**2).sum(axis=1) / self._spreads_um2(pairs)
        appearance = np.column_stack([sizes, lights])
        return np.minimum(squares, _STRANGE), _unlike(measurements.appearance[columns], appearance)

    def _costs_of_one(self, pairs: Indices, measurements: Measurements, columns: Indices) -> Floats:
        """Negative log likelihoods, times two, that measurements show the first of a pair only."""
        one = self.one[pairs]
        spreads = self.table.variances_um2[one] + self.noise_um2
        spreads += (_PLACE * self.sizes_um[pairs]) ** 2
        squares = ((measurements.positions_um[columns] - self.table.means_um[one]) ** 2).sum(axis=1)
        unlike = _unlike(measurements.appearance[columns], self.table.appearance[one])
        return np.minimum(squares / spreads, _STRANGE) + 2 * np.log(spreads) + unlike


def _unlike(appearance: Floats, expected: Floats) -> Floats:
    """Squared misfits of appearance (K, 2), the traits that are known."""
    squares = ((appearance - expected) / (_GROWTH, _LIGHT)) ** 2
    return np.where(np.isfinite(squares), np.minimum(squares, _MOST), 0.0).sum(axis=1)


def first_of_each(names: Indices, costs: Floats) -> Indices:
    """Indices of the least cost for each name, by the order of names."""
    order = np.argsort(costs, kind="stable")
    return order[np.unique(names[order], return_index=True)[1]]
