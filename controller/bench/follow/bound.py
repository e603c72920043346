"""The best that any controller can do: Riccati's bound, or an oracle where nothing is Gaussian."""

import math

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import solve_discrete_are

from ....sim.motion import Brownian, Persistent
from ....sim.specimen import Separations, SpecimenSettings
from ....sim.stand import Scenario
from ..particles import Light, blur_um2

_STATES, _FUTURES = 500, 100
"""True states, and futures of each. Chosen: their spread is known to a percent."""
_ROUNDING = 1e-9
"""Frames by which a delay may exceed a whole number of them, from the rounding of its parts."""


def delay_frames(scenario: Scenario) -> int:
    """Exposures from the one that is seen to the first that a move answering it can affect.

    Counted from middle to middle, for a stage that needs no time once it starts.
    """
    camera = scenario.camera
    late_ms = camera.exposure_ms / 2 + camera.readout_ms + scenario.processing_ms
    late_ms += scenario.stage.delay_ms
    return max(1, math.ceil(late_ms / camera.interval_ms - _ROUNDING))


def best_error_um(scenario: Scenario, noise_um: float, counted: range) -> tuple[float, str]:
    """RMS distance in the plane that the optimal controller would still miss the target by.

    An oracle that is given the motion model measures the target with the noise of the detector.
    While the target is hidden, and until the first exposure that shows it again can be answered,
    it is predicted from further back. At a division the jump of the target cannot be
    predicted; it is taken as known from the first exposure that shows it on. Divisions by chance
    (``doubling_s``) are left out, for which the bound may be too low, but never too high.

    The noise is along one axis, and exposures are counted from 0. The second number is the kind:
    ``"riccati"`` for linear-Gaussian motion, else ``"oracle"``.
    """
    specimen = scenario.specimen
    assert specimen is not None
    interval_s = scenario.camera.interval_ms / 1e3
    delay, seen = delay_frames(scenario), shown(scenario, counted.stop)
    if isinstance(specimen.motion, Brownian | Persistent):
        transition, diffusion = specimen.motion.matrices(interval_s)
        square_um2, kind = riccati_um2(transition, diffusion, noise_um, delay, seen), "riccati"
    else:
        ahead = _since_seen(seen, delay)
        steps, which = np.unique(ahead, return_inverse=True)
        best_um = np.array([oracle_um(specimen, step * interval_s) for step in steps.tolist()])
        blurred_um2 = blur_um2(specimen, interval_s, noise_um, delay)
        square_um2, kind = best_um[which] ** 2 + blurred_um2 * (ahead == delay), "oracle"
    square_um2 = square_um2 + parting_um2(scenario, delay, seen)
    return math.sqrt(square_um2[counted].mean()), kind


def shown(scenario: Scenario, frames: int) -> NDArray[np.bool_]:
    """In which of the first exposures, (frames,), the target is visible."""
    assert scenario.specimen is not None
    ends_s = _ends_s(scenario, frames)
    seen = np.ones(frames, bool)
    for first_s, last_s in scenario.specimen.hidden_s:
        seen &= (ends_s < first_s) | (ends_s >= last_s)
    return seen


def _ends_s(scenario: Scenario, frames: int) -> NDArray[np.float64]:
    camera = scenario.camera
    begin_ms = np.arange(frames, dtype=np.float64) * camera.interval_ms
    return (begin_ms + camera.exposure_ms) / 1e3


def _since_seen(seen: NDArray[np.bool_], delay: int) -> NDArray[np.intp]:
    """Exposures from the newest usable one that shows the target to each, (N,)."""
    index = np.arange(len(seen))
    newest = np.maximum.accumulate(np.where(seen, index, 0))
    return index - np.where(index < delay, index - delay, newest[np.maximum(index - delay, 0)])


def riccati_um(transition: NDArray, diffusion: NDArray, noise_um: float, frames: int) -> float:
    """Root of `riccati_um2` with the target in sight at all times."""
    return math.sqrt(riccati_um2(transition, diffusion, noise_um, frames, np.ones(1, bool))[0])


