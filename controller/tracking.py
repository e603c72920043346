"""Identity over time: which sighting belongs to which object, in stage coordinates."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Annotated

import msgspec
import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment

from ..drivers.messages import Frame
from ..models.predictors import Prediction, Predictor
from .sightings import Sightings, View

GATE = 13.8
"""Squared Mahalanobis distance that 99.9 % of true matches in the plane stay below (chi²)."""
BODY = 0.7
"""Share of its own size within which an object is taken for itself, however it got there."""
LEAST_BODY_PX = 2.0
"""The same for point-like objects: a shaken image must not look like another object."""
VAGUE_PX = 50.0
"""Spread at which an object outside the field counts as missed: it might be anywhere by now."""
_UNMEASURED = np.diag([0.0, 0.0, 1e9])
"""Covariance of a sighting but for x and y: a detector says nothing of z."""
_NO_MATCH = 1e6


class TrackingSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """When to believe in an object and when to give it up.

    Attributes
    ----------
    births : int
        Sightings in a row that make a track.
    coast_frames : int
        Frames without a sighting that a track survives, as long as its object should be in the
        field or nobody knows where it is.
    sigma_px : float
        Standard deviation of a detector's position along one axis.
    """

    births: Annotated[int, msgspec.Meta(ge=1)] = 2
    coast_frames: Annotated[int, msgspec.Meta(ge=0)] = 10
    sigma_px: Annotated[float, msgspec.Meta(gt=0, le=1e6)] = 0.15


@dataclass(eq=False, slots=True)
class Track:
    """One object over time.

    Attributes
    ----------
    id : int
        Unique within a session; 0 until the track is confirmed.
    predictor : Predictor
        Its motion so far.
    prediction : Prediction
        Where it is believed to be at the last frame, that frame's sighting included.
    hits, misses : int
        Sightings in all; frames since the last one in which it was missed.
    seen_um : (2,) or None
        Where it was sighted in the last frame.
    size_um, brightness, score : float
        Of the last sighting.
    """

    predictor: Predictor
    prediction: Prediction
    id: int = 0
    hits: int = 0
    misses: int = 0
    seen_um: NDArray[np.float64] | None = field(default=None, repr=False)
    size_um: float = 0.0
    brightness: float = 0.0
    score: float = 0.0

    @property
    def confirmed(self) -> bool:
        """Whether there is enough evidence that the object exists."""
        return self.id > 0

    @property
    def sigma_um(self) -> float:
        """Standard deviation of its position along one axis."""
        return float(np.sqrt(self.prediction.cov_um2[:2, :2].trace() / 2))


class Tracker:
    """Gated optimal assignment of sightings to tracks, births, coasting and deaths.

    Tracks live in stage µm: a moving stage does not look like a moving object, and an object
    that has left the field is not missed there until its whereabouts have become vague.

    Parameters
    ----------
    settings : TrackingSettings
    view : View
        Of the microscope.
    new_predictor : callable
        Makes the predictor of a new track.
    """

    def __init__(
        self, settings: TrackingSettings, view: View, new_predictor: Callable[[], Predictor]
    ) -> None:
        self._settings, self._view, self._new_predictor = settings, view, new_predictor
        self._tracks: list[Track] = []
        self._named = 0
        self._variance_um2 = (settings.sigma_px * view.pixel_um) ** 2
        self._least_body_um = LEAST_BODY_PX * view.pixel_um
        self._vague_um = VAGUE_PX * view.pixel_um

    def update(self, sightings: Sightings, frame: Frame) -> list[Track]:
        """Take in the sightings of a frame and return the confirmed tracks."""
        for track in self._tracks:
            track.prediction = track.predictor.predict(frame.exposed_ns)
            track.seen_um = None
        taken = self._assign(sightings, frame)
        self._count_misses(sightings, frame)
        narrow = sightings.looked_px is not None
        self._tracks = [track for track in self._tracks if self._alive(track, narrow)]
        for row in np.flatnonzero(~taken).tolist():
            self._tracks.append(self._born(sightings, row, frame))
        return [track for track in self._tracks if track.confirmed]

    def _assign(self, sightings: Sightings, frame: Frame) -> NDArray[np.bool_]:
        """Match sightings with tracks; return which sightings were taken."""
        taken = np.zeros(len(sightings), bool)
        if not self._tracks or not len(sightings):
            return taken
        costs = self._costs(sightings, self._noise_um2(frame))
        for t, s in zip(*linear_sum_assignment(costs), strict=True):
            if costs[t, s] < _NO_MATCH:
                self._sight(self._tracks[t], sightings, int(s), frame)
                taken[s] = True
        return taken

    def _costs(self, sightings: Sightings, noise_um2: float) -> NDArray[np.float64]:
        """Negative log likelihood, but for constants, of every track (T) in every sighting (S).

        The inverse of the 2 x 2 covariances is written out: this is on the hot path.
        """
        means = np.array([track.prediction.mean_um for track in self._tracks])
        spreads = np.array([track.prediction.cov_um2 for track in self._tracks])
        bodies_um = np.array([max(BODY * t.size_um, self._least_body_um) for t in self._tracks])
        xx, xy, yy = (spreads[:, i, j, None] for i, j in ((0, 0), (0, 1), (1, 1)))
        xx, yy = xx + noise_um2, yy + noise_um2
        right = sightings.positions_um[:, 0] - means[:, 0, None]
        down = sightings.positions_um[:, 1] - means[:, 1, None]
        determinants = xx * yy - xy * xy
        squares = (yy * right**2 - 2 * xy * right * down + xx * down**2) / determinants
        near = right**2 + down**2 < bodies_um[:, None] ** 2
        costs = np.minimum(squares + np.log(determinants), _NO_MATCH / 2)
        costs[(squares >= GATE) & ~near] = _NO_MATCH
        return costs

    def _born(self, sightings: Sightings, row: int, frame: Frame) -> Track:
        """Begin a track with a sighting that no other took."""
        predictor = self._new_predictor()
        track = Track(predictor, self._measured(predictor, sightings.positions_um[row], frame))
        self._note(track, sightings, row)
        return track

    def _sight(self, track: Track, sightings: Sightings, row: int, frame: Frame) -> None:
        """Give a sighting to a track."""
        position = sightings.positions_um[row]
        track.prediction = self._measured(track.predictor, position, frame)
        self._note(track, sightings, row)

    def _measured(self, predictor: Predictor, position_um: NDArray, frame: Frame) -> Prediction:
        """Tell a predictor a position and return what it now believes."""
        noise = _UNMEASURED.copy()
        noise[0, 0] = noise[1, 1] = self._noise_um2(frame)
        predictor.update(frame.exposed_ns, (*position_um, frame.pose.z_um), noise)
        return predictor.predict(frame.exposed_ns)

    def _noise_um2(self, frame: Frame) -> float:
        """Variance of a sighting along one axis: the detector's and the stage's."""
        return self._variance_um2 + frame.pose.sigma_um**2

    def _note(self, track: Track, sightings: Sightings, row: int) -> None:
        """Note a sighting on its track, which gets its name if there were enough."""
        track.seen_um = sightings.positions_um[row]
        track.size_um = float(sightings.sizes_um[row])
        track.brightness = float(sightings.brightness[row])
        track.score = float(sightings.scores[row])
        track.hits += 1
        track.misses = 0
        if not track.confirmed and track.hits >= self._settings.births:
            self._named += 1
            track.id = self._named

    def _count_misses(self, sightings: Sightings, frame: Frame) -> None:
        """Count a frame against tracks that were not in it but should or might have been."""
        unseen = [track for track in self._tracks if track.seen_um is None]
        if not unseen:
            return
        means_um = np.array([track.prediction.mean_um[:2] for track in unseen])
        sizes_um = np.array([track.size_um for track in unseen])
        shown = self._view.shows(means_um, sizes_um, frame, sightings.looked_px)
        for track, inside in zip(unseen, shown, strict=True):
            track.misses += int(inside or track.sigma_um > self._vague_um)

    def _alive(self, track: Track, narrow: bool) -> bool:
        """Whether to keep a track after a frame of which all, or only a part, was looked at."""
        if track.confirmed:
            return track.misses <= self._settings.coast_frames
        return track.seen_um is not None or (narrow and track.misses == 0)
