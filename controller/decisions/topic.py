"""Decisions on the wire: the controller publishes, recorders and dashboards listen."""

from __future__ import annotations

import zmq

from ...drivers.messages import pack
from ...drivers.wire import DECISIONS, bind, connect, unpack
from .decision import Decision

_LINGER_MS = 1_000
"""How long unsent decisions are kept when closing; chosen: ample on any network in use."""


class DecisionPublisher:
    """Publishes what the controller decides.

    Parameters
    ----------
    host, port : str, int
        Where to bind; port 0 takes any free one.

    Attributes
    ----------
    address : str
        ``HOST:PORT``, for `RemoteMicroscope.announce`.
    """

    def __init__(self, host: str = "127.0.0.1", port: int = 0) -> None:
        self._context = zmq.Context()
        self._socket, port = bind(self._context, zmq.XPUB, DECISIONS, host, port)
        self.address = f"{host}:{port}"

    def wait_for_listener(self, timeout_s: float) -> bool:
        """Wait until somebody has subscribed, so that nothing is missed."""
        if not self._socket.poll(round(timeout_s * 1e3)):
            return False
        self._socket.recv()
        return True

    def publish(self, decision: Decision) -> None:
        """Send a decision; never waits."""
        self._socket.send(pack(decision))

    def close(self) -> None:
        """Say that no more will come, and disconnect."""
        if not self._socket.closed:
            self._socket.send(b"")
            self._socket.close(linger=_LINGER_MS)
            self._context.term()


class DecisionListener:
    """Receives decisions.

    Parameters
    ----------
    host, port : str, int
        Where the controller publishes.

    Attributes
    ----------
    ended : bool
        Whether the controller has said that no more will come.
    """

    def __init__(self, host: str, port: int) -> None:
        self._context = zmq.Context()
        self._socket = connect(self._context, zmq.SUB, DECISIONS, host, port)
        self._socket.subscribe(b"")
        self.ended = False

    @classmethod
    def at(cls, address: str) -> DecisionListener:
        """Listen at an address that `RemoteMicroscope.find_decisions` returned."""
        host, _, port = address.rpartition(":")
        return cls(host, int(port))

    def take(self, timeout_ms: int) -> list[Decision]:
        """Wait for decisions and return all that have come; `ended` tells if they were the last."""
        decisions = []
        while self._socket.poll(0 if decisions else timeout_ms):
            data = self._socket.recv()
            if not data:
                self.ended = True
                break
            decisions.append(unpack(Decision, data))
        return decisions

    def close(self) -> None:
        """Disconnect."""
        self._context.destroy(linger=0)
