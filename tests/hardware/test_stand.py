"""What any stand must do before anything is followed with it; no move is longer than 10 µm."""

from __future__ import annotations

import math
import time
from collections.abc import Iterator
from contextlib import closing
from itertools import islice, pairwise

import pytest
from pursuit.drivers.clock import NS_PER_S, SystemClock
from pursuit.drivers.messages import Fault, Move, PoseRead, StagePose
from pursuit.drivers.microscope import Microscope, MicroscopeError

STEP_UM = 10.0
NEAR_UM = 1.0
PATIENCE_S = 10.0


def readings(stand: Microscope) -> Iterator[StagePose]:
    """Poses as they are read, for as long as one waits for them."""
    deadline = time.monotonic() + PATIENCE_S
    while time.monotonic() < deadline:
        for report in stand.reports():
            if isinstance(report, Fault):
                pytest.fail(report.text)
            if isinstance(report, PoseRead):
                yield report.pose
        time.sleep(0.01)


def send(stand: Microscope, x_um: float, y_um: float) -> None:
    until_ns = SystemClock().now_ns() + round(PATIENCE_S * NS_PER_S)
    stand.move(Move(x_um, y_um, None, until_ns, 0))


def arrives(stand: Microscope, x_um: float, y_um: float) -> bool:
    return any(math.hypot(pose.x_um - x_um, pose.y_um - y_um) < NEAR_UM for pose in readings(stand))


def test_frames_are_as_described_and_in_order(stand: Microscope) -> None:
    about = stand.describe()
    with closing(stand.frames(every=True)) as frames:
        taken = list(islice(frames, 10))
    for frame in taken:
        assert frame.image.shape == (about.height_px, about.width_px)
        assert frame.image.dtype == about.dtype
        assert frame.exposed_ns < frame.readable_ns
    for before, after in pairwise(taken):
        assert after.index == before.index + 1 and after.exposed_ns > before.exposed_ns


def test_the_stage_goes_where_it_is_sent_and_comes_back(stand: Microscope) -> None:
    home = next(readings(stand))
    for right, down in ((STEP_UM, 0.0), (0.0, STEP_UM), (0.0, 0.0)):
        send(stand, home.x_um + right, home.y_um + down)
        assert arrives(stand, home.x_um + right, home.y_um + down)


def test_the_stage_rests_after_a_stop(stand: Microscope) -> None:
    home = next(readings(stand))
    send(stand, home.x_um + STEP_UM, home.y_um)
    stand.stop()
    stand.arm()
    rest, later = islice(readings(stand), 2)
    assert math.hypot(later.x_um - rest.x_um, later.y_um - rest.y_um) < NEAR_UM
    send(stand, home.x_um, home.y_um)
    assert arrives(stand, home.x_um, home.y_um)


def test_what_is_no_number_moves_nothing(stand: Microscope) -> None:
    home = next(readings(stand))
    with pytest.raises(MicroscopeError, match="finite"):
        send(stand, math.nan, home.y_um)
    assert arrives(stand, home.x_um, home.y_um)
