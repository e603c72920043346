"""The motions that predictors are compared on; none of them is trained on."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import numpy as np
from numpy.typing import NDArray

from ....sim.motion import (
    Brownian,
    Directed,
    MotionModel,
    Oscillating,
    Persistent,
    RunAndTumble,
    Worm,
)
from ...datasets import walked

Rng = np.random.Generator
Draw = Callable[[NDArray, int, Rng], NDArray]
"""Instants (T,) in s, a number N and a random stream in, positions (N, T, 2) in µm out."""


_EXPONENT = 1.5
"""Of the survival of flights: their duration has a mean but no variance, as in a Lévy walk."""


@dataclass(frozen=True, slots=True)
class BenchMotion:
    """A motion as a microscope measures it, with noise along an axis.

    If ``draw`` steps a ``motion``, the optimal predictor is known.
    """

    name: str
    draw: Draw
    interval_s: float
    noise_um: float
    motion: MotionModel | None = None


class Circling(MotionModel, frozen=True):
    """Swimming in circles, as a bacterium near a wall; the curvature drifts, its sign stays.

    The state carries the heading in column 3, the sign of the curvature in column 4 and the
    logarithm of its size, over that at first, in column 5.

    Attributes
    ----------
    speed_um_s, radius_um : float
        Speed, and radius of the circle at first.
    drift : float
        Standard deviation of the logarithm of the curvature after one second.
    """

    speed_um_s: float
    radius_um: float
    drift: float

    def _draw_hidden(self, count: int, rng: Rng) -> NDArray:
        heading = rng.uniform(0.0, 2 * math.pi, count)
        return np.column_stack([heading, rng.choice([-1.0, 1.0], count), np.zeros(count)])

    def _move(self, state: NDArray, dt_s: float, rng: Rng) -> None:
        state[:, 5] += self.drift * math.sqrt(dt_s) * rng.standard_normal(len(state))
        way_um = self.speed_um_s * dt_s
        turns = way_um * state[:, 4] * np.exp(state[:, 5]) / self.radius_um
        middle, chord_um = state[:, 3] + turns / 2, way_um * np.sinc(turns / (2 * math.pi))
        state[:, 0] += chord_um * np.cos(middle)
        state[:, 1] += chord_um * np.sin(middle)
        state[:, 3] += turns


class Levy(MotionModel, frozen=True):
    """Flights of Pareto distributed duration in random directions, with pauses between.

    The state carries the heading in column 3, 1 in flight and 0 in a pause in column 4, and the
    time since the last corner in column 5. How long a flight still lasts depends on nothing but
    how long it has lasted.

    Attributes
    ----------
    speed_um_s : float
        In flight.
    least_s, pause_s : float
        The shortest flight, and the mean of the pauses, exponentially distributed.
    """

    speed_um_s: float
    least_s: float
    pause_s: float

    def _draw_hidden(self, count: int, rng: Rng) -> NDArray:
        heading = rng.uniform(0.0, 2 * math.pi, count)
        since_s = self.least_s * _pareto(count, rng) * rng.random(count)
        return np.column_stack([heading, np.ones(count), since_s])

    def _move(self, state: NDArray, dt_s: float, rng: Rng) -> None:
        left_s = np.full(len(state), dt_s)
        while (left_s > 0).any():
            flying, since_s = state[:, 4] > 0, state[:, 5]
            flight_s = np.maximum(since_s, self.least_s) * _pareto(len(state), rng) - since_s
            pause_s = self.pause_s * rng.standard_exponential(len(state))
            span_s = np.where(flying, flight_s, pause_s)
            over = span_s < left_s
            span_s = np.minimum(span_s, left_s)
            way_um = self.speed_um_s * span_s * flying
            state[:, 0] += way_um * np.cos(state[:, 3])
            state[:, 1] += way_um * np.sin(state[:, 3])
            state[:, 5] = np.where(over, 0.0, since_s + span_s)
            state[over, 4] = ~flying[over]
            state[over, 3] = rng.uniform(0.0, 2 * math.pi, np.count_nonzero(over))
            left_s -= span_s


def _pareto(count: int, rng: Rng) -> NDArray:
    return rng.random(count) ** (-1 / _EXPONENT)


def modelled(name: str, motion: MotionModel, interval_s: float, noise_um: float) -> BenchMotion:
    """Return a motion by a model, whose optimal predictor is known."""
    return BenchMotion(name, partial(walked, motion), interval_s, noise_um, motion)


MOTIONS = (
    modelled("brownian", Brownian(diffusion_um2_s=1.0), 0.04, 0.05),
    modelled("brownian in noise", Brownian(diffusion_um2_s=0.01), 0.04, 0.05),
    modelled("persistent", Persistent(speed_um_s=5.0, persistence_s=4.0), 0.1, 0.05),
    modelled("persistent, fast", Persistent(speed_um_s=150.0, persistence_s=1.0), 0.01, 0.03),
    modelled("run and tumble", RunAndTumble(speed_um_s=30.0, run_s=1.0), 0.02, 0.016),
    modelled("run and tumble in noise", RunAndTumble(speed_um_s=30.0, run_s=1.0), 0.02, 0.15),
    modelled("directed", Directed(speed_um_s=1.0, move_s=3.0, pause_s=2.0), 0.1, 0.03),
    modelled(
        "oscillating",
        Oscillating(
            amplitude_um=3.0, period_s=20.0, phase_noise_rad_sqrt_s=0.1, diffusion_um2_s=1e-3
        ),
        0.5,
        0.04,
    ),
    modelled("worm", Worm(speed_um_s=200.0, sway_um=40.0), 0.02, 0.3),
    modelled("circling", Circling(speed_um_s=60.0, radius_um=12.0, drift=0.3), 0.02, 0.1),
    modelled("levy", Levy(speed_um_s=20.0, least_s=0.3, pause_s=0.4), 0.05, 0.05),
)
"""Training never draws worms, circles and Lévy flights; of the others it leaves out the
neighbourhood of these characteristic times. Numbers chosen: from bacteria to worms, at the speeds,
frame rates and noise of their scenarios."""
