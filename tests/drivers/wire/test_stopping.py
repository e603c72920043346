"""Whoever commands, whatever fails: the stage can be stopped, and stops by itself."""

from __future__ import annotations

import subprocess
import sys
import textwrap
import threading
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
import zmq
from pursuit.controller.session.processes import Child
from pursuit.drivers.clock import NS_PER_S, VirtualClock
from pursuit.drivers.messages import Move, PoseRead
from pursuit.drivers.microscope import MicroscopeError
from pursuit.drivers.stop_button import STANDS, Running, forget, noted, running, send_stop
from pursuit.drivers.wire import MicroscopeServer, RemoteMicroscope
from pursuit.drivers.wire.protocol import Arm, Describe, Lease, MoveCommand, Stream
from pursuit.drivers.wire.stopping import StopListener
from pursuit.drivers.wire.topics import HANG_NS, SILENCE_NS

from .parties import MOVE, Connect, FakeMicroscope, ForeignClient, faults, until

SCENARIO = str(Path(__file__).parents[2] / "contract" / "stand.toml")


def test_the_stage_halts_200_ms_after_its_controller_was_last_heard_of(
    foreign: ForeignClient, fake: FakeMicroscope, clock: VirtualClock
) -> None:
    assert foreign.asks(MoveCommand(MOVE)) == ""
    clock.sleep_until_ns(SILENCE_NS - 1)
    assert foreign.asks(Describe()) == ""
    assert not fake.halts.acquire(blocking=False)
    clock.sleep_until_ns(SILENCE_NS + 1)
    assert fake.halts.acquire(timeout=10)
    assert foreign.asks(MoveCommand(MOVE)) == ""
    assert len(fake.moves) == 2


def test_a_loop_that_hangs_loses_the_stage_and_in_the_end_the_lease(
    foreign: ForeignClient, connect: Connect, fake: FakeMicroscope, clock: VirtualClock
) -> None:
    listener = connect()
    for late_ns in range(0, HANG_NS, NS_PER_S):
        clock.sleep_until_ns(late_ns)
        assert foreign.asks(Lease(late_ns / 1e6), "first") == ""
        assert "holds" in foreign.asks(Lease(), "second")
    assert fake.halts.acquire(timeout=10)
    assert not fake.halts.acquire(blocking=False), "once is enough"
    clock.sleep_until_ns(HANG_NS + 1)
    foreign.asks(Lease(HANG_NS / 1e6 + 1), "first")
    assert "took no frame for 10 s" in until(lambda: faults(listener))[0]
    assert foreign.asks(Lease(), "second") == ""


def test_a_stop_takes_the_lease_and_says_why_to_those_who_command(
    foreign: ForeignClient, server: MicroscopeServer, fake: FakeMicroscope
) -> None:
    assert foreign.asks(Stream(True), "first") == ""
    assert send_stop("127.0.0.1", server.port, "a leak", 5_000) == ""
    assert fake.stopped == "a leak"
    assert fake.idle.wait(10)
    for command in (Lease(), MoveCommand(MOVE), Stream(True)):
        assert "a leak" in foreign.asks(command, "first")
    assert foreign.asks(Arm()) == ""
    assert foreign.asks(Lease(), "second") == ""


def test_one_stop_answers_all_who_ask_meanwhile() -> None:
    stops: list[str] = []
    many, context = 300, zmq.Context()
    router, dealer = context.socket(zmq.ROUTER), context.socket(zmq.DEALER)
    router.rcvhwm = dealer.sndhwm = dealer.rcvhwm = 2 * many
    port = router.bind_to_random_port("tcp://127.0.0.1")
    dealer.connect(f"tcp://127.0.0.1:{port}")
    for _ in range(many):
        dealer.send(b"a leak")
    assert router.poll(10_000)
    listener = StopListener(router, stops.append)
    answers = []
    while len(answers) < many and dealer.poll(10_000):
        answers.append(dealer.recv())
    listener.close()
    context.destroy(linger=0)
    assert answers == [STANDS] * many
    assert len(stops) < many / 3


def test_a_client_that_follows_is_told_that_it_was_stopped(
    connect: Connect, server: MicroscopeServer
) -> None:
    with closing(connect().frames()) as frames:
        next(frames)
        send_stop("127.0.0.1", server.port, "a leak", 5_000)
        with pytest.raises(MicroscopeError, match="a leak"):
            list(frames)


def test_a_stage_that_does_not_stand_is_not_said_to(
    connect: Connect, server: MicroscopeServer, fake: FakeMicroscope
) -> None:
    fake.sticks = True
    assert send_stop("127.0.0.1", server.port, "", 5_000) == "It does not stand."
    with pytest.raises(MicroscopeError, match="does not stand"):
        connect().stop()


