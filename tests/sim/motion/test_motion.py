import math

import msgspec
import numpy as np
import pytest
from pursuit.sim.motion import (
    Brownian,
    Directed,
    Motion,
    Oscillating,
    Persistent,
    RunAndTumble,
    Worm,
)

MANY = 40_000

MOTIONS = [
    Brownian(diffusion_um2_s=30.0),
    Persistent(speed_um_s=150.0, persistence_s=0.5),
    RunAndTumble(speed_um_s=20.0),
    Directed(speed_um_s=10.0, move_s=0.5, pause_s=0.3, turn_deg=40.0),
    Oscillating(amplitude_um=40.0, period_s=1.0, phase_noise_rad_sqrt_s=0.5, diffusion_um2_s=5.0),
    Worm(speed_um_s=200.0, sway_um=40.0, turn_rad_sqrt_s=0.5),
]


def started(motion, count, rng):
    return motion.start(np.zeros((count, 3)), rng)


def test_toml_names_a_motion_by_its_kind():
    text = 'kind = "run-and-tumble"\nspeed_um_s = 20\nz_um_sqrt_s = 1'
    motion = msgspec.toml.decode(text, type=Motion)
    assert motion == RunAndTumble(speed_um_s=20.0, z_um_sqrt_s=1.0)


@pytest.mark.parametrize(
    "fields",
    [
        'kind = "brownian"\ndiffusion_um2_s = -1',
        'kind = "brownian"\ndiffusion_um2_s = nan',
        'kind = "persistent"\nspeed_um_s = 1\npersistence_s = 0',
        'kind = "worm"\nspeed_um_s = 1\nsway_um = inf',
        'kind = "brownian"\ndiffusion_um2_s = 1\ncolour = 2',
        'kind = "teleport"',
    ],
)
def test_toml_refuses_what_cannot_be(fields):
    with pytest.raises(msgspec.ValidationError):
        msgspec.toml.decode(fields, type=Motion)


@pytest.mark.parametrize("dt_s", [0.002, 0.1, 3.0])
@pytest.mark.parametrize("motion", MOTIONS[:2])
def test_steps_scatter_as_the_matrices_say(motion, dt_s):
    rng = np.random.default_rng(1)
    state = np.repeat(started(motion, 1, rng), MANY, axis=0)
    after = motion.step(state, dt_s, rng)
    F, Q = motion.matrices(dt_s)
    axis = [0, 3][: len(F)]
    np.testing.assert_allclose(
        after[:, axis].mean(0) - F @ state[0, axis], 0, atol=5 * math.sqrt(Q.max() / MANY)
    )
    np.testing.assert_allclose(np.cov(after[:, axis].T), np.squeeze(Q), rtol=0.05)


@pytest.mark.parametrize("motion", MOTIONS[:2])
def test_matrices_of_two_short_steps_make_those_of_a_long_one(motion):
    for dt_s in (1e-6, 0.004, 0.0099, 0.0101, 1.0, 50.0):
        (F, Q), (F2, Q2) = motion.matrices(dt_s), motion.matrices(2 * dt_s)
        np.testing.assert_allclose(F @ F, F2, rtol=1e-9)
        np.testing.assert_allclose(F @ Q @ F.T + Q, Q2, rtol=1e-6)


