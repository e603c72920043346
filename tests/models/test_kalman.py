"""The Kalman predictor against theory: steady state, calibration, horizons, wild input."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pursuit.models.predictors import create
from scipy.linalg import solve_discrete_are
from scipy.stats import chi2

NS = 1_000_000_000


def cv_model(step_s, change_um_s):
    q = change_um_s**2
    f = np.array([[1, step_s], [0, 1]])
    return f, q * np.array([[step_s**3 / 3, step_s**2 / 2], [step_s**2 / 2, step_s]])


def simulate(rng, steps_s, speed, change, sigma):
    """Positions (T, 3), velocities (T, 3) and measurements of motion at irregular steps."""
    x, v = np.zeros(3), rng.normal(0, speed, 3)
    states = []
    for step in steps_s:
        f, q = cv_model(step, change)
        kick = np.linalg.cholesky(q) @ rng.normal(size=(2, 3))
        x, v = f @ np.stack([x, v]) + kick
        states.append((x, v))
    positions, velocities = (np.array(part) for part in zip(*states, strict=True))
    return positions, velocities, positions + rng.normal(0, sigma, positions.shape)


def assert_sound(prediction):
    cov = prediction.cov_um2
    assert np.isfinite(prediction.mean_um).all() and np.isfinite(cov).all()
    np.testing.assert_allclose(cov, cov.T, rtol=1e-9, atol=1e-12 * np.abs(cov).max())
    scale = np.sqrt(np.diag(cov))
    assert (scale > 0).all()
    assert np.linalg.eigvalsh(cov / np.outer(scale, scale)).min() > -1e-9


def test_settles_on_the_riccati_solution():
    step_s, change, variance, horizon_s = 0.05, 8.0, 0.04, 0.12
    kalman = create("kalman", {"speed_change_um_s": change, "speed_um_s": 30.0})
    for k in range(400):
        kalman.update(round(k * step_s * NS), np.zeros(3), np.eye(3) * variance)
    last_ns = round(399 * step_s * NS)

    f, q = cv_model(step_s, change)
    h = np.array([[1.0, 0.0]])
    prior = solve_discrete_are(f.T, h.T, q, [[variance]])
    filtered = prior - prior @ h.T @ h @ prior / (prior[0, 0] + variance)
    ahead, spread = cv_model(horizon_s, change)
    expected = (ahead @ filtered @ ahead.T + spread)[0, 0]

    got = kalman.predict(last_ns + round(horizon_s * NS)).cov_um2
    np.testing.assert_allclose(got, np.eye(3) * expected, rtol=1e-6, atol=1e-9)


def test_errors_are_as_large_as_it_says():
    rng, change, sigma, runs, steps = np.random.default_rng(3), 5.0, 0.2, 60, 40
    nees, nis = [], []
    for _ in range(runs):
        steps_s = rng.uniform(0.01, 0.2, steps)
        truth, _, measured = simulate(rng, steps_s, 10.0, change, sigma)
        at_ns = np.rint(np.cumsum(steps_s) * NS).astype(int)
        kalman = create("kalman", {"speed_um_s": 10.0, "speed_change_um_s": change})
        for k in range(steps):
            if k:
                seen = kalman.predict(at_ns[k])
                miss = measured[k] - seen.mean_um
                nis.append(miss @ np.linalg.solve(seen.cov_um2 + np.eye(3) * sigma**2, miss))
            kalman.update(at_ns[k], measured[k], np.eye(3) * sigma**2)
        final = kalman.predict(at_ns[-1])
        error = truth[-1] - final.mean_um
        nees.append(error @ np.linalg.solve(final.cov_um2, error))
    for squares in (nees, nis):
        low, high = chi2.ppf([0.001, 0.999], 3 * len(squares))
        assert low < np.sum(squares) < high


def test_a_straight_run_is_followed_and_foreseen():
    kalman = create("kalman", {})
    velocity = np.array([3.0, -2.0, 1.0])
    for k in range(100):
        kalman.update(k * NS // 10, velocity * k / 10, np.eye(3) * 1e-4)
    np.testing.assert_allclose(kalman.velocity_um_s, velocity, atol=1e-2)
    np.testing.assert_allclose(kalman.predict(NS * 12).mean_um, velocity * 12, atol=0.05)


def test_predicting_changes_nothing_and_uncertainty_grows():
    kalman = create("kalman", {})
    for k in range(5):
        kalman.update(k * NS // 20, [k, 0, 0], np.eye(3) * 0.01)
    near = kalman.predict(NS)
    spreads = [np.trace(kalman.predict(NS + k * NS).cov_um2) for k in range(5)]
    again = kalman.predict(NS)
    assert np.all(np.diff(spreads) > 0)
    np.testing.assert_array_equal(near.mean_um, again.mean_um)
    np.testing.assert_array_equal(near.cov_um2, again.cov_um2)


def test_an_unmeasured_stop_on_the_way_is_no_stop():
    direct, stopped = create("kalman", {}), create("kalman", {})
    for kalman in (direct, stopped):
        for k in range(5):
            kalman.update(k * NS // 20, [k, -k, 0.5 * k], np.diag([0.01, 0.02, 0.5]))
    stopped.update(NS // 3, [5e3, 5e3, 5e3], np.diag([np.inf] * 3))
    a, b = direct.predict(NS), stopped.predict(NS)
    np.testing.assert_allclose(a.mean_um, b.mean_um, atol=1e-3)
    np.testing.assert_allclose(a.cov_um2, b.cov_um2, rtol=1e-5, atol=1e-9)


def test_unmeasured_focus_leaves_x_and_y_alone():
    kalman = create("kalman", {})
    for k in range(50):
        kalman.update(k * NS // 20, [k / 20, 0, 0], np.diag([1e-4, 1e-4, np.inf]))
    here = kalman.predict(49 * NS // 20)
    assert abs(here.mean_um[0] - 49 / 20) < 0.02 and here.cov_um2[0, 0] < 1e-4
    assert here.cov_um2[2, 2] > 1e6


def test_time_that_stands_still_or_turns_back():
    kalman = create("kalman", {})
    kalman.update(NS, [0, 0, 0], np.eye(3))
    kalman.update(NS, [1, 0, 0], np.eye(3))
    both = kalman.predict(NS)
    np.testing.assert_allclose(both.mean_um, [0.5, 0, 0])
    np.testing.assert_allclose(both.cov_um2, np.eye(3) / 2)
    kalman.update(NS // 2, [100, 0, 0], np.eye(3))
    np.testing.assert_array_equal(kalman.predict(NS).mean_um, both.mean_um)
    np.testing.assert_array_equal(kalman.predict(0).mean_um, both.mean_um)


@settings(max_examples=150, deadline=None)
@given(
    st.lists(
        st.tuples(
            st.integers(-(10**18), 10**18),
            st.lists(st.floats(-1e5, 1e5), min_size=3, max_size=3),
            st.lists(st.floats(0, 1e300, exclude_min=True), min_size=3, max_size=3),
        ),
        min_size=1,
        max_size=12,
    ),
    st.integers(-(10**18), 10**18),
)
def test_survives_wild_times_and_variances(measurements, horizon_ns):
    kalman = create("kalman", {})
    for at_ns, position, variances in measurements:
        kalman.update(at_ns, position, np.diag(variances))
        assert_sound(kalman.predict(at_ns))
    assert_sound(kalman.predict(horizon_ns))


def test_says_what_it_needs():
    kalman = create("kalman", {})
    with pytest.raises(ValueError, match="needs a measurement"):
        kalman.predict(0)
    with pytest.raises(ValueError, match="three finite numbers"):
        kalman.update(0, [0, np.nan, 0], np.eye(3))
    with pytest.raises(ValueError, match="positive variances"):
        kalman.update(0, [0, 0, 0], np.diag([1, -1, 1]))
    with pytest.raises(ValueError, match="positive variances"):
        kalman.update(0, [0, 0, 0], np.eye(2))
