"""What the tracker writes about each object; others see it as a `Track`."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

import numpy as np

from ...models.arrays import Bools, Floats, Indices
from ...models.predictors import Forecast, Prediction, Predictor
from .measurements import Measurements

_REMEMBERED = 50
"""Measurements whose appearance is remembered. Chosen: enough for a quantile of what a mother
looked like before her division began."""

Appearance = tuple[float, float]
"""Logarithms of size and brightness, NaN for an unknown one."""


@dataclass(eq=False, slots=True)
class TrackRecord:
    """One object over time: a `Track`, and what only the tracker needs.

    Attributes
    ----------
    predictor, slot : Predictor, int
        What predicts its motion, and under which number.
    id : int
        0 until the track is confirmed.
    hits : int
        Measurements in all.
    kind : int
        Index of the class in the last measurement.
    past : deque of (2,)
        Appearance in the last measurements that nothing disturbed.
    seen_ns : int
        Instant of the last measurement.
    """

    predictor: Predictor = field(repr=False)
    slot: int
    prediction: Prediction
    id: int = 0
    hits: int = 0
    misses: int = 0
    seen_um: Floats | None = field(default=None, repr=False)
    size_um: float = 0.0
    brightness: float = 0.0
    score: float = 0.0
    kind: int = 0
    appearance: Appearance = (math.nan, math.nan)
    past: deque[Appearance] = field(default_factory=lambda: deque(maxlen=_REMEMBERED), repr=False)
    born_ns: int = 0
    seen_ns: int = 0
    occluder: int = 0
    parents: tuple[int, ...] = ()

    @property
    def confirmed(self) -> bool:
        """Whether there is enough evidence that the object exists."""
        return self.id > 0

    @property
    def sigma_um(self) -> float:
        """Standard deviation of its position along one axis."""
        return float(np.sqrt(self.prediction.cov_um2[:2, :2].trace() / 2))

    @property
    def last_appearance(self) -> Appearance:
        """Its appearance in the last measurement."""
        return _log(self.size_um), _log(self.brightness)

    @property
    def recent_measurements(self) -> int:
        """Measurements undisturbed by others, as far as they are remembered."""
        return len(self.past)

    def watch(self, at_ns: int) -> None:
        """Announce that it is followed, and that its position at an instant is acted on."""
        self.predictor.watch(np.array([self.slot]), at_ns)

    def predict(self, at_ns: int) -> Prediction:
        """Say where it will be at an instant, at any horizon."""
        return self.predictor.predict(np.array([self.slot]), at_ns)[0]

    def become_daughter(self, id: int, mother: int) -> None:
        """Take an identity of its own after a division; the mother's appearance is forgotten."""
        self.id, self.parents = id, (mother,)
        self.appearance = self.last_appearance
        self.past.clear()
        self.past.append(self.appearance)

    def become(self, lost: TrackRecord) -> None:
        """Take the identity of a lost track, which it is."""
        self.id, self.parents = lost.id, ()

    def exchange_identity(self, other: TrackRecord) -> None:
        """Change identities with another, but not places, after one was taken for the other."""
        for name in ("id", "hits", "appearance", "past", "born_ns", "parents"):
            own, others = getattr(self, name), getattr(other, name)
            setattr(self, name, others)
            setattr(other, name, own)


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


def slots_of(tracks: Iterable[TrackRecord]) -> Indices:
    """Under which numbers their predictor knows them, (N,)."""
    return np.array([track.slot for track in tracks], np.intp)


def note_measurements(
    tracks: Sequence[TrackRecord],
    measurements: Measurements,
    columns: Indices,
    appearance: Floats,
    at_ns: int,
    undisturbed: Bools,
) -> None:
    """Note on tracks their measurements of an instant.

    Parameters
    ----------
    tracks : sequence of TrackRecord
    measurements : Measurements
    columns : (N,)
        The measurement of each.
    appearance : (N, 2)
        Usual appearance of each, with this measurement.
    at_ns : int
    undisturbed : (N,)
        Of which the appearance in this measurement is remembered.
    """
    noted = zip(
        tracks,
        measurements.positions_um[columns],
        measurements.sizes_um[columns].tolist(),
        measurements.brightness[columns].tolist(),
        measurements.scores[columns].tolist(),
        measurements.classes[columns].tolist(),
        zip(*measurements.appearance[columns].T.tolist(), strict=True),
        zip(*appearance.T.tolist(), strict=True),
        undisturbed.tolist(),
        strict=True,
    )
    for track, seen_um, size_um, brightness, score, kind, now, usual, is_undisturbed in noted:
        track.seen_ns, track.seen_um = at_ns, seen_um
        track.size_um, track.brightness = size_um, brightness
        track.score, track.kind = score, kind
        track.appearance = usual
        if is_undisturbed:
            track.past.append(now)
        track.hits += 1
        track.misses = 0


def _log(value: float) -> float:
    return math.log(value) if value > 0 else math.nan
