"""Whatever is sent, a simulated stage in virtual time never passes an edge of the envelope."""

from __future__ import annotations

import contextlib
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pursuit.drivers.actuation import MoveExecutor
from pursuit.drivers.clock import NS_PER_MS, VirtualClock
from pursuit.drivers.envelope import Envelope
from pursuit.drivers.messages import Circle, Move, Polygon, Restrictions
from pursuit.drivers.microscope import MoveRefused
from pursuit.drivers.stage import PoseModel
from pursuit.sim.stand.stage import SimStage, StageModel
from pursuit.sim.stand.stage_device import SimStageDevice

BOX = ((-500.0, 500.0), (-500.0, 500.0), (-10.0, 10.0))
NOTCHED = Polygon(
    ((-400.0, -400.0), (400.0, -300.0), (60.0, 0.0), (400.0, 300.0), (-400.0, 400.0)), "polygon"
)
SHAPES = {
    "box": Restrictions(),
    "circle": Restrictions(inside=(Circle(0.0, 0.0, 200.0, "circle"),)),
    "polygon": Restrictions(inside=(NOTCHED,)),
    "keep out": Restrictions(
        keep_out=(
            Circle(100.0, 80.0, 40.0, "keep_out[0]"),
            Polygon(((-300.0, -90.0), (-60.0, -90.0), (-60.0, -70.0), (-300.0, -70.0)), "k"),
        )
    ),
}
ERROR_UM = 0.05
"""What the simulated stage and its model may differ by: a step of time of the test."""


class Stand:
    """A stage that is stepped as its own thread does it, and looked at every half millisecond."""

    def __init__(self, shape: str, acceleration_um_s2: float) -> None:
        model = StageModel(
            delay_ms=3.0, speed_um_s=4_000.0, acceleration_um_s2=acceleration_um_s2, settle_ms=1.0
        )
        self.clock, self.envelope = VirtualClock(), Envelope(BOX, SHAPES[shape])
        self.stage = SimStage(model, (0.0, 0.0), np.random.default_rng(0))
        focus = SimStage(StageModel(), (0.0,), np.random.default_rng(0))
        device = SimStageDevice(self.stage, focus, self.clock, takes_velocity=True)
        pose = PoseModel((0.0, 0.0, 0.0), model.dynamics, model.dynamics)
        self.executor = MoveExecutor(device, pose, self.envelope, self.clock, pytest.fail)

    def send(self, move: Move) -> None:
        with contextlib.suppress(MoveRefused):
            self.executor.accept(move, 0, self.clock.now_ns())

    def run(self, ms: float) -> None:
        until_ns = self.clock.now_ns() + round(ms * NS_PER_MS)
        wakes_ns = self.clock.now_ns()
        while self.clock.now_ns() < until_ns:
            if self.executor.due or self.clock.now_ns() >= wakes_ns:
                self.executor.step()
                wakes_ns = self.clock.now_ns() + math.ceil(self.executor.wait_s() * 1e9)
            next_ns = min(self.clock.now_ns() + NS_PER_MS // 2, max(wakes_ns, 1), until_ns)
            self.clock.sleep_until_ns(max(next_ns, self.clock.now_ns() + 1))
            x, y = self.stage.encoder_um(self.clock.now_ns())
            problem = self.envelope.place_problem((x, y, None), ERROR_UM)
            assert not problem, (problem, self.clock.now_ns())


places = st.tuples(st.floats(-600, 600), st.floats(-600, 600))
velocities = st.tuples(st.floats(-5_000, 5_000), st.floats(-5_000, 5_000))
waits = st.floats(1, 60)


@settings(max_examples=60, deadline=None)
@given(
    st.sampled_from(sorted(SHAPES)),
    st.sampled_from([5e3, 1e5]),
    st.lists(st.tuples(places, waits), min_size=1, max_size=8),
)
def test_no_series_of_positions_passes_an_edge(shape, acceleration, series) -> None:
    stand = Stand(shape, acceleration)
    for (x, y), wait in series:
        stand.send(Move(x, y, None, 2**62, 0))
        stand.run(wait)
    stand.run(300.0)


@settings(max_examples=60, deadline=None)
@given(
    st.sampled_from(sorted(SHAPES)),
    st.sampled_from([5e3, 1e5]),
    st.lists(st.tuples(velocities, waits), min_size=1, max_size=8),
)
def test_no_series_of_velocities_passes_an_edge(shape, acceleration, series) -> None:
    stand = Stand(shape, acceleration)
    for velocity, wait in series:
        stand.send(Move(None, None, None, 2**62, 0, velocity))
        stand.run(wait)
    stand.run(1_300.0)


def test_a_stage_that_is_driven_against_an_edge_comes_near_it_and_back() -> None:
    """It waits near the edge, and the edge does not hold it."""
    for shape, place in (("circle", (141.0, 141.0)), ("polygon", (60.0, 0.0))):
        stand = Stand(shape, 1e5)
        far = math.hypot(*place)
        unit = place[0] / far, place[1] / far
        for _ in range(80):
            stand.send(Move(None, None, None, 2**62, 0, (100 * unit[0], 100 * unit[1])))
            stand.run(50.0)
        assert math.dist(stand.stage.encoder_um(stand.clock.now_ns()), place) < 12.0
        for _ in range(20):
            stand.send(Move(None, None, None, 2**62, 0, (-100 * unit[0], -100 * unit[1])))
            stand.run(50.0)
        assert math.dist(stand.stage.encoder_um(stand.clock.now_ns()), place) > 50.0


def test_a_limited_speed_is_kept_by_velocities_and_positions_are_refused() -> None:
    stand = Stand("box", 1e5)
    slow = Envelope(BOX, Restrictions(speed_um_s=50.0))
    stand.executor._envelope = stand.executor._velocity._envelope = slow  # pyright: ignore
    stand.executor.accept(Move(None, None, None, 2**62, 0, (150.0, -150.0)), 0, 0)
    stand.run(500.0)
    x, y = stand.stage.encoder_um(stand.clock.now_ns())
    assert 20.0 < x <= 25.0
    assert -25.0 <= y < -20.0
    try:
        stand.executor.accept(Move(1.0, None, None, 2**62, 0), 0, 0)
    except MoveRefused as refused:
        assert "4000 µm/s" in str(refused)
        assert "50 µm/s (speed_um_s under [limits])" in str(refused)
    else:
        raise AssertionError("a position was accepted")
