"""One annotated object of a movie, followed from its first frame to its last."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from functools import lru_cache
from itertools import islice
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from ....drivers.clock import VirtualClock
from ....drivers.messages import Image
from ....models.arrays import Bools, Floats
from ....models.datasets import AnnotatedMovie, AnnotatedTrack, read_annotated_movies
from ....sim.movie import Movie
from ....sim.stand import LockstepMicroscope
from ...assembly import complete, make_loop
from ...loop import Step
from ...response import ResponseError
from .textured import textured_movies

_LEAST_FIELD_PX = 64
"""Of the camera. Chosen: smaller ones hold no surroundings."""


@dataclass(frozen=True, slots=True)
class Job:
    """Whom to follow in which movie, with what.

    ``field`` is the side of the camera's field over the longer side of the movie. With ``told``,
    the detector is told the size of the object; it is pointed at in its middle, or `anywhere`.
    """

    folder: Path
    movie: int
    track: int
    detector: str
    policy: str
    told: bool
    field: float
    anywhere: bool = False


@dataclass(frozen=True, slots=True, eq=False)
class Moment:
    """What was true and what was believed in one frame, in px of the movie.

    Attributes
    ----------
    image : (H, W)
        What the camera saw.
    corner_px : (2,)
        Where the middle of its top left pixel lies in the movie.
    frame : int
        Of the movie.
    true_px : (2,)
        Where the object is, NaN if that is not annotated.
    others_px : (N, 2)
        Where the others are.
    followed_px : (2,) or None
        Where what is followed is believed to be; None without a target.
    found_px, found_sizes_px : (M, 2), (M,)
        What was detected.
    answers : bool
        Whether following had begun.
    """

    image: Image
    corner_px: Floats
    frame: int
    true_px: Floats
    others_px: Floats
    followed_px: Floats | None
    found_px: Floats
    found_sizes_px: Floats
    answers: bool

    @property
    def middle_px(self) -> Floats:
        """Middle of the field."""
        height, width = self.image.shape
        return self.corner_px + np.array([width - 1, height - 1]) / 2

    def within(self, tolerance_px: float) -> bool:
        """Whether what is followed is the object: near to it, and to no other nearer."""
        if self.followed_px is None:
            return False
        away_px = float(np.hypot(*(self.followed_px - self.true_px)))
        others_px = np.hypot(*(self.others_px - self.followed_px).T)
        return away_px <= min(tolerance_px, float(others_px.min(initial=math.inf)))


@dataclass(frozen=True, slots=True, eq=False)
class Session:
    """What came of a job: a moment for each frame, and why it ended early, else empty."""

    moments: list[Moment]
    tolerance_px: float
    ended: str = ""

    @property
    def right(self) -> Bools:
        """In which annotated frames what is followed was the object, (T,)."""
        return np.array([moment.within(self.tolerance_px) for moment in self.annotated], np.bool_)

    @property
    def annotated(self) -> list[Moment]:
        """Those of frames in which it is known where the object is."""
        return [moment for moment in self.moments if np.isfinite(moment.true_px).all()]


@lru_cache(maxsize=2)
def movies_of(folder: Path) -> list[AnnotatedMovie]:
    """Movies of a folder, read or made of its stills once in each process.

    Raises
    ------
    ModelError
        If there are none.
    """
    is_stills = any((folder / name).is_dir() for name in ("images", "annotations"))
    return textured_movies(folder) if is_stills else read_annotated_movies(folder)


def tolerance_px(movie: AnnotatedMovie, track: AnnotatedTrack) -> float:
    """How far from the truth a position may be: the size of the object.

    Where sizes are not annotated, half of the median distance to the next object instead, and at
    most a thirtieth of the longer side.
    """
    sizes = track.sizes_px[np.isfinite(track.sizes_px)]
    if len(sizes):
        return float(np.median(sizes))
    most = max(movie.recording.width_px, movie.recording.height_px) / 30
    return min(_neighbour_px(movie) / 2, most)


def follow_object(job: Job) -> Session:
    """Follow one object in virtual time."""
    cv2.setNumThreads(1)
    movie = movies_of(job.folder)[job.movie]
    track = movie.tracks[job.track]
    first, last = int(track.frames[0]), int(track.frames[-1])
    recording = movie.recording
    field_px = round(job.field * max(recording.width_px, recording.height_px))
    start_px = track.positions_px[0]
    if job.anywhere and track.anywhere_px is not None:
        start_px = track.anywhere_px
    tables: dict[str, Any] = {
        "microscope": {
            "specimen": movie.name,
            "field_px": max(field_px, _LEAST_FIELD_PX),
            "start_px": start_px.tolist(),
        },
        "detector": {"name": job.detector, **_told(job, track)},
        "policy": {"name": job.policy},
    }
    config, simulated = complete(tables, recording)
    assert simulated is not None
    frames = _Part(recording, first, last + 1 - first)
    shown = Movie(frames, recording.pixel_um, recording.interval_s)
    simulated = replace(simulated, movie=shown)
    world, stand = simulated.world(config.session.seed), config.stand(simulated.name)
    truth, moments, ended = _Truth(movie, job.track), [], ""
    with LockstepMicroscope(world, stand, VirtualClock()) as microscope:
        loop = make_loop(config, microscope)
        try:
            for index, step in enumerate(islice(loop.steps(), shown.count)):
                moments.append(truth.moment(step, shown, first + index, loop.answers))
        except ResponseError as error:
            ended = str(error)
    return Session(moments, tolerance_px(movie, track), ended)


class _Part:
    """Some frames of a recording, one after the other."""

    def __init__(self, frames: Any, first: int, count: int) -> None:
        self._frames, self._first, self._count = frames, first, count

    def __len__(self) -> int:
        return self._count

    def __getitem__(self, index: int) -> Image:
        return self._frames[self._first + index]


class _Truth:
    """Where one object and all others are in each frame."""

    def __init__(self, movie: AnnotatedMovie, track: int) -> None:
        self._at: dict[int, Floats] = {}
        self._others: dict[int, list[Floats]] = {}
        for number, one in enumerate(movie.tracks):
            for frame, place in zip(one.frames.tolist(), one.positions_px, strict=True):
                if number == track:
                    self._at[frame] = place
                else:
                    self._others.setdefault(frame, []).append(place)

    def moment(self, step: Step, movie: Movie, frame: int, answers: bool) -> Moment:
        """Put together what is known of a frame of the movie."""
        decision, pixel_um = step.decision, movie.pixel_um
        middle_px = np.array(movie.px_of_um(*decision.pose_um[:2]))
        height, width = step.frame.image.shape
        target = next((t for t in decision.tracks if t.id == decision.target), None)
        found = step.measurements
        return Moment(
            step.frame.image.copy(),
            middle_px - np.array([width - 1, height - 1]) / 2,
            frame,
            self._at.get(frame, np.full(2, np.nan)),
            np.array(self._others.get(frame, np.empty((0, 2)))),
            None if target is None else np.array(movie.px_of_um(target.x_um, target.y_um)),
            np.array([movie.px_of_um(*at) for at in found.positions_um] if found else []).reshape(
                -1, 2
            ),
            found.sizes_um / pixel_um if found else np.empty(0),
            answers,
        )


def _told(job: Job, track: AnnotatedTrack) -> dict[str, float]:
    sizes = track.sizes_px[np.isfinite(track.sizes_px)]
    return {"diameter_px": float(np.median(sizes))} if job.told and len(sizes) else {}


def _neighbour_px(movie: AnnotatedMovie) -> float:
    """Median distance from an object to the next in the same frame; infinite if there is none."""
    places: dict[int, list[Floats]] = {}
    for track in movie.tracks:
        for frame, place in zip(track.frames.tolist(), track.positions_px, strict=True):
            places.setdefault(frame, []).append(place)
    nearest = [np.full(1, np.inf)]
    for here in places.values():
        gaps = np.hypot(*(np.array(here)[:, None] - np.array(here)).T)
        np.fill_diagonal(gaps, np.inf)
        nearest.append(gaps.min(axis=0))
    gap = float(np.median(np.concatenate(nearest)))
    return gap if math.isfinite(gap) else math.inf
