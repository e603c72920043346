"""How server and clients end, and ports that cannot be used."""

from __future__ import annotations

import threading
from contextlib import closing

import pytest
import zmq
from pursuit.drivers.clock import VirtualClock
from pursuit.drivers.microscope import MicroscopeError
from pursuit.drivers.wire import MicroscopeServer, RemoteMicroscope

from .parties import Connect, FakeMicroscope


def test_a_client_hears_that_the_server_closes(server: MicroscopeServer, connect: Connect) -> None:
    scope = connect()
    frames = scope.frames()
    next(frames)
    closer = threading.Thread(target=server.close)
    closer.start()
    list(frames)
    closer.join(30)
    assert not closer.is_alive()


def test_closing_frees_threads_and_ports(fake: FakeMicroscope) -> None:
    before = set(threading.enumerate())
    server = MicroscopeServer(fake)
    server.close()
    server.close()
    assert set(threading.enumerate()) <= before
    assert fake._closed
    MicroscopeServer(FakeMicroscope(), port=server.port).close()


def test_a_port_in_use_is_one_sentence(server: MicroscopeServer) -> None:
    with pytest.raises(MicroscopeError, match=f"Port {server.port} .*--port"):
        MicroscopeServer(FakeMicroscope(), port=server.port)


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
