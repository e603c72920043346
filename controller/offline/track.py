"""A movie becomes a table of tracks: detector and tracker run over it without a stage."""

from __future__ import annotations

import csv
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...drivers.clock import NS_PER_MS, NS_PER_S
from ...drivers.messages import Image
from ...models.datasets import Tracks
from ...models.detectors import Detector
from ...models.errors import ModelError
from ...sim.movie import Movie
from ..assembly import complete, make_detector, make_predictor
from ..configuration import Config
from ..tracking import Track
from .scores import Places, Scores, annotated, score
from .tracker import OfflineTracker

COLUMNS = ("track", "t", "x", "y", "seen", "score", "size")
_LEAST_SIGHTINGS = 2
"""A single measurement is no track."""

Row = tuple[int, int, float, float, bool, float, float]
"""Track, frame, x and y in µm from the top left pixel, seen, score and size in µm."""
OnProgress = Callable[[int, int], None]


@dataclass(frozen=True, slots=True, eq=False)
class Followed:
    """The tracks of a movie.

    Attributes
    ----------
    rows : list of Row
        In the order of the frames; a track begins and ends with a measurement, and where it was
        not seen in between, there is the prediction.
    image : (H, W)
        The last frame.
    detector_ms, tracker_ms : float
        Median times for a frame.
    """

    rows: list[Row]
    image: Image
    detector_ms: float
    tracker_ms: float

    def places_px(self, pixel_um: float) -> Places:
        """Who was where, in px."""
        table = np.array([row[:4] for row in self.rows], np.float64).reshape(-1, 4)
        whole = table[:, :2].astype(np.intp)
        return Places(whole[:, 1], whole[:, 0], table[:, 2:] / pixel_um)


def open_movie(
    path: Path,
    tables: Mapping[str, Any],
    pixel_um: float | None = None,
    interval_s: float | None = None,
) -> tuple[Config, Movie]:
    """Open a movie, and complete a configuration with what suits objects in it.

    Parameters
    ----------
    path : Path
        TIFF file or OME-Zarr folder.
    tables : mapping
        Settings of ``detector``, ``tracking`` and ``predictor`` that are wanted.
    pixel_um, interval_s : float, optional
        Scales; without them, those that the file tells, or else 1.

    Raises
    ------
    ConfigError, MicroscopeError
        If a setting or the movie cannot be used.
    """
    microscope: dict[str, Any] = {"specimen": str(path)}
    camera = {} if pixel_um is None else {"pixel_um": pixel_um}
    if interval_s is not None:
        microscope["interval_s"] = interval_s
    config, simulated = complete({**tables, "microscope": microscope, "camera": camera})
    assert simulated is not None and simulated.movie is not None
    return config, simulated.movie


def open_models(config: Config, movie: Movie) -> tuple[Detector, OfflineTracker]:
    """Make what follows the objects of a movie.

    Raises
    ------
    ConfigError, ModelError
        If a model cannot be used.
    """
    detector = make_detector(config, movie.pixel_um)
    tracker = OfflineTracker(
        config.tracking,
        make_predictor(config),
        movie.width_px,
        movie.height_px,
        movie.pixel_um,
    )
    return detector, tracker


def follow_movie(
    movie: Movie,
    detector: Detector,
    tracker: OfflineTracker,
    on_progress: OnProgress = lambda done, total: None,
) -> Followed:
    """Detect and track in every frame.

    Raises
    ------
    ModelError, MovieError
        If the detector fails or a frame cannot be read.
    """
    rows, times_ns = _Rows(movie), []
    image = _blank(movie)
    for frame, at_ns in _instants(movie):
        movie.field(at_ns, (0.0, 0.0), movie.width_px, movie.height_px, image)
        start_ns = time.perf_counter_ns()
        found = detector.detect(image)
        between_ns = time.perf_counter_ns()
        tracks = tracker.update(image, found, at_ns)
        times_ns.append((between_ns - start_ns, time.perf_counter_ns() - between_ns))
        for track in tracks:
            rows.add(frame, track)
        on_progress(frame + 1, movie.frames)
    detector_ms, tracker_ms = (np.median(times_ns, axis=0) / NS_PER_MS).tolist()
    return Followed(rows.sorted(), image, detector_ms, tracker_ms)


