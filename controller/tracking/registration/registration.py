"""Registration: where the own images of followed objects are found again, as measurements."""

from __future__ import annotations

import math
from collections.abc import Collection, Sequence

import numpy as np

from ....drivers.messages import Frame
from ....models.arrays import Bools, Floats
from ....models.predictors import Forecast, Prediction
from ..field_geometry import FieldGeometry
from ..track import Track
from .known import AGREE, LEAST_Z, MEMORY, Known
from .own_image import OwnImage
from .registered import Registered

_LEAST_SIGMA, _MOST_SIGMA = 0.2, 0.5
"""Least and greatest standard deviation, in sizes, with which an object is looked for around where
it is predicted. Chosen: objects turn more sharply than they ever did; farther than three halves
of its size is another."""
_BODY = 0.7
"""Distance, in sizes, within which an object is taken for itself: as in `matching`."""
_BESIDE = 2.0
"""Distance, in sizes, within which another could be taken for an object. Chosen: where their boxes
begin to disturb each other, and a step."""
_RIVALS, _CERTAIN, _PATIENCE = 4.0, 3, 10
"""Distance, in sizes, within which another may be what a track was; frames for which it must look
like it and the track not; and frames after which what looks different has changed. Chosen."""
_COMPARED = 3
"""Of the others, the nearest that are compared with an object in each frame. Chosen: they are the
first that it may be taken for."""
_MOST_CANDIDATES = 6
"""Of the measurements, the nearest that are compared with an object before it is given one."""
_SHARE = 0.3
"""Of the newest in the own image. Chosen on movies made of stills: 0.2 was as good, 1 drifts off,
0.1 lags behind turns; other movies than those of the bench."""
_OTHER_SIZE = 1.5
"""Factor between sizes from which the own image is taken anew. Chosen: an object that grew so has
left its square."""


