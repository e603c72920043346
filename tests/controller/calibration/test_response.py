"""The step response in closed form is what the simulated stage does."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pursuit.controller.calibration.dynamics.response import Response, duration_s, mean_travel_um
from pursuit.sim.stand.stage import SimStage, StageModel

LATER_NS = 3_000_000_000
STEP_NS = 100_000


@settings(max_examples=12, deadline=None)
@given(
    distance_um=st.floats(0.2, 60.0),
    share=st.floats(0.0, 1.2),
    speed=st.floats(200.0, 20_000.0),
    acceleration=st.floats(1e4, 2e5),
    ring_hz=st.one_of(st.just(0.0), st.floats(20.0, 200.0)),
    damping=st.floats(0.05, 0.6),
)
def test_means_over_exposures_are_those_of_the_simulated_stage(
    distance_um: float,
    share: float,
    speed: float,
    acceleration: float,
    ring_hz: float,
    damping: float,
) -> None:
    backlash_um = share * distance_um
    model = StageModel(
        delay_ms=7.3,
        speed_um_s=speed,
        acceleration_um_s2=acceleration,
        backlash_um=backlash_um,
        ring_hz=ring_hz,
        ring_damping=damping,
    )
    stage = SimStage(model, (0.0,), np.random.default_rng(0))
    stage.command(0, -100.0)
    stage.position_um(LATER_NS)
    stage.command(LATER_NS, -100.0 + distance_um)
    count, span = 2500, 100
    places = np.array(
        [stage.position_um(LATER_NS + i * STEP_NS)[0] for i in range(count + span + 1)]
    )
    sums = np.cumsum((places[1:] + places[:-1]) / 2)
    first = np.arange(1, count, 50)
    seen = (sums[first + span - 1] - sums[first - 1]) / span - places[0]
    begin = first * STEP_NS / 1e9
    response = Response(7.3e-3, speed, acceleration, ring_hz, damping if ring_hz else 0.0)
    ways = np.full(len(begin), distance_um), np.full(len(begin), backlash_um)
    modelled = mean_travel_um(begin, begin + span * STEP_NS / 1e9, *ways, response)
    assert modelled == pytest.approx(seen, abs=0.005 + 1e-3 * distance_um)


@given(distance_um=st.floats(0.0, 1e4), speed=st.floats(1.0, 1e5), harder=st.floats(1.0, 1e6))
def test_a_move_lasts_as_long_as_its_way_at_full_speed_or_longer(
    distance_um: float, speed: float, harder: float
) -> None:
    assert duration_s(distance_um, Response(0.0, speed, harder)) >= distance_um / speed * 0.999
