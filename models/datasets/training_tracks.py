"""Tracks to train predictors on, exact or measured, and batches drawn from them."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from ..errors import ModelError
from .track_files import Tracks

_MOST_AHEAD = 48
"""Greatest horizon in instants. Chosen: well beyond the delay of a microscope, in frames."""
_LEAST_MEASUREMENTS = 3
"""Of a track: the first two give a velocity, which the third checks."""
_SHARE_NOW = 0.08
"""Of the predictions, those for the instant of the measurement itself, which are filtering.
Chosen: enough to learn it, few enough to leave the rest to real forecasts."""
_MISS_RATES, _MISS_WEIGHTS = (0.0, 0.05, 0.3), (0.5, 0.3, 0.2)
"""Shares of measurements that are missed, and how often each occurs. Chosen: of a bright, a usual
and a poor specimen."""
_GAP_LENGTHS, _GAP_SHARE = (2, 16), 0.2
"""Lengths of a gap, and the share of the tracks with one. Chosen: as occlusions last."""
_NOISE_OVER_STEP = 0.01, 4.0
"""Limits of the noise that is added, over the size of a step: from fast and bright to an object
that hardly moves between noisy measurements."""
_LOG_NOISE_ERROR = 0.4
"""Standard deviation of the logarithm of the noise that is stated over the true one. Chosen: users
and detectors know their noise within some 40 %."""


@dataclass(frozen=True, slots=True, eq=False)
class TrainingTracks:
    """Tracks of one source to train on, padded to the same length.

    Attributes
    ----------
    name : str
        For people and cards.
    frames : (N, T) float32
        Instants in typical frame intervals, rising along a track.
    positions : (N, T, 2) float32
        In any unit.
    lengths : (N,) int64
        How many of the T belong to a track, at least 3.
    noise : float or None
        Standard deviation of a position along an axis over the root mean square of a step, if
        they were measured; None if they are exact, as those of a simulator are.
    every : int
        Every so many instants from the first an object can be measured; the others only say
        where it was in between.
    licence : str
        Of the tracks; empty if unknown.
    """

    name: str
    frames: NDArray[np.float32]
    positions: NDArray[np.float32]
    lengths: NDArray[np.int64]
    noise: float | None = None
    every: int = 1
    licence: str = ""

    def __len__(self) -> int:
        return len(self.frames)

    def part(self, chosen: NDArray[np.bool_]) -> TrainingTracks:
        """Return the chosen tracks, (N,)."""
        return replace(
            self,
            frames=self.frames[chosen],
            positions=self.positions[chosen],
            lengths=self.lengths[chosen],
        )


def to_training_tracks(tracks: Tracks) -> TrainingTracks:
    """Prepare the tracks of a file that have at least three measurements; ModelError if none do."""
    long = [n for n, times in enumerate(tracks.times) if len(times) >= _LEAST_MEASUREMENTS]
    if not long:
        raise ModelError(
            f"the file {tracks.name} has no track of {_LEAST_MEASUREMENTS} measurements: "
            "nothing to learn"
        )
    lengths = np.array([len(tracks.times[n]) for n in long])
    frames = np.zeros((len(long), lengths.max()), np.float32)
    positions = np.zeros((*frames.shape, 2), np.float32)
    for row, n in enumerate(long):
        places = tracks.positions[n][:, :2]
        frames[row, : lengths[row]] = (tracks.times[n] - tracks.times[n][0]) / tracks.interval
        positions[row, : lengths[row]] = places - places[0]
        positions[row, lengths[row] :] = places[-1] - places[0]
    steps = np.concatenate([np.diff(tracks.positions[n][:, :2], axis=0) for n in long])
    size = float(np.sqrt(np.mean(steps**2)))
    return TrainingTracks(tracks.name, frames, positions, lengths, tracks.noise / max(size, 1e-9))


@dataclass(frozen=True, slots=True, eq=False)
class TrackBatch:
    """A batch of tracks: measurements, and where the objects went after each.

    Attributes
    ----------
    measurements : (L, B, 4) float32
        Step along x and y in µm, time step in frames, variance of the noise in µm².
    frames : (L, B, H) float32
        Horizons, counted from the measurement.
    targets : (L, B, H, 2) float32
        Displacement from the measured position to the true one then, in µm.
    truth_variances : (L, B, H) float32
        Variance of that true position in µm²; 0 where it is exact.
    weights : (L, B, H) float32
        0 where there is no true position.
    """

    measurements: NDArray[np.float32]
    frames: NDArray[np.float32]
    targets: NDArray[np.float32]
    truth_variances: NDArray[np.float32]
    weights: NDArray[np.float32]


def draw_batch(
    tracks: TrainingTracks, batch: int, length: int, horizons: int, rng: np.random.Generator
) -> TrackBatch:
    """Draw tracks, rotate and scale them at random, and measure them with noise and gaps."""
    rows = rng.integers(len(tracks), size=batch)
    lengths, every = tracks.lengths[rows], tracks.every
    frames, positions = tracks.frames[rows], tracks.positions[rows].astype(np.float64)
    positions = _rotated(positions, rng)
    chosen, seen = _measured_rows(lengths, length, every, rng)
    picked = np.arange(batch)[:, None]
    when, exact = frames[picked, chosen], positions[picked, chosen]
    sigma, stated = _noise(tracks, positions, lengths, rng)
    measured = exact + sigma[:, None, None] * rng.standard_normal(exact.shape)
    steps = np.diff(measured, axis=1, prepend=measured[:, :1])
    times = np.diff(when, axis=1, prepend=when[:, :1])
    noise = np.broadcast_to((stated**2)[:, None, None], (*when.shape, 1))
    measurements = np.concatenate([steps, times[:, :, None], noise], axis=2)
    targets = _targets(chosen, lengths, horizons, rng)
    later = frames[picked[:, :, None], targets] - when[:, :, None]
    offset = positions[picked[:, :, None], targets] - measured[:, :, None]
    own = 0.0 if tracks.noise is None else 1.0
    variances = np.broadcast_to((own * stated**2)[:, None, None], later.shape)
    known = (later > 0) | ((tracks.noise is None) & (targets == chosen[:, :, None]))
    weights = known & seen[:, :, None] & (targets < lengths[:, None, None])
    arrays = (measurements, later, offset, variances, weights)
    return TrackBatch(*(np.ascontiguousarray(a.swapaxes(0, 1), np.float32) for a in arrays))


def _rotated(positions: NDArray, rng: np.random.Generator) -> NDArray:
    """Rotate, mirror and scale each track at random."""
    angle = rng.uniform(0, 2 * np.pi, len(positions))
    size = np.exp(rng.normal(0, 1, len(positions)))
    x = np.column_stack([np.cos(angle), np.sin(angle)])
    y = np.column_stack([-np.sin(angle), np.cos(angle)])
    y *= rng.choice([-1.0, 1.0], (len(positions), 1))
    return positions @ (np.stack([x, y], axis=2) * size[:, None, None])


def _measured_rows(
    lengths: NDArray, most: int, every: int, rng: np.random.Generator
) -> tuple[NDArray, NDArray]:
    """Indices (B, L) of the measurements of tracks, some missed, and which of them exist."""
    batch = len(lengths)
    spare = np.maximum(lengths - most * every, 0)
    start = (rng.random(batch) * (spare + 1)).astype(int)
    missed = rng.choice(_MISS_RATES, batch, p=_MISS_WEIGHTS)
    there = rng.random((batch, most)) >= missed[:, None]
    gap_at, gap = rng.integers(most, size=batch), rng.integers(*_GAP_LENGTHS, batch)
    gap *= rng.random(batch) < _GAP_SHARE
    index = np.arange(most)
    there &= ~((index >= gap_at[:, None]) & (index < (gap_at + gap)[:, None]))
    order = np.argsort(~there, axis=1, kind="stable")
    chosen = start[:, None] + order * every
    seen = np.take_along_axis(there, order, axis=1) & (chosen < lengths[:, None])
    return np.where(seen, chosen, chosen[:, :1]), seen


def _noise(
    tracks: TrainingTracks, positions: NDArray, lengths: NDArray, rng: np.random.Generator
) -> tuple[NDArray, NDArray]:
    """Standard deviations to add and to state, (B,), from their steps in a frame interval."""
    steps = np.square(np.diff(positions[:, :: tracks.every], axis=1)).sum(axis=2)
    inside = np.arange(steps.shape[1]) < (lengths[:, None] - 1) // tracks.every
    size = np.sqrt((steps * inside).sum(axis=1) / np.maximum(inside.sum(axis=1), 1) / 2)
    size = np.maximum(size, 1e-6)
    error = np.exp(rng.normal(0, _LOG_NOISE_ERROR, len(positions)))
    if tracks.noise is not None:
        own = tracks.noise * size
        return np.zeros(len(positions)), own * error
    low, high = np.log(_NOISE_OVER_STEP)
    sigma = size * np.exp(rng.uniform(low, high, len(positions)))
    return sigma, sigma * error


def _targets(chosen: NDArray, lengths: NDArray, horizons: int, rng: np.random.Generator) -> NDArray:
    """Indices (B, L, H) to predict for, even on a logarithmic scale, some of them now."""
    shape = (*chosen.shape, horizons)
    most_ahead = np.maximum(lengths[:, None] - 1 - chosen, 0)[:, :, None]
    ahead = np.exp(rng.uniform(0, np.log(_MOST_AHEAD), shape)).round().astype(int)
    ahead[rng.random(shape) < _SHARE_NOW] = 0
    return chosen[:, :, None] + np.minimum(ahead, most_ahead)
