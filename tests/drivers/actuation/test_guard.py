"""The last guard lets nothing pass that could hurt the stage."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pursuit.drivers.actuation import guard
from pursuit.drivers.envelope import Envelope
from pursuit.drivers.messages import Dynamics, Move, Polygon, Restrictions
from pursuit.drivers.microscope import MicroscopeError, MoveRefused
from pursuit.drivers.stage import PoseModel
from pursuit.drivers.stage.profiles import ConstantVelocity

BOX = ((-10.0, 20.0), (0.0, 5.0), (100.0, 101.0))
coordinates = st.none() | st.floats()


@given(coordinates, coordinates, coordinates)
def test_whatever_passes_is_inside_the_box(
    x: float | None, y: float | None, z: float | None
) -> None:
    move = Move(x, y, z, expires_ns=7, frame=3)
    wanted = (x, y, z)
    pose = PoseModel((0.0, 1.0, 100.5), Dynamics(), Dynamics())
    if not all(value is None or math.isfinite(value) for value in wanted):
        with pytest.raises(MicroscopeError, match="finite"):
            guard.refuse_non_finite(move)
        return
    guard.refuse_non_finite(move)
    inside = all(
        value is None or low <= value <= high
        for value, (low, high) in zip(wanted, BOX, strict=True)
    )
    if inside:
        guard.check_move(move, Envelope(BOX), pose, 0)
        return
    with pytest.raises(MoveRefused, match="outside the limits") as refused:
        guard.check_move(move, Envelope(BOX), pose, 0)
    axis, low, high = next(
        (axis, low, high)
        for axis, value, (low, high) in zip("xyz", wanted, BOX, strict=True)
        if value is not None and not low <= value <= high
    )
    assert f"[{low:g}, {high:g}] ({axis}_um under [limits])" in str(refused.value)


def test_a_velocity_that_is_not_finite_is_refused() -> None:
    for velocity in ((math.nan, 0.0), (0.0, math.inf)):
        with pytest.raises(MicroscopeError, match="finite"):
            guard.refuse_non_finite(Move(None, None, None, 7, 3, velocity))


@given(
    st.floats(-1e6, 1e6),
    st.floats(-150, 150),
    st.floats(-1, 1),
    st.floats(0, 0.04),
    st.builds(
        Dynamics,
        delay_ms=st.just(0.0),
        speed_um_s=st.floats(1, 1e5),
        acceleration_um_s2=st.floats(10, 1e7),
    ),
)
def test_a_limited_velocity_can_be_stopped_inside_the_limits(
    wanted: float, x: float, share: float, late_s: float, dynamics: Dynamics
) -> None:
    """Even late, from any state that could have been stopped before."""
    limits, v = (-100.0, 100.0), share * dynamics.speed_um_s
    brakes_at = x + v * abs(v) / (2 * dynamics.acceleration_um_s2)
    velocity = guard.limited_velocity(wanted, (x, v), limits, dynamics)
    assert abs(velocity) <= min(abs(wanted), dynamics.speed_um_s)
    assert velocity * wanted >= 0
    run = ConstantVelocity(0, x, v, velocity, dynamics.acceleration_um_s2)
    stop_s = min(guard.time_to_stop_s(velocity, (x, v), limits, dynamics), 5.0) + late_s
    end_x, end_v = run.state(round(stop_s * 1e9))
    rest_um = end_x + end_v * abs(end_v) / (2 * dynamics.acceleration_um_s2)
    low, high = min(x, brakes_at, -100.0), max(x, brakes_at, 100.0)
    assert low - 1e-3 <= rest_um <= high + 1e-3


def loose_pose(backlash_um: float) -> PoseModel:
    """Return a pose model whose drives went to and fro: the next move has backlash to take up."""
    loose = Dynamics(delay_ms=0.0, backlash_um=backlash_um)
    pose = PoseModel((0.0, 0.0, 0.0), loose, loose)
    pose.commanded(0, -backlash_um, 0.0, 0.0)
    pose.commanded(1_000_000_000, 0.0, 0.0, 0.0)
    return pose


@pytest.mark.parametrize(
    "restrictions",
    [
        Restrictions(step_um=20.0),
        Restrictions(
            keep_out=(Polygon(((15, -300), (25, -300), (25, 300), (15, 300)), "a clamp"),)
        ),
    ],
)
def test_backlash_is_not_taken_up_by_what_no_move_may_do(restrictions: Restrictions) -> None:
    envelope = Envelope(((-1e3, 1e3), (-1e3, 1e3), (-10.0, 10.0)), restrictions)
    move, later_ns = Move(5.0, None, None, 7, 3), 2_000_000_000
    assert guard.drive_targets_um(move, envelope, loose_pose(4.0), later_ns)[0] == 7.0
    assert guard.drive_targets_um(move, envelope, loose_pose(45.0), later_ns) == (5.0, None, None)


def test_focus_backlash_is_not_taken_up_by_longer_steps_than_are_allowed() -> None:
    envelope = Envelope(((-1e3, 1e3), (-1e3, 1e3), (-1e3, 1e3)), Restrictions(focus_step_um=2.0))
    move = Move(None, None, 0.1, 7, 3)
    assert guard.drive_targets_um(move, envelope, loose_pose(30.0), 2_000_000_000)[2] == 0.1
