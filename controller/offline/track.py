"""A movie becomes a table of tracks: detector and linker run over it without a stage."""

import csv
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from ...drivers.clock import NS_PER_MS
from ...drivers.messages import Image
from ...models.datasets import Tracks
from ...models.detections import Detections
from ...models.detectors import Detector, detect
from ...models.errors import ModelError
from ...models.images import Recording
from ..assembly import check_diameter, make_detector, suggested_for_movie
from ..configuration import make_config, merge
from .detect import notes_of
from .linker import Linker, MakeLinker, MovieLinker, OnProgress
from .scores import Scores, TrackPoints, annotated, score
from .tracklets import Tracklets

COLUMNS = ("track", "t", "x", "y", "seen", "score", "size", "mother")
"""Columns of the table that is written; `read_tracks` reads it."""

Row = tuple[int, int, float, float, bool, float, float, int]
"""Track, frame, x and y in µm from the top left pixel, seen, score and size in µm, and the track
that divided into this one; 0 if none is known."""


@dataclass(frozen=True, slots=True, eq=False)
class TrackedMovie:
    """The tracks of a movie.

    Attributes
    ----------
    rows : list of Row
        In the order of the frames; a track begins and ends with a measurement, and where it was
        missed in between, there is the line between its measurements.
    image : (H, W)
        The last frame.
    detector_ms, tracker_ms : float
        Times for a frame: the median to detect, and the mean to link.
    notes : list of str
        Of the detector.
    """

    rows: list[Row]
    image: Image
    detector_ms: float
    tracker_ms: float
    notes: list[str]

    def points_px(self, pixel_um: float) -> TrackPoints:
        """Where each track was in each frame, in px."""
        return points_of(self.rows, pixel_um)


def open_models(
    movie: Recording, tables: Mapping[str, Any], make_linker: MakeLinker = Linker
) -> tuple[Detector, MovieLinker]:
    """Make what finds the tracks of objects in a movie, set up for it where nothing is told.

    Raises
    ------
    ConfigError, ModelError
        If a setting or a model cannot be used.
    """
    wanted = make_config({**tables})
    suggested = suggested_for_movie(movie.pixel_um, movie.interval_s, wanted.detector)
    config = make_config(merge({"detector": suggested["detector"]}, tables))
    check_diameter(config, movie.pixel_um, movie.width_px, movie.height_px, "the movie")
    return make_detector(config, movie.pixel_um), make_linker(movie, tables)


def track_movie(
    movie: Recording,
    detector: Detector,
    linker: MovieLinker,
    on_progress: OnProgress = lambda done, total: None,
) -> TrackedMovie:
    """Detect in every frame, then link over all of them."""
    frames = len(movie)
    found, detector_ms = detect_movie(
        movie, detector, lambda done, total: on_progress(done, 2 * total), linker.wants_masks
    )
    start_ns = time.perf_counter_ns()
    tracks = linker.link(
        found, lambda done, total: on_progress(frames + frames * done // total, 2 * frames)
    )
    tracker_ms = (time.perf_counter_ns() - start_ns) / NS_PER_MS / frames
    notes = notes_of(detector, max(map(len, found)))
    rows, last = rows_of(tracks, movie), movie[frames - 1]
    return TrackedMovie(rows, last, detector_ms, tracker_ms, notes)


def detect_movie(
    movie: Recording,
    detector: Detector,
    on_progress: OnProgress = lambda done, total: None,
    keep_masks: bool = False,
) -> tuple[list[Detections], float]:
    """Detect in every frame; return also the median time for a frame, in ms."""
    found, times_ns = list[Detections](), []
    for frame in range(len(movie)):
        image = movie[frame]
        start_ns = time.perf_counter_ns()
        one = detect(detector, image)
        found.append(one if keep_masks else replace(one, masks=None))
        times_ns.append(time.perf_counter_ns() - start_ns)
        on_progress(frame + 1, len(movie))
    return found, float(np.median(times_ns)) / NS_PER_MS


def rows_of(tracks: Tracklets, movie: Recording) -> list[Row]:
    """Return the rows of tracks in the order of the frames.

    In a frame in which a track was missed, it is on the line between the measurements.
    """
    middle_um = (np.array([movie.width_px, movie.height_px]) - 1) / 2 * movie.pixel_um
    places_um, inside = tracks.positions_um + middle_um, tracks.inside
    mother_of = tracks.mother_of()
    mothers = [mother_of.get(track, 0) for track in tracks.ids.tolist()]
    columns = tracks.ids, tracks.frames, *places_um.T, tracks.scores, tracks.sizes_um
    lists: list[list[Any]] = [column.tolist() for column in columns]
    seen = [*zip(*lists[:4], [True] * len(tracks), *lists[4:], mothers, strict=True)]
    rows: list[Row] = list(seen)
    missed = tracks.gaps() > 1
    for row, gap in zip(inside[missed].tolist(), tracks.gaps()[missed].tolist(), strict=True):
        track, frame, x, y, _, certainty, size, mother = seen[row]
        step_x, step_y = ((places_um[row + 1] - places_um[row]) / gap).tolist()
        rows += [
            (track, frame + k, x + k * step_x, y + k * step_y, False, certainty, size, mother)
            for k in range(1, gap)
        ]
    return sorted(rows, key=lambda row: (row[1], row[0]))


def write_tracks(path: Path, tracked: TrackedMovie, interval_s: float) -> None:
    """Write ``track``, ``t``, ``x``, ``y``, ``seen``, ``score``, ``size`` and ``mother`` as CSV.

    Times are in s and lengths in µm; that is, in frames and px where the scales are 1.
    """
    with path.open("w", encoding="utf-8", newline="") as file:
        table = csv.writer(file, lineterminator="\n")
        table.writerow(COLUMNS)
        for track, frame, x, y, seen, certainty, size, mother in tracked.rows:
            t, at = f"{frame * interval_s:.9g}", (f"{x:.4f}", f"{y:.4f}")
            table.writerow((track, t, *at, int(seen), f"{certainty:.4f}", f"{size:.4f}", mother))


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


def points_of(rows: Sequence[Row], pixel_um: float) -> TrackPoints:
    """Where each track was in each frame, in px."""
    table = np.array([row[:4] for row in rows], np.float64).reshape(-1, 4)
    whole = table[:, :2].astype(np.intp)
    return TrackPoints(whole[:, 1], whole[:, 0], table[:, 2:] / pixel_um)


def _all_points(truth: Tracks) -> TrackPoints:
    """All positions of the annotated objects, in px."""
    ids = np.repeat(np.arange(len(truth)), [len(times) for times in truth.times])
    positions = np.concatenate([places[:, :2] for places in truth.positions])
    return TrackPoints(np.concatenate(truth.frames), ids, positions)
