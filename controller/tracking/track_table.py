"""All tracks as columns, for computing with them together."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ...models.arrays import Bools, Floats, Indices
from ...models.predictors import Forecast
from .track_record import TrackRecord


@dataclass(frozen=True, slots=True, eq=False)
class TrackTable:
    """N tracks as columns, as they are when a frame comes.

    Attributes
    ----------
    tracks : list of TrackRecord
    means_um, covs_um2 : (N, 2), (N, 2, 2)
        Where they are predicted to be in that frame.
    sizes_um, appearance, kinds, hits : (N,), (N, 2), (N,), (N,)
        As of a `TrackRecord`.
    confirmed, seen_before : (N,)
        Which are confirmed, and which were seen in the frame before.
    """

    tracks: list[TrackRecord]
    means_um: Floats
    covs_um2: Floats
    sizes_um: Floats
    appearance: Floats
    kinds: Indices
    hits: Indices
    confirmed: Bools
    seen_before: Bools

    @classmethod
    def of(cls, tracks: list[TrackRecord], forecast: Forecast) -> TrackTable:
        """Tracks and their predictions, in the same order."""
        return cls(
            tracks,
            forecast.means_um[:, :2],
            forecast.covs_um2[:, :2, :2],
            np.array([track.size_um for track in tracks]),
            np.array([track.appearance for track in tracks]).reshape(-1, 2),
            np.array([track.kind for track in tracks], np.intp),
            np.array([track.hits for track in tracks], np.intp),
            np.array([track.id > 0 for track in tracks], np.bool_),
            np.array([track.seen_um is not None for track in tracks], np.bool_),
        )

    @property
    def variances_um2(self) -> Floats:
        """Variances of the positions along one axis, (N,)."""
        return (self.covs_um2[:, 0, 0] + self.covs_um2[:, 1, 1]) / 2

    def at(self, rows: Indices) -> list[TrackRecord]:
        """Some of the tracks."""
        return [self.tracks[row] for row in rows.tolist()]

    def others(self, rows: Indices) -> Indices:
        """Rows that are not among these."""
        other = np.ones(len(self.tracks), np.bool_)
        other[rows] = False
        return np.flatnonzero(other)