def write_tracks(path: Path, followed: Followed, interval_s: float) -> None:
    """Write ``track``, ``t``, ``x``, ``y``, ``seen``, ``score`` and ``size`` as CSV.

    Times are in s and lengths in µm; that is, in frames and px where the scales are 1.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", encoding="utf-8", newline="") as file:
        table = csv.writer(file, lineterminator="\n")
        table.writerow(COLUMNS)
        for track, frame, x, y, seen, certainty, size in followed.rows:
            place = f"{x:.4f}", f"{y:.4f}"
            table.writerow(
                (
                    track,
                    f"{frame * interval_s:.9g}",
                    *place,
                    int(seen),
                    f"{certainty:.4f}",
                    f"{size:.4f}",
                )
            )


def judge(
    followed: Followed, truth: Tracks, pixel_um: float, tolerance_px: float | None = None
) -> tuple[Scores, float]:
    """Score tracks by those of the objects that somebody annotated.

    As the truth may cover only part of the objects, only positions about annotated ones are
    judged (`annotated`): false alarms do not count, and neither does what a track does away
    from annotated objects.

    Parameters
    ----------
    followed : Followed
    truth : Tracks
        In px; its times in any unit, 0 for the first frame.
    pixel_um : float
    tolerance_px : float, optional
        Distance within which a position is right; otherwise half the median size of the
        objects found.

    Returns
    -------
    Scores, float
        And the tolerance.

    Raises
    ------
    ModelError
        If there is nothing to judge.
    """
    if not followed.rows:
        raise ModelError("no tracks were found, so that there is nothing to score")
    if tolerance_px is None:
        tolerance_px = float(np.median([row[6] for row in followed.rows])) / pixel_um / 2
    places = followed.places_px(pixel_um)
    known = _known(truth)
    return score(known, annotated(known, places, tolerance_px), tolerance_px), tolerance_px


class _Rows:
    """Rows of tracks; what is not seen waits until the track is seen again."""

    def __init__(self, movie: Movie) -> None:
        self._movie = movie
        self._kept: list[Row] = []
        self._waiting: dict[int, list[Row]] = {}
        self._measurements: dict[int, int] = {}

    def add(self, frame: int, track: Track) -> None:
        """Note where a track is in a frame."""
        seen = track.seen_um is not None
        place_um: NDArray = track.prediction.mean_um if track.seen_um is None else track.seen_um
        pixel_um = self._movie.pixel_um
        x_px, y_px = self._movie.px_of_um(float(place_um[0]), float(place_um[1]))
        row = (
            *(track.id, frame, x_px * pixel_um, y_px * pixel_um, seen),
            *(track.score, track.size_um),
        )
        waiting = self._waiting.setdefault(track.id, [])
        waiting.append(row)
        self._measurements[track.id] = self._measurements.get(track.id, 0) + seen
        if seen and self._measurements[track.id] >= _LEAST_SIGHTINGS:
            self._kept += waiting
            waiting.clear()

    def sorted(self) -> list[Row]:
        """All that are tracks, frame by frame."""
        return sorted(self._kept, key=lambda row: (row[1], row[0]))


def _blank(movie: Movie) -> Image:
    shape = movie.height_px, movie.width_px
    return np.zeros(shape, np.uint8) if movie.dtype == np.uint8 else np.zeros(shape, np.uint16)


def _instants(movie: Movie) -> Iterator[tuple[int, int]]:
    """Index of every frame, and an instant in the middle of the time that it is shown."""
    for frame in range(movie.frames):
        yield frame, round((frame + 0.5) * movie.interval_s * NS_PER_S)


def _known(truth: Tracks) -> Places:
    """All positions of the annotated objects, in px."""
    frames = [np.round(times / truth.interval).astype(np.intp) for times in truth.times]
    ids = np.repeat(np.arange(len(truth)), [len(times) for times in truth.times])
    positions = np.concatenate([places[:, :2] for places in truth.positions])
    return Places(np.concatenate(frames), ids, positions)
