"""What every microscope does, whether real, remote, simulated or in virtual time.

Nothing here waits for a time to pass: whatever takes a while is awaited by a number of frames.
"""

from __future__ import annotations

import math
import re
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import closing
from itertools import islice, pairwise
from pathlib import Path

import pytest
import useq
from pursuit.drivers.clock import NS_PER_MS
from pursuit.drivers.messages import Frame, Issued, Move, PoseRead, Report
from pursuit.drivers.microscope import Frames, Microscope, MicroscopeError
from pursuit.drivers.wire import RemoteMicroscope

NEVER = 2**62
PATIENCE = 1_000
"""Frames within which whatever was asked for has happened."""
SHOWS_NS = 30 * NS_PER_MS
NEAR_UM = 0.1
FAR_UM = 1_500.0


def moved(
    frame: Frame,
    x: float | None = None,
    y: float | None = None,
    z: float | None = None,
    *,
    expires_ns: int = NEVER,
) -> Move:
    """Return a move by so much from where the frame was taken."""
    pose = frame.pose
    offsets = ((pose.x_um, x), (pose.y_um, y), (pose.z_um, z))
    targets = [None if by is None else at + by for at, by in offsets]
    return Move(targets[0], targets[1], targets[2], expires_ns, frame.index)


def at(what: Frame | PoseRead) -> tuple[float, float, float]:
    return what.pose.x_um, what.pose.y_um, what.pose.z_um


def near(position: tuple[float, float, float], move: Move, start: Frame) -> bool:
    """Whether a position is where a move from a frame leads; axes left out stay put."""
    wanted = (move.x_um, move.y_um, move.z_um)
    targets = (here if to is None else to for to, here in zip(wanted, at(start), strict=True))
    return math.dist(position, tuple(targets)) < NEAR_UM


class Watch:
    """Pulls frames and keeps every report that comes meanwhile."""

    def __init__(self, scope: Microscope, frames: Frames) -> None:
        self._scope, self._frames = scope, frames
        self.reports: list[Report] = []

    def until(self, happened: Callable[[Frame], bool]) -> Frame:
        for frame in islice(self._frames, PATIENCE):
            self.reports += self._scope.reports()
            if happened(frame):
                return frame
        raise AssertionError(f"did not happen within {PATIENCE} frames")

    def issued(self) -> list[Issued]:
        return [report for report in self.reports if isinstance(report, Issued)]

    def until_issued(self, count: int) -> None:
        self.until(lambda frame: len(self.issued()) >= count)

    def reads_after(self, at_ns: int) -> list[PoseRead]:
        reads = (report for report in self.reports if isinstance(report, PoseRead))
        return [read for read in reads if read.pose.at_ns > at_ns]

    def until_there(self, move: Move, start: Frame) -> None:
        """Wait until model and stage both say that a move has ended where it should."""
        self.until(
            lambda frame: (
                near(at(frame), move, start)
                and any(near(at(read), move, start) for read in self.reads_after(start.readable_ns))
            )
        )

    def until_read(self, since: Frame) -> PoseRead:
        """Wait until whatever was sent has had time to show; return what the stage then says."""
        later = self.until(lambda frame: frame.readable_ns > since.readable_ns + SHOWS_NS)
        self.until(lambda frame: bool(self.reads_after(later.readable_ns)))
        return self.reads_after(later.readable_ns)[0]

    def until_still(self, since: Frame) -> PoseRead:
        """Wait until the stage was read twice at the same place; return that reading."""

        def still(frame: Frame) -> bool:
            places = [at(read) for read in self.reads_after(since.readable_ns)]
            return any(math.dist(a, b) < NEAR_UM for a, b in pairwise(places))

        self.until(still)
        return self.reads_after(since.readable_ns)[-1]


@pytest.fixture
def watch(scope: Microscope) -> Iterator[Watch]:
    with closing(scope.frames()) as frames:
        yield Watch(scope, frames)


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


def test_moves_end_at_their_target_and_leave_other_axes_alone(
    scope: Microscope, watch: Watch
) -> None:
    for x, y, z in ((20.0, None, None), (None, -30.0, 2.0), (-20.0, 30.0, -2.0)):
        start = watch.until(lambda frame: True)
        move = moved(start, x, y, z)
        scope.move(move)
        watch.until_there(move, start)


def test_an_axis_that_is_left_out_goes_on_with_its_own_move(
    scope: Microscope, watch: Watch
) -> None:
    start = watch.until(lambda frame: True)
    both = moved(start, x=200.0, y=10.0)
    scope.move(moved(start, x=200.0))
    watch.until_issued(1)
    scope.move(moved(start, y=10.0))
    watch.until_there(both, start)


def test_a_newer_move_replaces_an_older_one(scope: Microscope, watch: Watch) -> None:
    start = watch.until(lambda frame: True)
    scope.move(moved(start, x=FAR_UM))
    watch.until(lambda frame: frame.index > start.index + 3)
    newer = moved(start, x=-10.0, y=-10.0)
    for x in (30.0, 20.0, 40.0):
        scope.move(moved(start, x=x))
    scope.move(newer)
    watch.until_there(newer, start)
    last = watch.issued()[-1]
    assert (last.x_um, last.y_um) == (newer.x_um, newer.y_um)


