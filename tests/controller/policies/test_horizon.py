"""The instant to aim at, and what the stage will be doing then."""

from __future__ import annotations

import numpy as np
import pytest
from msgspec.structs import replace
from pursuit.controller.policies import Horizon
from pursuit.drivers.clock import NS_PER_MS
from pursuit.drivers.messages import (
    Description,
    Dynamics,
    Fault,
    Frame,
    Issued,
    Move,
    PoseRead,
    StagePose,
)
from pursuit.drivers.stage import Axis, Trapezoid

DYNAMICS = Dynamics(delay_ms=6, speed_um_s=1_000, acceleration_um_s2=100_000, settle_ms=5)
INTERVAL_MS = 10.0
READABLE_MS = 4.0
"""From the middle of an exposure until its pixels are there."""


def horizon() -> Horizon:
    return Horizon(
        Description(
            name="test",
            camera="Camera",
            xy_stage="XY",
            focus="",
            width_px=8,
            height_px=8,
            dtype="uint8",
            pixel_um=0.5,
            affine=(0.5, 0, 0, 0.5),
            exposure_ms=4,
            interval_ms=INTERVAL_MS,
            dynamics=DYNAMICS,
            limits_um=((-1e4, 1e4), (-1e4, 1e4), (-1e4, 1e4)),
        )
    )


def frame(index: int, at_ms: float | None = None, x_um: float = 0.0) -> Frame:
    at_ns = round((index * INTERVAL_MS if at_ms is None else at_ms) * NS_PER_MS)
    readable_ns = at_ns + round(READABLE_MS * NS_PER_MS)
    pose = StagePose(x_um, 0.0, 0.0, at_ns)
    return Frame(np.zeros((8, 8), np.uint8), index, at_ns, readable_ns, 4.0, pose)


def issued(
    after: Frame, late_ms: float, x_um: float | None = 0.0, y_um: float | None = 0.0
) -> Issued:
    at_ns = after.readable_ns + round(late_ms * NS_PER_MS)
    return Issued(after.index, after.exposed_ns, at_ns, at_ns, x_um, y_um, None)


def ahead_ms(horizon: Horizon, frame: Frame) -> float:
    return (horizon.instant_ns(frame) - frame.exposed_ns) / NS_PER_MS


def test_before_any_measurement_the_description_counts() -> None:
    assert horizon().interval_ns == INTERVAL_MS * NS_PER_MS


def test_the_interval_is_learnt_past_dropped_frames_and_hiccups() -> None:
    learning = horizon()
    for index in (0, 1, 2, 5, 6, 9, 10, 17):
        learning.see(frame(index, at_ms=index * 12.5 + (30 if index == 6 else 0)))
    assert learning.interval_ns == pytest.approx(12.5 * NS_PER_MS)


def test_turns_take_longer_than_intervals_when_frames_are_passed_over() -> None:
    learning = horizon()
    assert learning.answer_interval_ns == 10 * NS_PER_MS
    for index in range(0, 60, 3):
        learning.see(frame(index))
    assert learning.interval_ns == 10 * NS_PER_MS
    assert learning.answer_interval_ns == 30 * NS_PER_MS


def test_the_interval_follows_the_camera() -> None:
    learning = horizon()
    at_ms = 0.0
    for index in range(60):
        at_ms += 10.0 if index < 30 else 20.0
        learning.see(frame(index, at_ms))
    assert learning.interval_ns == 20 * NS_PER_MS


def test_a_frame_seen_twice_teaches_nothing() -> None:
    learning = horizon()
    for index in (0, 1, 1, 0):
        learning.see(frame(index))
    assert learning.interval_ns == INTERVAL_MS * NS_PER_MS


def test_the_latency_is_the_median_from_readable_to_issued() -> None:
    learning = horizon()
    for index, late_ms in enumerate((3.0, 3.2, 90.0, 2.8, 3.0)):
        seen = frame(index)
        learning.see(seen)
        learning.learn(issued(seen, late_ms))
    assert learning.latency_ns == 3 * NS_PER_MS


def arrived(index: int) -> Frame:
    """A frame of another process, of which this one learned at once."""
    seen = frame(index)
    return replace(seen, arrived_ns=seen.readable_ns)


def plan(learning: Horizon, seen: Frame, late_ms: float) -> None:
    learning.see(seen)
    learning.begin_plan(seen, seen.readable_ns + round(late_ms * NS_PER_MS))


def test_how_late_a_plan_is_made_is_measured_in_each_frame() -> None:
    learning = horizon()
    for index in range(5):
        plan(learning, arrived(index), 3)
        learning.learn(issued(arrived(index), 5.0))
    plan(learning, arrived(5), 240)
    assert learning.latency_ns == (240 + 2) * NS_PER_MS
    assert ahead_ms(learning, arrived(5)) == 260.0
    here = frame(6)
    learning.see(here)
    learning.begin_plan(here, 10**12)
    assert learning.planned_ns(here) == here.readable_ns


