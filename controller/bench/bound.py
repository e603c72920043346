"""The best that any controller can do: Riccati's bound, or an oracle where nothing is Gaussian."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import solve_discrete_are

from ...sim.motion import Brownian, Motion, Persistent
from ...sim.scenario import Scenario

_STATES = 300
_FUTURES = 300
_ROUNDING = 1e-9


def delay_frames(scenario: Scenario) -> int:
    """Exposures from the one that is seen to the first that a move answering it can affect.

    Counted from middle to middle, for a stage that needs no time once it starts.
    """
    camera = scenario.camera
    late_ms = (
        camera.exposure_ms / 2
        + camera.readout_ms
        + scenario.processing_ms
        + scenario.stage.delay_ms
    )
    return max(1, math.ceil(late_ms / camera.interval_ms - _ROUNDING))


def best_error_um(scenario: Scenario, noise_um: float) -> tuple[float, str]:
    """RMS distance in the plane that the optimal controller would still miss the target by.

    Parameters
    ----------
    scenario : Scenario
    noise_um : float
        Standard deviation of a measured position along one axis.

    Returns
    -------
    error_um, kind
        ``kind`` is ``"riccati"`` for linear-Gaussian motion, else ``"oracle"``.
    """
    assert scenario.specimen is not None
    motion = scenario.specimen.motion
    interval_s = scenario.camera.interval_ms / 1e3
    frames = delay_frames(scenario)
    if isinstance(motion, Brownian | Persistent):
        transition, diffusion = motion.matrices(interval_s)
        return riccati_um(transition, diffusion, noise_um, frames), "riccati"
    return oracle_um(motion, interval_s * frames), "oracle"


def riccati_um(transition: NDArray, diffusion: NDArray, noise_um: float, frames: int) -> float:
    """Root of the position variance, over two axes, of the optimal ``frames``-step prediction.

    The stationary covariance ``P`` of the one-step prediction solves the discrete algebraic
    Riccati equation; a measurement makes it ``P - P H' (H P H' + R)^-1 H P`` and each further
    step ``F P F' + Q`` (Kalman 1960; Anderson and Moore 1979, Optimal Filtering, chapter 4).

    Parameters
    ----------
    transition, diffusion : (S, S)
        F and Q of one axis for one frame, position first.
    noise_um : float
        Root of R.
    frames : int
        Delay.
    """
    measured = np.zeros((1, len(transition)))
    measured[0, 0] = 1.0
    noise = np.array([[max(noise_um, 1e-6) ** 2]])
    predicted = solve_discrete_are(transition.T, measured.T, diffusion, noise)
    gain = predicted @ measured.T / (measured @ predicted @ measured.T + noise)
    covariance = predicted - gain @ measured @ predicted
    for _ in range(frames):
        covariance = transition @ covariance @ transition.T + diffusion
    return math.sqrt(2 * covariance[0, 0])


def oracle_um(motion: Motion, ahead_s: float, seed: int = 0) -> float:
    """RMS distance of the future from its mean, for who knows the motion and the true state.

    Many states of the motion are each continued many times; the spread of those futures is
    what even the oracle cannot know.
    """
    rng = np.random.default_rng(seed)
    states = motion.start(np.zeros((_STATES, 3)), rng)
    futures = motion.step(np.repeat(states, _FUTURES, axis=0), ahead_s, rng)
    positions = futures[:, :2].reshape(_STATES, _FUTURES, 2)
    return math.sqrt(float(positions.var(axis=1, ddof=1).sum(axis=1).mean()))
