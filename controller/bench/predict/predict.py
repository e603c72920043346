"""Error of predictors against the horizon, on motions never trained on and on real tracks."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import chain

import numpy as np
from numpy.typing import NDArray

from ....drivers.clock import NS_PER_S
from ....models.datasets import Tracks
from ....models.errors import ModelError
from ....models.predictors import PREDICTORS, Predictor, create
from ....models.predictors.learned import Recurrent, RecurrentOptions
from ..report import OnProgress, Row, no_progress
from .motions import MOTIONS, BenchMotion
from .optimal import optimal_predictor

REFERENCE = "kalman"
"""Constant velocity: the package's own with its default options, noise identified."""

HORIZONS = (1, 2, 4, 8)
"""Frames ahead: from the next one to where only the motion model tells."""

WITHIN_95 = 5.991
"""Quantile of chi² with two degrees of freedom."""

_TRACKS, _FRAMES = 40, 250
"""Of each simulated motion. Chosen: errors are known to one or two percent."""
_WARM_UP, _WARM_UP_REAL = 40, 3
"""Measurements of an object before its predictions count. Chosen: filters have settled by then;
real tracks are short."""
_MISSTATED = 1.5
"""Ratio of the stated noise to the true one. Chosen: a detector does not know it well."""

Scores = dict[int, tuple[float, float]]
"""Root mean square error in µm and coverage for each horizon in frames."""


@dataclass(frozen=True, slots=True, eq=False)
class Observed:
    """Objects as they were measured, frame by frame.

    Attributes
    ----------
    measured, truth : (F, N, 2)
        Positions, NaN where an object was not measured; what predictions are compared with.
    stated, truth_noise : float
        Standard deviation of a position along an axis, as the predictor is told; that of the truth
        itself, 0 where it is exact.
    warm_up : int
        Measurements of an object before its predictions count.
    optimal : Predictor, optional
        One that is given the motion model, where there is one.
    """

    tracks: str
    motion: str
    interval_s: float
    measured: NDArray
    truth: NDArray
    stated: float
    truth_noise: float
    warm_up: int
    optimal: Predictor | None = None


def run(
    files: Sequence[Tracks] = (),
    predictors: Sequence[str] = (),
    unit_um: float = 1.0,
    on_progress: OnProgress = no_progress,
) -> list[Row]:
    """Compare predictors on the simulated motions and on files, positions there in ``unit_um``.

    Predictors are names, or ONNX files of trained ones; otherwise all that come with the package.

    Returns
    -------
    list of dict
        ``vs_cv`` is the error over that of constant velocity (`REFERENCE`); ``best_vs_cv`` that
        of the optimal predictor, which is given the motion model, None on real tracks;
        ``coverage95`` the share of true positions inside the ellipse that is to hold 95 %.
    """
    names = list(predictors or PREDICTORS.builtin)
    asked = [REFERENCE, *(name for name in names if name != REFERENCE)]
    total, done, rows = len(MOTIONS) * (1 + len(asked)) + len(files) * len(asked), 0, []
    ours = (simulated(one, _TRACKS, _FRAMES, number) for number, one in enumerate(MOTIONS))
    for observed in chain(ours, (measured(tracks, unit_um) for tracks in files)):
        results: dict[str, Scores] = {}
        for name in asked:
            results[name] = evaluate(opened(name), observed)
            on_progress(done := done + 1, total)
        best: Scores = {}
        if observed.optimal:
            best = evaluate(observed.optimal, observed)
            on_progress(done := done + 1, total)
        for name in names:
            rows += _rows(observed, name, results[name], results[REFERENCE], best)
    return rows


def opened(name: str) -> Predictor:
    """Make a predictor from its name, or from the ONNX file of a trained one.

    Raises a `ModelError` if there is none.
    """
    if name.endswith(".onnx"):
        return Recurrent(RecurrentOptions(name))
    try:
        return create(name)
    except ValueError as error:
        raise ModelError(str(error)) from error


