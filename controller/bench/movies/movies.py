"""Every annotated object of movies, followed with each detector and policy."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from itertools import product
from pathlib import Path

import numpy as np

from ....models.arrays import Floats
from ....models.errors import ModelError
from ..report import OnProgress, Row, in_parallel, no_progress
from .causes import Cause, cause_of, failed_at
from .pictures import draw_failure
from .sessions import Job, Moment, Session, follow_object, movies_of

DETECTORS = ("auto", "blobs")
POLICIES = ("reactive", "predictive")
BASELINE = "reactive"
"""Policy with which the others are compared: it foresees nothing."""
SIZES = ("found", "told")
"""Whether the detector finds out the size of the objects, or is told that of the one."""
POINTS = ("middle", "anywhere")
"""Where on its body an object is pointed at."""
_LEAST_FRAMES = 5
"""Of a track that is followed: fewer are over before following has begun in a time lapse."""
_HELD = 0.25
"""Distance from the middle of the field up to which an object is held, along either side."""


@dataclass(frozen=True, slots=True)
class _Task:
    job: Job
    picture: Path | None


@dataclass(frozen=True, slots=True)
class _Result:
    """Scores of a session over its annotated frames.

    Attributes
    ----------
    offsets_px : (frames,)
        From the middle of the field to the object; NaN where it was not followed.
    """

    cause: Cause | None
    frames: int
    held: int
    held_right: int
    offsets_px: Floats


def run(
    folders: Sequence[Path],
    detectors: Sequence[str] = DETECTORS,
    policies: Sequence[str] = POLICIES,
    sizes: Sequence[str] = ("found",),
    field: float = 0.25,
    most: int | None = None,
    pictures: Path | None = None,
    point: str = "middle",
    on_progress: OnProgress = no_progress,
    on_note: Callable[[str], None] = print,
) -> list[Row]:
    """Follow every annotated object, in virtual time, on all cores.

    Parameters
    ----------
    folders : sequence of Path
        With movies and tracks, see `read_annotated_movies`, or with annotated stills, of which
        movies are made.
    detectors, policies : sequence of str
    sizes : sequence of str
        Of `SIZES`; told only where sizes are annotated.
    field : float
        Side of the camera's field over the longer side of the movie.
    most : int, optional
        Objects of each movie, spread evenly over all; default: every one.
    pictures : Path, optional
        Folder for a picture of each failure.
    point : str
        One of `POINTS`: where on its body each object is pointed at.

    Returns
    -------
    list of dict
        A row for each movie, detector, policy and size. ``over_reactive`` is the RMS offset over
        that of the policy `BASELINE`, in the frames in which both follow the right object.

    Raises
    ------
    ModelError
        If a folder holds nothing annotated, or nothing of it can be followed, or it is not known
        what their bodies are.
    """
    tasks: list[_Task] = []
    for folder in folders:
        for number, movie in enumerate(movies_of(folder)):
            long = [i for i, track in enumerate(movie.tracks) if len(track) >= _LEAST_FRAMES]
            short = len(movie.tracks) - len(long)
            if short:
                on_note(f"{movie.name}: {short} tracks have fewer than {_LEAST_FRAMES} frames.")
            if point == "anywhere" and any(track.anywhere_px is None for track in movie.tracks):
                raise ModelError(
                    f"where the bodies in {movie.name} end is not annotated: leave --point out, "
                    "or give a folder of annotated stills"
                )
            known = [size for size in sizes if size == "found" or not math.isnan(movie.size_px)]
            for detector, policy, size in product(detectors, policies, known):
                for track in _spread(long, most):
                    told = size == "told"
                    anywhere = point == "anywhere"
                    job = Job(folder, number, track, detector, policy, told, field, anywhere)
                    name = f"{movie.name}/{detector}_{policy}_{size}_{track:04d}.png"
                    tasks.append(_Task(job, pictures and pictures / name))
    if not tasks:
        raise ModelError(
            f"there is nothing to follow: no track has {_LEAST_FRAMES} frames, or the size of none "
            "is annotated that is to be told"
        )
    results: dict[tuple[Path, int, str, str, bool], list[_Result]] = {}
    for done, (task, result) in enumerate(in_parallel(_measure, tasks), start=1):
        one = task.job
        key = one.folder, one.movie, one.detector, one.policy, one.told
        results.setdefault(key, []).append(result)
        on_progress(done, len(tasks))
    return [
        _row(*key, found, results.get((*key[:3], BASELINE, key[4])))
        for key, found in results.items()
    ]


def _measure(task: _Task) -> _Result:
    job = task.job
    movie = movies_of(job.folder)[job.movie]
    track = movie.tracks[job.track]
    session = follow_object(job)
    known = track.sizes_px[np.isfinite(track.sizes_px)]
    size_px = float(np.median(known)) if len(known) else math.nan
    sides_px = movie.recording.width_px, movie.recording.height_px
    cause = cause_of(session, size_px, sides_px)
    if cause is not None and task.picture is not None:
        title = f"{movie.name}, object {job.track}: {cause}. {session.ended}"
        draw_failure(task.picture, session, failed_at(session), title)
    return _scored(session, cause)


def _scored(session: Session, cause: Cause | None) -> _Result:
    annotated, right = session.annotated, session.right
    offsets = np.array([_offset(moment) for moment in annotated]).reshape(-1, 2)
    sides = np.array([moment.image.shape[::-1] for moment in annotated]).reshape(-1, 2)
    held = (np.abs(offsets) <= _HELD * sides).all(axis=1)
    counted = right & np.array([moment.answers for moment in annotated], np.bool_)
    return _Result(
        cause,
        len(annotated),
        int(held.sum()),
        int((held & right).sum()),
        np.where(counted, np.hypot(*offsets.T), np.nan),
    )


def _offset(moment: Moment) -> Floats:
    return moment.true_px - moment.middle_px


def _spread(tracks: Sequence[int], most: int | None) -> Iterable[int]:
    if most is None or len(tracks) <= most:
        return tracks
    return [tracks[i] for i in np.linspace(0, len(tracks) - 1, most).round().astype(int)]


def _row(
    folder: Path,
    number: int,
    detector: str,
    policy: str,
    told: bool,
    results: list[_Result],
    baseline: list[_Result] | None,
) -> Row:
    frames = max(sum(one.frames for one in results), 1)
    causes = Counter(one.cause for one in results if one.cause is not None)
    kept = sum(one.cause is None for one in results) / len(results)
    return {
        "movie": movies_of(folder)[number].name,
        "detector": detector,
        "size": SIZES[told],
        "policy": policy,
        "targets": len(results),
        "kept": kept,
        "held": sum(one.held for one in results) / frames,
        "held_and_right": sum(one.held_right for one in results) / frames,
        "rms_px": _rms([one.offsets_px for one in results]),
        "over_reactive": baseline and _ratio(results, baseline),
        "causes": ", ".join(f"{cause} {count}" for cause, count in causes.most_common()) or "none",
    }


def _rms(offsets_px: Sequence[Floats]) -> float | None:
    """Root of the mean square of those that are known; None without any."""
    known = np.concatenate(offsets_px)
    known = known[np.isfinite(known)]
    return math.sqrt(float((known**2).mean())) if len(known) else None


def _ratio(results: list[_Result], baseline: list[_Result]) -> float | None:
    """RMS offset over that of another policy, in frames in which both are known."""
    own, others = [], []
    for one, other in zip(results, baseline, strict=True):
        # A session that ended early has fewer frames.
        both = min(one.frames, other.frames)
        known = np.isfinite(one.offsets_px[:both] + other.offsets_px[:both])
        own.append(one.offsets_px[:both][known])
        others.append(other.offsets_px[:both][known])
    rms, other_rms = _rms(own), _rms(others)
    return rms / other_rms if rms is not None and other_rms else None
