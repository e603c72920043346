"""The bound is the error of the optimal controller, neither more nor less."""

from __future__ import annotations

import math
from typing import Any

import msgspec
import numpy as np
import pytest
from pursuit.controller.bench.follow.bound import (
    best_error_um,
    delay_frames,
    oracle_um,
    parting_um2,
    riccati_um,
    riccati_um2,
    shown,
)
from pursuit.controller.bench.particles import blur_um2
from pursuit.sim.motion import Brownian, Motion, Persistent, RunAndTumble, Worm
from pursuit.sim.specimen import Specimen, SpecimenSettings
from pursuit.sim.stand import Scenario, SimCameraSettings, load_scenario
from pursuit.sim.stand.stage import StageModel

DT_S = 0.01
SWIMMER = Persistent(speed_um_s=150.0, persistence_s=1.0)
DRIFTER = Brownian(diffusion_um2_s=2.0)


def body(motion: Motion, **settings: Any) -> SpecimenSettings:
    return SpecimenSettings(motion=motion, **settings)


def scenario(
    motion: Motion | None = None, delay_ms: float = 5.0, processing_ms: float = 0.0, **camera: Any
) -> Scenario:
    return Scenario(
        "test",
        specimen=SpecimenSettings(motion=motion or SWIMMER),
        camera=SimCameraSettings(**camera),
        stage=StageModel(delay_ms=delay_ms),
        processing_ms=processing_ms,
    )


def simulated_um(motion: Brownian | Persistent, noise_um: float, delay: int) -> float:
    """RMS error over two axes of the optimal filter that ran against simulated truth.

    The filter recurses its own covariance, from a vague
    beginning; many objects are followed at once.
    """
    rng = np.random.default_rng(1)
    F, Q = motion.matrices(DT_S)
    late = np.linalg.matrix_power(F, delay)
    state = motion.start(np.zeros((2500, 3)), rng)
    x = np.zeros((2500, 2, len(F)))
    P = np.eye(len(F)) * 1e4
    guesses: list[np.ndarray] = []
    square_um2: list[float] = []
    for i in range(120):
        seen = state[:, :2] + rng.normal(0, noise_um, (2500, 2))
        gain = P[:, 0] / (P[0, 0] + noise_um**2)
        x = x + gain * (seen - x[..., 0])[..., None]
        P = P - np.outer(gain, P[0])
        guesses.append((x @ late.T)[..., 0])
        if i >= 60 + delay:
            square_um2.append(((guesses[-1 - delay] - state[:, :2]) ** 2).sum(axis=1).mean())
        x, P = x @ F.T, F @ P @ F.T + Q
        state = motion.step(state, DT_S, rng)
    return math.sqrt(float(np.mean(square_um2)))


@pytest.mark.parametrize("motion", [SWIMMER, DRIFTER])
@pytest.mark.parametrize(("noise_um", "delay"), [(0.05, 1), (0.3, 2), (1.0, 4)])
def test_it_is_what_the_optimal_filter_achieves(
    motion: Brownian | Persistent, noise_um: float, delay: int
) -> None:
    bound_um = riccati_um(*motion.matrices(DT_S), noise_um, delay)
    assert bound_um == pytest.approx(simulated_um(motion, noise_um, delay), rel=0.03)


@pytest.mark.parametrize("delay", [1, 2, 7])
def test_what_diffuses_in_the_delay_cannot_be_known(delay: int) -> None:
    exact_um = math.sqrt(2 * 2 * DRIFTER.diffusion_um2_s * delay * DT_S)
    assert riccati_um(*DRIFTER.matrices(DT_S), 0.0, delay) == pytest.approx(exact_um, rel=1e-6)


def test_a_brownian_step_has_a_closed_form() -> None:
    """Stationary prediction variance p of a random walk: p² = q (p + r)."""
    q, r = 2 * DRIFTER.diffusion_um2_s * DT_S, 0.4**2
    p = (q + math.sqrt(q * q + 4 * q * r)) / 2
    bound_um = riccati_um(*DRIFTER.matrices(DT_S), 0.4, 1)
    assert bound_um == pytest.approx(math.sqrt(2 * p), rel=1e-6)


def test_it_grows_with_noise_and_delay_and_vanishes_with_motion() -> None:
    F, Q = SWIMMER.matrices(DT_S)
    by_noise = [riccati_um(F, Q, noise_um, 2) for noise_um in (0, 0.01, 0.1, 1)]
    by_delay = [riccati_um(F, Q, 0.1, delay) for delay in (1, 2, 3)]
    assert by_noise == sorted(by_noise) and by_noise[0] > 0
    assert by_delay == sorted(by_delay)
    assert riccati_um(*Brownian(diffusion_um2_s=0).matrices(DT_S), 0.1, 2) == 0


def test_the_oracle_of_diffusion_is_the_closed_form() -> None:
    exact_um = math.sqrt(2 * 2 * DRIFTER.diffusion_um2_s * 0.05)
    assert oracle_um(body(DRIFTER), 0.05) == pytest.approx(exact_um, rel=0.01)


def test_the_oracle_knows_the_velocity() -> None:
    _, Q = SWIMMER.matrices(0.02)
    assert oracle_um(body(SWIMMER), 0.02) == pytest.approx(math.sqrt(2 * Q[0, 0]), rel=0.01)


def test_the_oracle_knows_all_but_the_tumbles() -> None:
    runner = RunAndTumble(speed_um_s=30, run_s=1e9, tumble_s=0.1)
    assert oracle_um(body(runner), 0.1) < 1e-3
    tumbler = body(RunAndTumble(speed_um_s=30))
    assert oracle_um(tumbler, 0.1) == oracle_um(tumbler, 0.1)


