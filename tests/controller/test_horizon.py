"""The instant to aim at: the first exposure by which a move can be finished."""

from __future__ import annotations

import numpy as np
import pytest
from pursuit.controller.horizon import Horizon
from pursuit.drivers.clock import NS_PER_MS
from pursuit.drivers.kinematics import travel_ms
from pursuit.drivers.messages import (
    Description,
    Dynamics,
    Fault,
    Frame,
    Issued,
    PoseRead,
    StagePose,
)

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


def ahead_ms(horizon: Horizon, frame: Frame, to_um: tuple[float, float] | None = None) -> float:
    return (horizon.instant_ns(frame, to_um) - frame.exposed_ns) / NS_PER_MS


def test_before_any_measurement_the_description_counts() -> None:
    assert horizon().interval_ns == INTERVAL_MS * NS_PER_MS


def test_the_interval_is_learnt_past_dropped_frames_and_hiccups() -> None:
    learning = horizon()
    for index in (0, 1, 2, 5, 6, 9, 10, 17):
        learning.see(frame(index, at_ms=index * 12.5 + (30 if index == 6 else 0)))
    assert learning.interval_ns == pytest.approx(12.5 * NS_PER_MS)


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


@pytest.mark.parametrize("distance_um", [1.0, 5.0, 20.0, 100.0])
def test_it_grows_by_whole_frames_with_the_distance(distance_um: float) -> None:
    learning = horizon()
    learning.see(frame(0))
    learning.learn(issued(frame(0), 0))
    needed_ms = READABLE_MS + travel_ms(distance_um, DYNAMICS)
    for to_um in ((distance_um, 0), (0, -distance_um), (distance_um, distance_um)):
        assert ahead_ms(learning, frame(0), to_um) == np.ceil(needed_ms / INTERVAL_MS) * INTERVAL_MS


def test_the_next_move_begins_where_the_last_one_ends() -> None:
    learning = horizon()
    first = frame(0)
    learning.see(first)
    assert ahead_ms(learning, first, (0, 0)) < ahead_ms(learning, first, (100, 0))
    learning.learn(issued(first, 0, x_um=100))
    assert ahead_ms(learning, first, (100, 0)) < ahead_ms(learning, first, (0, 0))


def test_a_focus_move_does_not_count_as_the_last_one() -> None:
    learning = horizon()
    first = frame(0, x_um=100)
    learning.see(first)
    learning.learn(issued(first, 0, x_um=None, y_um=None))
    assert ahead_ms(learning, first, (100, 0)) < ahead_ms(learning, first, (0, 0))


def test_it_is_never_the_exposure_that_was_just_seen() -> None:
    learning = horizon()
    quick = Frame(np.zeros((8, 8), np.uint8), 0, 0, 0, 4.0, StagePose(0, 0, 0, 0))
    learning.see(quick)
    learning.learn(Issued(0, 0, 0, -20 * NS_PER_MS, 0.0, 0.0, None))
    assert ahead_ms(learning, quick) == INTERVAL_MS
