"""A track: what is known of one object over time."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from ...models.arrays import Bools, Floats, Indices
from ...models.predictors import Prediction, Predictor
from .field_geometry import Measurements

_REMEMBERED = 50
"""Measurements whose appearance is remembered. Chosen: enough for a quantile of what a mother
looked like before her division began."""

_OCCLUDED = 20
"""Frames for which an occluded object is known to be behind its occluder. Chosen: two that cross
are longer one measurement than apart, but who has been hidden for longer may be anywhere."""

Appearance = tuple[float, float]
"""Logarithms of size and brightness, NaN for an unknown one."""


@dataclass(eq=False, slots=True)
class Track:
    """One object over time, as the tracker knows it after the last frame.

    The tracker alone writes it. Whoever wants to know an object again later keeps its ``id``.

    Attributes
    ----------
    predictor, slot : Predictor, int
        What predicts its motion, and under which number.
    prediction : Prediction
        Where it was at the last frame, filtered: with that frame's measurement.
    id : int
        Identity, unique within a session, from 1; 0 until the track is confirmed.
    hits, misses : int
        Measurements in all, and frames since the last that should have shown it.
    unseen : int
        Frames since the last measurement, whether they should have shown it or not.
    seen_um : (2,), optional
        Where it was measured in the last frame.
    size_um, brightness, score, kind
        Of the last measurement: root of the area of its box, integrated signal or 0, confidence
        of the detector, index of the class.
    appearance : (2,)
        Its usual one.
    past : deque of (2,)
        Appearance in the last measurements that nothing disturbed.
    born_ns, seen_ns : int
        Instants of the first measurement, the mother's for the daughter in her place, and of
        the last.
    occluder : int
        Identity of the track that occludes it: they share a measurement; 0 without.
    shares : bool
        Whether it shares its measurement with another, on whichever side.
    parents : tuple of int
        Identity of the mother, if it is a daughter.
    """

    predictor: Predictor = field(repr=False)
    slot: int
    prediction: Prediction
    id: int = 0
    hits: int = 0
    misses: int = 0
    unseen: int = 0
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
    shares: bool = False
    parents: tuple[int, ...] = ()

    @property
    def confirmed(self) -> bool:
        """Whether there is enough evidence that the object exists."""
        return self.id > 0

    @property
    def is_located(self) -> bool:
        """Whether it was just seen, or has been occluded for not too long."""
        return self.seen_um is not None or (0 < self.unseen <= _OCCLUDED and self.occluder > 0)

    @property
    def sigma_um(self) -> float:
        """Standard deviation of its position along one axis."""
        return float(np.sqrt(self.prediction.cov_um2[:2, :2].trace() / 2))

    @property
    def last_appearance(self) -> Appearance:
        """Its appearance in the last measurement."""
        return _log(self.size_um), _log(self.brightness)

    @property
    def usual_size_um(self) -> float:
        """Its usual size."""
        return math.exp(self.appearance[0])

    @property
    def recent_measurements(self) -> int:
        """Measurements undisturbed by others since the last division, as far as remembered."""
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

    def become(self, lost: Track) -> None:
        """Take the identity of a lost track, which it is."""
        self.id, self.parents = lost.id, ()

    def exchange_identity(self, other: Track) -> None:
        """Change identities with another, but not places, after one was taken for the other."""
        for name in ("id", "hits", "appearance", "past", "born_ns", "parents"):
            own, others = getattr(self, name), getattr(other, name)
            setattr(self, name, others)
            setattr(other, name, own)


def note_occluders(tracks: Iterable[Track], occluders: Mapping[int, int]) -> None:
    """Note which tracks share a measurement, given the identity of the occluder of each behind."""
    sharing = {*occluders, *occluders.values()}
    for track in tracks:
        track.occluder = occluders.get(track.id, 0)
        track.shares = track.id in sharing


def slots_of(tracks: Iterable[Track]) -> Indices:
    """Under which numbers their predictor knows them, (N,)."""
    return np.array([track.slot for track in tracks], np.intp)


def note_measurements(
    tracks: Sequence[Track],
    measurements: Measurements,
    columns: Indices,
    appearance: Floats,
    at_ns: int,
    undisturbed: Bools,
) -> None:
    """Note on N tracks their measurements of an instant.

    ``appearance``, (N, 2), is the usual one of each with this measurement; that in the
    measurement is remembered of the ``undisturbed``.
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
        track.misses = track.unseen = 0


def _log(value: float) -> float:
    return math.log(value) if value > 0 else math.nan
