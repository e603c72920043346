"""Identity over time: which measurement belongs to which object, in stage coordinates."""

from __future__ import annotations

from typing import Annotated

import msgspec
import numpy as np

from ...drivers.messages import Frame
from ...models.arrays import Indices
from ...models.predictors import Forecast, Predictor
from ..decisions import Event
from .appearance import followed
from .lineage import Lineage
from .matching import Matcher
from .measurements import FieldGeometry, Measurements
from .merged import Overlaps, Shares
from .merged_positions import told
from .reidentification import Recognition
from .track import Track, TrackTable, exchange, note, slots_of

_LEAST_BODY_PX = 2.0
VAGUE_PX = 50.0
"""Spread at which an object outside the field counts as missed: it might be anywhere by now."""
_PROVEN = 3
"""Measurements after which a new object may be found to be a daughter."""


class TrackingSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """When to believe in an object and when to give it up.

    Attributes
    ----------
    confirm_hits : int
        Measurements in a row that confirm a track.
    max_misses : int
        Frames without a measurement that a track survives. Those are not counted in which its
        object has left the field, as long as it is known well enough where it is.
    high_score : float
        Score from which a measurement may begin a track; weaker ones only continue tracks that
        found nothing better.
    divisions : bool
        Whether objects may divide; false for beads and the like, which only touch and part.

    Other Parameters
    ----------------
    sigma_px : float
        Standard deviation of a detected position along one axis, to begin with; the true one is
        found out while following.
    """

    confirm_hits: Annotated[int, msgspec.Meta(ge=1)] = 2
    high_score: Annotated[float, msgspec.Meta(ge=0, le=1)] = 0.0
    max_misses: Annotated[int, msgspec.Meta(ge=0)] = 10
    divisions: bool = True
    sigma_px: Annotated[float, msgspec.Meta(gt=0, le=1e6)] = 0.15


