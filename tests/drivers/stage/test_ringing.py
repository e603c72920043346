"""Ringing: the load is where an oscillator on the drive would be."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pursuit.drivers.clock import NS_PER_MS, NS_PER_S
from pursuit.drivers.messages import Dynamics
from pursuit.drivers.stage import Axis, PoseModel, Ringing
from pursuit.drivers.stage.ringing import FREQUENCY_SIGMA
from pursuit.sim.stand.stage import SimStage, StageModel
from scipy.integrate import solve_ivp

MS = NS_PER_MS
STAGE = StageModel(
    delay_ms=5, speed_um_s=500, acceleration_um_s2=50_000, ring_hz=80.0, ring_damping=0.15
)


def walked(axis: Axis) -> list[int]:
    """Send an axis about, one command while the one before is under way; return when."""
    commands = ((10, 1.0), (40, 1.3), (43, -0.5), (44, -0.6), (90, 20.0), (100, 3.0))
    for at_ms, to_um in commands:
        axis.command(at_ms * MS, to_um)
    axis.set_velocity(220 * MS, 30.0)
    axis.halt(260 * MS)
    return [at_ms * MS for at_ms in range(12, 300, 7)]


def felt(axis: Axis, at_ns: int, ringing: Ringing) -> list[tuple[float, float]]:
    return list(axis.acceleration_steps(at_ns, ringing.memory_s))


def integrated(axis: Axis, dynamics: Dynamics, at_ns: list[int]) -> np.ndarray:
    """Deviation of the load by numerical integration, from its place beside the drive's."""
    omega = 2 * np.pi * dynamics.ring_hz

    def slope(t: float, load: np.ndarray) -> tuple[float, float]:
        drive, speed = axis.state(round(t * NS_PER_S))
        spring, damper = drive - load[0], speed - load[1]
        return load[1], omega**2 * spring + 2 * dynamics.ring_damping * omega * damper

    at_s = np.array(at_ns) / NS_PER_S
    ends = (0.0, at_s[-1])
    load = solve_ivp(slope, ends, (0.0, 0.0), t_eval=at_s, max_step=5e-4, rtol=1e-8, atol=1e-9)
    return load.y[0] - [axis.state(each)[0] for each in at_ns]


def test_the_load_is_where_an_oscillator_on_the_drive_is() -> None:
    axis, ringing = Axis(0.0, STAGE), Ringing(STAGE, frequency_sigma=0.0)
    at_ns = walked(axis)
    ahead_um = [ringing.ahead_um(felt(axis, each, ringing)) for each in at_ns]
    assert np.abs(ahead_um).max() > 0.1
    assert ahead_um == pytest.approx(integrated(axis, STAGE, at_ns), abs=2e-4)


@pytest.mark.parametrize("span_ms", [1, 8, 60])
def test_the_mean_over_an_exposure_is_that_of_its_instants(span_ms: int) -> None:
    axis, ringing = Axis(0.0, STAGE), Ringing(STAGE, frequency_sigma=0.0)
    for at_ns in walked(axis)[5:]:
        span_ns = span_ms * MS
        instants = at_ns - span_ns + span_ns * (2 * np.arange(400) + 1) // 800
        each_um = [ringing.ahead_um(felt(axis, int(one), ringing)) for one in instants]
        acceleration_steps = axis.acceleration_steps(at_ns, ringing.memory_s + span_ms / 1e3)
        assert ringing.ahead_um(acceleration_steps, span_ms / 1e3) == pytest.approx(
            np.mean(each_um), abs=2e-4
        )


def test_a_frequency_in_doubt_tells_the_mean_over_what_it_may_be() -> None:
    axis, ringing = Axis(0.0, STAGE), Ringing(STAGE)
    axis.command(0, 1.0)
    z = np.linspace(-3, 3, 61)
    weights = np.exp(-(z**2) / 2) / np.exp(-(z**2) / 2).sum()
    for at_ms in range(6, 60, 3):
        mean_um = 0.0
        for share, weight in zip(1 + FREQUENCY_SIGMA * z, weights, strict=True):
            damping = STAGE.ring_damping / share
            one = Dynamics(ring_hz=STAGE.ring_hz * share, ring_damping=damping)
            may_be = Ringing(one, frequency_sigma=0.0)
            mean_um += weight * may_be.ahead_um(felt(axis, at_ms * MS, may_be))
        told_um = ringing.ahead_um(felt(axis, at_ms * MS, ringing))
        assert told_um == pytest.approx(mean_um, abs=0.04)


