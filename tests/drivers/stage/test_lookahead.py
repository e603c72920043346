"""Lookahead: an axis is near its target frame after frame, and never far beyond it."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pursuit.drivers.clock import NS_PER_MS, NS_PER_S
from pursuit.drivers.messages import Dynamics
from pursuit.drivers.stage import Axis
from pursuit.drivers.stage.lookahead import lookahead_target

DYNAMICS = Dynamics(delay_ms=6, speed_um_s=1_000, acceleration_um_s2=100_000, settle_ms=5)


def follow(velocity_um_s: float, limits: Dynamics, frames: int = 80) -> np.ndarray:
    """Errors at the exposures of an axis that is sent after a steady target."""
    axis, errors = Axis(0.0, limits), []
    interval_s, start_s = 0.01, 0.012
    for i in range(frames):
        start_ns, at_s = round((i * interval_s + start_s) * NS_PER_S), (i + 2) * interval_s
        stride_um = velocity_um_s * interval_s
        end_um = lookahead_target(
            axis.state(start_ns), velocity_um_s * at_s, stride_um, 0.008, interval_s, limits
        )
        axis.command(start_ns - round(limits.delay_ms * NS_PER_MS), end_um)
        errors.append(axis.state(round(at_s * NS_PER_S))[0] - velocity_um_s * at_s)
    return np.abs(errors[frames // 2 :])


@pytest.mark.parametrize(
    ("velocity_um_s", "most_um"), [(0, 1e-6), (150, 1e-6), (-800, 0.1), (3_000, 4), (-8_000, 4)]
)
def test_a_steady_target_is_met_at_every_exposure(velocity_um_s: float, most_um: float) -> None:
    """Sent to the place itself, the axis would be 13 µm behind at 3,000 µm/s."""
    limits = Dynamics(delay_ms=6, speed_um_s=10_000, acceleration_um_s2=300_000)
    assert follow(velocity_um_s, limits).max() <= most_um


@given(st.floats(-1e5, 1e5), st.floats(-1, 1), st.floats(-1e5, 1e5), st.floats(-10, 10))
def test_the_target_is_no_further_than_the_target_could(
    x: float, share: float, place: float, stride: float
) -> None:
    """A resting one is never overshot, however far and whatever the axis is doing."""
    end = lookahead_target((x, share * 1_000), place, stride, 0.003, 0.01, DYNAMICS)
    speed = stride / 0.01
    furthest = place + stride + speed * abs(speed) / (2 * DYNAMICS.acceleration_um_s2)
    assert min(place, furthest) <= end <= max(place, furthest)
    assert lookahead_target((x, share * 1_000), place, 0.0, 0.003, 0.01, DYNAMICS) == place
