"""The last guard lets nothing pass that could hurt the stage."""

from __future__ import annotations

import math

import msgspec
import pytest
import useq
from hypothesis import given
from hypothesis import strategies as st
from pursuit.drivers.actuation import guard
from pursuit.drivers.messages import Description, Dynamics, Move
from pursuit.drivers.microscope import MicroscopeError
from pursuit.drivers.stage.profiles import ConstantVelocity

BOX = ((-10.0, 20.0), (0.0, 5.0), (100.0, 101.0))
ABOUT = Description(
    name="stand",
    camera="Camera",
    xy_stage="XY",
    focus="Z",
    width_px=100,
    height_px=50,
    dtype="uint8",
    pixel_um=0.05,
    affine=(0.05, 0.0, 0.0, 0.05),
    exposure_ms=1.0,
    interval_ms=1.0,
    dynamics=Dynamics(),
    limits_um=BOX,
)
coordinates = st.none() | st.floats()


@given(coordinates, coordinates, coordinates)
def test_whatever_passes_is_inside_the_box(
    x: float | None, y: float | None, z: float | None
) -> None:
    move = Move(x, y, z, expires_ns=7, frame=3)
    wanted = (x, y, z)
    if not all(value is None or math.isfinite(value) for value in wanted):
        with pytest.raises(MicroscopeError, match="finite"):
            guard.refuse_non_finite(move)
        return
    guard.refuse_non_finite(move)
    safe = guard.clipped_move(move, BOX)
    assert (safe.expires_ns, safe.frame) == (7, 3)
    for value, given_value, (low, high) in zip(
        (safe.x_um, safe.y_um, safe.z_um), wanted, BOX, strict=True
    ):
        if given_value is None:
            assert value is None
        else:
            assert value is not None
            assert low <= value <= high
            assert value == given_value or not low <= given_value <= high


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


@pytest.mark.parametrize(
    ("place", "axis"), [((21, 1, 100), "x"), ((0, -1, 100), "y"), ((0, 0, math.nan), "z")]
)
def test_a_planned_position_outside_says_which_and_what_to_do(
    place: tuple[float, float, float], axis: str
) -> None:
    with pytest.raises(MicroscopeError, match=f"wants {axis} = .*{axis}_um under"):
        guard.check_inside(*place, BOX)


def plan(**fields: object) -> useq.MDASequence:
    return useq.MDASequence.model_validate({"stage_positions": [(0.0, 2.5, 100.5)], **fields})


def test_grids_are_laid_out_for_the_field_of_this_camera() -> None:
    sequence = plan(grid_plan={"rows": 2, "columns": 2})
    events = guard.checked_events(sequence, ABOUT)
    assert {(event.x_pos, event.y_pos) for event in events} == {
        (-2.5, 1.25),
        (2.5, 1.25),
        (-2.5, 3.75),
        (2.5, 3.75),
    }
    inner = {"x": 0, "y": 2.5, "sequence": {"grid_plan": {"rows": 1, "columns": 3}}}
    nested = guard.checked_events(plan(stage_positions=[inner]), ABOUT)
    assert {event.x_pos for event in nested} == {-5.0, 0.0, 5.0}
    assert guard.checked_events(sequence, ABOUT) == events


def test_a_grid_that_leaves_the_box_is_refused() -> None:
    with pytest.raises(MicroscopeError, match="outside the limits"):
        guard.checked_events(plan(grid_plan={"rows": 4, "columns": 1}), ABOUT)
    wider = msgspec.structs.replace(ABOUT, width_px=1_000)
    with pytest.raises(MicroscopeError, match="outside the limits"):
        guard.checked_events(plan(grid_plan={"rows": 1, "columns": 2}), wider)