def evaluate(predictor: Predictor, observed: Observed) -> Scores:
    """Root mean square error and coverage for each horizon that has predictions."""
    squares: dict[int, list[NDArray]] = {horizon: [] for horizon in HORIZONS}
    inside: dict[int, list[NDArray]] = {horizon: [] for horizon in HORIZONS}
    interval_ns = round(observed.interval_s * NS_PER_S)
    for frame, objects, slots, warm in _shown(predictor, observed, interval_ns):
        for horizon in HORIZONS:
            if frame + horizon >= len(observed.truth) or not len(objects):
                continue
            at_ns = (frame + horizon) * interval_ns
            predictor.watch(slots, at_ns)
            forecast = predictor.predict(slots, at_ns)
            error = observed.truth[frame + horizon, objects] - forecast.means_um[:, :2]
            known = warm & np.isfinite(error).all(axis=1)
            spread = forecast.covs_um2[known, :2, :2] + observed.truth_noise**2 * np.eye(2)
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


def _shown(
    predictor: Predictor, observed: Observed, interval_ns: int
) -> Iterator[tuple[int, NDArray, NDArray, NDArray]]:
    """Show a predictor frame after frame; yield the objects in it, and which of them count."""
    frames, count, _ = observed.measured.shape
    there = np.isfinite(observed.measured[:, :, 0])
    measurements = np.cumsum(there, axis=0)
    last = frames - 1 - np.argmax(there[::-1], axis=0)
    slots = np.full(count, -1)
    variance = observed.stated**2
    for frame in range(frames):
        predictor.advance(frame * interval_ns)
        now = there[frame]
        new, again = np.flatnonzero(now & (slots < 0)), np.flatnonzero(now & (slots >= 0))
        if len(again):
            noise = np.full(len(again), variance)
            predictor.update(slots[again], observed.measured[frame, again], noise)
        if len(new):
            places = np.column_stack([observed.measured[frame, new], np.zeros(len(new))])
            slots[new] = predictor.begin(places, np.full(len(new), variance))
        here = np.flatnonzero(now)
        yield frame, here, slots[here], measurements[frame, here] >= observed.warm_up
        gone = np.flatnonzero((last == frame) & (slots >= 0))
        if len(gone):
            predictor.end(slots[gone])
            slots[gone] = -1


def simulated(motion: BenchMotion, count: int, frames: int, seed: int) -> Observed:
    """Measure a motion with its noise; the truth is exact."""
    rng, interval_s = np.random.default_rng([seed, 4]), motion.interval_s
    truth = motion.draw(interval_s * np.arange(frames), count, rng).swapaxes(0, 1)
    noisy = truth + motion.noise_um * rng.standard_normal(truth.shape)
    stated = _MISSTATED * motion.noise_um
    best = motion.motion and optimal_predictor(motion.motion, motion.noise_um)
    return Observed("simulated", motion.name, interval_s, noisy, truth, stated, 0.0, _WARM_UP, best)


def measured(tracks: Tracks, unit_um: float) -> Observed:
    """Put the tracks of a file on one grid of frames; the truth is as noisy as the measurements."""
    start = min(times[0] for times in tracks.times)
    frames = [np.round((times - start) / tracks.interval).astype(int) for times in tracks.times]
    noisy = np.full((1 + max(f[-1] for f in frames), len(tracks), 2), np.nan)
    for number, (at, places) in enumerate(zip(frames, tracks.positions, strict=True)):
        noisy[at, number] = unit_um * places[:, :2]
    noise = unit_um * tracks.noise
    return Observed(
        tracks.name, "measured", tracks.interval, noisy, noisy, noise, noise, _WARM_UP_REAL
    )


def _rows(
    observed: Observed, name: str, scores: Scores, reference: Scores, best: Scores
) -> Iterator[Row]:
    for horizon, (rms_um, coverage) in scores.items():
        base_um = reference[horizon][0]
        yield {
            "tracks": observed.tracks,
            "motion": observed.motion,
            "predictor": name,
            "horizon_frames": horizon,
            "rms_um": rms_um,
            "vs_cv": rms_um / base_um if base_um else None,
            "best_vs_cv": best[horizon][0] / base_um if best and base_um else None,
            "coverage95": coverage,
        }
