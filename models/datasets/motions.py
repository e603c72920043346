"""Tracks to train predictors on: when objects were where, exactly or as measured."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..errors import ModelError
from .track_files import Tracks

Floats = NDArray[np.float32]

_FARTHEST = 48
"""Instants ahead."""
_SHORTEST = 3
_NOW = 0.08
"""Share of the predictions that are for the instant of the measurement itself."""


@dataclass(frozen=True, slots=True, eq=False)
class Motions:
    """Tracks of one source, padded to the same length.

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
        If they were measured: standard deviation of a position along an axis, over the root
        mean square of a step. None if they are exact, as those of a simulator are.
    every : int
        An object can be seen at every such instant from the first; the others only say where
        it was between.
    licence : str
        Of the tracks; empty if unknown.
    """

    name: str
    frames: Floats
    positions: Floats
    lengths: NDArray[np.int64]
    noise: float | None = None
    every: int = 1
    licence: str = ""

    def __len__(self) -> int:
        return len(self.frames)

    def part(self, chosen: NDArray[np.bool_]) -> Motions:
        """Those of the tracks that are chosen, (N,)."""
        return Motions(
            self.name,
            self.frames[chosen],
            self.positions[chosen],
            self.lengths[chosen],
            self.noise,
            self.every,
            self.licence,
        )


def given_motions(tracks: Tracks) -> Motions:
    """Take the tracks of a file to train on, those of at least three measurements.

    Raises
    ------
    ModelError
        If there are none.
    """
    long = [n for n, times in enumerate(tracks.times) if len(times) >= _SHORTEST]
    if not long:
        raise ModelError(
            f"{tracks.name} has no track of {_SHORTEST} measurements: nothing to learn"
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
    return Motions(tracks.name, frames, positions, lengths, tracks.noise / max(size, 1e-9))


@dataclass(frozen=True, slots=True, eq=False)
class Lesson:
    """A batch of tracks, as measurements and what became of the objects after each.

    Attributes
    ----------
    measurements : (L, B, 4) float32
        As `predictor_strides.Strides.forward` takes them.
    frames : (L, B, H) float32
        Horizons, counted from the measurement.
    targets : (L, B, H, 2) float32
        Displacement from the sighted position to the true one then, in µm.
    doubt : (L, B, H) float32
        Variance of that truth itself in µm²; 0 where it is exact.
    weights : (L, B, H) float32
        0 where there is nothing to learn.
    """

    measurements: Floats
    frames: Floats
    targets: Floats
    doubt: Floats
    weights: Floats


def draw_lesson(
    motions: Motions, batch: int, length: int, horizons: int, rng: np.random.Generator
) -> Lesson:
    """Draw tracks, see them through noise and with gaps, turned and scaled at random."""
    rows = rng.integers(len(motions), size=batch)
    lengths, every = motions.lengths[rows], motions.every
    frames, positions = motions.frames[rows], motions.positions[rows].astype(np.float64)
    positions = _turned(positions, rng)
    chosen, seen = _sighted(lengths, length, every, rng)
    picked = np.arange(batch)[:, None]
    when, exact = frames[picked, chosen], positions[picked, chosen]
    sigma, stated = _noise(motions, positions, lengths, rng)
    measured = exact + sigma[:, None, None] * rng.standard_normal(exact.shape)
    steps = np.diff(measured, axis=1, prepend=measured[:, :1])
    times = np.diff(when, axis=1, prepend=when[:, :1])
    noise = np.broadcast_to((stated**2)[:, None, None], (*when.shape, 1))
    measurements = np.concatenate([steps, times[:, :, None], noise], axis=2)
    targets = _targets(chosen, lengths, horizons, rng)
    later = frames[picked[:, :, None], targets] - when[:, :, None]
    offset = positions[picked[:, :, None], targets] - measured[:, :, None]
    own = 0.0 if motions.noise is None else 1.0
    doubt = np.broadcast_to((own * stated**2)[:, None, None], later.shape)
    known = (later > 0) | ((motions.noise is None) & (targets == chosen[:, :, None]))
    weights = known & seen[:, :, None] & (targets < lengths[:, None, None])
    arrays = (measurements, later, offset, doubt, weights)
    return Lesson(*(np.ascontiguousarray(a.swapaxes(0, 1), np.float32) for a in arrays))


def _turned(positions: NDArray, rng: np.random.Generator) -> NDArray:
    """Turn, mirror and scale, each track by its own."""
    angle = rng.uniform(0, 2 * np.pi, len(positions))
    size = np.exp(rng.normal(0, 1, len(positions)))
    x = np.column_stack([np.cos(angle), np.sin(angle)])
    y = np.column_stack([-np.sin(angle), np.cos(angle)])
    y *= rng.choice([-1.0, 1.0], (len(positions), 1))
    return positions @ (np.stack([x, y], axis=2) * size[:, None, None])


def _sighted(
    lengths: NDArray, most: int, every: int, rng: np.random.Generator
) -> tuple[NDArray, NDArray]:
    """Indices (B, L) of the measurements of tracks, some missed, and which of them there are."""
    batch = len(lengths)
    spare = np.maximum(lengths - most * every, 0)
    start = (rng.random(batch) * (spare + 1)).astype(int)
    missed = rng.choice([0.0, 0.05, 0.3], batch, p=[0.5, 0.3, 0.2])
    there = rng.random((batch, most)) >= missed[:, None]
    gap_at, gap = rng.integers(most, size=batch), rng.integers(2, 16, batch)
    gap *= rng.random(batch) < 0.2
    index = np.arange(most)
    there &= ~((index >= gap_at[:, None]) & (index < (gap_at + gap)[:, None]))
    order = np.argsort(~there, axis=1, kind="stable")
    chosen = start[:, None] + order * every
    seen = np.take_along_axis(there, order, axis=1) & (chosen < lengths[:, None])
    return np.where(seen, chosen, chosen[:, :1]), seen


def _noise(
    motions: Motions, positions: NDArray, lengths: NDArray, rng: np.random.Generator
) -> tuple[NDArray, NDArray]:
    """Standard deviations to add and to state, (B,), from their steps in a frame interval."""
    steps = np.square(np.diff(positions[:, :: motions.every], axis=1)).sum(axis=2)
    inside = np.arange(steps.shape[1]) < (lengths[:, None] - 1) // motions.every
    size = np.sqrt((steps * inside).sum(axis=1) / np.maximum(inside.sum(axis=1), 1) / 2)
    size = np.maximum(size, 1e-6)
    misjudged = np.exp(rng.normal(0, 0.4, len(positions)))
    if motions.noise is not None:
        own = motions.noise * size
        return np.zeros(len(positions)), own * misjudged
    sigma = size * np.exp(rng.uniform(np.log(0.01), np.log(4.0), len(positions)))
    return sigma, sigma * misjudged


def _targets(chosen: NDArray, lengths: NDArray, horizons: int, rng: np.random.Generator) -> NDArray:
    """Indices (B, L, H) to predict for, evenly on a logarithmic scale, sometimes now."""
    shape = (*chosen.shape, horizons)
    farthest = np.maximum(lengths[:, None] - 1 - chosen, 0)[:, :, None]
    ahead = np.exp(rng.uniform(0, np.log(_FARTHEST), shape)).round().astype(int)
    ahead[rng.random(shape) < _NOW] = 0
    return chosen[:, :, None] + np.minimum(ahead, farthest)