def error_um(told: Dynamics) -> float:
    """RMS difference between the modelled and the true load of a stage that moves about."""
    true = SimStage(STAGE, (0.0, 0.0), np.random.default_rng(0))
    pose = PoseModel((0.0, 0.0, 0.0), told, Dynamics())
    true.position_um(0)
    steps_um, errors = np.random.default_rng(1).normal(0.3, 0.3, 40).cumsum(), []
    for i, to_um in enumerate(steps_um.tolist()):
        at_ns = (10 + 33 * i) * MS
        true.command(at_ns, to_um, 0.0)
        pose.commanded(at_ns, to_um, None, None)
        for after_ms in range(6, 33, 4):
            look_ns = at_ns + after_ms * MS
            errors.append(pose.pose(look_ns).x_um - true.position_um(look_ns)[0])
    return float(np.sqrt(np.mean(np.square(errors))))


def changed(**options: Any) -> Dynamics:
    told = {name: getattr(STAGE, name) for name in Dynamics.__struct_fields__}
    return Dynamics(**{**told, **options})


def test_a_pose_knows_where_the_load_is_and_a_wrong_frequency_does_no_harm() -> None:
    ignored_um = error_um(changed(ring_hz=0.0, ring_damping=0.0))
    assert error_um(STAGE) < 0.3 * ignored_um
    for share in (0.85, 0.9, 1.1, 1.15):
        assert error_um(changed(ring_hz=80.0 * share)) < 0.8 * ignored_um


def test_a_pose_over_an_exposure_is_the_mean_of_poses() -> None:
    def model() -> PoseModel:
        return PoseModel((0.0, 0.0, 0.0), changed(backlash_um=0.2), Dynamics())

    whole, parts = model(), model()
    for pose in (whole, parts):
        pose.commanded(10 * MS, 3.0, -1.0, 0.5)
    instants = [int(at) for at in np.linspace(14 * MS, 24 * MS, 401)]
    means = np.mean([_place(parts.pose, at) for at in instants], axis=0)
    mean = _place(lambda at_ns: whole.pose(at_ns, 10 * MS), 19 * MS)
    assert mean == pytest.approx(means, abs=0.02)


def _place(pose: Callable[[int], Any], at_ns: int) -> tuple[float, float, float]:
    told = pose(at_ns)
    return told.x_um, told.y_um, told.z_um


@settings(max_examples=50, deadline=None)
@given(
    st.floats(1, 2000),
    st.floats(0.001, 0.999),
    st.lists(st.tuples(st.integers(0, 200), st.floats(-1e3, 1e3)), min_size=1, max_size=20),
    st.floats(0, 0.2),
)
def test_it_is_never_further_off_than_the_drive_could_throw_it(
    ring_hz: float, ring_damping: float, commands: list[tuple[int, float]], span_s: float
) -> None:
    ringing = Ringing(Dynamics(ring_hz=ring_hz, ring_damping=ring_damping))
    axis = Axis(0.0, Dynamics())
    for at_ms, to_um in sorted(commands):
        axis.command(at_ms * MS, to_um)
    acceleration_steps = felt(axis, 250 * MS, ringing)
    thrown = sum(abs(change) for _, change in acceleration_steps) / (2 * np.pi * ring_hz) ** 2
    most = 1.1 * thrown * (1 + 1 / np.sqrt(1 - ring_damping**2))
    assert abs(ringing.ahead_um(acceleration_steps, span_s)) <= most + 1e-9


@pytest.mark.parametrize("damping", [0.0, 1.0, -0.1, float("nan")])
def test_a_frequency_needs_a_damping(damping: float) -> None:
    with pytest.raises(ValueError, match="ring_damping must be"):
        Dynamics(ring_hz=50.0, ring_damping=damping)
    with pytest.raises(ValueError, match="ring_hz must be"):
        Dynamics(ring_hz=-1.0, ring_damping=0.1)