def test_what_is_expired_or_not_finite_moves_nothing(scope: Microscope, watch: Watch) -> None:
    start = watch.until(lambda frame: True)
    scope.move(moved(start, x=50.0, expires_ns=start.exposed_ns))
    for x, y, z in ((math.nan, None, None), (1.0, math.inf, None), (None, 0.0, -math.inf)):
        with pytest.raises(MicroscopeError, match="finite"):
            scope.move(moved(start, x, y, z))
    assert math.dist(at(watch.until_read(start)), at(start)) < NEAR_UM
    assert not watch.issued()


def test_a_move_beyond_the_limits_ends_at_the_border(scope: Microscope, watch: Watch) -> None:
    low, high = scope.describe().limits_um[2]
    for beyond, border in ((high + 1e9, high), ((low + high) / 2,) * 2):
        start = watch.until(lambda frame: True)
        scope.move(Move(None, None, beyond, NEVER, start.index))
        watch.until_there(Move(None, None, border, NEVER, start.index), start)
        assert watch.issued()[-1].z_um == border


def test_stop_halts_every_axis(scope: Microscope, watch: Watch) -> None:
    start = watch.until(lambda frame: True)
    away = -1.0 if start.pose.x_um > 0 else 1.0
    scope.move(moved(start, x=away * FAR_UM, y=away * FAR_UM))
    halfway = watch.until(lambda frame: abs(frame.pose.x_um - start.pose.x_um) > 5.0)
    scope.stop()
    rest = watch.until_still(halfway)
    assert 5.0 < abs(rest.pose.x_um - start.pose.x_um) < FAR_UM - 100.0
    assert 5.0 < abs(rest.pose.y_um - start.pose.y_um) < FAR_UM - 100.0


def test_reports_say_which_exposure_a_move_answers(scope: Microscope, watch: Watch) -> None:
    frame = watch.until(lambda frame: frame.index >= 3)
    move = moved(frame, x=3.0, z=0.5)
    scope.move(move)
    watch.until_issued(1)
    (issued,) = watch.issued()
    assert (issued.frame, issued.exposed_ns) == (frame.index, frame.exposed_ns)
    assert issued.exposed_ns < issued.received_ns <= issued.issued_ns
    assert (issued.x_um, issued.y_um, issued.z_um) == (move.x_um, None, move.z_um)


def plan(scope: Microscope, x_um: float = 0.0) -> useq.MDASequence:
    """Two places, three planes, and two channels where there are any."""
    return useq.MDASequence.model_validate(
        {
            "stage_positions": [(x_um, 0.0, 0.0), (x_um + 20.0, -15.0, 1.0)],
            "z_plan": {"range": 2, "step": 1},
            "channels": list(scope.describe().channels[:2]),
        }
    )


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


def test_closing_leaves_nothing_behind(kind) -> None:
    before = set(threading.enumerate())
    scope = kind.open()
    frames = scope.frames()
    frame = next(frames)
    scope.move(moved(frame, x=FAR_UM))
    scope.close()
    scope.close()
    assert set(threading.enumerate()) <= before
    assert list(frames) == []
    for begin in (lambda: scope.frames(), lambda: scope.acquire(useq.MDASequence())):
        with pytest.raises(MicroscopeError, match="closed"):
            next(begin())


def test_closing_halts_the_stage(scope: Microscope, kind, request) -> None:
    if "shared-memory" not in request.node.name and "inline" not in request.node.name:
        pytest.skip("after closing there is nobody left to ask")
    with closing(scope.frames()) as frames:
        watch = Watch(scope, frames)
        start = watch.until(lambda frame: True)
        away = -1.0 if start.pose.x_um > 0 else 1.0
        scope.move(moved(start, x=away * FAR_UM))
        watch.until(lambda frame: abs(frame.pose.x_um - start.pose.x_um) > 5.0)
    scope.close()
    with kind.open() as again, closing(again.frames()) as frames:
        rest = Watch(again, frames).until_still(next(frames))
    assert abs(rest.pose.x_um - start.pose.x_um) < FAR_UM - 100.0


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_a_process_leaves_nothing_behind(serve) -> None:
    server = serve()
    with RemoteMicroscope("127.0.0.1", server.ready["port"]) as scope:
        next(scope.frames())
        maps = Path(f"/proc/{server.pid}/maps").read_text("utf-8")
    memories = {Path(name) for name in re.findall(r"/dev/shm/\S+", maps)}
    assert any(memory.exists() for memory in memories)
    server.end()
    assert not any(memory.exists() for memory in memories)
    assert not Path(f"/proc/{server.pid}").exists()
    assert server.failure == ""


def test_an_exception_closes_it(kind) -> None:
    with pytest.raises(ZeroDivisionError), kind.open() as scope:
        for _ in scope.frames():
            raise ZeroDivisionError
    with pytest.raises(MicroscopeError, match="closed"):
        next(scope.frames())


def test_it_can_be_closed_while_another_thread_waits_for_frames(kind) -> None:
    if not kind.threads:
        pytest.skip("virtual time has one thread")
    scope = kind.open()
    began, trouble = threading.Event(), []

    def follow() -> None:
        try:
            for _ in scope.frames(every=True):
                began.set()
        except Exception as error:
            trouble.append(error)

    thread = threading.Thread(target=follow)
    thread.start()
    assert began.wait(30)
    scope.close()
    thread.join(30)
    assert not thread.is_alive()
    assert not trouble
