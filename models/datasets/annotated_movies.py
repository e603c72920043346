"""Movies whose objects are annotated: a folder of one of the usual layouts.

- a movie beside a table of tracks (CSV) or a TrackMate file (XML);
- sequences of the Cell Tracking Challenge: ``01`` beside ``01_GT``.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ..arrays import Floats, Indices
from ..errors import ModelError
from ..images import IMAGE_SUFFIXES, Recording, open_recording
from .challenge_tracks import open_sequence, read_challenge_tracks, sequences
from .track_files import Tracks, read_tracks
from .track_tables import PIXEL, SCALED
from .trackmate_files import read_trackmate

_NAMED = 3
"""Most movies that are named where one is expected. Chosen: a folder may hold thousands."""


@dataclass(frozen=True, slots=True, eq=False)
class AnnotatedTrack:
    """One object of a movie.

    Attributes
    ----------
    frames : (T,) intp
        Rising, not necessarily without gaps.
    positions_px : (T, 2)
        x and y; the centre of the top left pixel is (0, 0).
    sizes_px : (T,)
        Root of the area of its box, NaN where that is not annotated.
    anywhere_px : (2,), optional
        Some place on its body in its first frame, if its outline is known.
    """

    frames: Indices
    positions_px: Floats
    sizes_px: Floats
    anywhere_px: Floats | None = None

    def __len__(self) -> int:
        return len(self.frames)


@dataclass(frozen=True, slots=True, eq=False)
class AnnotatedMovie:
    """A movie, and where some or all of its objects are."""

    name: str
    recording: Recording
    tracks: tuple[AnnotatedTrack, ...]

    @property
    def size_px(self) -> float:
        """Median size of the objects, NaN if none is annotated."""
        sizes = np.concatenate([track.sizes_px for track in self.tracks])
        known = sizes[np.isfinite(sizes)]
        return float(np.median(known)) if len(known) else float("nan")


def read_annotated_movies(folder: Path) -> list[AnnotatedMovie]:
    """Read all annotated movies of a folder.

    Raises
    ------
    ModelError
        If there is none, or one cannot be used.
    """
    if not folder.is_dir():
        raise ModelError(f"there is no folder {folder}: name one with a movie and its tracks")
    challenge = list(_challenge(folder))
    if challenge:
        return challenge
    movies = [path for path in sorted(folder.iterdir()) if _is_movie(path)]
    tables = sorted([*folder.glob("*.csv"), *folder.glob("*.xml")])
    if len(movies) > 1 and tables:
        names = ", ".join(path.name for path in movies[:_NAMED])
        raise ModelError(
            f"the folder {folder} has {len(movies)} movies ({names}"
            f"{', …' if len(movies) > _NAMED else ''}): keep the one that the tracks belong to"
        )
    if len(movies) != 1 or not tables:
        raise ModelError(
            f"the folder {folder} is no annotated movie: it needs one movie beside tracks.csv or "
            "a TrackMate file, or 01 beside 01_GT as in the Cell Tracking Challenge"
        )
    named = [path for path in tables if path.stem == "tracks"] or tables
    if len(named) > 1:
        raise ModelError(
            f"the folder {folder} has several tables: call the one with the tracks tracks.csv"
        )
    recording = open_recording(movies[0])
    read = read_trackmate if named[0].suffix == ".xml" else read_tracks
    return [_annotated(folder.name, recording, read(named[0]))]


def _challenge(folder: Path) -> Iterator[AnnotatedMovie]:
    """Read the sequences of the Cell Tracking Challenge in a folder, if it has any."""
    for images, truth in sequences(folder):
        recording = open_sequence(images)
        name = f"{folder.resolve().name}/{images.name}"
        sides_px = recording.width_px, recording.height_px
        yield _annotated(name, recording, read_challenge_tracks(images, truth, sides_px))


def _annotated(name: str, recording: Recording, tracks: Tracks) -> AnnotatedMovie:
    """Bring tracks to whole frames, and check that they are of this movie."""
    check_tracks(tracks, recording)
    columns = zip(tracks.frames, tracks.positions, tracks.sizes, strict=True)
    found = tuple(AnnotatedTrack(frames, at[:, :2], sizes) for frames, at, sizes in columns)
    return AnnotatedMovie(name, recording, found)


def check_tracks(tracks: Tracks, recording: Recording) -> None:
    """Refuse tracks that cannot be of a movie, as positions in px and times from its first frame.

    Raises
    ------
    ModelError
        If they are in frames that it does not have, or perhaps in others than those that their
        times seem to be, if they are not in pixels, or most leave its picture.
    """
    if tracks.unit not in ("", PIXEL) and (tracks.unit, recording.pixel_um) != (SCALED, 1.0):
        raise ModelError(
            f"the positions of the tracks {tracks.name} are in {tracks.unit}: they have to be in "
            "pixels"
        )
    if _may_be_sparse(tracks, recording):
        raise ModelError(
            f"the tracks {tracks.name} have a time every {tracks.interval:g}, and nothing tells "
            "whether that is from one frame to the next: call their column frame, and count frames "
            "from 0"
        )
    first = min(int(frames[0]) for frames in tracks.frames)
    last = max(int(frames[-1]) for frames in tracks.frames)
    if first < 0 or last >= len(recording):
        counts_from_1 = (first, last) == (1, len(recording))
        advice = "count them from 0" if counts_from_1 else "they belong to another one"
        raise ModelError(
            f"the tracks {tracks.name} go from frame {first} to {last}, the movie has "
            f"{len(recording)}: {advice}"
        )
    sides = np.array([recording.width_px, recording.height_px])
    outside = [((at[:, :2] < 0) | (at[:, :2] >= sides)).any() for at in tracks.positions]
    if np.mean(outside) > 0.5:
        raise ModelError(
            f"most of the tracks {tracks.name} leave the {sides[0]} x {sides[1]} pixels of the "
            "movie: positions have to be in pixels"
        )
    for frames, at in zip(tracks.frames, tracks.positions, strict=True):
        far = ((at[:, :2] < -sides) | (at[:, :2] >= 2 * sides)).any(axis=1)
        if far.any():
            x, y = at[far][0, :2]
            raise ModelError(
                f"the tracks {tracks.name} have a position in frame {frames[far][0]} that is far "
                f"outside of the picture of {sides[0]} x {sides[1]} pixels, ({x:g}, {y:g}): "
                "correct it; positions have to be in pixels"
            )


def _may_be_sparse(tracks: Tracks, recording: Recording) -> bool:
    """Whether times also fit the movie if they are of some of its frames only."""
    is_told = "interval_s" not in recording.assumed
    if tracks.in_frames or (
        is_told and math.isclose(tracks.interval, recording.interval_s, rel_tol=0.1)
    ):
        return False
    last = max(float(times[-1]) for times in tracks.times)
    are_whole = all((times % 1 == 0).all() for times in tracks.times)
    others = [1.0] * are_whole + [recording.interval_s] * is_told
    return any(1.5 * one < tracks.interval and last / one < len(recording) for one in others)


def _is_movie(path: Path) -> bool:
    return path.suffix.lower() in IMAGE_SUFFIXES or path.suffix.lower() == ".zarr"
