"""The motions that predictors are judged on; none of them is trained on."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import numpy as np
from numpy.typing import NDArray

from ...sim.motion import (
    Brownian,
    Directed,
    Motion,
    Oscillating,
    Persistent,
    RunAndTumble,
    Worm,
)
from ..simulated_tracks import walked

Rng = np.random.Generator
Law = Callable[[NDArray, int, Rng], NDArray]
"""Instants (T,) in s, a number N and a random stream in, positions (N, T, 2) in µm out."""


@dataclass(frozen=True, slots=True)
class Judged:
    """A motion as a microscope sees it.

    Attributes
    ----------
    name : str
    law : Law
    interval_s : float
        From frame to frame.
    noise_um : float
        Standard deviation of a measured position along an axis.
    """

    name: str
    law: Law
    interval_s: float
    noise_um: float


def circling(
    times_s: NDArray, count: int, rng: Rng, *, speed_um_s: float, radius_um: float, drift: float
) -> NDArray:
    """Swim in circles, as a bacterium near a wall; the curvature drifts, its side stays.

    ``drift`` is the standard deviation of the logarithm of the curvature after one second.
    """
    steps_s = np.diff(times_s)
    noise = drift * np.sqrt(steps_s) * rng.standard_normal((count, len(steps_s)))
    curvature = np.exp(np.cumsum(noise, axis=1)) / radius_um * rng.choice([-1.0, 1.0], (count, 1))
    turns = speed_um_s * steps_s * curvature
    heading = rng.uniform(0, 2 * math.pi, (count, 1)) + np.cumsum(turns, axis=1) - turns / 2
    chord_um = speed_um_s * steps_s * np.sinc(turns / (2 * math.pi))
    return _joined(chord_um * np.cos(heading), chord_um * np.sin(heading))


def levy(
    times_s: NDArray, count: int, rng: Rng, *, speed_um_s: float, least_s: float, pause_s: float
) -> NDArray:
    """Flights of Pareto distributed lengths (exponent 1.5) anywhere, with pauses between."""
    return np.stack([_flights(times_s, rng, speed_um_s, least_s, pause_s) for _ in range(count)])


def _flights(
    times_s: NDArray, rng: Rng, speed_um_s: float, least_s: float, pause_s: float
) -> NDArray:
    count = math.ceil((times_s[-1] - times_s[0]) / least_s) + 2
    spans = np.empty(2 * count)
    spans[::2] = least_s * rng.random(count) ** (-1 / 1.5)
    spans[1::2] = pause_s * rng.standard_exponential(count)
    began_s = rng.uniform(0, spans[0])
    corners_s = np.concatenate([[0.0], np.cumsum(spans)]) - began_s + times_s[0]
    heading = rng.uniform(0, 2 * math.pi, count)
    legs = np.zeros((2 * count, 2))
    legs[::2] = (speed_um_s * spans[::2])[:, None] * np.column_stack(
        [np.cos(heading), np.sin(heading)]
    )
    corners = np.concatenate([np.zeros((1, 2)), np.cumsum(legs, axis=0)])
    return np.column_stack([np.interp(times_s, corners_s, corners[:, axis]) for axis in (0, 1)])


def _joined(x_um: NDArray, y_um: NDArray) -> NDArray:
    steps = np.stack([x_um, y_um], axis=2)
    start = np.zeros((len(steps), 1, 2))
    return np.concatenate([start, np.cumsum(steps, axis=1)], axis=1)


def _of(motion: Motion) -> Law:
    return partial(walked, motion)


MOTIONS = (
    Judged("brownian", _of(Brownian(diffusion_um2_s=1.0)), 0.04, 0.05),
    Judged("brownian in noise", _of(Brownian(diffusion_um2_s=0.01)), 0.04, 0.05),
    Judged("persistent", _of(Persistent(speed_um_s=5.0, persistence_s=4.0)), 0.1, 0.05),
    Judged("persistent, fast", _of(Persistent(speed_um_s=150.0, persistence_s=1.0)), 0.01, 0.03),
    Judged("run and tumble", _of(RunAndTumble(speed_um_s=30.0, run_s=1.0)), 0.02, 0.016),
    Judged("run and tumble in noise", _of(RunAndTumble(speed_um_s=30.0, run_s=1.0)), 0.02, 0.15),
    Judged("directed", _of(Directed(speed_um_s=1.0, move_s=3.0, pause_s=2.0)), 0.1, 0.03),
    Judged(
        "oscillating",
        _of(
            Oscillating(
                amplitude_um=3.0, period_s=20.0, phase_noise_rad_sqrt_s=0.1, diffusion_um2_s=1e-3
            )
        ),
        0.5,
        0.04,
    ),
    Judged("worm", _of(Worm(speed_um_s=200.0, sway_um=40.0)), 0.02, 0.3),
    Judged("circling", partial(circling, speed_um_s=60.0, radius_um=12.0, drift=0.3), 0.02, 0.1),
    Judged("levy", partial(levy, speed_um_s=20.0, least_s=0.3, pause_s=0.4), 0.05, 0.05),
)
"""Worms, circles and Lévy flights are laws that training never draws; of the others it leaves
out the neighbourhood of these times."""
