"""The controller's forecast agrees with the stage, from moves and poses alone."""

from __future__ import annotations

import msgspec
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pursuit.drivers.clock import NS_PER_MS
from pursuit.drivers.messages import Dynamics, Frame
from pursuit.drivers.stage import Axis, PoseModel, StageForecast, Timing

MS = NS_PER_MS
DYNAMICS = Dynamics(delay_ms=6, speed_um_s=1_000, acceleration_um_s2=100_000, settle_ms=5)
RINGING = msgspec.structs.replace(DYNAMICS, ring_hz=60.0, ring_damping=0.1)
TIMING = Timing(after_s=0.01, interval_s=0.02, exposure_s=0.004)


def frame(pose: PoseModel, at_ns: int, exposure_ms: float = 4.0) -> Frame:
    """One that a microscope with this pose model would deliver."""
    there = pose.pose(at_ns, round(exposure_ms * MS))
    return Frame(np.zeros((8, 8), np.uint8), 0, at_ns, at_ns + 4 * MS, exposure_ms, there)


@pytest.mark.parametrize("dynamics", [DYNAMICS, RINGING])
@given(st.lists(st.floats(-50, 50), min_size=1, max_size=6), st.floats(-100, 100))
def test_it_is_the_pose_model_seen_from_afar(
    dynamics: Dynamics, targets: list[float], start_um: float
) -> None:
    """Both are the same physics: they agree at all times, wherever the stage began."""
    pose = PoseModel((start_um, 0.0, 0.0), dynamics, Dynamics())
    forecast = StageForecast(dynamics)
    for i, target in enumerate(targets):
        at_ns = (100 + 33 * i) * MS
        forecast.see(frame(pose, at_ns))
        pose.commanded(at_ns + 5 * MS, target, None)
        forecast.expect(at_ns + 5 * MS, (target, None))
        for later_ms in (5, 20, 30):
            expected, found = (each.states(at_ns + later_ms * MS) for each in (pose, forecast))
            np.testing.assert_allclose(found, expected, atol=1e-6)


def test_a_report_that_comes_late_corrects_the_offset_again() -> None:
    pose, forecast = PoseModel((0.0, 0.0, 0.0), DYNAMICS, Dynamics()), StageForecast(DYNAMICS)
    pose.commanded(0, 40.0, None)
    forecast.see(frame(pose, 30 * MS))
    forecast.expect(0, (40.0, None))
    assert forecast.states(30 * MS)[0][0] == pytest.approx(pose.states(30 * MS)[0][0], abs=0.1)


def test_a_velocity_ends_when_it_should_and_never_without_an_end() -> None:
    forecast = StageForecast(DYNAMICS)
    forecast.expect_velocity(0, (100.0, -50.0), 200 * MS)
    assert [v for _, v in forecast.states(150 * MS)] == [100.0, -50.0]
    assert [v for _, v in forecast.states(300 * MS)] == [0.0, 0.0]
    forecast.expect_velocity(300 * MS, (100.0, 0.0), 0)
    assert forecast.states(10**10)[0][1] == 100.0


def test_moves_under_way_are_expected_of_a_stage_that_was_identified() -> None:
    slower = msgspec.structs.replace(DYNAMICS, speed_um_s=100.0, delay_ms=20.0)
    forecast, axis = StageForecast(DYNAMICS), Axis(0.0, slower)
    forecast.expect(0, (50.0, None))
    axis.command(0, 50.0)
    forecast.identified(slower)
    assert forecast.dynamics == slower
    assert forecast.states(100 * MS)[0] == pytest.approx(axis.state(100 * MS))


def test_targets_bring_the_load_to_its_position_in_the_mean_over_the_exposure() -> None:
    forecast, pose = StageForecast(RINGING), PoseModel((0.0, 0.0, 0.0), RINGING, Dynamics())
    starts_ns, at_ns = 106 * MS, 116 * MS
    x, y = forecast.targets_um(starts_ns, (2.0, -3.0), (0.0, 0.0), TIMING)
    pose.commanded(100 * MS, x, y)
    there = pose.pose(at_ns, 4 * MS)
    assert (there.x_um, there.y_um) == (pytest.approx(2.0, abs=0.05), pytest.approx(-3.0, abs=0.05))
    assert x != 2.0
