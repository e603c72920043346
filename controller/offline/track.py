"""A movie becomes a table of tracks: detector and tracker run over it without a stage."""

import csv
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from ...drivers.clock import NS_PER_MS, NS_PER_S
from ...drivers.messages import Image
from ...models.arrays import Floats
from ...models.datasets import Tracks
from ...models.detectors import Detector
from ...models.errors import ModelError
from ...models.images import Recording
from ..assembly import make_detector, make_predictor, suggested_for_movie
from ..configuration import make_config, merge
from ..tracking import Track
from .scores import Scores, TrackPoints, annotated, score
from .tracker import OfflineTracker

COLUMNS = ("track", "t", "x", "y", "seen", "score", "size")
"""Columns of the table that is written; `read_tracks` reads it."""
_LEAST_MEASUREMENTS = 2
"""Of a track: a single measurement is none."""

Row = tuple[int, int, float, float, bool, float, float]
"""Track, frame, x and y in µm from the top left pixel, seen, score and size in µm."""
OnProgress = Callable[[int, int], None]


@dataclass(frozen=True, slots=True, eq=False)
class TrackedMovie:
    """The tracks of a movie.

    Attributes
    ----------
    rows : list of Row
        In the order of the frames; a track begins and ends with a measurement, and where it was
        missed in between, there is the prediction.
    image : (H, W)
        The last frame.
    detector_ms, tracker_ms : float
        Median times for a frame.
    """

    rows: list[Row]
    image: Image
    detector_ms: float
    tracker_ms: float

    def points_px(self, pixel_um: float) -> TrackPoints:
        """Where each track was in each frame, in px."""
        table = np.array([row[:4] for row in self.rows], np.float64).reshape(-1, 4)
        whole = table[:, :2].astype(np.intp)
        return TrackPoints(whole[:, 1], whole[:, 0], table[:, 2:] / pixel_um)


def open_models(movie: Recording, tables: Mapping[str, Any]) -> tuple[Detector, OfflineTracker]:
    """Make what finds the tracks of objects in a movie, set up for it where nothing is told.

    Raises
    ------
    ConfigError, ModelError
        If a setting or a model cannot be used.
    """
    wanted = make_config({**tables})
    suggested = suggested_for_movie(movie.pixel_um, movie.interval_s, wanted.detector)
    config = make_config(merge(suggested, tables))
    size_px, predictor = (movie.width_px, movie.height_px), make_predictor(config)
    tracker = OfflineTracker(config.tracking, predictor, *size_px, movie.pixel_um)
    return make_detector(config, movie.pixel_um), tracker


def track_movie(
    movie: Recording,
    detector: Detector,
    tracker: OfflineTracker,
    on_progress: OnProgress = lambda done, total: None,
) -> TrackedMovie:
    """Detect and track in every frame."""
    table, times_ns = _Table(movie), []
    for frame in range(len(movie)):
        image = movie[frame]
        start_ns = time.perf_counter_ns()
        found = detector.detect(image)
        between_ns = time.perf_counter_ns()
        tracks = tracker.update(image, found, round((frame + 0.5) * movie.interval_s * NS_PER_S))
        times_ns.append((between_ns - start_ns, time.perf_counter_ns() - between_ns))
        for track in tracks:
            table.add(frame, track)
        on_progress(frame + 1, len(movie))
    detector_ms, tracker_ms = (np.median(times_ns, axis=0) / NS_PER_MS).tolist()
    return TrackedMovie(table.rows(), movie[len(movie) - 1], detector_ms, tracker_ms)


def write_tracks(path: Path, tracked: TrackedMovie, interval_s: float) -> None:
    """Write ``track``, ``t``, ``x``, ``y``, ``seen``, ``score`` and ``size`` as CSV.

    Times are in s and lengths in µm; that is, in frames and px where the scales are 1.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", encoding="utf-8", newline="") as file:
        table = csv.writer(file, lineterminator="\n")
        table.writerow(COLUMNS)
        for track, frame, x, y, seen, certainty, size in tracked.rows:
            t, at = f"{frame * interval_s:.9g}", (f"{x:.4f}", f"{y:.4f}")
            table.writerow((track, t, *at, int(seen), f"{certainty:.4f}", f"{size:.4f}"))


def score_movie(
    tracked: TrackedMovie, truth: Tracks, pixel_um: float, tolerance_px: float | None = None
) -> tuple[Scores, float]:
    """Score the tracks of a movie by true ones of some or all objects.

    As the truth may cover only part of the objects, only positions about annotated ones are
    judged (`annotated`): false alarms do not count, and neither does what a track does away
    from annotated objects.

    The truth is in px, its times in any unit, 0 for the first frame. A position is right within the
    tolerance, which is returned too; if none is given, half the median size of the objects found.
    Raises a `ModelError` if there is nothing to judge.
    """
    if not tracked.rows:
        raise ModelError("no tracks were found, so that there is nothing to score")
    if tolerance_px is None:
        tolerance_px = float(np.median([row[6] for row in tracked.rows])) / pixel_um / 2
    points, known = tracked.points_px(pixel_um), _all_points(truth)
    return score(known, annotated(known, points, tolerance_px), tolerance_px), tolerance_px


class _Table:
    """Rows of tracks; predicted ones wait until the track is seen again."""

    def __init__(self, movie: Recording) -> None:
        self._pixel_um = movie.pixel_um
        self._middle_px = (np.array([movie.width_px, movie.height_px]) - 1) / 2
        self._kept: list[Row] = []
        self._waiting: dict[int, list[Row]] = {}
        self._measurements: dict[int, int] = {}

    def add(self, frame: int, track: Track) -> None:
        """Note where a track is in a frame."""
        seen = track.seen_um is not None
        at_um: Floats = track.prediction.mean_um if track.seen_um is None else track.seen_um
        x, y = ((at_um[:2] / self._pixel_um + self._middle_px) * self._pixel_um).tolist()
        row = (track.id, frame, x, y, seen, track.score, track.size_um)
        waiting = self._waiting.setdefault(track.id, [])
        waiting.append(row)
        self._measurements[track.id] = self._measurements.get(track.id, 0) + seen
        if seen and self._measurements[track.id] >= _LEAST_MEASUREMENTS:
            self._kept += waiting
            waiting.clear()

    def rows(self) -> list[Row]:
        """Return those of all tracks, frame by frame."""
        return sorted(self._kept, key=lambda row: (row[1], row[0]))


def _all_points(truth: Tracks) -> TrackPoints:
    """All positions of the annotated objects, in px."""
    frames = [np.round(times / truth.interval).astype(np.intp) for times in truth.times]
    ids = np.repeat(np.arange(len(truth)), [len(times) for times in truth.times])
    positions = np.concatenate([places[:, :2] for places in truth.positions])
    return TrackPoints(np.concatenate(frames), ids, positions)