class Tracker:
    """Measurements to tracks, births, coasting and deaths.

    Tracks live in stage µm: a moving stage does not look like a moving object, and an object
    that has left the field is not missed there until its whereabouts have become vague.

    Parameters
    ----------
    settings : TrackingSettings
    geometry : FieldGeometry
        Of the microscope.
    predictor : Predictor
        Of all objects.

    Attributes
    ----------
    kept : list of Track
        Tracks that shall still be able to predict when they have died.
    """

    def __init__(
        self, settings: TrackingSettings, geometry: FieldGeometry, predictor: Predictor
    ) -> None:
        self._settings, self._geometry, self._predictor = settings, geometry, predictor
        self._tracks: list[Track] = []
        self._dead: list[Track] = []
        self.kept: list[Track] = []
        self._matcher = Matcher(_LEAST_BODY_PX * geometry.pixel_um)
        self._lineage, self._recognition = Lineage(), Recognition()
        self._named = 0
        self._variance_um2 = (settings.sigma_px * geometry.pixel_um) ** 2
        self._vague_um = VAGUE_PX * geometry.pixel_um

    def update(self, measurements: Measurements, frame: Frame) -> list[Track]:
        """Take in the measurements of a frame and return the confirmed tracks."""
        self._predictor.advance(frame.exposed_ns)
        table = TrackTable.of(self._tracks, self._forecast(frame))
        sure = measurements.scores >= self._settings.high_score
        noise_um2, area_um2 = (
            self._noise_um2(frame),
            self._geometry.area_um2(measurements.looked_px),
        )
        rows, columns = self._matcher.match(table, measurements, sure, noise_um2, area_um2)
        overlaps = Overlaps(table, noise_um2)
        shares = overlaps.share(rows, columns, measurements)
        left = table.others(shares.seen)
        missed = self._missed(table, left, measurements, frame)
        for track in table.at(left):
            track.seen_um = None
        alone = self._sight(table, overlaps, shares, measurements, frame)
        hiding = shares.hiding
        hidden = list(zip(table.at(hiding), table.at(shares.hosts[hiding]), strict=True))
        self._lineage.note_hidden(hidden, self._tracks)
        self._recognise(hidden, alone)
        for track in table.at(missed):
            track.misses += not track.merged_with
        self._bury(table.at(left), measurements.looked_px is not None)
        self._forget()
        born = self._born(np.flatnonzero(sure & shares.free), measurements, frame)
        self._lineage.note_births(born, table)
        self._tracks = self._tracks + born
        self._name()
        self._believe(frame)
        return [track for track in self._tracks if track.confirmed]

    def events(self) -> tuple[Event, ...]:
        """Return the divisions, merges and partings since this was last asked."""
        events, self._lineage.events = tuple(self._lineage.events), []
        return events

    def focus(self, track: Track, z_um: float, sigma_um: float) -> None:
        """Take in where a track's object lies along the optical axis, in the last frame."""
        self._predictor.focus(slots_of([track]), np.array([z_um]), np.array([sigma_um**2]))

    def _forecast(self, frame: Frame) -> Forecast:
        """Say where all tracks are believed to be in this frame."""
        return self._predictor.predict(slots_of(self._tracks), frame.exposed_ns)

    def _missed(
        self, table: TrackTable, left: Indices, measurements: Measurements, frame: Frame
    ) -> Indices:
        """Tracks left without a measurement in a frame that should, or might, have shown them.

        A frame of which the place is less sure than an object is large misses nothing.
        """
        left = left[frame.pose.sigma_um < table.sizes_um[left]]
        if not len(left):
            return left
        means_um, sizes_um = table.means_um[left], table.sizes_um[left]
        shown = self._geometry.shows(means_um, sizes_um, frame, measurements.looked_px)
        return left[shown | (table.variances_um2[left] > self._vague_um**2)]

    def _sight(
        self,
        table: TrackTable,
        overlaps: Overlaps,
        shares: Shares,
        measurements: Measurements,
        frame: Frame,
    ) -> list[Track]:
        """Give tracks their measurements; return those that were seen alone."""
        rows = np.flatnonzero(shares.columns >= 0)
        if not len(rows):
            return []
        positions_um, variances, alone = told(overlaps, shares, rows, measurements)
        slots = slots_of(table.at(rows))
        order = np.argsort(slots)
        self._predictor.update(slots[order], positions_um[order], variances[order])
        alone, rows = alone[shares.hosts[rows] < 0], shares.seen
        columns = shares.columns[rows]
        usual, appearance = table.appearance[rows], measurements.appearance[columns]
        self._matcher.appearance.learn(usual[alone], appearance[alone])
        now = np.where(alone[:, None], followed(usual, appearance), usual)
        note(table.at(rows), measurements, columns, now, frame.exposed_ns, alone)
        return table.at(rows[alone])

    def _recognise(self, hidden: list[tuple[Track, Track]], alone: list[Track]) -> None:
        """Give those their identities back that were taken for each other when they parted."""
        merged = {frozenset((hides.id, host.id)) for hides, host in hidden}
        for pair in self._recognition.mistaken(
            merged, self._tracks, alone, self._matcher.appearance
        ):
            exchange(*pair)

    def _born(self, columns: Indices, measurements: Measurements, frame: Frame) -> list[Track]:
        """Begin tracks with measurements that no other took."""
        if not len(columns):
            return []
        positions_um = np.full((len(columns), 3), frame.pose.z_um)
        positions_um[:, :2] = measurements.positions_um[columns]
        variances = np.full(len(columns), self._noise_um2(frame))
        slots = self._predictor.begin(positions_um, variances)
        forecast = self._predictor.predict(slots, frame.exposed_ns)
        born = [
            Track(self._predictor, slot, forecast[row], born_ns=frame.exposed_ns)
            for row, slot in enumerate(slots.tolist())
        ]
        alone = np.ones(len(born), np.bool_)
        note(born, measurements, columns, measurements.appearance[columns], frame.exposed_ns, alone)
        return born

    def _noise_um2(self, frame: Frame) -> float:
        """Variance of a measurement along one axis: the detector's and the stage's."""
        return self._variance_um2 + frame.pose.sigma_um**2

    def _name(self) -> None:
        """Give names to tracks with enough evidence; a new one may be somebody's daughter."""
        confirm_hits = self._settings.confirm_hits
        proven = max(_PROVEN, confirm_hits)
        for track in [track for track in self._tracks if track.hits <= proven]:
            if not track.confirmed and track.hits >= confirm_hits:
                track.id = self._next_name()
            just_proven = track.hits == proven and track.seen_um is not None
            may_divide = self._settings.divisions and just_proven
            mother = self._lineage.mother(track) if may_divide else None
            if mother is not None:
                ended, mother.id = mother.id, self._next_name()
                self._lineage.note_division(ended, (mother, track))

    def _next_name(self) -> int:
        self._named += 1
        return self._named

    def _bury(self, left: list[Track], narrow: bool) -> None:
        """Forget tracks without evidence, of those that a whole or narrow look did not show."""
        dead = [track for track in left if not self._alive(track, narrow)]
        if dead:
            self._lineage.forget(dead)
            self._dead += dead
            gone = set(dead)
            self._tracks = [track for track in self._tracks if track not in gone]

    def _forget(self) -> None:
        """Let go of dead tracks, but for those that shall still be able to predict."""
        gone = [track for track in self._dead if track not in self.kept]
        if gone:
            self._predictor.end(slots_of(gone))
            self._dead = [track for track in self._dead if track in self.kept]

    def _alive(self, unseen: Track, narrow: bool) -> bool:
        if unseen.confirmed:
            return unseen.misses <= self._settings.max_misses
        return narrow and unseen.misses == 0

    def _believe(self, frame: Frame) -> None:
        """Note on every track where it is believed to be in this frame."""
        for track, prediction in zip(self._tracks, self._forecast(frame), strict=True):
            track.prediction = prediction
