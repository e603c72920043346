"""Objects that overlap: who hides in whose sighting."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from .assignment import Bools, Floats, Indices, nearby
from .measurements import Sightings
from .track import Roll

_REACH = 2.1
"""Distance, in sizes, within which two may be seen as one, however surely they are apart."""
CENTRE = 0.1
"""Error of the common middle in a sighting of both, in sizes, or in their distance if larger."""
WIDEST = 2.0
"""Greatest distance, in sizes, that is believed of two in one sighting."""
_PLACE = 0.15
"""Error of a place, in sizes, however surely it is believed, when it is asked who was seen."""
_LIGHT, _GROWTH = 0.25, 0.15
"""Relative errors of the light and of the size that two are expected to have together."""
_STRANGE, _MOST = 40.0, 9.0
"""Squared misfits, of a place and of a trait, beyond which they count no more."""
_GATE = 13.8
"""Squared Mahalanobis distance that 99.9 % of sightings of both stay below (chi², plane)."""


@dataclass(frozen=True, slots=True, eq=False)
class Shares:
    """Which track has which sighting, alone or together with another.

    Attributes
    ----------
    columns : (N,)
        Sighting of each track, -1 for none.
    hosts : (N,)
        Row of the track in whose sighting each hides, -1 if it does not.
    free : (S,)
        Which sightings hold no track.
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
        """Rows of those that have a sighting and do not hide in it."""
        return np.flatnonzero((self.columns >= 0) & (self.hosts < 0))