class Registration:
    """Finds followed objects again by their own images, between detections and beside them."""

    def __init__(self, geometry: FieldGeometry) -> None:
        self._geometry = geometry
        self._known: dict[int, Known] = {}

    def find(
        self, tracks: Sequence[Track], forecast: Forecast, frame: Frame
    ) -> dict[int, Registered]:
        """Where followed objects are found in a frame for which tracks are predicted, by identity.

        Left out is one that is not found, and one with another beside it that looks like it.
        """
        found = {}
        for row, track in enumerate(tracks):
            known = self._known.get(track.id)
            if known is None:
                continue
            known.found = self._find(known, track, forecast[row], frame)
            beside = known.is_like_others and _beside(track, tracks, _BESIDE * track.usual_size_um)
            if known.found is not None and not beside:
                found[track.id] = known.found
        return found

    def misfits(
        self, tracks: Sequence[Track], means_um: Floats, positions_um: Floats, frame: Frame
    ) -> dict[int, Floats]:
        """How little measurements, at (N, 2), look like followed objects, squared, by row.

        It is 0 for what is too far from where a track is predicted, (T, 2), to be compared.
        """
        misfits: dict[int, Floats] = {}
        if not self._known or not len(positions_um):
            return misfits
        for row, track in enumerate(tracks):
            known = self._known.get(track.id)
            if known is None:
                continue
            gaps_um = np.hypot(*(positions_um - means_um[row]).T)
            near = np.argsort(gaps_um)[:_MOST_CANDIDATES]
            near = near[gaps_um[near] < _RIVALS * track.usual_size_um]
            misfits[row] = np.zeros(len(positions_um))
            for column in near.tolist():
                z = self._z_at(known, positions_um[column], frame)
                misfits[row][column] = known.misfit(z)
        return misfits

    def accepted(
        self,
        tracks: Sequence[Track],
        positions_um: Floats,
        measured_um: Floats,
        frame: Frame,
    ) -> Bools:
        """Which matches are believed, (K,), of tracks predicted at (K, 2) and measured at (K, 2).

        A followed object that was missed in the last frame, or did not look like itself, may be
        far from where it is predicted: what is not within its body must look like it, if its image
        is known and no other is like it.
        """
        believed = np.ones(len(tracks), np.bool_)
        for k, track in enumerate(tracks):
            known = self._known.get(track.id)
            if known is None or (track.misses == 0 and known.doubts == 0):
                continue
            if np.hypot(*(measured_um[k] - positions_um[k])) > _BODY * track.usual_size_um:
                believed[k] = known.allows(self._z_at(known, measured_um[k], frame))
        return believed

    def learn(self, followed: Collection[int], tracks: Sequence[Track], frame: Frame) -> None:
        """Learn how objects look in a frame in which they were seen; forget those not followed."""
        kept = {id: one for id, one in self._known.items() if id in followed}
        for track in tracks:
            begun = track.id in kept or track.seen_um is not None
            if track.id in followed and begun and track.usual_size_um > 0:
                kept[track.id] = self._learn(track, tracks, frame)
        self._known = kept

    def swapped(self, tracks: Sequence[Track], frame: Frame) -> list[tuple[Track, Track]]:
        """Pairs of a followed track and the one that must be what it was.

        What has its identity has not looked like it for some frames, and the other has.
        """
        pairs = []
        for track in tracks:
            known = self._known.get(track.id)
            if known is None or track.seen_ns != frame.exposed_ns:
                continue
            if self._is_itself(known, track, frame):
                known.doubts = known.votes = 0
                continue
            rival = self._rival(known, track, tracks, frame)
            known.vote(rival.id if rival else 0)
            if rival and known.votes >= _CERTAIN and not known.is_like_others:
                pairs.append((track, rival))
                known.doubts = known.votes = 0
        return pairs

    def _is_itself(self, known: Known, track: Track, frame: Frame) -> bool:
        """Whether what was detected looks like the object: it was found there, or is compared."""
        if known.found is not None and track.seen_um is not None:
            away_um = float(np.hypot(*(track.seen_um - known.found.position_um)))
            if away_um < AGREE * track.usual_size_um:
                return True
        return self._z_of(known, track, frame) > known.least_z

    def _rival(
        self, known: Known, track: Track, tracks: Sequence[Track], frame: Frame
    ) -> Track | None:
        """Which of the others that were detected near a track looks most like what it was."""
        near = [t for t in _beside(track, tracks, _RIVALS * track.usual_size_um) if t.confirmed]
        seen = [t for t in near if t.seen_ns == frame.exposed_ns and t.id not in self._known]
        alike = [(self._z_of(known, one, frame), one) for one in seen]
        z, best = max(alike, key=lambda pair: pair[0], default=(-math.inf, None))
        return best if z > known.least_z else None

    def _z_of(self, known: Known, track: Track, frame: Frame) -> float:
        """How well what a track shows correlates with an own image, as Fisher's z."""
        return self._z_at(known, track.prediction.mean_um[:2], frame)

    def _z_at(self, known: Known, position_um: Floats, frame: Frame) -> float:
        at_px = np.array(self._geometry.pixel_of(position_um, frame))
        return _z(known.image.correlation_at(frame.image, at_px))

    def _find(
        self, known: Known, track: Track, prediction: Prediction, frame: Frame
    ) -> Registered | None:
        size_um = track.usual_size_um
        spread_um = float(np.sqrt(prediction.cov_um2[:2, :2].trace() / 2))
        if not math.isfinite(spread_um):
            return None
        sigma_um = min(max(spread_um, _LEAST_SIGMA * size_um), _MOST_SIGMA * size_um)
        at_px = np.array(self._geometry.pixel_of(prediction.mean_um[:2], frame))
        place = known.image.find(frame.image, at_px, sigma_um / self._geometry.pixel_um)
        if place is None or place[1] < known.least_correlation:
            return None
        known.found_z = _z(place[1])
        position_um = self._geometry.position_of(place[0], frame)
        return Registered(position_um, known.variance_um2, size_um)

    def _learn(self, track: Track, tracks: Sequence[Track], frame: Frame) -> Known:
        size_px = track.usual_size_um / self._geometry.pixel_um
        at_px = np.array(self._geometry.pixel_of(track.prediction.mean_um[:2], frame))
        known = self._known.get(track.id)
        if known is None or not 1 / _OTHER_SIZE < size_px / known.image.size_px < _OTHER_SIZE:
            known = Known(OwnImage(frame.image, at_px, size_px), track.usual_size_um)
            self._compare(known, track, tracks, frame)
            return known
        is_detected = track.seen_ns == frame.exposed_ns
        known.learn(track.seen_um if is_detected else None, track.usual_size_um)
        is_itself = known.doubts == 0 or known.doubts > _PATIENCE
        if is_itself:
            self._compare(known, track, tracks, frame)
        if is_itself and is_detected:
            known.image.learn(frame.image, at_px, _SHARE)
        known.found = None
        return known

    def _compare(self, known: Known, track: Track, tracks: Sequence[Track], frame: Frame) -> None:
        """Note how much the most similar of the others that were seen looks like an object."""
        apart = [
            one
            for one in tracks
            if one.seen_um is not None and _gap_um(one, track) > track.usual_size_um
        ]
        if apart:
            known.others_z -= (known.others_z - LEAST_Z) / MEMORY
        for other in sorted(apart, key=lambda one: _gap_um(one, track))[:_COMPARED]:
            known.others_z = max(known.others_z, self._z_of(known, other, frame))


def _beside(track: Track, tracks: Sequence[Track], within_um: float) -> list[Track]:
    return [one for one in tracks if one is not track and _gap_um(one, track) < within_um]


def _gap_um(one: Track, other: Track) -> float:
    gap_um = one.prediction.mean_um[:2] - other.prediction.mean_um[:2]
    return math.hypot(*gap_um.tolist())


def _z(correlation: float) -> float:
    """Fisher's z of a correlation."""
    return math.atanh(min(max(correlation, -0.999), 0.999))
