"""What clients see of the streams of a microscope in another process."""

from __future__ import annotations

import time
from contextlib import closing
from itertools import islice

import pytest
import useq
from pursuit.drivers.messages import (
    Issued,
)
from pursuit.drivers.microscope import MicroscopeError
from pursuit.drivers.wire import MicroscopeServer

from .parties import Connect, FakeMicroscope, faults, until


def test_streams_may_follow_each_other_at_once(connect: Connect) -> None:
    for scope in (connect(), connect(pixels=True)):
        for _ in range(5):
            with closing(scope.frames(every=True)) as frames:
                assert [frame.index for frame in islice(frames, 3)] == [0, 1, 2]
            sequence = useq.MDASequence.model_validate({"stage_positions": [(0, 0), (1, 1)]})
            with closing(scope.acquire(sequence)) as frames:
                assert [frame.index for frame in frames] == [0, 1]
        scope.close()


def test_the_end_of_an_earlier_stream_does_not_end_a_later_one(connect: Connect) -> None:
    first, second = connect(), connect()
    with closing(first.frames()) as frames:
        next(frames)
        third = connect(pixels=True)
    first.close()
    with closing(second.frames(every=True)) as frames:
        assert [frame.index for frame in islice(frames, 5)] == list(range(5))
    second.close()
    with closing(third.frames(every=True)) as frames:
        assert [frame.index for frame in islice(frames, 5)] == list(range(5))


def test_a_listener_hears_the_whole_stream_of_another(connect: Connect) -> None:
    scope, listener = connect(), connect(pixels=True)
    with closing(scope.frames()) as frames:
        last = list(islice(frames, 10))[-1].index
    heard = [(frame.index, int(frame.image[0, 0])) for frame in listener.listen()]
    assert heard[: last + 1] == [(index, index) for index in range(last + 1)]
    assert listener.dropped == 0


@pytest.mark.parametrize("every", [False, True])
def test_a_stream_can_be_ended_from_elsewhere(
    connect: Connect, fake: FakeMicroscope, every: bool
) -> None:
    scope = connect()
    frames = scope.frames(every=every)
    next(frames)
    scope.end()
    asked_ns = time.perf_counter_ns()
    exposed = fake.exposed
    until(lambda: fake.exposed > exposed + 3)
    assert all(frame.readable_ns <= asked_ns for frame in frames)


def test_frames_that_were_overwritten_are_counted_and_none_is_torn(
    connect: Connect, fake: FakeMicroscope
) -> None:
    fake.pause_s = 0.0
    scope = connect()
    with closing(scope.frames(every=True)) as frames:
        seen = [next(frames)]
        until(lambda: fake.exposed > 1_500)
        seen += islice(frames, 20)
        assert scope.dropped == seen[-1].index + 1 - len(seen) > 0
    assert all((frame.image == frame.index).all() for frame in seen)


def test_a_broken_camera_says_why_and_may_be_tried_again(
    connect: Connect, fake: FakeMicroscope
) -> None:
    fake.breaks_at = 3
    scope = connect()
    with pytest.raises(MicroscopeError, match=r"^The cable came off\.$"):
        list(scope.frames(every=True))
    assert until(lambda: faults(scope)) == ["The cable came off."]
    fake.breaks_at = None
    with closing(scope.frames()) as frames:
        next(frames)


def test_reports_of_moves_reach_every_client(
    server: MicroscopeServer,
    connect: Connect,
    fake: FakeMicroscope,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    scope, listener = connect(), connect(pixels=True)
    issued = Issued(4, 10, 20, 30, 1.0, None, 2.0)
    told = [[issued]]
    monkeypatch.setattr(fake, "reports", lambda: told.pop() if told else [])
    assert until(scope.reports) == [issued]
    (heard,) = until(listener.reports)
    offset_ns = heard.exposed_ns - issued.exposed_ns
    assert (heard.received_ns, heard.issued_ns) == (20 + offset_ns, 30 + offset_ns)
    assert (heard.frame, heard.x_um, heard.y_um, heard.z_um) == (4, 1.0, None, 2.0)
