"""What every microscope does with acquisitions."""

from __future__ import annotations

import math
from contextlib import closing
from itertools import pairwise

import pytest
import useq
from pursuit.drivers.microscope import Microscope, MicroscopeError

from .watch import NEAR_UM, Watch, at, moved, plan


def stack(z_um: float) -> useq.MDASequence:
    return useq.MDASequence.model_validate(
        {"stage_positions": [(0.0, 0.0, z_um)], "z_plan": {"range": 8, "step": 1}}
    )


def two_tiles(x_um: float) -> useq.MDASequence:
    return useq.MDASequence.model_validate(
        {"stage_positions": [(x_um, 0.0, 0.0)], "grid_plan": {"rows": 1, "columns": 2}}
    )


def test_an_acquisition_brings_every_frame_in_order(scope: Microscope) -> None:
    wanted = plan(scope)
    events = list(wanted)
    with closing(scope.acquire(wanted)) as frames:
        seen = list(frames)
    assert [frame.index for frame in seen] == list(range(len(events)))
    for frame, event in zip(seen, events, strict=True):
        assert event.x_pos is not None and event.y_pos is not None and event.z_pos is not None
        assert math.dist(at(frame), (event.x_pos, event.y_pos, event.z_pos)) < NEAR_UM
        assert frame.channel == (event.channel.config if event.channel else "")
        assert frame.readable_ns > frame.exposed_ns
        assert frame.acquisition == seen[0].acquisition > 0
    with closing(scope.frames()) as frames:
        assert next(frames).acquisition == 0
    with closing(scope.acquire(wanted)) as frames:
        assert next(frames).acquisition == seen[0].acquisition + 1
    for before, after in pairwise(seen):
        assert after.exposed_ns > before.exposed_ns


def test_the_stage_obeys_and_is_known_after_an_acquisition(scope: Microscope) -> None:
    with closing(scope.acquire(plan(scope))) as frames:
        last = list(frames)[-1]
    with closing(scope.frames()) as frames:
        watch = Watch(scope, frames)
        start = watch.until(lambda frame: True)
        assert math.dist(at(start), at(last)) < NEAR_UM
        assert start.pose.sigma_um < 1.0
        move = moved(start, y=10.0)
        scope.move(move)
        watch.until_there(move, start)


def test_tiles_of_a_grid_lie_side_by_side(scope: Microscope) -> None:
    about = scope.describe()
    with closing(scope.acquire(two_tiles(0.0))) as frames:
        left, right = sorted(frame.pose.x_um for frame in frames)
    assert right - left == pytest.approx(about.width_px * about.pixel_um, abs=NEAR_UM)


def test_an_acquisition_outside_the_limits_is_refused_before_anything_moves(
    scope: Microscope,
) -> None:
    (_, high_x), _, (_, high_z) = scope.describe().limits_um
    with closing(scope.frames()) as frames:
        start = next(frames)
    for outside in (plan(scope, x_um=high_x - 10.0), stack(high_z - 1.0), two_tiles(high_x - 1.0)):
        with pytest.raises(MicroscopeError, match="outside the limits"):
            scope.acquire(outside)
    with closing(scope.frames()) as frames:
        rest = Watch(scope, frames).until_read(start)
    assert math.dist(at(rest), at(start)) < NEAR_UM


def test_an_acquisition_may_be_given_up(scope: Microscope) -> None:
    wanted = plan(scope)
    for _ in scope.acquire(wanted):
        break
    with closing(scope.acquire(wanted)) as frames:
        assert len(list(frames)) == len(list(wanted))
    scope.acquire(wanted).close()
    with closing(scope.frames()) as frames:
        assert next(frames).index <= scope.dropped
