"""An acquisition is laid out and checked in full before anything moves."""

from __future__ import annotations

import json
import time

import msgspec
import pytest
import useq
from pursuit.drivers.actuation import checked_events, read_sequence
from pursuit.drivers.messages import Circle, Description, Dynamics, Restrictions
from pursuit.drivers.microscope import MicroscopeError

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


def plan(**fields: object) -> useq.MDASequence:
    return useq.MDASequence.model_validate({"stage_positions": [(0.0, 2.5, 100.5)], **fields})


def restricted(**restrictions: object) -> Description:
    return msgspec.structs.replace(ABOUT, restrictions=Restrictions(**restrictions))  # type: ignore[arg-type]


def test_grids_are_laid_out_for_the_field_of_this_camera() -> None:
    sequence = plan(grid_plan={"rows": 2, "columns": 2})
    events = checked_events(sequence, ABOUT)
    assert {(event.x_pos, event.y_pos) for event in events} == {
        (-2.5, 1.25),
        (2.5, 1.25),
        (-2.5, 3.75),
        (2.5, 3.75),
    }
    inner = {"x": 0, "y": 2.5, "sequence": {"grid_plan": {"rows": 1, "columns": 3}}}
    nested = checked_events(plan(stage_positions=[inner]), ABOUT)
    assert {event.x_pos for event in nested} == {-5.0, 0.0, 5.0}
    assert checked_events(sequence, ABOUT) == events


@pytest.mark.parametrize(
    ("place", "axis"), [((21, 1, 100), "x"), ((0, -1, 100), "y"), ((0, 0, 99), "z")]
)
def test_a_place_outside_says_which_and_what_to_do(
    place: tuple[float, float, float], axis: str
) -> None:
    value = place["xyz".index(axis)]
    with pytest.raises(MicroscopeError, match=rf"{axis} = {value} .*{axis}_um under .*Change"):
        checked_events(plan(stage_positions=[place]), ABOUT)


def test_a_grid_that_leaves_the_box_is_refused() -> None:
    with pytest.raises(MicroscopeError, match="outside the limits"):
        checked_events(plan(grid_plan={"rows": 4, "columns": 1}), ABOUT)
    wider = msgspec.structs.replace(ABOUT, width_px=1_000)
    with pytest.raises(MicroscopeError, match="outside the limits"):
        checked_events(plan(grid_plan={"rows": 1, "columns": 2}), wider)


def test_the_way_between_places_is_checked_and_that_to_the_first() -> None:
    about = restricted(keep_out=(Circle(5.0, 2.5, 1.0, "keep_out[0] under [limits]"),))
    there = plan(stage_positions=[(0, 2.5, 100), (10, 2.5, 100)])
    with pytest.raises(MicroscopeError, match=r"the way from \(0, 2.5\) .*keep_out\[0\]"):
        checked_events(there, about, (0.0, 2.5, 100.0))
    around = plan(stage_positions=[(0, 4.5, 100), (10, 4.5, 100)])
    assert len(checked_events(around, about, (0.0, 2.5, 100.0))) == 2
    with pytest.raises(MicroscopeError, match="the way from"):
        checked_events(around, about, (10.0, 0.2, 100.0))


def test_steps_that_are_too_long_are_refused() -> None:
    about = restricted(step_um=3.0, focus_step_um=0.5)
    with pytest.raises(MicroscopeError, match=r"4 µm is longer than 3 µm \(step_um"):
        checked_events(plan(stage_positions=[(0, 1, 100), (4, 1, 100)]), about, (0.0, 1.0, 100.0))
    with pytest.raises(MicroscopeError, match=r"longer than 0.5 µm \(focus_step_um"):
        checked_events(plan(stage_positions=[(0, 1, 101)]), about, (0.0, 1.0, 100.0))


def test_properties_of_what_moves_are_not_set() -> None:
    place = {"x": 0, "y": 1, "z": 100, "properties": [("XY", "Position", "9")]}
    with pytest.raises(MicroscopeError, match="Position of XY"):
        checked_events(plan(stage_positions=[place]), ABOUT)
    place["properties"] = [("Lamp", "Brightness", "9")]
    assert checked_events(plan(stage_positions=[place]), ABOUT)


CENTRE = (0, 2.5, 100.5)


@pytest.mark.parametrize(
    "fields",
    [
        {"time_plan": {"interval": 0, "loops": 10**9}},
        {"time_plan": {"interval": 1e-6, "duration": 1e6}},
        {"time_plan": [{"interval": 0, "loops": 10**9}, {"interval": 1, "loops": 2}]},
        {"grid_plan": {"rows": 40_000, "columns": 40_000}},
        {"grid_plan": {"rows": 400, "columns": 400}},
        {"grid_plan": {"num_points": 10**9, "max_width": 10, "max_height": 10}},
        {"grid_plan": {"top": 1e9, "bottom": 0, "left": 0, "right": 1e9}},
        {"grid_plan": {"width": 1e8, "height": 1e8}},
        {"grid_plan": {"vertices": [(0, 0), (1e8, 0), (0, 1e8)]}},
        {"z_plan": {"range": 1e9, "step": 1e-3}},
        {
            "stage_positions": [
                {"x": 0, "sequence": {"grid_plan": {"rows": 10**5, "columns": 10**5}}}
            ]
        },
        {"time_plan": {"interval": 0, "loops": 500}, "z_plan": {"range": 1, "step": 0.004}},
    ],
)
def test_what_is_too_large_is_refused_before_it_is_laid_out(fields: dict[str, object]) -> None:
    started = time.process_time()
    with pytest.raises(MicroscopeError, match="events, and 100,000 are the most"):
        checked_events(plan(**fields), ABOUT)
    assert time.process_time() - started < 1.0


@pytest.mark.parametrize("points", [{"num_points": 10**9}, {"rows": 10**5, "columns": 10**5}])
def test_wells_with_too_many_points_are_refused_before_they_are_read(
    points: dict[str, int],
) -> None:
    plate = {"plate": "96-well", "a1_center_xy": [0, 0], "selected_wells": [[0], [0]]}
    text = json.dumps({"stage_positions": {**plate, "well_points_plan": points}})
    with pytest.raises(MicroscopeError, match="events, and 100,000 are the most"):
        read_sequence(text)
    assert list(read_sequence(json.dumps({"stage_positions": plate})))
    with pytest.raises(MicroscopeError, match="cannot be read"):
        read_sequence("{")
