"""Predictors by Kalman filters, against theory: error, calibration, wild input."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from pursuit.controller.bench.follow.bound import riccati_um
from pursuit.models import predictors
from pursuit.models.predictors import Predictor
from pursuit.models.predictors.bank import measurement_update, time_update
from pursuit.sim.motion import (
    Brownian,
    Directed,
    Motion,
    Oscillating,
    Persistent,
    RunAndTumble,
    Worm,
)
from scipy.stats import chi2

NS = 1_000_000_000
NAMES = ("auto", "imm", "kalman", "brownian", "acceleration")


def simulate(
    motion: Motion, step_s: float, noise_um: float, objects: int = 60, frames: int = 220
) -> tuple[NDArray, NDArray]:
    """True positions and measured ones, (T, N, 2)."""
    rng = np.random.default_rng(7)
    state, places = motion.start(np.zeros((objects, 3)), rng), []
    for _ in range(frames):
        places.append(state[:, :2].copy())
        state = motion.step(state, step_s, rng)
    truth = np.array(places)
    return truth, truth + rng.normal(0, noise_um, truth.shape)


def follow(
    name: str,
    motion: Motion,
    step_s: float,
    noise_um: float,
    ahead: int = 1,
    stated_um: float | None = None,
) -> tuple[float, float]:
    """RMS error in the plane some frames ahead, and the share within the 95 % ellipse."""
    truth, measured = simulate(motion, step_s, noise_um)
    predictor, step_ns = predictors.create(name), round(step_s * NS)
    variances = np.full(truth.shape[1], (stated_um or noise_um) ** 2)
    predictor.advance(0)
    slots = predictor.begin(np.pad(measured[0], ((0, 0), (0, 1))), variances)
    squares, inside = [], []
    for t in range(1, len(truth) - ahead):
        predictor.advance(t * step_ns)
        predictor.update(slots, measured[t], variances)
        predictor.watch(slots, (t + ahead) * step_ns)
        forecast = predictor.predict(slots, (t + ahead) * step_ns)
        if t < 50:
            continue
        misses = forecast.means_um[:, :2] - truth[t + ahead]
        inverse = np.linalg.inv(forecast.covs_um2[:, :2, :2])
        squares.append((misses**2).sum(axis=1))
        inside.append(np.einsum("ni,nij,nj->n", misses, inverse, misses) < chi2.ppf(0.95, 2))
    return float(np.sqrt(np.mean(squares))), float(np.mean(inside))


LINEAR = [
    (Brownian(diffusion_um2_s=1.0), 0.04, 0.05),
    (Brownian(diffusion_um2_s=0.01), 0.04, 0.05),
    (Persistent(speed_um_s=150.0, persistence_s=1.0), 0.01, 0.03),
    (Persistent(speed_um_s=5.0, persistence_s=4.0), 0.1, 0.05),
]
SWITCHING = [
    (RunAndTumble(speed_um_s=30.0, run_s=1.0), 0.02, 0.016),
    (RunAndTumble(speed_um_s=30.0, run_s=1.0), 0.02, 0.15),
    (Directed(speed_um_s=1.0, move_s=3.0, pause_s=2.0), 0.1, 0.03),
]
BENDING = [
    (Worm(speed_um_s=200.0, sway_um=40.0), 0.02, 0.3),
    (
        Oscillating(
            amplitude_um=3.0, period_s=20.0, phase_noise_rad_sqrt_s=0.1, diffusion_um2_s=1e-3
        ),
        0.5,
        0.04,
    ),
]


@pytest.mark.parametrize(("motion", "step_s", "noise_um"), LINEAR)
@pytest.mark.parametrize("misstated", [0.5, 1.0, 2.0])
def test_auto_is_at_the_bound_without_knowing_any_noise(
    motion: Brownian | Persistent, step_s: float, noise_um: float, misstated: float
) -> None:
    error, inside = follow("auto", motion, step_s, noise_um, 2, misstated * noise_um)
    transition, diffusion = motion.matrices(step_s)
    assert error < 1.06 * riccati_um(transition, diffusion, noise_um, 2)
    assert 0.92 < inside < 0.98


@pytest.mark.parametrize(("motion", "step_s", "noise_um"), SWITCHING)
@pytest.mark.parametrize("ahead", [1, 4])
def test_auto_states_its_error_when_motion_switches(
    motion: Motion, step_s: float, noise_um: float, ahead: int
) -> None:
    _, inside = follow("auto", motion, step_s, noise_um, ahead)
    assert 0.92 < inside < 0.98


@pytest.mark.parametrize(("motion", "step_s", "noise_um"), BENDING)
@pytest.mark.parametrize("ahead", [1, 4, 8])
def test_auto_is_no_worse_than_the_best_where_no_model_fits(
    motion: Motion, step_s: float, noise_um: float, ahead: int
) -> None:
    error, inside = follow("auto", motion, step_s, noise_um, ahead)
    others = ("imm", "kalman", "brownian")
    assert error < 1.05 * min(follow(n, motion, step_s, noise_um, ahead)[0] for n in others)
    assert 0.92 < inside < 0.98


@pytest.mark.parametrize(("motion", "step_s", "noise_um"), SWITCHING)
def test_auto_beats_constant_velocity_when_motion_switches(
    motion: Motion, step_s: float, noise_um: float
) -> None:
    auto, _ = follow("auto", motion, step_s, noise_um)
    assert auto < 0.9 * follow("kalman", motion, step_s, noise_um)[0]


def started(name: str, positions_um: NDArray, sigma_um: float = 0.1) -> tuple[Predictor, NDArray]:
    predictor = predictors.create(name)
    predictor.advance(0)
    return predictor, predictor.begin(positions_um, np.full(len(positions_um), sigma_um**2))


@pytest.mark.parametrize("name", NAMES)
def test_a_straight_run_is_continued_far_from_the_origin(name: str) -> None:
    start, speed = np.array([[1e5, -1e5, 3.0]]), np.array([[20.0, -7.0]])
    predictor, slots = started(name, start, 0.01)
    for t in range(1, 80):
        predictor.advance(t * NS // 10)
        predictor.update(slots, start[:, :2] + speed * t / 10, np.array([1e-4]))
    forecast = predictor.predict(slots, 8 * NS)
    if name != "brownian":
        assert forecast.means_um[0, :2] == pytest.approx((start[0, :2] + 8 * speed[0]), abs=0.02)
    assert (forecast.source, forecast.at_ns, forecast.means_um[0, 2]) == (name, 8 * NS, 3.0)


@pytest.mark.parametrize("name", NAMES)
def test_objects_come_and_go_without_disturbing_the_others(name: str) -> None:
    predictor, first = started(name, np.zeros((3, 3)))
    predictor.advance(NS)
    predictor.update(first[[2, 0]], np.array([[9.0, 0], [5.0, 0]]), np.full(2, 0.01))
    second = predictor.begin(np.full((2, 3), 50.0), np.full(2, 0.01))
    before = predictor.predict(np.concatenate([first[[2]], second]), 2 * NS)
    predictor.end(first[:2])
    after = predictor.predict(np.concatenate([first[[2]], second]), 2 * NS)
    np.testing.assert_allclose(after.means_um, before.means_um)
    np.testing.assert_allclose(after.covs_um2, before.covs_um2)
    assert len({*first.tolist(), *second.tolist()}) == 5
    with pytest.raises(ValueError, match="belongs to no object"):
        predictor.predict(first[:1], 2 * NS)


def test_no_frame_waits_for_the_compiler() -> None:
    predictor = predictors.create("auto")
    kernels: list[Any] = [time_update.advance, time_update.predict, measurement_update.update]
    compiled = [kernel.signatures for kernel in kernels]
    predictor.advance(0)
    fixed = np.arange(12.0).reshape(4, 3)
    fixed.flags.writeable = False
    slots = predictor.begin(fixed, np.ones(8)[::2])
    for t in range(1, 4):
        predictor.advance(t * NS)
        predictor.update(slots[::2], fixed[::2, :2], np.ones(4)[::2])
        predictor.focus(slots[::-1], fixed[:, 2], np.ones(4))
        predictor.predict(slots[::-2], t * NS)
        predictor.watch(slots[1:3], (t + 1) * NS)
        predictor.predict(slots[1:3], (t + 1) * NS)
    assert [kernel.signatures for kernel in kernels] == compiled


def test_z_is_unknown_until_it_was_measured_and_apart_from_the_plane() -> None:
    predictor, slots = started("auto", np.zeros((2, 3)))
    for t in range(1, 40):
        predictor.advance(t * NS // 20)
        predictor.update(slots, np.zeros((2, 2)), np.full(2, 0.01))
        predictor.focus(slots[1:], np.array([2.0 * t / 20]), np.array([0.01]))
    forecast = predictor.predict(slots, 2 * NS)
    assert forecast.means_um[0, 2] == 0 and forecast.covs_um2[0, 2, 2] > 1e6
    assert forecast.means_um[1, 2] == pytest.approx(4.0, abs=0.2)
    assert forecast.covs_um2[1, 2, 2] < 0.2
    assert forecast.means_um[:, :2] == pytest.approx(0.0, abs=1e-9)


@pytest.mark.parametrize("name", NAMES)
def test_the_ellipse_lies_along_the_line_of_the_errors(name: str) -> None:
    predictor, slots = started(name, np.zeros((1, 3)))
    rng = np.random.default_rng(3)
    for t in range(1, 300):
        predictor.advance(t * NS)
        predictor.update(slots, rng.normal(size=(1, 1)) * [[1.0, 1.0]], np.array([0.01]))
    cov_um2 = predictor.predict(slots, 301 * NS).covs_um2[0, :2, :2]
    assert np.array([1, 1]) @ cov_um2 @ [1, 1] > 5 * np.array([1, -1]) @ cov_um2 @ [1, -1] > 0


@pytest.mark.parametrize("name", NAMES)
def test_no_objects_are_predicted_too(name: str) -> None:
    predictor, slots = started(name, np.zeros((2, 3)))
    predictor.advance(NS)
    predictor.focus(slots[:1], np.zeros(1), np.ones(1))
    assert predictor.predict(slots[:0], 2 * NS).means_um.shape == (0, 3)
    assert predictor.predict(slots[1:], 2 * NS).covs_um2[0, 2, 2] > 1e6
    predictor.end(slots)
    assert predictor.predict(slots[:0], 3 * NS).covs_um2.shape == (0, 3, 3)


@pytest.mark.parametrize("name", NAMES)
def test_the_past_is_the_present(name: str) -> None:
    predictor, slots = started(name, np.ones((1, 3)))
    predictor.advance(NS)
    predictor.advance(NS // 2)
    now, past = predictor.predict(slots, NS), predictor.predict(slots, 0)
    np.testing.assert_array_equal(now.means_um, past.means_um)
    np.testing.assert_array_equal(now.covs_um2, past.covs_um2)


STEPS_NS = st.one_of(st.sampled_from([0, 1, 10**7, 10**13, 10**18]), st.integers(0, 10**10))
PLACES = st.one_of(st.sampled_from([0.0, 1e7, -1e7]), st.floats(-100, 100))
VARIANCES = st.sampled_from([1e-300, 1e-6, 1.0, 1e300, np.inf])
LONG_PAUSES = [(ns, 0.0, 0.0, 1e-300) for ns in (*[0] * 5, 1, 10**13, 10**18, *[10**7] * 3)]


@pytest.mark.parametrize("name", NAMES)
@settings(max_examples=40, deadline=None)
@given(events=st.lists(st.tuples(STEPS_NS, PLACES, PLACES, VARIANCES), max_size=12))
@example(events=LONG_PAUSES)
def test_wild_input_never_breaks_it(
    name: str, events: list[tuple[int, float, float, float]]
) -> None:
    predictor, slots = started(name, np.zeros((2, 3)))
    at_ns = 0
    for step_ns, x, y, variance in events:
        at_ns += step_ns
        predictor.advance(at_ns)
        predictor.update(slots[:1], np.array([[x, y]]), np.array([variance]))
    forecast = predictor.predict(slots, at_ns + 10**8)
    assert np.isfinite(forecast.means_um).all() and np.isfinite(forecast.covs_um2).all()
    assert (np.linalg.eigvalsh(forecast.covs_um2) >= 0).all()


@pytest.mark.parametrize(
    ("position", "variance", "sentence"),
    [((np.nan, 0.0), 1.0, "must be finite"), ((0.0, 0.0), 0.0, "must be positive")],
)
def test_what_is_no_measurement_is_refused(
    position: tuple[float, float], variance: float, sentence: str
) -> None:
    predictor, slots = started("auto", np.zeros((1, 3)))
    with pytest.raises(ValueError, match=sentence):
        predictor.update(slots, np.array([position]), np.array([variance]))
