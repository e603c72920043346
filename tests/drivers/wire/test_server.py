"""One microscope, several clients: who may command, what is refused, and how it all ends."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from itertools import islice
from typing import Any

import msgspec
import numpy as np
import pytest
import useq
import zmq
from pursuit.drivers.clock import VirtualClock
from pursuit.drivers.messages import (
    SCHEMA,
    Description,
    Dynamics,
    Fault,
    Frame,
    Issued,
    Move,
    Report,
    StagePose,
    pack,
)
from pursuit.drivers.microscope import Frames, MicroscopeError
from pursuit.drivers.wire import MicroscopeServer, RemoteMicroscope, unpack
from pursuit.drivers.wire.protocol import (
    Acquire,
    Command,
    Describe,
    Lease,
    MoveCommand,
    Now,
    Release,
    Reply,
    Request,
    Stop,
    Stream,
)
from pursuit.drivers.wire.topics import LEASE_NS

NEVER = 2**62
MOVE = Move(1.0, 2.0, None, NEVER, 0)


class Puppet:
    """A microscope that notes what it is told; its pixels hold the index of their frame."""

    def __init__(self) -> None:
        self.pause_s = 0.002
        self.breaks_at: int | None = None
        self.moves: list[Move] = []
        self.stops = threading.Semaphore(0)
        self.exposed = 0
        self.idle = threading.Event()
        self.idle.set()
        self.dropped = 0
        self._closed = False

    def describe(self) -> Description:
        return Description(
            name="puppet",
            camera="Camera",
            xy_stage="XY",
            focus="",
            width_px=8,
            height_px=6,
            dtype="uint16",
            pixel_um=1.0,
            affine=(1.0, 0.0, 0.0, 1.0),
            exposure_ms=1.0,
            interval_ms=2.0,
            dynamics=Dynamics(),
            limits_um=((-100.0, 100.0), (-100.0, 100.0), (0.0, 0.0)),
        )

    def frames(self, *, every: bool = False, resume: bool = False) -> Frames:
        self.idle.clear()
        self.exposed = self.exposed if resume else 0
        try:
            while not self._closed:
                if self.exposed == self.breaks_at:
                    raise MicroscopeError("The cable came off.")
                yield self._frame()
                self.exposed += 1
                time.sleep(self.pause_s)
        finally:
            self.idle.set()

    def acquire(self, sequence: useq.MDASequence) -> Frames:
        yield from islice(self.frames(), len(list(sequence)))

    def move(self, move: Move) -> None:
        self.moves.append(move)

    def stop(self) -> None:
        self.stops.release()

    def reports(self) -> list[Report]:
        return []

    def close(self) -> None:
        self._closed = True

    def __enter__(self) -> Puppet:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()

    def _frame(self) -> Frame:
        image = np.full((6, 8), self.exposed, np.uint16)
        at_ns = time.perf_counter_ns()
        return Frame(image, self.exposed, at_ns - 1, at_ns, 1.0, StagePose(0, 0, 0, at_ns - 1))


class Stranger:
    """A client that was written without our package, and has no heart to beat."""

    def __init__(self, port: int, kind: int = zmq.DEALER) -> None:
        self._context = zmq.Context()
        self._socket = self._context.socket(kind)
        self._socket.connect(f"tcp://127.0.0.1:{port}")

    def says(self, data: bytes) -> Reply:
        self._socket.send(data)
        assert self._socket.poll(10_000), "no answer"
        return unpack(Reply, self._socket.recv())

    def asks(self, command: Command, lease: str = "stranger", schema: int = SCHEMA) -> str:
        reply = self.says(pack(Request(schema, 5, lease, command)))
        assert reply.id == 5
        return reply.error

    def close(self) -> None:
        self._context.destroy(linger=0)


@pytest.fixture
def puppet() -> Puppet:
    return Puppet()


@pytest.fixture
def clock() -> VirtualClock:
    """Time as the server knows it; the clients have their own."""
    return VirtualClock()


@pytest.fixture
def server(puppet: Puppet, clock: VirtualClock) -> Iterator[MicroscopeServer]:
    with MicroscopeServer(puppet, clock=clock) as server:
        yield server


@pytest.fixture
def stranger(server: MicroscopeServer) -> Iterator[Stranger]:
    with closing(Stranger(server.port)) as stranger:
        yield stranger


Connect = Callable[..., RemoteMicroscope]


@pytest.fixture
def connect(server: MicroscopeServer) -> Iterator[Connect]:
    clients: list[RemoteMicroscope] = []

    def connect(**options: Any) -> RemoteMicroscope:
        clients.append(RemoteMicroscope("127.0.0.1", server.port, **options))
        return clients[-1]

    yield connect
    for client in clients:
        client.close()


def until(happened: Callable[[], Any]) -> Any:
    """Wait for something that another thread will do."""
    for _ in range(2_000):
        if found := happened():
            return found
        time.sleep(0.005)
    raise AssertionError("did not happen")


def faults(scope: RemoteMicroscope) -> list[str]:
    return [report.text for report in scope.reports() if isinstance(report, Fault)]


def test_only_the_first_controller_may_command(
    connect: Connect, puppet: Puppet, server: MicroscopeServer
) -> None:
    first, second = connect(), connect(pixels=True)
    with closing(first.frames()) as frames:
        next(frames)
        with pytest.raises(MicroscopeError, match="Another controller holds"):
            next(second.frames())
        with pytest.raises(MicroscopeError, match="Another controller holds"):
            next(second.acquire(useq.MDASequence.model_validate({"stage_positions": [(0, 0)]})))
        second.move(MOVE)
        assert "Another controller holds" in until(lambda: faults(second))[0]
        assert puppet.moves == []
        next(frames)
    first.close()
    with closing(second.frames()) as frames:
        assert next(frames).index == 0
        second.move(MOVE)
        assert until(lambda: puppet.moves)[0].x_um == 1.0


def test_a_silent_controller_loses_its_lease_and_the_stage_stops(
    stranger: Stranger, connect: Connect, puppet: Puppet, clock: VirtualClock
) -> None:
    listener = connect()
    assert stranger.asks(Stream(True), "first") == ""
    clock.sleep_until_ns(LEASE_NS - 1)
    assert "holds" in stranger.asks(Lease(), "second")
    assert stranger.asks(Lease(), "first") == ""
    clock.sleep_until_ns(2 * LEASE_NS - 1)
    assert "holds" in stranger.asks(Lease(), "second")
    assert not puppet.stops.acquire(blocking=False)
    clock.sleep_until_ns(2 * LEASE_NS + 1)
    assert puppet.stops.acquire(timeout=10)
    assert puppet.idle.wait(10)
    assert "fell silent" in until(lambda: faults(listener))[0]
    assert stranger.asks(Lease(), "second") == ""


def test_anyone_may_stop_and_ask_but_commands_need_a_name(
    stranger: Stranger, connect: Connect, puppet: Puppet
) -> None:
    connect().move(MOVE)
    until(lambda: puppet.moves)
    assert stranger.asks(Stop()) == ""
    assert puppet.stops.acquire(timeout=10)
    for harmless in (Describe(), Now()):
        assert stranger.asks(harmless, lease="") == ""
    for command in (Lease(), MoveCommand(MOVE), Stream(True), Acquire("{}"), Release()):
        assert "needs a lease" in stranger.asks(command, lease="")


def test_a_lease_that_is_given_back_ends_the_stream(stranger: Stranger, puppet: Puppet) -> None:
    assert stranger.asks(Stream(True), "first") == ""
    assert "busy" in stranger.asks(Stream(True), "first")
    assert "busy" in stranger.asks(Acquire("{}"), "first")
    until(lambda: not puppet.idle.is_set())
    assert stranger.asks(Release(), "first") == ""
    assert puppet.idle.wait(10)
    assert stranger.asks(Lease(), "second") == ""


def test_what_cannot_be_understood_is_refused_with_a_reason(
    stranger: Stranger, server: MicroscopeServer
) -> None:
    assert f"only {SCHEMA}" in stranger.asks(Lease(), schema=SCHEMA + 1)
    unreadable = stranger.asks(Acquire('{"stage_positions": 7}'))
    assert "cannot be read" in unreadable
    assert "\n" not in unreadable
    fields = msgspec.to_builtins(Request(SCHEMA, 5, "me", Stop()))
    for data in (b"", b"hello", b"\xff" * 100, msgspec.msgpack.encode({**fields, "extra": 1})):
        reply = stranger.says(data)
        assert (reply.id, "refused" in reply.error) == (-1, True)
    with closing(Stranger(server.port, zmq.REQ)) as enveloped:
        assert enveloped.asks(Describe()) == ""
    assert stranger.asks(Describe()) == ""


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
    connect: Connect, puppet: Puppet, every: bool
) -> None:
    scope = connect()
    frames = scope.frames(every=every)
    next(frames)
    scope.end()
    asked_ns = time.perf_counter_ns()
    exposed = puppet.exposed
    until(lambda: puppet.exposed > exposed + 3)
    assert all(frame.readable_ns <= asked_ns for frame in frames)


def test_frames_that_were_overwritten_are_counted_and_none_is_torn(
    connect: Connect, puppet: Puppet
) -> None:
    puppet.pause_s = 0.0
    scope = connect()
    with closing(scope.frames(every=True)) as frames:
        seen = [next(frames)]
        until(lambda: puppet.exposed > 1_500)
        seen += islice(frames, 20)
        assert scope.dropped == seen[-1].index + 1 - len(seen) > 0
    assert all((frame.image == frame.index).all() for frame in seen)


def test_a_broken_camera_says_why_and_may_be_tried_again(connect: Connect, puppet: Puppet) -> None:
    puppet.breaks_at = 3
    scope = connect()
    with pytest.raises(MicroscopeError, match=r"^The cable came off\.$"):
        list(scope.frames(every=True))
    assert until(lambda: faults(scope)) == ["The cable came off."]
    puppet.breaks_at = None
    with closing(scope.frames()) as frames:
        next(frames)


def test_a_client_hears_that_the_server_closes(server: MicroscopeServer, connect: Connect) -> None:
    scope = connect()
    frames = scope.frames()
    next(frames)
    closer = threading.Thread(target=server.close)
    closer.start()
    list(frames)
    closer.join(30)
    assert not closer.is_alive()


def test_closing_frees_threads_and_ports(puppet: Puppet) -> None:
    before = set(threading.enumerate())
    server = MicroscopeServer(puppet)
    server.close()
    server.close()
    assert set(threading.enumerate()) <= before
    assert puppet._closed
    MicroscopeServer(Puppet(), port=server.port).close()


def test_a_port_in_use_is_one_sentence(server: MicroscopeServer) -> None:
    with pytest.raises(MicroscopeError, match=f"Port {server.port} .*--port"):
        MicroscopeServer(Puppet(), port=server.port)


class Leaping(VirtualClock):
    """A clock on which almost the whole patience of a client passes at each look."""

    def now_ns(self) -> int:
        self.sleep_until_ns(super().now_ns() + 4_990_000_000)
        return super().now_ns()


def test_no_server_is_one_sentence() -> None:
    with closing(zmq.Context().socket(zmq.DEALER)) as free:
        port = free.bind_to_random_port("tcp://127.0.0.1")
    with pytest.raises(MicroscopeError, match=f"No microscope answers at 127.0.0.1:{port}"):
        RemoteMicroscope("127.0.0.1", port, clock=Leaping())


def test_reports_of_moves_reach_every_client(
    server: MicroscopeServer, connect: Connect, puppet: Puppet, monkeypatch: pytest.MonkeyPatch
) -> None:
    scope, listener = connect(), connect(pixels=True)
    issued = Issued(4, 10, 20, 30, 1.0, None, 2.0)
    told = [[issued]]
    monkeypatch.setattr(puppet, "reports", lambda: told.pop() if told else [])
    assert until(scope.reports) == [issued]
    (heard,) = until(listener.reports)
    offset_ns = heard.exposed_ns - issued.exposed_ns
    assert (heard.received_ns, heard.issued_ns) == (20 + offset_ns, 30 + offset_ns)
    assert (heard.frame, heard.x_um, heard.y_um, heard.z_um) == (4, 1.0, None, 2.0)
