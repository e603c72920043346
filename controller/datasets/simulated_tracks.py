"""Simulated tracks to train predictors on, of all motions but those kept for the bench."""

import math

import numpy as np
from numpy.typing import NDArray

from ...models.datasets import TrainingTracks
from ...sim.motion import (
    Brownian,
    Directed,
    Motion,
    MotionModel,
    Oscillating,
    Persistent,
    RunAndTumble,
)
from ...sim.rendering import log_uniform

HELD_BACK = {
    "persistence": (30.0, 40.0, 100.0),
    "run": (50.0,),
    "move": (30.0,),
    "period": (40.0,),
}
"""Characteristic times in frames, of the bench's motions, near which no motion is drawn."""

KEPT_APART = 1.25
"""Ratio to a held-back time within which nothing is drawn. Chosen: no tracks tell such apart."""

NOT_TRAINED_ON = (
    "worms, circling and Lévy flights of any kind; persistent walks, runs, directed moves and "
    "oscillations whose characteristic time is within a factor of 1.25 of those of the bench"
)
"""For the card of a predictor that is trained on these tracks."""

FRAMES = 110
"""Length of a track, in frames. Chosen: some start-up, and two of the longest horizons."""

_SHARED = 8
"""Tracks that share a motion. Chosen: drawing and stepping motions is then no longer the most."""
_SUBFRAMES = 2
"""Instants in a frame interval: horizons of half a frame are learned too."""
_CHANGING, _ADDED = 0.2, 0.2
"""Shares of the tracks that change into another motion for a time, and to which one is added.
Chosen: most are plain, as most objects are."""
_SMOOTHED = 0.25
"""Share of all of these that is smoothed, as by inertia or the length of a body. Chosen so too."""

Rng = np.random.Generator


def simulate_tracks(tracks: int, frames: int, seed: int) -> TrainingTracks:
    """Draw tracks with times in frame intervals; their steps are of about one unit."""
    rng = np.random.default_rng(seed)
    instants, places = [], []
    for _ in range(0, tracks, _SHARED):
        times = _times(frames, rng)
        instants.append(np.tile(times, (_SHARED, 1)))
        places.append(_drawn(times, rng))
    positions = np.concatenate(places)[:tracks].astype(np.float32)
    lengths = np.full(len(positions), positions.shape[1])
    return TrainingTracks(
        "simulated motions",
        np.concatenate(instants)[:tracks].astype(np.float32),
        positions,
        lengths,
        every=_SUBFRAMES,
        licence="BSD-3-Clause",
    )


def walked(motion: MotionModel, times: NDArray, count: int, rng: Rng) -> NDArray[np.float64]:
    """Positions (count, T, 2) of objects with a motion at instants (T,)."""
    state = motion.start(np.zeros((count, 3)), rng)
    places = [state[:, :2].copy()]
    for step in np.diff(times):
        state = motion.step(state, float(step), rng)
        places.append(state[:, :2].copy())
    return np.stack(places, axis=1)


def _times(frames: int, rng: Rng) -> NDArray:
    """Instants, regular or irregular."""
    jitter = rng.choice([0.0, 0.05, 0.3])
    steps = np.exp(jitter * rng.standard_normal(_SUBFRAMES * frames - 1)) / _SUBFRAMES
    return np.concatenate([[0.0], np.cumsum(steps)])


def _drawn(times: NDArray, rng: Rng) -> NDArray:
    places = walked(draw_motion(rng), times, _SHARED, rng)
    kind = rng.random()
    if kind < _ADDED + _CHANGING:
        other = walked(draw_motion(rng), times, _SHARED, rng) * log_uniform(0.1, 3.0, rng)
        places = places + other if kind < _ADDED else _changing(places, other, rng)
    return _smoothed(times, places, rng) if rng.random() < _SMOOTHED else places


def _changing(places: NDArray, other: NDArray, rng: Rng) -> NDArray:
    """Join the steps of one path, then those of another, then perhaps those of the first again."""
    count, instants, _ = places.shape
    first, last = np.sort(rng.integers(instants, size=(2, count)), axis=0)
    last = np.where(rng.random(count) < 0.5, last, instants)
    index = np.arange(instants - 1)
    changed = (index >= first[:, None]) & (index < last[:, None])
    steps = np.where(changed[:, :, None], np.diff(other, axis=1), np.diff(places, axis=1))
    return np.concatenate([np.zeros((count, 1, 2)), np.cumsum(steps, axis=1)], axis=1)


def _smoothed(times: NDArray, places: NDArray, rng: Rng) -> NDArray:
    """Smooth positions by an exponential lag."""
    lag = log_uniform(0.5, 12.0, rng)
    smoothed = [places[:, 0]]
    for step, place in zip(np.diff(times), places.swapaxes(0, 1)[1:], strict=True):
        smoothed.append(place + (smoothed[-1] - place) * math.exp(-step / lag))
    return np.stack(smoothed, axis=1)


def draw_motion(rng: Rng) -> Motion:
    """Draw a motion and its parameters; the unit of time is a frame interval."""
    kinds = (_brownian, _persistent, _run_and_tumble, _directed, _oscillating)
    return kinds[rng.integers(len(kinds))](rng)


def _brownian(rng: Rng) -> Motion:
    return Brownian(diffusion_um2_s=1.0)


def _persistent(rng: Rng) -> Motion:
    return Persistent(speed_um_s=1.0, persistence_s=_time(rng, "persistence", 1.0, 200.0))


def _run_and_tumble(rng: Rng) -> Motion:
    return RunAndTumble(
        speed_um_s=1.0,
        run_s=_time(rng, "run", 4.0, 120.0),
        tumble_s=log_uniform(0.3, 20.0, rng),
        turn_deg=rng.uniform(20.0, 180.0),
        turn_spread_deg=rng.uniform(5.0, 60.0),
    )


def _directed(rng: Rng) -> Motion:
    return Directed(
        speed_um_s=1.0,
        move_s=_time(rng, "move", 5.0, 100.0),
        pause_s=log_uniform(2.0, 60.0, rng),
        turn_deg=log_uniform(3.0, 90.0, rng),
    )


def _oscillating(rng: Rng) -> Motion:
    period_s = _time(rng, "period", 8.0, 200.0)
    return Oscillating(
        amplitude_um=period_s / (2 * math.pi),
        period_s=period_s,
        phase_noise_rad_sqrt_s=log_uniform(1e-3, 0.3, rng) * rng.integers(2),
        diffusion_um2_s=log_uniform(1e-4, 0.3, rng),
    )


def _time(rng: Rng, what: str, low: float, high: float) -> float:
    """Draw a characteristic time away from those held back."""
    while True:
        drawn = log_uniform(low, high, rng)
        ratios = (max(drawn / kept, kept / drawn) for kept in HELD_BACK[what])
        if min(ratios) > KEPT_APART:
            return drawn
