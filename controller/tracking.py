"""Identity over time: which sighting belongs to which object, in stage coordinates."""

from __future__ import annotations

import math
from typing import Annotated

import msgspec
import numpy as np

from ..drivers.messages import Frame
from ..models.predictors import Predictor
from .association import Indices
from .decision import Event
from .lineage import Lineage
from .matching import Matcher
from .sightings import Sightings, View
from .tracks import Track

_LEAST_BODY_PX = 2.0
VAGUE_PX = 50.0
"""Spread at which an object outside the field counts as missed: it might be anywhere by now."""
_LOOKS_MEMORY = 10.0
_PROVEN = 3
"""Sightings after which a new object may be found to be a daughter."""


class TrackingSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """When to believe in an object and when to give it up.

    Attributes
    ----------
    births : int
        Sightings in a row that make a track.
    sure_score : float
        Score from which a sighting may begin a track. Weaker ones only continue those that
        found nothing better.
    coast_frames : int
        Frames without a sighting that a track survives, as long as its object should be in the
        field or nobody knows where it is.
    divisions : bool
        Whether objects may divide.
    sigma_px : float
        Standard deviation of a detector's position along one axis, to begin with.
    """

    births: Annotated[int, msgspec.Meta(ge=1)] = 2
    sure_score: Annotated[float, msgspec.Meta(ge=0, le=1)] = 0.0
    coast_frames: Annotated[int, msgspec.Meta(ge=0)] = 10
    divisions: bool = True
    sigma_px: Annotated[float, msgspec.Meta(gt=0, le=1e6)] = 0.15


