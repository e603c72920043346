"""A client's commands to a microscope in another process: asked and answered, or just sent."""

from __future__ import annotations

import itertools
import secrets
import threading
from collections.abc import Iterator
from contextlib import suppress
from typing import Any

import zmq

from ..clock import NS_PER_MS, NS_PER_S, Clock
from ..messages import SCHEMA, pack
from ..microscope import MicroscopeError
from .decoding import unpack
from .protocol import UNREADABLE_ID, Command, Lease, Now, Release, Reply, Request
from .sockets import connect
from .topics import COMMANDS, HEARTBEAT_NS, LEASE_NS, Topic

_ANSWER_MS = 5_000
"""How long an answer is awaited; chosen: longer than any command blocks a stage's serial line."""
_LAST_ANSWER_MS = 1_000
"""The same while disconnecting; chosen: a microscope that is gone must not hold up the end."""
_ROUND_TRIPS = 8
"""Of which the quickest tells the clock offset; chosen: one of eight is seldom disturbed."""
_RESTS_NS = NS_PER_S
"""How long ago the loop has turned, at most, while there is none; chosen: the stage of a controller
that is so late is halted (`SILENCE_NS`), but it does not count as one that hangs (`HANG_NS`)."""
_LONGEST_REST_NS = 300 * NS_PER_S
"""After which it does all the same, so that a forgotten program does not keep the microscope;
chosen: five times as long as anything may take to start."""


class Connection:
    """The commands of one client, the lease that they need, and the sockets that it listens at.

    Parameters
    ----------
    host, port : str, int
        Where the server takes commands.
    clock : Clock
    """

    def __init__(self, host: str, port: int, clock: Clock) -> None:
        self.host, self.port, self._clock = host, port, clock
        self._lease = secrets.token_hex(8)
        self._ids = itertools.count(1)
        self._asking = threading.Lock()
        self._lost = False
        self._context = zmq.Context()
        self._closed = threading.Event()
        self._heartbeat: threading.Thread | None = None
        self._answered_ns = self._turned_ns = 0
        self._rests = True
        self._sends = self._command_socket()
        self._asks = self._command_socket()

    def listen(self, topic: Topic, port: int, *prefixes: bytes) -> Any:
        """Return a socket that subscribes to messages of a topic that begin with a prefix."""
        socket = connect(self._context, zmq.SUB, topic, self.host, port)
        for prefix in prefixes:
            socket.subscribe(prefix)
        return socket

    def ask(self, command: Command, patience_ms: int = _ANSWER_MS) -> Reply:
        """Send a command and wait for its answer.

        Raises
        ------
        MicroscopeError
            If it is refused, or no answer comes.
        """
        with self._asking:
            wanted = self._send(self._asks, command)
            until_ns = self._clock.now_ns() + patience_ms * NS_PER_MS
            while (left_ns := until_ns - self._clock.now_ns()) > 0:
                if self._asks.poll(left_ns // NS_PER_MS):
                    reply = unpack(Reply, self._asks.recv())
                    if reply.id not in (wanted, UNREADABLE_ID):
                        continue
                    if reply.error:
                        raise MicroscopeError(reply.error)
                    return reply
        self._lost = True
        raise MicroscopeError(
            f"No microscope answers at {self.host}:{self.port}: "
            "start one there with `pursuit microscope`."
        )

    def ask_last(self, command: Command) -> None:
        """Send a command that ends something, which a lost microscope does by itself."""
        if not self._lost:
            with suppress(MicroscopeError):
                self.ask(command, _LAST_ANSWER_MS)

    def send(self, command: Command) -> None:
        """Send a command and return without waiting for the answer."""
        self._turned_ns = self._clock.now_ns()
        self._send(self._sends, command)
        self.keep_lease()

    def refusals(self) -> list[str]:
        """Why commands that were sent were refused, since the last call."""
        return [error for data in received(self._sends) if (error := unpack(Reply, data).error)]

    def clock_offset_ns(self) -> int:
        """Local minus remote clock, from the quickest of a few round trips (Cristian, 1989)."""
        trips = [self._round_trip() for _ in range(_ROUND_TRIPS)]
        return min(trips)[1]

    def _round_trip(self) -> tuple[int, int]:
        """Return how long an answer took, and the clock offset by it."""
        sent_ns = self._clock.now_ns()
        remote_ns = self.ask(Now()).now_ns
        back_ns = self._clock.now_ns()
        return back_ns - sent_ns, (sent_ns + back_ns) // 2 - remote_ns

    def keep_lease(self) -> None:
        """Renew the lease from a thread of its own, from now until `close`."""
        if self._heartbeat is None:
            self._answered_ns = self._turned_ns = self._clock.now_ns()
            self._heartbeat = threading.Thread(target=self._renew, name="heartbeat", daemon=True)
            self._heartbeat.start()

    def turned(self) -> None:
        """Note that the loop turns: a heartbeat tells how long ago that was.

        Raises
        ------
        MicroscopeError
            If the lease is renewed, but nobody answers.
        """
        self._turned_ns, self._rests = self._clock.now_ns(), False
        silent_ns = self._clock.now_ns() - self._answered_ns
        if self._heartbeat is not None and silent_ns > 2 * LEASE_NS:
            self._lost = True
            raise MicroscopeError(
                f"The microscope at {self.host}:{self.port} has stopped answering."
            )

    def rest(self) -> None:
        """Note that no loop turns for now: the stage is halted, but the lease is kept."""
        self._rests = True

    def close(self) -> None:
        """Give the lease back if it was kept, which halts the stage; free all sockets."""
        if self._closed.is_set():
            return
        self._closed.set()
        if self._heartbeat is not None:
            self._heartbeat.join(timeout=2 * _LAST_ANSWER_MS / 1e3)
        self._context.destroy(linger=0)

    def _command_socket(self) -> Any:
        return connect(self._context, zmq.DEALER, COMMANDS, self.host, self.port)

    def _send(self, socket: Any, command: Command) -> int:
        number = next(self._ids)
        socket.send(pack(Request(SCHEMA, number, self._lease, command)))
        return number

    def _renew(self) -> None:
        socket = self._command_socket()
        while not self._closed.wait(HEARTBEAT_NS / NS_PER_S):
            late_ns = self._clock.now_ns() - self._turned_ns
            if self._rests and late_ns < _LONGEST_REST_NS:
                late_ns = min(late_ns, _RESTS_NS)
            late_ms = late_ns / NS_PER_MS
            with suppress(zmq.Again):
                socket.send(pack(Request(SCHEMA, 0, self._lease, Lease(late_ms))), zmq.NOBLOCK)
            while socket.poll(0):
                socket.recv()
                self._answered_ns = self._clock.now_ns()
        if not self._lost:  # by this socket, so that no renewal comes after it
            number = self._send(socket, Release())
            while socket.poll(_LAST_ANSWER_MS) and unpack(Reply, socket.recv()).id != number:
                continue
        socket.close()


def received(socket: Any) -> Iterator[bytes]:
    """Yield what has arrived at a socket already."""
    while socket.get(zmq.EVENTS) & zmq.POLLIN:
        yield socket.recv()