def test_a_computer_that_stalled_foresees_a_second_at_most() -> None:
    quick, slow = horizon(), horizon()
    for index in range(5):
        for learning, usual_ms in ((quick, 5), (slow, 4_000)):
            plan(learning, arrived(index), usual_ms)
            learning.learn(issued(arrived(index), usual_ms))
    for learning, most_ms in ((quick, 1_000), (slow, 7_000)):
        plan(learning, arrived(5), 7_000)
        assert learning.latency_ns == pytest.approx(most_ms * NS_PER_MS)


def test_reports_about_something_else_teach_nothing() -> None:
    learning = horizon()
    learning.see(frame(0))
    before = learning.latency_ns
    learning.learn(issued(frame(99), 50))
    learning.learn(Fault(0, "The lamp is off."))
    learning.learn(PoseRead(StagePose(0, 0, 0, 0)))
    assert learning.latency_ns == before


@pytest.mark.parametrize(
    ("latency_ms", "expected_ms"),
    [(0, 10), (0.1, 20), (9.9, 20), (10, 20), (10.1, 30), (50, 60)],
)
def test_a_move_of_no_length_is_done_after_readout_latency_and_delay(
    latency_ms: float, expected_ms: float
) -> None:
    learning = horizon()
    learning.see(frame(0))
    learning.learn(issued(frame(0), latency_ms))
    assert READABLE_MS + latency_ms + DYNAMICS.delay_ms <= expected_ms
    assert ahead_ms(learning, frame(0)) == expected_ms


@pytest.mark.parametrize("distance_um", [0.0, 1.0, 5.0, 20.0, 100.0])
def test_rest_takes_the_move_settling_and_half_the_exposure(distance_um: float) -> None:
    learning = horizon()
    learning.see(frame(0))
    learning.learn(issued(frame(0), 0))
    needed_ms = READABLE_MS + DYNAMICS.delay_ms + DYNAMICS.settle_ms + 2
    needed_ms += Trapezoid.plan(0, 0.0, 0.0, distance_um, DYNAMICS).duration_s * 1e3
    for to_um in ((distance_um, 0), (0, -distance_um), (distance_um, distance_um)):
        still_ms = learning.still_ns(frame(0), to_um) / NS_PER_MS
        assert still_ms == np.ceil(needed_ms / INTERVAL_MS) * INTERVAL_MS


def test_later_exposures_follow_at_the_interval() -> None:
    first = frame(3)
    ahead = horizon()
    assert ahead.instant_ns(first, 2) - ahead.instant_ns(first) == 20 * NS_PER_MS


@pytest.mark.parametrize("reported", [True, False])
def test_moves_under_way_are_known_whether_reported_yet_or_not(reported: bool) -> None:
    learning = horizon()
    first = frame(0, x_um=7.0)
    learning.see(first)
    learning.sent(Move(107.0, 0.0, None, 2**62, 0))
    if reported:
        learning.learn(issued(first, 1.0, x_um=107.0))
    (x, v), _ = learning.stage.states(round((READABLE_MS + 1 + 6 + 50) * NS_PER_MS))
    model = Axis(7.0, DYNAMICS)
    model.command(0, 107.0)
    expected = model.state(56 * NS_PER_MS)
    assert (x, v) == (pytest.approx(expected[0]), pytest.approx(expected[1]))
    assert learning.stage.states(10**10)[0] == (pytest.approx(107.0), 0.0)


def test_the_pose_of_the_newest_frame_corrects_them() -> None:
    learning = horizon()
    learning.see(frame(0))
    learning.sent(Move(50.0, 0.0, None, 2**62, 0))
    late = frame(100, x_um=53.0)
    learning.see(late)
    assert learning.stage.states(late.exposed_ns)[0] == (pytest.approx(53.0), 0.0)


def test_a_velocity_is_counted_on_until_it_expires() -> None:
    learning = horizon()
    first = frame(0)
    learning.see(first)
    learning.sent(Move(None, None, None, 300 * NS_PER_MS, 0, (100.0, 0.0)))
    learning.learn(Issued(0, 0, 5 * NS_PER_MS, 5 * NS_PER_MS, None, None, None, (100.0, 0.0)))
    running, ended = (learning.stage.states(ms * NS_PER_MS)[0] for ms in (200, 400))
    assert running == (pytest.approx(100 * (0.2 - 0.011), abs=0.2), 100.0)
    assert ended == (pytest.approx(29.5, abs=0.2), 0.0)


def test_it_knows_whether_the_frame_before_was_answered() -> None:
    learning = horizon()
    learning.see(frame(0))
    assert not learning.answered(frame(1))
    learning.sent(Move(1.0, 0.0, None, 2**62, 0))
    assert learning.answered(frame(1))
    learning.see(frame(1))
    assert learning.answered(frame(1))
    assert not learning.answered(frame(2))


def test_it_is_never_the_exposure_that_was_just_seen() -> None:
    learning = horizon()
    quick = Frame(np.zeros((8, 8), np.uint8), 0, 0, 0, 4.0, StagePose(0, 0, 0, 0))
    learning.see(quick)
    learning.learn(Issued(0, 0, 0, -20 * NS_PER_MS, 0.0, 0.0, None))
    assert ahead_ms(learning, quick) == INTERVAL_MS