class Tracker:
    """Sightings to tracks, births, coasting and deaths.

    Tracks live in stage µm: a moving stage does not look like a moving object, and an object
    that has left the field is not missed there until its whereabouts have become vague.

    Parameters
    ----------
    settings : TrackingSettings
    view : View
        Of the microscope.
    predictor : Predictor
        Of all objects.

    Attributes
    ----------
    kept : list of Track
        Tracks that shall still be able to predict when they have died.
    """

    def __init__(self, settings: TrackingSettings, view: View, predictor: Predictor) -> None:
        self._settings, self._view, self._predictor = settings, view, predictor
        self._tracks: list[Track] = []
        self._dead: list[Track] = []
        self.kept: list[Track] = []
        self._matcher = Matcher(_LEAST_BODY_PX * view.pixel_um)
        self._lineage = Lineage()
        self._named = 0
        self._variance_um2 = (settings.sigma_px * view.pixel_um) ** 2
        self._vague_um = VAGUE_PX * view.pixel_um

    def update(self, sightings: Sightings, frame: Frame) -> list[Track]:
        """Take in the sightings of a frame and return the confirmed tracks."""
        self._predictor.advance(frame.exposed_ns)
        self._believe(frame)
        sure = sightings.scores >= self._settings.sure_score
        noise_um2, area_um2 = self._noise_um2(frame), self._view.area_um2(sightings.looked_px)
        rows, columns = self._matcher.match(self._tracks, sightings, sure, noise_um2, area_um2)
        for track in self._tracks:
            track.seen_um = None
        unseen = self._missed(rows, sightings, frame)
        hidden = self._hidden(rows, columns, unseen, sightings)
        self._sight(rows, columns, hidden, sightings, frame)
        self._lineage.note_hidden(hidden, self._tracks)
        for track in unseen:
            track.misses += not track.merged_with
        self._bury(sightings.looked_px is not None)
        self._forget()
        sure[columns] = False
        self._bear(np.flatnonzero(sure), sightings, frame)
        self._name()
        self._believe(frame)
        return [track for track in self._tracks if track.confirmed]

    def events(self) -> tuple[Event, ...]:
        """Return the divisions, merges and partings since this was last asked."""
        events, self._lineage.events = tuple(self._lineage.events), []
        return events

    def focus(self, track: Track, z_um: float, sigma_um: float) -> None:
        """Take in where a track's object lies along the optical axis, in the last frame."""
        slots = self._slots([track])
        self._predictor.focus(slots, np.array([z_um]), np.array([sigma_um**2]))

    def _believe(self, frame: Frame) -> None:
        """Note on every track where it is believed to be in this frame."""
        if not self._tracks:
            return
        forecast = self._predictor.predict(self._slots(self._tracks), frame.exposed_ns)
        for row, track in enumerate(self._tracks):
            track.prediction = forecast[row]

    def _hidden(
        self, rows: Indices, columns: Indices, unseen: list[Track], sightings: Sightings
    ) -> list[tuple[Track, Track, int]]:
        """Who hides in whose sighting."""
        lost = [track for track in unseen if track.confirmed]
        if not lost:
            return []
        pairs = zip(rows.tolist(), columns.tolist(), strict=True)
        seen = [(self._tracks[r], c) for r, c in pairs if self._tracks[r].confirmed]
        return self._lineage.hidden(lost, seen, sightings)

    def _sight(
        self,
        rows: Indices,
        columns: Indices,
        hidden: list[tuple[Track, Track, int]],
        sightings: Sightings,
        frame: Frame,
    ) -> None:
        """Give tracks their sightings; those of two objects in one say little of either."""
        tracks = [self._tracks[row] for row in rows.tolist()] + [track for track, *_ in hidden]
        if not tracks:
            return
        shared = np.array([row for *_, row in hidden], np.intp)
        every = np.concatenate([columns, shared])
        variances = np.full(len(every), self._noise_um2(frame))
        variances += np.isin(every, shared) * (sightings.sizes_um[every] / 2) ** 2
        slots = self._slots(tracks)
        order = np.argsort(slots)
        self._predictor.update(slots[order], sightings.positions_um[every][order], variances[order])
        alone = ~np.isin(columns, shared)
        looks = np.array([track.looks for track in tracks[: len(columns)]]).reshape(-1, 2)
        self._matcher.learn(looks[alone], sightings.looks[columns[alone]])
        for track, column, own in zip(tracks, columns.tolist(), alone.tolist(), strict=False):
            usual = track.looks
            self._note(track, sightings, column, frame)
            track.looks = track.looks if own else usual

    def _bear(self, columns: Indices, sightings: Sightings, frame: Frame) -> None:
        """Begin tracks with sightings that no other took."""
        if not len(columns):
            return
        positions_um = np.full((len(columns), 3), frame.pose.z_um)
        positions_um[:, :2] = sightings.positions_um[columns]
        variances = np.full(len(columns), self._noise_um2(frame))
        slots = self._predictor.begin(positions_um, variances)
        forecast = self._predictor.predict(slots, frame.exposed_ns)
        new: list[Track] = []
        for row, (slot, column) in enumerate(zip(slots.tolist(), columns.tolist(), strict=True)):
            track = Track(self._predictor, slot, forecast[row], born_ns=frame.exposed_ns)
            self._note(track, sightings, column, frame)
            new.append(track)
        self._lineage.note_births(new, self._tracks)
        self._tracks += new

    def _noise_um2(self, frame: Frame) -> float:
        """Variance of a sighting along one axis: the detector's and the stage's."""
        return self._variance_um2 + frame.pose.sigma_um**2

    @staticmethod
    def _note(track: Track, sightings: Sightings, column: int, frame: Frame) -> None:
        """Note a sighting on its track."""
        track.seen_ns = frame.exposed_ns
        track.seen_um = sightings.positions_um[column]
        track.size_um = float(sightings.sizes_um[column])
        track.brightness = float(sightings.brightness[column])
        track.score = float(sightings.scores[column])
        track.kind = int(sightings.classes[column])
        size, brightness = sightings.looks[column].tolist()
        track.past.append((size, brightness))
        track.looks = _followed(track.looks[0], size), _followed(track.looks[1], brightness)
        track.hits += 1
        track.misses = 0

    def _name(self) -> None:
        """Give names to tracks with enough evidence; a new one may be somebody's daughter."""
        for track in self._tracks:
            if not track.confirmed and track.hits >= self._settings.births:
                track.id = self._next_name()
            proven = track.hits == max(_PROVEN, self._settings.births)
            may_divide = self._settings.divisions and proven and track.seen_um is not None
            mother = self._lineage.mother(track) if may_divide else None
            if mother is not None:
                ended, mother.id = mother.id, self._next_name()
                self._lineage.note_division(ended, (mother, track))

    def _next_name(self) -> int:
        self._named += 1
        return self._named

    def _missed(self, rows: Indices, sightings: Sightings, frame: Frame) -> list[Track]:
        """Tracks without a sighting in a frame that should, or might, have shown them."""
        seen = set(rows.tolist())
        unseen = [track for row, track in enumerate(self._tracks) if row not in seen]
        if not unseen:
            return []
        means_um = np.array([track.prediction.mean_um[:2] for track in unseen])
        sizes_um = np.array([track.size_um for track in unseen])
        shown = self._view.shows(means_um, sizes_um, frame, sightings.looked_px)
        return [
            track
            for track, inside in zip(unseen, shown.tolist(), strict=True)
            if inside or track.sigma_um > self._vague_um
        ]

    def _bury(self, narrow: bool) -> None:
        """Forget tracks without evidence, after a frame that was looked at whole or narrowly."""
        dead = [track for track in self._tracks if not self._alive(track, narrow)]
        if not dead:
            return
        self._lineage.forget(dead)
        self._tracks = [track for track in self._tracks if track not in dead]
        self._dead += dead

    def _forget(self) -> None:
        """Let go of dead tracks, but for those that shall still be able to predict."""
        gone = [track for track in self._dead if track not in self.kept]
        if gone:
            self._predictor.end(self._slots(gone))
            self._dead = [track for track in self._dead if track in self.kept]

    def _alive(self, track: Track, narrow: bool) -> bool:
        if track.confirmed:
            return track.misses <= self._settings.coast_frames
        return track.seen_um is not None or (narrow and track.misses == 0)

    @staticmethod
    def _slots(tracks: list[Track]) -> Indices:
        return np.array([track.slot for track in tracks], np.intp)


def _followed(usual: float, now: float) -> float:
    """Return a slowly following mean, begun with the first number."""
    return usual + (now - usual) / _LOOKS_MEMORY if math.isfinite(usual) else now