@pytest.mark.parametrize("motion", MOTIONS, ids=lambda m: type(m).__name__)
def test_one_step_or_many_lead_to_the_same_crowd(motion):
    rng = np.random.default_rng(2)
    state = started(motion, MANY // 2, rng)
    once, often = motion.step(state, 0.8, rng), state
    for dt_s in (0.1, 0.3, 0.001, 0.399):
        often = motion.step(often, dt_s, rng)
    for end in (once, often):
        assert end.shape == state.shape
    spread_once, spread_often = once[:, :2].std(axis=0), often[:, :2].std(axis=0)
    np.testing.assert_allclose(spread_once, spread_often, rtol=0.03)
    shares = np.linspace(0.05, 0.95, 10)
    by_once, by_often = (np.quantile(np.hypot(*end[:, :2].T), shares) for end in (once, often))
    np.testing.assert_allclose(by_once, by_often, atol=0.04 * spread_once.max())


@pytest.mark.parametrize("motion", MOTIONS, ids=lambda m: type(m).__name__)
def test_a_step_of_nothing_changes_nothing_and_positions_may_be_shifted(motion):
    state = started(motion, 50, np.random.default_rng(3))
    np.testing.assert_array_equal(motion.step(state, 0.0, np.random.default_rng(4)), state)
    shifted = state.copy()
    shifted[:, :3] += (100.0, -30.0, 5.0)
    there = motion.step(state, 0.2, np.random.default_rng(4))
    shifted_there = motion.step(shifted, 0.2, np.random.default_rng(4))
    np.testing.assert_allclose(shifted_there[:, :3] - there[:, :3], shifted[:, :3] - state[:, :3])


def test_velocity_of_a_persistent_walk_is_stationary():
    motion, rng = MOTIONS[1], np.random.default_rng(5)
    state = started(motion, MANY, rng)
    for _ in range(20):
        state = motion.step(state, 0.2, rng)
    speed_um_s = math.sqrt((state[:, 3:5] ** 2).sum(axis=1).mean())
    assert speed_um_s == pytest.approx(150.0, rel=0.02)


def test_runs_are_straight_and_pauses_still():
    motion = Directed(speed_um_s=10.0, move_s=1e9, pause_s=1.0)
    rng = np.random.default_rng(6)
    after = motion.step(started(motion, 100, rng), 2.0, rng)
    np.testing.assert_allclose(np.hypot(after[:, 0], after[:, 1]), 20.0)
    resting = MOTIONS[3]
    state = started(resting, MANY, rng)
    steps_um = np.hypot(*(resting.step(state, 1e-3, rng) - state)[:, :2].T)
    assert np.mean(steps_um < 1e-4) == pytest.approx(0.3 / 0.8, abs=0.02)


def test_oscillation_stays_within_its_amplitude_and_returns():
    motion, rng = Oscillating(amplitude_um=40.0, period_s=1.0), np.random.default_rng(7)
    state = started(motion, 1000, rng)
    np.testing.assert_allclose(motion.step(state, 1.0, rng)[:, :2], state[:, :2], atol=1e-9)
    half = np.hypot(*motion.step(state, 0.5, rng)[:, :2].T)
    assert 79.0 < half.max() <= 80.0


def test_focus_drifts_only_when_asked():
    rng = np.random.default_rng(8)
    still, drifting = MOTIONS[0], Brownian(diffusion_um2_s=0.0, z_um_sqrt_s=2.0)
    assert not still.step(started(still, 9, rng), 1.0, rng)[:, 2].any()
    z_um = drifting.step(started(drifting, MANY, rng), 4.0, rng)[:, 2]
    assert z_um.std() == pytest.approx(4.0, rel=0.02)


@pytest.mark.parametrize("motion", MOTIONS, ids=lambda m: type(m).__name__)
def test_any_motion_can_swim_up_and_down_and_the_plane_does_not_notice(motion):
    swimming = msgspec.structs.replace(motion, z_speed_um_s=5.0, z_persistence_s=0.8)
    plane, state = (started(m, MANY, np.random.default_rng(9)) for m in (motion, swimming))
    np.testing.assert_array_equal(state[:, : plane.shape[1]], plane)
    assert state[:, -1].std() == pytest.approx(5.0, rel=0.02)
    after = swimming.step(state, 0.5, np.random.default_rng(10))
    flat = motion.step(plane, 0.5, np.random.default_rng(10))
    np.testing.assert_array_equal(after[:, :2], flat[:, :2])
    _, Q = Persistent(speed_um_s=5.0 * math.sqrt(2), persistence_s=0.8).matrices(0.5)
    climbed = 0.8 * -math.expm1(-0.5 / 0.8) * state[:, -1]
    assert np.var(after[:, 2] - climbed) == pytest.approx(Q[0, 0], rel=0.05)
    assert after[:, -1].std() == pytest.approx(5.0, rel=0.02)


def test_objects_turn_back_at_floor_and_ceiling():
    motion = Brownian(diffusion_um2_s=1.0, z_speed_um_s=5.0, z_persistence_s=2.0, z_reach_um=12.0)
    rng = np.random.default_rng(11)
    state = started(motion, MANY // 4, rng)
    for dt_s in np.tile([0.1, 7.0, 30.0], 5):
        state = motion.step(state, dt_s, rng)
        assert np.abs(state[:, 2]).max() <= 12.0
    quarters = np.histogram(state[:, 2], [-12.0, -6.0, 0.0, 6.0, 12.0])[0] / len(state)
    np.testing.assert_allclose(quarters, 0.25, atol=0.02)
    assert state[:, -1].std() == pytest.approx(5.0, rel=0.03)
    at_ceiling = np.array([[0.0, 0.0, 11.9, 5.0]])
    straight = msgspec.structs.replace(motion, z_persistence_s=1e9)
    np.testing.assert_allclose(straight.step(at_ceiling, 0.1, rng)[0, 2:], [11.6, -5.0], atol=1e-3)


@pytest.mark.parametrize(
    "motion",
    [
        Persistent(speed_um_s=50.0, persistence_s=1e15, z_speed_um_s=3.0, z_persistence_s=1e15),
        Directed(speed_um_s=10.0, move_s=1e9, pause_s=0.0),
        RunAndTumble(speed_um_s=20.0, run_s=1e9),
        Oscillating(amplitude_um=40.0, period_s=1.0),
        Worm(speed_um_s=200.0, sway_um=40.0, turn_rad_sqrt_s=0.0),
    ],
    ids=lambda m: type(m).__name__,
)
def test_reversed_in_time_it_retraces_its_path(motion):
    rng = np.random.default_rng(12)
    state = started(motion, 20, rng)
    there = motion.step(state, 0.3, rng)
    assert np.abs(there - state)[:, :3].max() > 1
    back = motion.step(motion.reversed_in_time(there), 0.3, rng)
    np.testing.assert_allclose(back[:, :3], state[:, :3], atol=1e-5)
