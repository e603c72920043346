"""What a client tells of its loop while it keeps the lease."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing

import pytest
import zmq
from pursuit.drivers.clock import NS_PER_MS, VirtualClock
from pursuit.drivers.wire.connection import Connection
from pursuit.drivers.wire.decoding import unpack
from pursuit.drivers.wire.protocol import Lease, Request
from pursuit.drivers.wire.topics import HANG_NS, SILENCE_NS


@pytest.fixture
def commands() -> Iterator[zmq.Socket[bytes]]:
    """Where a server would take commands."""
    context = zmq.Context()
    with context.socket(zmq.ROUTER) as socket:
        socket.rcvtimeo = 10_000
        yield socket
    context.destroy(linger=0)


def late_ns(commands: zmq.Socket[bytes], after: int = 3) -> float:
    """How long ago the loop has turned, by a heartbeat that was not under way before."""
    while True:
        request = unpack(Request, commands.recv_multipart()[-1])
        if isinstance(request.command, Lease):
            after -= 1
            if not after:
                return request.command.turned_ms * NS_PER_MS


def test_a_loop_that_does_not_run_is_no_loop_that_hangs(commands: zmq.Socket[bytes]) -> None:
    port, clock = commands.bind_to_random_port("tcp://127.0.0.1"), VirtualClock(5)
    with closing(Connection("127.0.0.1", port, clock)) as connection:
        connection.keep_lease()
        clock.sleep_until_ns(4 * HANG_NS)
        assert SILENCE_NS < late_ns(commands) < HANG_NS, "before the first frame"
        connection._answered_ns = clock.now_ns()
        connection.turned()
        assert late_ns(commands) == 0
        clock.sleep_until_ns(6 * HANG_NS)
        assert late_ns(commands) == 2 * HANG_NS, "while it waits for a frame"
        connection.rest()
        assert SILENCE_NS < late_ns(commands) < HANG_NS, "after the stream has ended"
