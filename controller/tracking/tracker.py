"""Identity over time: which measurement belongs to which object, in stage coordinates."""

from collections.abc import Collection, Mapping, Sequence

import numpy as np

from ...drivers.messages import Frame
from ...models.arrays import Floats, Indices
from ...models.predictors import Forecast, Predictor
from ..decisions import Event
from .appearance import usual_appearances
from .births import begin, births, move_on
from .duplicates import Duplicates
from .field_geometry import FieldGeometry, Measurements
from .lineage import Lineage
from .matching import Matcher
from .merged import Assigned, ClosePairs
from .placing import match_registered, place
from .registration import Registered, Registration
from .reidentification import SwapCheck, recovered
from .settings import TrackingSettings
from .track import Track, note_measurements, note_occluders, slots_of
from .track_table import TrackTable, noise_scales

_LEAST_BODY_PX = 2.0
"""Least distance within which an object is taken for itself. Chosen: the shake of a sharp image."""
_VAGUE_PX = 50.0
"""Standard deviation of a position from which an object outside the field counts as missed: it
might be anywhere by now. Chosen: a tenth of a field of 512 px."""
_DAUGHTER_HITS = 3
"""Measurements of a new object from which it may be a daughter. Chosen: one more than a track needs
by default, so that a false alarm does not end the mother."""


