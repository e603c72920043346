"""Error of predictors against the horizon, on motions never trained on and on real tracks."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ....drivers.clock import NS_PER_S
from ....models.datasets import Tracks
from ....models.errors import ModelError
from ....models.predictors import PREDICTORS, Predictor, create
from ....models.predictors.learned import Recurrent, RecurrentOptions
from ..report import Row
from .motions import MOTIONS, Judged
from .optimal import knowing

REFERENCE = "kalman"
"""Constant velocity: the package's own with its default options, noise identified."""

HORIZONS = (1, 2, 4, 8)
"""Frames ahead."""

WITHIN_95 = 5.991
"""Quantile of chi² with two degrees of freedom."""

_TRACKS, _FRAMES = 40, 250
_WARM, _WARM_REAL = 40, 3
"""Measurements of an object before it is judged; real tracks are short."""
_MISSTATED = 1.5
"""Ratio of the stated noise to the true one: a detector does not know it well."""

OnProgress = Callable[[int, int], None]
Scores = dict[int, tuple[float, float]]
"""Root mean square error in µm and coverage for each horizon in frames."""


@dataclass(frozen=True, slots=True, eq=False)
class Watched:
    """Objects as they were seen, frame by frame.

    Attributes
    ----------
    tracks, motion : str
        For the rows.
    interval_s : float
    seen : (F, N, 2)
        NaN where an object was not.
    truth : (F, N, 2)
        What predictions are held against.
    stated : float
        Standard deviation that the predictor is told of a position along an axis.
    doubt : float
        That of the truth itself: 0 where it is exact.
    warm : int
        Measurements of an object before it is judged.
    best : Predictor, optional
        Who knows how the objects move, if anybody can.
    """

    tracks: str
    motion: str
    interval_s: float
    seen: NDArray
    truth: NDArray
    stated: float
    doubt: float
    warm: int
    best: Predictor | None = None


def run(
    files: Sequence[Tracks] = (),
    predictors: Sequence[str] = (),
    unit_um: float = 1.0,
    on_progress: OnProgress = lambda done, total: None,
) -> list[Row]:
    """Judge predictors on the simulated motions and on files.

    Parameters
    ----------
    files : sequence of Tracks
    predictors : sequence of str
        Names, or ONNX files of trained ones; otherwise all that come with the package.
    unit_um : float
        Size of the unit of the files' positions in µm.
    on_progress : callable
        Told how many of how many runs are done.

    Returns
    -------
    list of dict
        ``vs_cv`` is the error over that of constant velocity (`REFERENCE`); ``best_vs_cv`` what
        it is for who knows the law of the motion and all its numbers, None on real tracks;
        ``coverage95`` the share of the truths inside the ellipse that is to hold 95 %.

    Raises
    ------
    ModelError
        If there is no such predictor.
    """
    names = list(predictors or PREDICTORS.builtin)
    asked = [REFERENCE, *(name for name in names if name != REFERENCE)]
    total, done, rows = len(MOTIONS) * (1 + len(asked)) + len(files) * len(asked), 0, []
    for watched in _all_watched(files, unit_um):
        results: dict[str, Scores] = {}
        for name in asked:
            results[name] = judge(opened(name), watched)
            on_progress(done := done + 1, total)
        best: Scores = {}
        if watched.best:
            best = judge(watched.best, watched)
            on_progress(done := done + 1, total)
        for name in names:
            rows += _rows(watched, name, results[name], results[REFERENCE], best)
    return rows


def opened(name: str) -> Predictor:
    """Make a predictor from its name, or from the ONNX file of a trained one.

    Raises
    ------
    ModelError
        If there is none.
    """
    if name.endswith(".onnx"):
        return Recurrent(RecurrentOptions(name))
    try:
        return create(name)
    except ValueError as error:
        raise ModelError(str(error)) from error


