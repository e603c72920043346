"""A target that stands still while the stage goes on is told from one that a stage lags behind."""

from itertools import count

import numpy as np
from pursuit.controller.response.standstill import Standstill

SIDE_PX = 256
PLACE_PX = np.array([150.0, 128.0])
WAY_PX = np.array([10.0, 0.0])


def frames_until(answers: bool, most: int = 200) -> int | None:
    """Frames until it lasts, where the target leaves its place or does not if that is nudged."""
    standstill, stage_px, target_px = Standstill(SIDE_PX), np.zeros(2), PLACE_PX
    for frame in count():
        standstill.see(target_px, stage_px)
        if standstill.lasts or frame == most:
            return None if frame == most else frame
        nudge_px = standstill.nudge_px(WAY_PX)
        assert nudge_px @ WAY_PX == 0
        stage_px = stage_px + WAY_PX
        target_px = PLACE_PX - answers * nudge_px
    raise AssertionError


def test_a_slipping_stage_is_found_out_within_a_field() -> None:
    frames = frames_until(answers=False)
    assert frames is not None
    assert SIDE_PX / 4 < frames * WAY_PX[0] < SIDE_PX


def test_a_stage_that_only_lags_behind_is_never_suspected_for_long() -> None:
    assert frames_until(answers=True) is None


def test_a_target_that_is_where_it_should_be_begins_anew() -> None:
    standstill = Standstill(SIDE_PX)
    for frame in range(100):
        standstill.see(PLACE_PX, frame * WAY_PX)
        standstill.forget()
        assert not standstill.nudge_px(WAY_PX).any()