class Overlaps:
    """Confirmed tracks that are believed to lie so close that they may be seen as one.

    Each pair is there twice, with either of them first.

    Parameters
    ----------
    roll : Roll
    noise_um2 : float
        Variance of an undisturbed sighting along one axis.

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

    def __init__(self, roll: Roll, noise_um2: float) -> None:
        self.roll, self.noise_um2 = roll, noise_um2
        rows = np.flatnonzero(roll.confirmed & np.isfinite(roll.looks[:, 0]))
        places_um, sizes_um = roll.means_um[rows], np.exp(roll.looks[rows, 0])
        one, other = nearby(places_um, _REACH * sizes_um, places_um)
        gaps_um = places_um[other] - places_um[one]
        apart = np.hypot(*gaps_um.T) * 2 / (sizes_um[one] + sizes_um[other])
        near = (apart < _REACH) & (one != other)
        self.one, self.other = rows[one[near]], rows[other[near]]
        self.gaps_um, self.apart = gaps_um[near], apart[near]
        self.sizes_um = np.sqrt(sizes_um[one[near]] * sizes_um[other[near]])
        ratios = np.exp(roll.looks[self.other, 1] - roll.looks[self.one, 1])
        self.lights = np.where(np.isfinite(ratios), 1 / (1 + ratios), 0.5)

    def __len__(self) -> int:
        return len(self.one)

    def share(self, rows: Indices, columns: Indices, sightings: Sightings) -> Shares:
        """Find out who else is in the sightings that were given to tracks, and in the others."""
        own, free = np.full(len(self.roll.tracks), -1), np.ones(len(sightings), np.bool_)
        own[rows], free[columns] = columns, False
        hosts = np.full_like(own, -1)
        if len(self):
            self._claim(own, free, sightings)
            self._hide(own, hosts, sightings)
        return Shares(own, hosts, free)

    def _claim(self, own: Indices, free: Bools, sightings: Sightings) -> None:
        """Let pairs claim the sightings of both that were given to neither."""
        left = np.flatnonzero(free)
        if not len(left):
            return
        pairs, at = nearby(self._middles_um, self.sizes_um, sightings.positions_um[left])
        columns = left[at]
        squares, unlike = self._misfits_of_both(pairs, sightings, columns)
        fits = (squares < _GATE) & (unlike < _MOST)
        pairs, columns = pairs[fits], columns[fits]
        best = first_of_each(columns, (squares + unlike)[fits])
        pairs, columns = pairs[best], columns[best]
        free[columns] = False
        unseen = (own[self.one[pairs]] < 0) & (own[self.other[pairs]] < 0)
        own[self.one[pairs[unseen]]] = columns[unseen]

    def _hide(self, own: Indices, hosts: Indices, sightings: Sightings) -> None:
        """Let those that were not seen hide where a sighting is rather of both than of one."""
        pairs = np.flatnonzero((own[self.one] >= 0) & (own[self.other] < 0))
        if not len(pairs):
            return
        columns = own[self.one[pairs]]
        squares, unlike = self._misfits_of_both(pairs, sightings, columns)
        costs = squares + unlike + 2 * np.log(self._spreads_um2(pairs))
        rather = costs < self._costs_of_one(pairs, sightings, columns)
        pairs, columns = pairs[rather], columns[rather]
        best = first_of_each(self.other[pairs], costs[rather])
        hiding = self.other[pairs[best]]
        own[hiding], hosts[hiding] = columns[best], self.one[pairs[best]]

    @property
    def _middles_um(self) -> Floats:
        """Centres of the light of pairs, (P, 2)."""
        return self.roll.means_um[self.one] + (1 - self.lights)[:, None] * self.gaps_um

    def _spreads_um2(self, pairs: Indices) -> Floats:
        """Variances of sightings of both along one axis."""
        light, variances = self.lights[pairs], self.roll.variances_um2
        believed = light**2 * variances[self.one[pairs]]
        believed += (1 - light) ** 2 * variances[self.other[pairs]]
        errors = (_PLACE * self.sizes_um[pairs]) ** 2
        errors += CENTRE**2 * (self.gaps_um[pairs] ** 2).sum(axis=1)
        return believed + errors + self.noise_um2

    def _misfits_of_both(
        self, pairs: Indices, sightings: Sightings, columns: Indices
    ) -> tuple[Floats, Floats]:
        """Squared misfits of places, and of looks, if sightings show both."""
        one, other = self.roll.looks[self.one[pairs]], self.roll.looks[self.other[pairs]]
        wider = 0.5 * np.log1p(np.minimum(self.apart[pairs], WIDEST) ** 2)
        sizes = np.log(self.sizes_um[pairs]) + wider
        with np.errstate(invalid="ignore"):
            lights = np.logaddexp(one[:, 1], other[:, 1])
        misses_um = sightings.positions_um[columns] - self._middles_um[pairs]
        squares = (misses_um**2).sum(axis=1) / self._spreads_um2(pairs)
        looks = np.column_stack([sizes, lights])
        return np.minimum(squares, _STRANGE), _unlike(sightings.looks[columns], looks)

    def _costs_of_one(self, pairs: Indices, sightings: Sightings, columns: Indices) -> Floats:
        """Negative log likelihoods, times two, that sightings show the first of a pair only."""
        one = self.one[pairs]
        spreads = self.roll.variances_um2[one] + self.noise_um2
        spreads += (_PLACE * self.sizes_um[pairs]) ** 2
        squares = ((sightings.positions_um[columns] - self.roll.means_um[one]) ** 2).sum(axis=1)
        unlike = _unlike(sightings.looks[columns], self.roll.looks[one])
        return np.minimum(squares / spreads, _STRANGE) + 2 * np.log(spreads) + unlike


def _unlike(looks: Floats, expected: Floats) -> Floats:
    """Squared misfits of looks (K, 2), the traits that are known."""
    squares = ((looks - expected) / (_GROWTH, _LIGHT)) ** 2
    return np.where(np.isfinite(squares), np.minimum(squares, _MOST), 0.0).sum(axis=1)


def first_of_each(names: Indices, costs: Floats) -> Indices:
    """Indices of the least cost for each name, by the order of names."""
    order = np.argsort(costs, kind="stable")
    return order[np.unique(names[order], return_index=True)[1]]
