"""Linking in recorded movies and movies made of stills, beside other linkers."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from ....drivers.clock import NS_PER_MS
from ....models.datasets import AnnotatedMovie
from ....models.detections import Detections
from ....models.images import Recording, open_recording
from ...offline import (
    MakeLinker,
    TrackPoints,
    annotated,
    detect_movie,
    identity_switches,
    names_kept,
    open_models,
    points_of,
    rows_of,
    score,
)
from ..movies import movies_of
from ..report import OnProgress, Row, no_progress
from .peers import Peer, peers

_TOLERANCE = 0.01
"""Distance from the truth over the longer side of the movie, where no sizes are annotated. Chosen:
5 to 10 px in usual movies, which is half a cell."""
_LONG = 20.0
"""Steps that are longer, in medians, are counted: hardly any can be right."""

Scored = dict[str, float]


def run(
    paths: Sequence[Path],
    tables: Mapping[str, Any],
    on_progress: OnProgress = no_progress,
    on_note: Callable[[str], None] = print,
    others: Mapping[str, MakeLinker] = {},
) -> list[Row]:
    """Detect once in each movie, and link with everything that works here.

    Peers link with the setting that was best on other movies and, as a bound on what they can do,
    with the best of all settings for this movie and this truth (``best``). All get the same
    detections. A position is right within half the size of the objects.

    Parameters
    ----------
    paths : sequence of Path
        Folders with movies and tracks, or with annotated stills, of which movies are made; or
        movies without truth.
    tables : mapping
        Of a configuration: ``detector``, ``tracking``, ``predictor``.
    others : mapping
        Linkers of `pursuit track` besides its own, by name. The tables are for them, too.

    Returns
    -------
    list of dict
        A row for each path and linker, means over the movies of a folder: ``idf1``, ``hota``
        (`score`), ``kept`` (`names_kept`) and ``switches``; where movies are made of stills, of all
        that was found, and else of what agrees with the truth, which may cover only a part
        (`annotated`). ``tracks``,
        ``long_steps``: steps of more than 20 medians, ``ms_per_frame``: time to link.

    Raises
    ------
    ModelError
        If a folder holds nothing annotated.
    """
    rivals = list(peers(on_note))
    movies = [(path, movie) for path in paths for movie in _movies(path)]
    scored: dict[tuple[str, str], list[Scored]] = {}
    for done, (path, movie) in enumerate(movies, start=1):
        for linker, scores in _judged(movie, tables, rivals, others, is_all=not _has_table(path)):
            scored.setdefault((path.resolve().name, linker), []).append(scores)
        on_progress(done, len(movies))
    return [
        {"movies": name, "linker": linker, "count": len(each), **_mean(each)}
        for (name, linker), each in scored.items()
    ]


def _movies(path: Path) -> list[AnnotatedMovie]:
    """Movies of a folder, or one without truth."""
    if path.is_dir() and path.suffix.lower() != ".zarr":
        return movies_of(path)
    return [AnnotatedMovie(path.name, open_recording(path), ())]


def _has_table(path: Path) -> bool:
    """Whether what is annotated may be but a part."""
    return not any((path / name).is_dir() for name in ("images", "annotations"))


def _judged(
    movie: AnnotatedMovie,
    tables: Mapping[str, Any],
    rivals: Sequence[Peer],
    others: Mapping[str, MakeLinker],
    is_all: bool,
) -> list[tuple[str, Scored]]:
    """Scores of every linker on one movie."""
    recording = movie.recording
    detector, own = open_models(recording, tables)
    linkers = {"pursuit": own} | {who: make(recording, tables) for who, make in others.items()}
    wants_masks = any(linker.wants_masks for linker in linkers.values())
    found, _ = detect_movie(recording, detector, keep_masks=wants_masks)
    judge, rows = _Judge(movie, recording, is_all), list[tuple[str, Scored]]()
    for who, linker in linkers.items():
        start_ns = time.perf_counter_ns()
        points = points_of(rows_of(linker.link(found), recording), recording.pixel_um)
        rows.append((who, judge.scores(points, _ms_since(start_ns, found))))
    for peer in rivals:
        start_ns = time.perf_counter_ns()
        usual = peer.points(found, peer.usual)
        if usual is not None:
            rows.append((peer.who, judge.scores(usual, _ms_since(start_ns, found))))
        best = _best(peer, found, judge) if movie.tracks else None
        if best is not None:
            rows.append((f"{peer.who}, best", best))
    return rows


def _best(peer: Peer, found: Sequence[Detections], judge: _Judge) -> Scored | None:
    """Scores of the setting with the greatest IDF1; None if the peer gives up with each."""
    tried = (peer.points(found, setting) for setting in peer.settings)
    scored = (judge.scores(one) for one in tried if one is not None)
    return max(scored, key=lambda one: one["idf1"], default=None)


class _Judge:
    """The truth about a movie; none if nothing is annotated."""

    def __init__(self, movie: AnnotatedMovie, recording: Recording, is_all: bool) -> None:
        self._is_all, tracks = is_all, movie.tracks
        self._truth = TrackPoints(
            np.concatenate([np.empty(0, np.intp), *(track.frames for track in tracks)]),
            np.repeat(np.arange(len(tracks)), [len(track) for track in tracks]),
            np.concatenate([np.empty((0, 2)), *(track.positions_px for track in tracks)]),
        )
        longest_px = max(recording.width_px, recording.height_px)
        size_px = movie.size_px if tracks else np.nan
        self._tolerance_px = size_px / 2 if np.isfinite(size_px) else _TOLERANCE * longest_px

    def scores(self, found: TrackPoints, ms_per_frame: float | None = None) -> Scored:
        """Score tracks; without a time, it is not told."""
        told: Scored = {}
        if len(self._truth):
            given = self._truth, found, self._tolerance_px
            judged = found if self._is_all or not len(found) else annotated(*given)
            one = score(self._truth, judged, self._tolerance_px)
            switches = identity_switches(*given) if len(found) else 0
            kept = names_kept(*given) if len(found) else 0.0
            told = {"idf1": one.idf1, "hota": one.hota, "kept": kept, "switches": switches}
        told |= {"tracks": len(np.unique(found.ids)), "long_steps": _long_steps(found)}
        return told if ms_per_frame is None else told | {"ms_per_frame": ms_per_frame}


def _long_steps(found: TrackPoints) -> int:
    order = np.lexsort((found.frames, found.ids))
    next_one = (np.diff(found.ids[order]) == 0) & (np.diff(found.frames[order]) == 1)
    steps = np.hypot(*np.diff(found.positions[order], axis=0).T)[next_one]
    return int((steps > _LONG * np.median(steps)).sum()) if len(steps) else 0


def _ms_since(start_ns: int, found: Sequence[Detections]) -> float:
    return (time.perf_counter_ns() - start_ns) / NS_PER_MS / len(found)


def _mean(scored: Sequence[Scored]) -> Scored:
    """Mean of each number over the movies that have it."""
    known = {key: [one[key] for one in scored if np.isfinite(one[key])] for key in scored[0]}
    return {key: float(np.mean(values)) for key, values in known.items() if values}