class Tracker:
    """Measurements to tracks: births, coasting, deaths, and re-identification.

    Tracks live in stage µm: a moving stage does not look like a moving object, and an object
    that has left the field is not missed there until its position has become vague.

    For each frame `advance` to its exposure, then `update`.
    """

    def __init__(
        self, settings: TrackingSettings, geometry: FieldGeometry, predictor: Predictor
    ) -> None:
        self._settings, self._geometry, self._predictor = settings, geometry, predictor
        self._tracks, self._lost = list[Track](), list[Track]()
        self._wanted: frozenset[int] = frozenset()
        self._matcher = Matcher(_LEAST_BODY_PX * geometry.pixel_um)
        self._lineage, self._swap_check = Lineage(), SwapCheck()
        self._registration, self._duplicates = Registration(geometry), Duplicates()
        self._last_id = 0
        self._variance_um2 = (settings.sigma_px * geometry.pixel_um) ** 2
        self._vague_um2 = (_VAGUE_PX * geometry.pixel_um) ** 2

    def keep(self, ids: Collection[int], frame: Frame) -> None:
        """Say after an update which tracks are wanted, all of them, and learn how they look.

        They are found again by that beside the detections. One that dies goes on predicting and
        gives its identity to the new track that must be it.
        """
        self._wanted = frozenset(ids)
        self._registration.learn(self._wanted, self._tracks, frame)

    def advance(self, at_ns: int) -> None:
        """Take all tracks to the exposure of the next frame; predictions for it cost less then."""
        self._predictor.advance(at_ns)

    def update(
        self, measurements: Measurements, frame: Frame, pointed_um: Floats | None = None
    ) -> list[Track]:
        """Take in what a frame tells, and where, (2,), is pointed at; return confirmed tracks."""
        noise_um2 = self._noise_um2(frame)
        scales = noise_scales(self._predictor, self._tracks, noise_um2)
        forecast = self._forecast(self._tracks, frame)
        table = TrackTable.of(self._tracks, forecast, noise_um2 * scales, self._wanted)
        high = measurements.scores >= self._settings.high_score
        area_um2 = self._geometry.area_um2(measurements.looked_px)
        found = table.rows_of(self._registration.find(self._tracks, forecast, frame))
        places_um = table.means_um, measurements.positions_um
        misfits = self._registration.misfits(table.tracks, *places_um, frame)
        matching = self._matcher, table, found, measurements, high, area_um2, misfits
        table, found, rows, columns = match_registered(*matching)
        places_um = table.means_um[rows], measurements.positions_um[columns]
        believed = self._registration.accepted(table.at(rows), *places_um, frame)
        rows, columns = rows[believed], columns[believed]
        close = ClosePairs(table)
        assigned = close.assign(rows, columns, measurements)
        unseen = table.others(np.union1d(assigned.seen, [*found]).astype(np.intp))
        missed = self._missed(table, unseen, measurements, frame)
        for track in table.at(unseen):
            track.seen_um, track.unseen = None, track.unseen + 1
        undisturbed = self._take_in(table, close, assigned, measurements, frame, found, scales)
        self._note_merged(table, assigned, undisturbed)
        for track in table.at(missed):
            track.misses += not track.occluder
        fresh = measurements, self._predictor, frame.exposed_ns, noise_um2
        free = assigned.free & high
        unseen = move_on(table, unseen, free, *fresh, self._matcher.appearance)
        twins = self._duplicates.ended(table.at(assigned.seen), self._wanted)
        self._prune(table.at(unseen), twins, whole_field=measurements.looked_px is None)
        columns = births(measurements, self._tracks, assigned.free, high, pointed_um)
        born = begin(columns, frame.pose.z_um, *fresh)
        self._lineage.note_births(born, table)
        self._tracks = self._tracks + born
        self._confirm()
        self._store_predictions(frame)
        for one, other in self._registration.swapped(self._tracks, frame):
            one.exchange_identity(other)
        self._recover_lost()
        return [track for track in self._tracks if track.confirmed]

    @property
    def begun(self) -> list[Track]:
        """Tracks for which there is not enough evidence yet."""
        return [track for track in self._tracks if not track.confirmed]

    def events(self) -> tuple[Event, ...]:
        """Return the divisions, merges and partings since this was last asked."""
        events, self._lineage.events = tuple(self._lineage.events), []
        return events

    def focus(self, track: Track, z_um: float, sigma_um: float) -> None:
        """Take in where a track's object lies along the optical axis, in the last frame."""
        slots = slots_of(one for one in (*self._tracks, *self._lost) if one is track)
        variances = np.full(len(slots), sigma_um**2)
        self._predictor.focus(slots, np.full(len(slots), z_um), variances)

    def _forecast(self, tracks: Sequence[Track], frame: Frame) -> Forecast:
        """Predict tracks for this frame."""
        return self._predictor.predict(slots_of(tracks), frame.exposed_ns)

    def _noise_um2(self, frame: Frame) -> float:
        """Variance of a measurement along one axis: the detector's and the stage's."""
        return self._variance_um2 + frame.pose.sigma_um**2

    def _missed(
        self, table: TrackTable, unseen: Indices, measurements: Measurements, frame: Frame
    ) -> Indices:
        """Tracks without a measurement in a frame that should, or might, have shown them.

        A frame of which the position is less sure than an object is large misses nothing.
        """
        unseen = unseen[frame.pose.sigma_um < table.sizes_um[unseen]]
        if not len(unseen):
            return unseen
        means_um, sizes_um = table.means_um[unseen], table.sizes_um[unseen]
        shown = self._geometry.shows(means_um, sizes_um, frame, measurements.looked_px)
        return unseen[shown | (table.variances_um2[unseen] > self._vague_um2)]

    def _take_in(
        self,
        table: TrackTable,
        close: ClosePairs,
        assigned: Assigned,
        measurements: Measurements,
        frame: Frame,
        found: Mapping[int, Registered],
        scales: Floats,
    ) -> list[Track]:
        """Give tracks their measurements; return those that no other object disturbed."""
        placed = place(close, assigned, found, measurements)
        if not len(placed.rows):
            return []
        slots = slots_of(table.at(placed.rows))
        order = np.argsort(slots)
        variances = placed.variances_um2 / scales[placed.rows]
        self._predictor.update(slots[order], placed.positions_um[order], variances[order])
        rows, undisturbed = assigned.seen, placed.undisturbed
        columns = assigned.columns[rows]
        usual, appearance = table.appearance[rows], measurements.appearance[columns]
        self._matcher.appearance.learn(usual[undisturbed], appearance[undisturbed])
        now = np.where(undisturbed[:, None], usual_appearances(usual, appearance), usual)
        note_measurements(table.at(rows), measurements, columns, now, frame.exposed_ns, undisturbed)
        for row in found:
            table.tracks[row].seen_um = placed.positions_um[placed.rows == row][0]
        return table.at(rows[undisturbed])

    def _note_merged(self, table: TrackTable, assigned: Assigned, undisturbed: list[Track]) -> None:
        """Note which tracks occlude which, and correct identities that were swapped by it."""
        rows = assigned.occluded
        pairs = zip(table.at(rows), table.at(assigned.occluders[rows]), strict=True)
        occluders = {occluded.id: occluder.id for occluded, occluder in pairs}
        note_occluders(self._tracks, occluders)
        merged = {frozenset(pair) for pair in occluders.items()}
        self._lineage.note_merged(merged, self._tracks)
        appearance = self._matcher.appearance
        for pair in self._swap_check.swapped(merged, self._tracks, undisturbed, appearance):
            pair[0].exchange_identity(pair[1])

    def _prune(self, unseen: list[Track], twins: list[Track], whole_field: bool) -> None:
        """End tracks without evidence, but keep predicting those that are wanted.

        Of those not confirmed, only ones outside of the part that was looked at live on.
        """
        most = self._settings.max_misses
        dead = [t for t in unseen if (t.misses > most if t.confirmed else whole_field or t.misses)]
        dead += twins
        self._lineage.forget(dead)
        lost = [*self._lost, *dead]
        self._lost = [track for track in lost if track.id in self._wanted]
        ended = [track for track in lost if track.id not in self._wanted]
        if ended:
            self._predictor.end(slots_of(ended))
        gone = set(dead)
        self._tracks = [track for track in self._tracks if track not in gone]

    def _confirm(self) -> None:
        """Give identities to tracks with enough evidence; a new one may be a daughter."""
        confirm_hits = self._settings.confirm_hits
        daughter_hits = max(_DAUGHTER_HITS, confirm_hits)
        for track in [track for track in self._tracks if track.hits <= daughter_hits]:
            if not track.confirmed and track.hits >= confirm_hits:
                track.id = self._next_id()
            may_be_daughter = track.hits == daughter_hits and track.seen_um is not None
            if not (self._settings.divisions and may_be_daughter):
                continue
            if (mother := self._lineage.mother_of(track)) is not None:
                self._lineage.divide(mother, track, self._next_id())

    def _next_id(self) -> int:
        self._last_id += 1
        return self._last_id

    def _store_predictions(self, frame: Frame) -> None:
        """Note on every track, also on those that are lost, its prediction for this frame."""
        tracks = [*self._tracks, *self._lost]
        for track, prediction in zip(tracks, self._forecast(tracks, frame), strict=True):
            track.prediction = prediction

    def _recover_lost(self) -> None:
        """Give lost tracks' identities to the new tracks that must be them."""
        if not self._lost:
            return
        new = [track for track in self._tracks if track.confirmed and track.id not in self._wanted]
        for lost, found in recovered(self._lost, new):
            found.become(lost)
            self._lost.remove(lost)
            self._predictor.end(slots_of([lost]))