@pytest.mark.parametrize(
    ("delay_ms", "processing_ms", "expected"),
    [(0, 0, 1), (1, 1, 1), (5, 1, 1), (5, 1.1, 2), (12, 4, 2), (12, 4.5, 3), (100, 6, 11)],
)
def test_delay_runs_from_middle_to_middle(
    delay_ms: float, processing_ms: float, expected: int
) -> None:
    """Half of the exposure, 2 ms, and readout, 2 ms, come on top."""
    late = scenario(
        None, delay_ms, processing_ms, exposure_ms=4.0, interval_ms=10.0, readout_ms=2.0
    )
    assert delay_frames(late) == expected


def test_a_delay_of_exactly_one_frame_is_one() -> None:
    parts_ms = {"exposure_ms": 0.2, "readout_ms": 0.2, "interval_ms": 0.6}
    assert 0.1 + 0.2 + 0.1 + 0.2 > 0.6
    assert delay_frames(scenario(None, 0.2, 0.1, **parts_ms)) == 1


def test_each_motion_has_its_kind_of_bound() -> None:
    gaussian, other = scenario(SWIMMER), scenario(RunAndTumble(speed_um_s=30))
    frames = delay_frames(gaussian)
    best_um, kind = best_error_um(gaussian, 0.1, range(3))
    assert kind == "riccati"
    assert best_um == pytest.approx(riccati_um(*SWIMMER.matrices(DT_S), 0.1, frames))
    best_um, kind = best_error_um(other, 0.1, range(3))
    assert kind == "oracle"
    assert other.specimen is not None
    assert best_um > oracle_um(other.specimen, frames * DT_S)


@pytest.mark.parametrize("motion", [SWIMMER, DRIFTER])
@pytest.mark.parametrize("noise_um", [0.1, 0.3])
def test_what_noise_adds_to_an_oracle_makes_it_the_optimal_filter(
    motion: Brownian | Persistent, noise_um: float
) -> None:
    """It may be too low, for want of particles, but not too high."""
    oracle_um2 = oracle_um(body(motion), 2 * DT_S) ** 2
    best_um = math.sqrt(oracle_um2 + blur_um2(body(motion), DT_S, noise_um, 2))
    assert 0.9 < best_um / riccati_um(*motion.matrices(DT_S), noise_um, 2) < 1.02


def test_an_oracle_that_sees_exactly_is_not_blurred() -> None:
    oracle_um2 = oracle_um(body(DRIFTER), DT_S) ** 2
    assert blur_um2(body(DRIFTER), DT_S, 1e-4, 1) < 0.01 * oracle_um2


def test_the_oracle_of_a_worm_is_about_the_centre_of_its_light() -> None:
    """The body sways less than its middle does, so that its centre is foretold better."""
    worm = Worm(speed_um_s=220.0, sway_um=60.0, period_s=2.0, turn_rad_sqrt_s=1.0)
    settings = body(worm, shape="worm", radius_um=35.0)
    assert oracle_um(settings, 0.2) < 0.9 * oracle_um(body(worm), 0.2)


def test_in_the_dark_the_future_of_the_last_measurement_is_all_there_is() -> None:
    F, Q = DRIFTER.matrices(DT_S)
    seen = np.array([True] * 3 + [False] * 4 + [True] * 40)
    square_um2 = riccati_um2(F, Q, 0.3, 2, seen)
    lit = riccati_um(F, Q, 0.3, 2) ** 2
    step_um2 = 4 * DRIFTER.diffusion_um2_s * DT_S
    assert square_um2[:5] == pytest.approx(lit)
    assert square_um2[5:9] == pytest.approx(lit + step_um2 * np.arange(1, 5))
    assert (np.diff(square_um2[9:]) < 1e-12).all() and square_um2[-1] == pytest.approx(lit)


def test_the_oracle_too_looks_further_ahead_in_the_dark() -> None:
    motion = RunAndTumble(speed_um_s=30)
    dark = scenario(motion, exposure_ms=1.0, interval_ms=10.0, readout_ms=1.0)
    specimen = SpecimenSettings(motion=motion, hidden_s=((0.02, 0.04),))
    dark = msgspec.structs.replace(dark, specimen=specimen)
    assert shown(dark, 6).tolist() == [True, True, False, False, True, True]
    assert delay_frames(dark) == 1
    best_um, _ = best_error_um(dark, 1e-4, range(4, 5))
    assert best_um == pytest.approx(oracle_um(specimen, 0.03))


def test_a_division_adds_the_jump_that_nobody_can_foretell() -> None:
    dividing = load_scenario("dividing")
    assert dividing.specimen is not None
    seen = np.ones(100, bool)
    add_um2 = parting_um2(dividing, 2, seen)
    settings = msgspec.structs.replace(
        dividing.specimen, motion=Brownian(diffusion_um2_s=0), radius_spread=0.0
    )
    specimen = Specimen(settings, np.random.default_rng(0))
    jumps_um2 = []
    for index in range(100):
        specimen.advance(round((index + 0.025) * 1e9))
        jumps_um2.append((specimen.positions_um[0, :2] ** 2).sum())
        specimen.advance(round((index + 0.05) * 1e9))
        specimen.expose(50.0)
    first = int(np.argmax(np.array(jumps_um2) > 0))
    assert add_um2[first : first + 2] == pytest.approx(jumps_um2[first : first + 2], rel=1e-6)
    assert np.flatnonzero(add_um2).tolist() == [first, first + 1]
    assert best_error_um(dividing, 0.05, range(first, first + 1))[0] > math.sqrt(add_um2[first])
