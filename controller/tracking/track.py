"""One object over time, and all of them as columns."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from ...models.arrays import Bools, Floats, Indices
from ...models.predictors import Forecast, Prediction, Predictor
from .measurements import Measurements

PAST = 50
"""Measurements whose appearance are remembered."""


@dataclass(eq=False, slots=True)
class Track:
    """One object over time.

    Attributes
    ----------
    predictor, slot : Predictor, int
        Who knows its motion, and under which number.
    prediction : Prediction
        Where it is believed to be at the last frame, that frame's measurement included.
    id : int
        Unique within a session; 0 until the track is confirmed.
    hits, misses : int
        Measurements in all; frames since the last one in which it was missed.
    seen_um : (2,) or None
        Where it was sighted in the last frame.
    size_um, brightness, score, kind : float, float, float, int
        Of the last measurement; ``kind`` is the index of its class.
    appearance : (2,)
        Logarithms of its usual size and brightness.
    past : deque of (2,)
        Logarithms of size and brightness in the last measurements by itself.
    born_ns, seen_ns : int
        Instants of the first and of the last measurement.
    merged_with : int
        Identity of the track in whose measurements it hides at present; 0 if it does not.
    parents : tuple of int
        Identity of the mother, if it is a daughter.
    """

    predictor: Predictor = field(repr=False)
    slot: int
    prediction: Prediction
    id: int = 0
    hits: int = 0
    misses: int = 0
    seen_um: NDArray[np.float64] | None = field(default=None, repr=False)
    size_um: float = 0.0
    brightness: float = 0.0
    score: float = 0.0
    kind: int = 0
    appearance: tuple[float, float] = (math.nan, math.nan)
    past: deque[tuple[float, float]] = field(default_factory=lambda: deque(maxlen=PAST), repr=False)
    born_ns: int = 0
    seen_ns: int = 0
    merged_with: int = 0
    parents: tuple[int, ...] = ()

    @property
    def confirmed(self) -> bool:
        """Whether there is enough evidence that the object exists."""
        return self.id > 0

    @property
    def sigma_um(self) -> float:
        """Standard deviation of its position along one axis."""
        return float(np.sqrt(self.prediction.cov_um2[:2, :2].trace() / 2))

    def watch(self, at_ns: int) -> None:
        """Announce that it is followed, and that its position at an instant is acted on."""
        self.predictor.watch(np.array([self.slot]), at_ns)

    def predict(self, at_ns: int) -> Prediction:
        """Say where it will be at an instant, at any horizon."""
        return self.predictor.predict(np.array([self.slot]), at_ns)[0]


@dataclass(frozen=True, slots=True, eq=False)
class TrackTable:
    """N tracks as columns: how they stand when a frame comes.

    Attributes
    ----------
    tracks : list of Track
    means_um, covs_um2 : (N, 2), (N, 2, 2)
        Where they are believed to be in that frame.
    sizes_um, appearance, kinds, hits : (N,), (N, 2), (N,), (N,)
        As of a `Track`.
    confirmed, lately : (N,)
        Which are confirmed, and which were seen in the frame before.
    """

    tracks: list[Track]
    means_um: Floats
    covs_um2: Floats
    sizes_um: Floats
    appearance: Floats
    kinds: Indices
    hits: Indices
    confirmed: Bools
    lately: Bools

    @classmethod
    def of(cls, tracks: list[Track], forecast: Forecast) -> TrackTable:
        """Tracks and where they are believed to be, in the same order."""
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
        """Variances of the places along one axis, (N,)."""
        return (self.covs_um2[:, 0, 0] + self.covs_um2[:, 1, 1]) / 2

    def at(self, rows: Indices) -> list[Track]:
        """Some of the tracks."""
        return [self.tracks[row] for row in rows.tolist()]

    def others(self, rows: Indices) -> Indices:
        """Rows that are not among these."""
        other = np.ones(len(self.tracks), np.bool_)
        other[rows] = False
        return np.flatnonzero(other)


def slots_of(tracks: Iterable[Track]) -> Indices:
    """Under which numbers their predictor knows them, (N,)."""
    return np.array([track.slot for track in tracks], np.intp)


def note(
    tracks: Sequence[Track],
    measurements: Measurements,
    columns: Indices,
    appearance: Floats,
    at_ns: int,
    alone: Bools,
) -> None:
    """Note on each track its measurement of an instant, and its usual appearance now, (N, 2).

    What a measurement looked like is remembered of those that were seen ``alone``, (N,).
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
        alone.tolist(),
        strict=True,
    )
    for track, seen_um, size_um, brightness, score, kind, now, usual, by_itself in noted:
        track.seen_ns, track.seen_um = at_ns, seen_um
        track.size_um, track.brightness = size_um, brightness
        track.score, track.kind = score, kind
        track.appearance = usual
        if by_itself:
            track.past.append(now)
        track.hits += 1
        track.misses = 0


def exchange(one: Track, other: Track) -> None:
    """Let two tracks that were taken for each other change identities, but not places."""
    for name in ("id", "hits", "appearance", "past", "born_ns", "parents"):
        mine, others = getattr(one, name), getattr(other, name)
        setattr(one, name, others)
        setattr(other, name, mine)