def test_nothing_on_another_port_delays_a_stop(
    foreign: ForeignClient, server: MicroscopeServer, fake: FakeMicroscope
) -> None:
    began, ends = threading.Event(), threading.Event()

    def block(move: Move) -> None:
        began.set()
        ends.wait()

    fake.move = block
    foreign.sends(MoveCommand(MOVE))
    assert began.wait(10)
    assert send_stop("127.0.0.1", server.port, "now", 5_000) == ""
    ends.set()


@pytest.mark.parametrize("port", [0, 1, 2, 3])
def test_no_flood_of_messages_harms_the_server(
    server: MicroscopeServer, foreign: ForeignClient, port: int
) -> None:
    context = zmq.Context()
    try:
        for kind in (zmq.DEALER, zmq.SUB if port == 1 else zmq.PUB, zmq.REQ):
            socket = context.socket(kind)
            socket.linger = 0
            socket.connect(f"tcp://127.0.0.1:{server.port + port}")
            for message in (b"\x01P", b"\x01P", b"", bytes(1 << 21)):
                try:
                    socket.send(message, zmq.NOBLOCK)
                except zmq.ZMQError:
                    break
        dealer = context.socket(zmq.XSUB if port == 1 else zmq.DEALER)
        dealer.linger = 0
        dealer.connect(f"tcp://127.0.0.1:{server.port + port}")
        for _ in range(5_000):
            try:
                dealer.send(b"\x01P", zmq.NOBLOCK)
            except zmq.Again:
                break
        assert foreign.asks(Arm()) == ""
        if port != 3:  # there each of them is a stop
            assert foreign.asks(Lease()) == ""
        assert server.problem == ""
    finally:
        context.destroy(linger=0)


def test_a_report_that_cannot_be_told_is_no_end(
    connect: Connect, fake: FakeMicroscope, foreign: ForeignClient, server: MicroscopeServer
) -> None:
    listener = connect()
    waiting: list[Any] = [object()]
    fake.reports = lambda: [waiting.pop()] if waiting else []
    assert "cannot be told" in until(lambda: faults(listener))[0]
    assert foreign.asks(Describe()) == ""
    assert server.problem == ""


def test_the_server_says_if_a_thread_or_the_microscope_fails(
    server: MicroscopeServer, fake: FakeMicroscope
) -> None:
    assert server.problem == ""
    fake.problem = "The stage is gone."
    assert server.problem == "The stage is gone."


def test_microscopes_of_this_computer_are_found(tmp_path: Path, monkeypatch: Any) -> None:
    tmp_path.chmod(0o700)
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    monkeypatch.setattr("platformdirs.user_runtime_path", lambda name: tmp_path / name)
    one, two = Running("one", "127.0.0.1", 1), Running("two", "127.0.0.1", 2)
    assert running() == []
    with noted(one), noted(two):
        assert sorted(running(), key=lambda each: each.port) == [one, two]
        (tmp_path / "pursuit" / "microscopes" / "9-9.json").write_text("rubbish")
        forget(one)
        assert running() == [two]
    assert running() == []


@pytest.fixture(scope="module")
def port() -> Iterator[int]:
    server = Child("microscope", ["microscope", "--scenario", SCENARIO])
    yield server.ready["port"]
    server.end()


def test_a_controller_that_is_killed_in_a_long_move_leaves_the_stage_at_rest(port: int) -> None:
    """Within the silence, the braking and a reading; the stage of this stand goes 1 mm/s."""
    client = textwrap.dedent(f"""
        from pursuit.drivers.messages import Move
        from pursuit.drivers.wire import RemoteMicroscope
        scope = RemoteMicroscope("127.0.0.1", {port})
        frames = scope.frames()
        scope.move(Move(1_500.0, None, None, 2**62, next(frames).index))
        for frame in frames:
            if frame.pose.x_um > 100.0:
                print("under way", flush=True)
    """)
    process = subprocess.Popen([sys.executable, "-c", client], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    assert process.stdout.readline() == "under way\n"
    process.kill()
    process.wait()
    with RemoteMicroscope("127.0.0.1", port) as listener:
        reads: list[float] = []

        def rests() -> bool:
            told = listener.reports()
            reads.extend(report.pose.x_um for report in told if isinstance(report, PoseRead))
            return len(reads) > 3 and abs(reads[-1] - reads[-2]) < 0.1

        until(rests)
    assert reads[-1] < 1_400.0


@pytest.mark.parametrize("late_ms", [-1.0, float("nan"), float("inf")])
def test_a_heartbeat_of_a_time_that_cannot_be_is_refused(
    foreign: ForeignClient, late_ms: float
) -> None:
    assert "turned_ms" in foreign.asks(Lease(late_ms), "first")
    assert foreign.asks(Lease(), "second") == ""
