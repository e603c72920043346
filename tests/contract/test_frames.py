"""What every microscope does with streams, whether real, remote, simulated or in virtual time."""

from __future__ import annotations

import math
from contextlib import closing
from itertools import islice, pairwise

import pytest
from pursuit.drivers.messages import Frame
from pursuit.drivers.microscope import Microscope, MicroscopeError

from .watch import at, plan


def test_it_is_what_it_says(scope: Microscope) -> None:
    about = scope.describe()
    with closing(scope.frames()) as frames:
        frame = next(frames)
    assert frame.image.shape == (about.height_px, about.width_px)
    assert frame.image.dtype.name == about.dtype
    assert frame.exposure_ms == about.exposure_ms
    assert about.interval_ms >= about.exposure_ms > 0
    a, b, c, d = about.affine
    assert about.pixel_um > 0
    assert abs(a * d - b * c) > 0
    for value, (low, high) in zip(at(frame), about.limits_um, strict=True):
        assert low <= value <= high


@pytest.mark.parametrize("every", [False, True])
def test_frames_come_in_order(scope: Microscope, every: bool) -> None:
    with closing(scope.frames(every=every)) as frames:
        seen = list(islice(frames, 15))
        assert scope.dropped == seen[-1].index + 1 - len(seen)
    for before, after in pairwise(seen):
        assert after.index > before.index
        assert after.exposed_ns > before.exposed_ns
        assert after.readable_ns > before.readable_ns
    for frame in seen:
        assert frame.readable_ns > frame.exposed_ns
        assert frame.pose.at_ns == frame.exposed_ns
        assert all(map(math.isfinite, (*at(frame), frame.pose.sigma_um)))
    if every:
        assert [frame.index for frame in seen] == list(range(15))


def test_a_slow_caller_gets_the_newest_and_is_told_what_it_missed(kind) -> None:
    with kind.open_slow() as scope, closing(scope.frames()) as frames:
        indices = []
        for frame in islice(frames, 4):
            indices.append(frame.index)
            kind.dawdle()
        assert all(after - before >= 2 for before, after in pairwise(indices))
        assert scope.dropped == indices[-1] + 1 - len(indices)


def test_a_slow_caller_who_wants_every_frame_misses_none(kind) -> None:
    with kind.open_slow() as scope, closing(scope.frames(every=True)) as frames:
        indices = []
        for frame in islice(frames, 15):
            indices.append(frame.index)
            if frame.index == 3:
                kind.dawdle()
        assert (indices, scope.dropped) == (list(range(15)), 0)


def test_there_is_one_stream_at_a_time(scope: Microscope) -> None:
    not_begun = scope.frames()
    with closing(scope.frames()) as frames:
        next(frames)
        for second in (
            lambda: scope.frames(),
            lambda: scope.acquire(plan(scope)),
            lambda: not_begun,
        ):
            with pytest.raises(MicroscopeError, match="busy"):
                next(second())
        next(frames)


def test_a_stream_that_was_closed_can_be_followed_by_another(scope: Microscope) -> None:
    for every in (False, True, False, True):
        with closing(scope.frames(every=every)) as frames:
            first, *_, last = islice(frames, 3)
            assert first.index <= scope.dropped
            assert last.index == 2 + scope.dropped
        for frame in scope.frames(every=every):
            assert frame.exposed_ns > last.exposed_ns
            break
        scope.frames().close()


@pytest.mark.parametrize("every", [False, True])
def test_a_stream_that_resumes_goes_on_counting(scope: Microscope, every: bool) -> None:
    seen: list[Frame] = []
    for resume in (False, True, True):
        with closing(scope.frames(every=every, resume=resume)) as frames:
            seen += islice(frames, 3)
        list(scope.acquire(plan(scope)))
    for before, after in pairwise(seen):
        assert after.index > before.index
        assert after.exposed_ns > before.exposed_ns
    with closing(scope.frames(every=True)) as frames:
        assert next(frames).index == 0