def riccati_um2(
    transition: NDArray, diffusion: NDArray, noise_um: float, delay: int, seen: NDArray[np.bool_]
) -> NDArray[np.float64]:
    """Variance, over two axes, of the optimal prediction of each frame, (N,).

    The stationary covariance ``P`` of the one-step prediction solves the discrete algebraic
    Riccati equation; a measurement makes it ``P - P H' (H P H' + R)^-1 H P``, none leaves it as
    it is, and each further step makes it ``F P F' + Q`` (Kalman 1960; Anderson and Moore 1979,
    Optimal Filtering, chapter 4). F and Q, (S, S), are of one axis for one frame, position first;
    R is the noise squared. The delay is from a measurement to the first prediction that it serves;
    ``seen``, (N,), are the frames with a measurement, and it was steady before the first.
    """
    noise_um2 = max(noise_um, 1e-6) ** 2
    measured = np.eye(1, len(transition))
    predicted = solve_discrete_are(transition.T, measured.T, diffusion, np.array([[noise_um2]]))
    squares_um2 = []
    for there in (*[True] * delay, *seen.tolist()):
        gain = predicted[:, :1] / (predicted[0, 0] + noise_um2)
        filtered = predicted - gain @ predicted[:1] if there else predicted
        ahead = filtered
        for _ in range(delay):
            ahead = transition @ ahead @ transition.T + diffusion
        squares_um2.append(2 * ahead[0, 0])
        predicted = transition @ filtered @ transition.T + diffusion
    return np.array(squares_um2[: len(seen)])


def oracle_um(specimen: SpecimenSettings, ahead_s: float, seed: int = 0) -> float:
    """RMS distance of the future from its mean, given the motion model and the true state.

    Many states of the motion are each continued many times; the spread of those futures is
    what even the oracle cannot predict. What is followed is the centre of the light, as in the
    truth of an exposure.
    """
    rng, motion = np.random.default_rng(seed), specimen.motion
    states = motion.start(np.zeros((_STATES, 3)), rng)
    futures = motion.step(np.repeat(states, _FUTURES, axis=0), ahead_s, rng)
    positions = Light(specimen).centres_um(futures).reshape(_STATES, _FUTURES, 2)
    return math.sqrt(float(positions.var(axis=1, ddof=1).sum(axis=1).mean()))


def parting_um2(scenario: Scenario, delay: int, seen: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Square of what the target's jumps at divisions add to each frame, (N,).

    Their direction is drawn evenly, so the best guess is no jump: all of its length is missed,
    and what the daughters have parted by then, until an exposure that shows it is answered.
    """
    specimen = scenario.specimen
    assert specimen is not None
    ends_s, half_s = _ends_s(scenario, len(seen)), scenario.camera.exposure_ms / 2e3
    add_um2 = np.zeros(len(seen))
    for at_s in specimen.divides_s:
        first = int(np.searchsorted(ends_s, at_s)) + 1
        shows = first + int(np.argmax(seen[first:])) if seen[first:].any() else len(seen)
        unknown = slice(first, shows + delay)
        since_s = ends_s[unknown] - half_s - ends_s[min(first, len(seen)) - 1]
        add_um2[unknown] += [_parted_um(specimen, after_s) ** 2 for after_s in since_s.tolist()]
    return add_um2


def _parted_um(specimen: SpecimenSettings, after_s: float) -> float:
    """Distance of the larger daughter from where the mother would be, a time after a division."""
    share = specimen.larger_share
    radii_um = specimen.radius_um * np.cbrt([[1.0, share, 1 - share]])
    separations, pair = Separations(specimen.parting_s), np.array([[0, 1]])
    daughters = separations.begin(pair, radii_um, share, 0.0, np.random.default_rng(0))[0]
    separations.advance(daughters, 0.0, after_s)
    return float(np.hypot(*daughters[0]))
