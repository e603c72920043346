"""A server with a microscope without devices, and its clients."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from typing import Any

import pytest
from pursuit.drivers.clock import VirtualClock
from pursuit.drivers.wire import MicroscopeServer, RemoteMicroscope

from .parties import Connect, FakeMicroscope, ForeignClient


@pytest.fixture
def fake() -> FakeMicroscope:
    return FakeMicroscope()


@pytest.fixture
def clock() -> VirtualClock:
    """Time as the server knows it; the clients have their own."""
    return VirtualClock()


@pytest.fixture
def server(fake: FakeMicroscope, clock: VirtualClock) -> Iterator[MicroscopeServer]:
    with MicroscopeServer(fake, clock=clock) as server:
        yield server


@pytest.fixture
def foreign(server: MicroscopeServer) -> Iterator[ForeignClient]:
    with closing(ForeignClient(server.port)) as foreign:
        yield foreign


@pytest.fixture
def connect(server: MicroscopeServer) -> Iterator[Connect]:
    clients: list[RemoteMicroscope] = []

    def connect(**options: Any) -> RemoteMicroscope:
        clients.append(RemoteMicroscope("127.0.0.1", server.port, **options))
        return clients[-1]

    yield connect
    for client in clients:
        client.close()
