"""A stage that others move is told from every stage that obeys, however it does."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pursuit.drivers.clock import NS_PER_MS
from pursuit.drivers.messages import Dynamics
from pursuit.drivers.stage import Axis, PoseModel
from pursuit.drivers.stage.takeover import Takeover

LEFT, RIGHT = -300.0, 300.0


def ms(milliseconds: float) -> int:
    return round(milliseconds * NS_PER_MS)


@settings(max_examples=40, deadline=None)
@given(
    delay_ms=st.floats(0, 400),
    speed=st.floats(30.0, 1e5),
    acceleration=st.floats(500.0, 1e6),
    seed=st.integers(0, 99),
    interval_ms=st.sampled_from([10, 100, 900]),
    scale=st.sampled_from([1.0, 0.98, 1.02]),
)
def test_a_stage_that_goes_where_it_is_sent_is_never_taken_over(
    delay_ms: float, speed: float, acceleration: float, seed: int, interval_ms: int, scale: float
) -> None:
    """Its readings may be off by a scale, as where a motor is commanded and an encoder read."""
    rng = np.random.default_rng(seed)
    takeover = Takeover()
    dynamics = Dynamics(delay_ms=delay_ms, speed_um_s=speed, acceleration_um_s2=acceleration)
    axes, target_um = (Axis(0.0, dynamics), Axis(0.0, dynamics)), np.zeros(2)
    at_ms, next_ms = 0.0, 0
    while at_ms < 6_000:
        while next_ms <= at_ms:
            jump_um = 200.0 if rng.random() < 0.02 else 3.0
            target_um = np.clip(target_um + rng.normal(0, jump_um, 2), LEFT, RIGHT)
            for axis, target in zip(axes, target_um.tolist(), strict=True):
                axis.command(ms(next_ms), target)
            takeover.commanded(ms(next_ms), (float(target_um[0]), float(target_um[1])))
            next_ms += interval_ms
        x, y = (scale * axis.state(ms(at_ms))[0] for axis in axes)
        takeover.note(ms(at_ms), (x, y))
        assert not takeover.active
        at_ms += rng.choice([10, 50, 200])


def moved_by_hand(takeover: Takeover, speed_um_s: float, interval_ms: int, until_ms: int) -> int:
    """Move a stage that is sent to the origin from 2 s on; return when it counts as taken over."""
    for at_ms in range(0, until_ms, interval_ms):
        takeover.commanded(ms(at_ms), (0.0, 0.0))
        takeover.note(ms(at_ms), (0.0, speed_um_s * max(at_ms - 2_000, 0) / 1e3))
        if takeover.active:
            return at_ms
    return -1


@pytest.mark.parametrize(
    ("speed_um_s", "interval_ms", "latest_ms"),
    [(500, 10, 2_350), (100, 50, 2_450), (8, 200, 3_500)],
)
def test_a_hand_is_noticed_soon(speed_um_s: float, interval_ms: int, latest_ms: int) -> None:
    assert 2_000 < moved_by_hand(Takeover(), speed_um_s, interval_ms, 5_000) <= latest_ms


def test_drift_and_one_wild_reading_are_no_hand() -> None:
    assert moved_by_hand(Takeover(), 2.0, 50, 6_000) == -1
    takeover = Takeover()
    for at_ms in range(0, 3_000, 50):
        takeover.note(ms(at_ms), (80.0 if at_ms in (500, 1_500) else 0.0, 0.0))
        assert not takeover.active


def test_an_approach_from_one_side_is_no_hand() -> None:
    """Against backlash, the controller of the stage goes further and comes back."""
    takeover = Takeover()
    for at_ms in range(0, 3_000, 20):
        takeover.note(ms(at_ms), (-40.0 if at_ms % 1_000 > 800 else 0.0, 0.0))
        assert not takeover.active


@pytest.mark.parametrize("waits", [False, True])
def test_it_ends_when_the_stage_has_rested_or_when_it_is_asked_to(waits: bool) -> None:
    takeover = Takeover(waits)
    at_ms = moved_by_hand(takeover, 100, 50, 4_000)
    for rests_ms in range(0, 1_050, 50):
        assert takeover.active
        takeover.note(ms(at_ms + rests_ms), (0.0, 70.3))
    assert takeover.active is waits
    takeover.end()
    takeover.note(ms(at_ms + 2_000), (0.0, 70.3))
    assert not (takeover.active or takeover.suspected)


def test_after_a_velocity_the_stage_may_be_anywhere() -> None:
    takeover = Takeover()
    moved_by_hand(takeover, 0.0, 100, 1_500)
    for at_ms in range(1_500, 3_000, 50):
        takeover.forget(ms(at_ms))
        assert not takeover.note(ms(at_ms), (0.0, float(at_ms)))
    for at_ms in range(3_000, 5_000, 50):
        assert not takeover.note(ms(at_ms), (0.0, 3_000.0))


def test_the_pose_is_where_a_stage_was_read_that_others_move() -> None:
    pose = PoseModel((0.0, 0.0, 0.0), Dynamics(), Dynamics())
    for at_ms in range(0, 3_000, 20):
        pose.commanded(ms(at_ms), 0.0, 0.0)
        x_um = 0.2 * max(at_ms - 1_000, 0)
        pose.read(ms(at_ms), x_um, 0.0, 0.0)
        assert abs(pose.pose(ms(at_ms)).x_um - x_um) < 6.0
    assert pose.taken_over
    assert pose.wants_reading(ms(3_000))
    assert pose.identified is None
    assert pose.pose(ms(3_000)).sigma_um > 1.0
    pose.take_back()
    assert not pose.taken_over
