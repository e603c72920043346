"""One microscope, several clients: who may command, and what is refused."""

from __future__ import annotations

from contextlib import closing

import msgspec
import pytest
import useq
import zmq
from pursuit.drivers.clock import VirtualClock
from pursuit.drivers.messages import (
    SCHEMA,
)
from pursuit.drivers.microscope import MicroscopeError
from pursuit.drivers.wire import MicroscopeServer
from pursuit.drivers.wire.protocol import (
    Acquire,
    Announce,
    Arm,
    Describe,
    Halt,
    Lease,
    MoveCommand,
    Now,
    Release,
    Request,
    Stream,
)
from pursuit.drivers.wire.topics import LEASE_NS

from .parties import MOVE, Connect, FakeMicroscope, ForeignClient, faults, until


def test_only_the_first_controller_may_command(
    connect: Connect, fake: FakeMicroscope, server: MicroscopeServer
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
        assert fake.moves == []
        next(frames)
    first.close()
    with closing(second.frames()) as frames:
        assert next(frames).index == 0
        second.move(MOVE)
        assert until(lambda: fake.moves)[0].x_um == 1.0


def test_a_silent_controller_loses_its_lease_and_the_stage_stops(
    foreign: ForeignClient, connect: Connect, fake: FakeMicroscope, clock: VirtualClock
) -> None:
    listener = connect()
    assert foreign.asks(Stream(True), "first") == ""
    clock.sleep_until_ns(LEASE_NS - 1)
    assert "holds" in foreign.asks(Lease(), "second")
    assert foreign.asks(Lease(), "first") == ""
    clock.sleep_until_ns(2 * LEASE_NS - 1)
    assert "holds" in foreign.asks(Lease(), "second")
    clock.sleep_until_ns(2 * LEASE_NS + 1)
    assert fake.idle.wait(10)
    assert "fell silent" in until(lambda: faults(listener))[0]
    assert foreign.asks(Lease(), "second") == ""


def test_anyone_may_ask_but_commands_need_a_name(foreign: ForeignClient) -> None:
    for harmless in (Describe(), Now(), Arm()):
        assert foreign.asks(harmless, lease="") == ""
    for command in (Lease(), MoveCommand(MOVE), Halt(), Stream(True), Acquire("{}"), Release()):
        assert "needs a lease" in foreign.asks(command, lease="")


def test_a_lease_that_is_given_back_ends_the_stream(
    foreign: ForeignClient, fake: FakeMicroscope
) -> None:
    assert foreign.asks(Stream(True), "first") == ""
    assert "busy" in foreign.asks(Stream(True), "first")
    assert "busy" in foreign.asks(Acquire("{}"), "first")
    until(lambda: not fake.idle.is_set())
    assert foreign.asks(Release(), "first") == ""
    assert fake.idle.wait(10)
    assert foreign.asks(Lease(), "second") == ""


def test_what_cannot_be_understood_is_refused_with_a_reason(
    foreign: ForeignClient, server: MicroscopeServer
) -> None:
    assert f"only {SCHEMA}" in foreign.asks(Lease(), schema=SCHEMA + 1)
    unreadable = foreign.asks(Acquire('{"stage_positions": 7}'))
    assert "cannot be read" in unreadable
    assert "\n" not in unreadable
    fields = msgspec.to_builtins(Request(SCHEMA, 5, "me", Now()))
    for data in (b"", b"hello", b"\xff" * 100):
        reply = foreign.says(data)
        assert (reply.id, "refused" in reply.error) == (-1, True)
    reply = foreign.says(msgspec.msgpack.encode({**fields, "extra": 1}))
    assert (reply.id, "refused" in reply.error) == (5, True)
    with closing(ForeignClient(server.port, zmq.REQ)) as enveloped:
        assert enveloped.asks(Describe()) == ""
    assert foreign.asks(Describe()) == ""


def test_where_decisions_are_is_told_until_the_lease_ends(
    foreign: ForeignClient, connect: Connect, clock: VirtualClock
) -> None:
    other = connect()
    assert other.find_decisions() == ""
    assert "needs a lease" in foreign.asks(Announce("a:1"), lease="")
    for end in ("silence", "release"):
        assert foreign.asks(Announce("a:1"), "first") == ""
        assert "holds" in foreign.asks(Announce("b:2"), "second")
        assert other.find_decisions() == "a:1"
        if end == "release":
            assert foreign.asks(Release(), "first") == ""
        else:
            clock.sleep_until_ns(clock.now_ns() + LEASE_NS + 1)
        until(lambda: other.find_decisions() == "")
