"""Tracks as columns, with what is predicted of them for a frame."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace

import numpy as np

from ...models.arrays import Bools, Floats, Indices
from ...models.predictors import EstimatesNoise, Forecast, Predictor
from .registration import Registered
from .track import Track, slots_of

_MOST_NOISE = 0.15
"""Greatest standard deviation, in sizes, of a measurement that nothing disturbs. Chosen: beyond,
it is the object that shakes."""


@dataclass(frozen=True, slots=True, eq=False)
class TrackTable:
    """N tracks as columns, as they are when a frame comes.

    Attributes
    ----------
    tracks : list of Track
    means_um, covs_um2 : (N, 2), (N, 2, 2)
        Where they are predicted to be in that frame.
    noises_um2 : (N,)
        Variances of their measurements along one axis, if nothing disturbs them.
    sizes_um, appearance, kinds, hits : (N,), (N, 2), (N,), (N,)
        As of a track.
    confirmed, seen_before, located, wanted : (N,)
        Which are confirmed, which were seen in the frame before, of which it is known where they
        are: seen then, or occluded for not too long; and which are followed.
    """

    tracks: list[Track]
    means_um: Floats
    covs_um2: Floats
    noises_um2: Floats
    sizes_um: Floats
    appearance: Floats
    kinds: Indices
    hits: Indices
    confirmed: Bools
    seen_before: Bools
    located: Bools
    wanted: Bools

    @classmethod
    def of(
        cls,
        tracks: list[Track],
        forecast: Forecast,
        noises_um2: Floats,
        wanted: Collection[int] = (),
    ) -> TrackTable:
        """Tracks, their predictions and the noise of their measurements, in the same order.

        ``wanted`` are the identities of those that are followed.
        """
        return cls(
            tracks,
            forecast.means_um[:, :2],
            forecast.covs_um2[:, :2, :2],
            noises_um2,
            np.array([track.size_um for track in tracks]),
            np.array([track.appearance for track in tracks]).reshape(-1, 2),
            np.array([track.kind for track in tracks], np.intp),
            np.array([track.hits for track in tracks], np.intp),
            np.array([track.id > 0 for track in tracks], np.bool_),
            np.array([track.seen_um is not None for track in tracks], np.bool_),
            np.array([track.is_located for track in tracks], np.bool_),
            np.array([track.id in wanted for track in tracks], np.bool_),
        )

    def rows_of(self, registered: Mapping[int, Registered]) -> dict[int, Registered]:
        """Registrations by row instead of by identity, none more precise than a measurement."""
        found = {row: registered[t.id] for row, t in enumerate(self.tracks) if t.id in registered}
        for row, one in found.items():
            one.variance_um2 = max(one.variance_um2, float(self.noises_um2[row]))
        return found

    def sharpened(self, found: Mapping[int, Registered]) -> TrackTable:
        """The same with the predictions of some rows sharpened by registrations."""
        if not found:
            return self
        means_um, covs_um2 = self.means_um.copy(), self.covs_um2.copy()
        for row, one in found.items():
            means_um[row], covs_um2[row] = one.sharpen(means_um[row], covs_um2[row])
        return replace(self, means_um=means_um, covs_um2=covs_um2)

    @property
    def variances_um2(self) -> Floats:
        """Variances of the positions along one axis, (N,)."""
        return (self.covs_um2[:, 0, 0] + self.covs_um2[:, 1, 1]) / 2

    def at(self, rows: Indices) -> list[Track]:
        """Some of the tracks."""
        return [self.tracks[row] for row in rows.tolist()]

    def others(self, rows: Indices) -> Indices:
        """Rows that are not among these."""
        other = np.ones(len(self.tracks), np.bool_)
        other[rows] = False
        return np.flatnonzero(other)


def noise_scales(predictor: Predictor, tracks: list[Track], stated_um2: float) -> Floats:
    """By how much measurements of each track vary more than is stated, (N,), as far as known.

    ``stated_um2`` is the variance along one axis.
    """
    if not isinstance(predictor, EstimatesNoise):
        return np.ones(len(tracks))
    sizes_um = np.array([track.size_um for track in tracks])
    most = np.maximum((_MOST_NOISE * sizes_um) ** 2 / stated_um2, 1)
    return np.clip(predictor.noise_scales(slots_of(tracks)), 1, most)