def judge(predictor: Predictor, watched: Watched) -> Scores:
    """Root mean square error and coverage for each horizon that has predictions."""
    squares: dict[int, list[NDArray]] = {horizon: [] for horizon in HORIZONS}
    inside: dict[int, list[NDArray]] = {horizon: [] for horizon in HORIZONS}
    interval_ns = round(watched.interval_s * NS_PER_S)
    for frame, objects, slots, warm in _followed(predictor, watched, interval_ns):
        for horizon in HORIZONS:
            if frame + horizon >= len(watched.truth) or not len(objects):
                continue
            forecast = predictor.predict(slots, (frame + horizon) * interval_ns)
            error = watched.truth[frame + horizon, objects] - forecast.means_um[:, :2]
            known = warm & np.isfinite(error).all(axis=1)
            spread = forecast.covs_um2[known, :2, :2] + watched.doubt**2 * np.eye(2)
            error = error[known]
            misfit = (error * np.linalg.solve(spread, error[:, :, None])[:, :, 0]).sum(axis=1)
            squares[horizon].append((error**2).sum(axis=1))
            inside[horizon].append(misfit < WITHIN_95)
    return {
        horizon: (
            math.sqrt(float(np.concatenate(squares[horizon]).mean())),
            float(np.concatenate(inside[horizon]).mean()),
        )
        for horizon in HORIZONS
        if sum(map(len, squares[horizon]))
    }


def _followed(
    predictor: Predictor, watched: Watched, interval_ns: int
) -> Iterator[tuple[int, NDArray, NDArray, NDArray]]:
    """Let a predictor see frame after frame; yield the objects in it, and which may be judged."""
    frames, count, _ = watched.seen.shape
    there = np.isfinite(watched.seen[:, :, 0])
    measurements = np.cumsum(there, axis=0)
    last = frames - 1 - np.argmax(there[::-1], axis=0)
    slots = np.full(count, -1)
    variance = watched.stated**2
    for frame in range(frames):
        predictor.advance(frame * interval_ns)
        seen = there[frame]
        new, again = np.flatnonzero(seen & (slots < 0)), np.flatnonzero(seen & (slots >= 0))
        if len(again):
            noise = np.full(len(again), variance)
            predictor.update(slots[again], watched.seen[frame, again], noise)
        if len(new):
            places = np.column_stack([watched.seen[frame, new], np.zeros(len(new))])
            slots[new] = predictor.begin(places, np.full(len(new), variance))
        here = np.flatnonzero(seen)
        yield frame, here, slots[here], measurements[frame, here] >= watched.warm
        gone = np.flatnonzero((last == frame) & (slots >= 0))
        if len(gone):
            predictor.end(slots[gone])
            slots[gone] = -1


def _all_watched(files: Sequence[Tracks], unit_um: float) -> Iterator[Watched]:
    for number, judged in enumerate(MOTIONS):
        yield simulated(judged, _TRACKS, _FRAMES, number)
    for tracks in files:
        yield measured(tracks, unit_um)


def simulated(judged: Judged, count: int, frames: int, seed: int) -> Watched:
    """See a motion through its noise; the truth is exact."""
    rng = np.random.default_rng([seed, 4])
    times_s = judged.interval_s * np.arange(frames)
    truth = judged.law(times_s, count, rng).swapaxes(0, 1)
    seen = truth + judged.noise_um * rng.standard_normal(truth.shape)
    stated = _MISSTATED * judged.noise_um
    best = judged.motion and knowing(judged.motion, judged.noise_um)
    return Watched(
        "simulated", judged.name, judged.interval_s, seen, truth, stated, 0.0, _WARM, best
    )


def measured(tracks: Tracks, unit_um: float) -> Watched:
    """Lay the tracks of a file on one grid of frames; the truth is as noisy as what was seen."""
    start = min(times[0] for times in tracks.times)
    frames = [np.round((times - start) / tracks.interval).astype(int) for times in tracks.times]
    seen = np.full((1 + max(f[-1] for f in frames), len(tracks), 2), np.nan)
    for number, (at, places) in enumerate(zip(frames, tracks.positions, strict=True)):
        seen[at, number] = unit_um * places[:, :2]
    noise = unit_um * tracks.noise
    return Watched(tracks.name, "measured", tracks.interval, seen, seen, noise, noise, _WARM_REAL)


def _rows(
    watched: Watched, name: str, scores: Scores, reference: Scores, best: Scores
) -> Iterator[Row]:
    for horizon, (rms_um, coverage) in scores.items():
        base_um = reference[horizon][0]
        yield {
            "tracks": watched.tracks,
            "motion": watched.motion,
            "predictor": name,
            "horizon_frames": horizon,
            "rms_um": rms_um,
            "vs_cv": rms_um / base_um if base_um else None,
            "best_vs_cv": best[horizon][0] / base_um if best and base_um else None,
            "coverage95": coverage,
        }
