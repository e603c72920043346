"""The process that owns a microscope: frames and telemetry go out, commands come in."""

from __future__ import annotations

import threading
from collections import deque

import zmq

from ..actuation import read_sequence
from ..clock import NS_PER_S, Clock, SystemClock
from ..messages import SCHEMA, Fault, pack
from ..microscope import Microscope, MicroscopeError, one_line
from .protocol import (
    UNREADABLE_ID,
    About,
    Acquire,
    Announce,
    Describe,
    MoveCommand,
    Now,
    Release,
    Reply,
    Request,
    Stop,
    Stream,
    unpack,
)
from .publisher import FramePublisher
from .sockets import bind
from .topics import COMMANDS, FRAMES, LEASE_NS, TELEMETRY

_POLL_MS = 10
"""Longest wait for a command before reports are published; chosen: reports are that old."""
_LINGER_MS = 200
"""How long unsent messages are kept when closing; chosen: ample on any network in use."""
_CLOSE_S = 10.0
"""How long `close` waits for the thread that answers; chosen: longer than a stage blocks."""


class MicroscopeServer:
    """Serves a `Microscope` to other processes.

    One thread publishes frames, one answers commands and publishes telemetry; the microscope's
    own threads do the rest. Only the holder of the lease may move the stage or the camera. When
    it falls silent, the stage is stopped.

    Parameters
    ----------
    microscope : Microscope
        Closed by `close`.
    host : str
        Address to bind.
    port : int
        Of the commands; frames and telemetry take the next two. 0 takes any free ones.
    clock : Clock
    """

    def __init__(
        self,
        microscope: Microscope,
        host: str = "127.0.0.1",
        port: int = 0,
        clock: Clock | None = None,
    ) -> None:
        self._microscope, self._clock = microscope, clock or SystemClock()
        self._description = microscope.describe()
        self._context = zmq.Context()
        self._holder, self._lease_until_ns = "", 0
        self._decisions = ""
        self._closing = threading.Event()
        self._faults: deque[Fault] = deque()
        sockets = []
        try:
            for offset, (kind, topic) in enumerate(
                ((zmq.ROUTER, COMMANDS), (zmq.XPUB, FRAMES), (zmq.PUB, TELEMETRY))
            ):
                sockets.append(bind(self._context, kind, topic, host, port + offset if port else 0))
        except MicroscopeError:
            for socket, _ in sockets:
                socket.close()
            self._context.term()
            raise
        (self._commands, self.port), (frames, frames_port), (self._telemetry, tport) = sockets
        self._ports = (frames_port, tport)
        self._publisher = FramePublisher(microscope, frames, self._fault)
        self._thread = threading.Thread(target=self._answer_commands, name="wire", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Stop the stage, end both threads, free sockets, memory and devices."""
        if self._closing.is_set():
            return
        self._closing.set()
        self._publisher.leave()
        self._microscope.close()
        self._publisher.close()
        self._thread.join(timeout=_CLOSE_S)
        self._context.destroy(linger=_LINGER_MS)

    def __enter__(self) -> MicroscopeServer:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()

    def _answer_commands(self) -> None:
        poller = zmq.Poller()
        poller.register(self._commands, zmq.POLLIN)
        while not self._closing.is_set():
            if poller.poll(_POLL_MS):
                *route, data = self._commands.recv_multipart()
                self._commands.send_multipart((*route, pack(self._reply(data))))
            self._watch_lease()
            self._publish_reports()
        self._publish_reports()

    def _publish_reports(self) -> None:
        for report in self._microscope.reports():
            self._telemetry.send(pack(report))
        while self._faults:
            self._telemetry.send(pack(self._faults.popleft()))

    def _watch_lease(self) -> None:
        if self._holder and self._clock.now_ns() > self._lease_until_ns:
            self._microscope.stop()
            self._end_lease()
            self._fault("The controller fell silent: the stage was stopped.")

    def _reply(self, data: bytes) -> Reply:
        request_id = UNREADABLE_ID
        try:
            request = unpack(Request, data)
            request_id = request.id
            if request.schema != SCHEMA:
                raise MicroscopeError(
                    f"Schema {request.schema} is not spoken here, only {SCHEMA}: "
                    "install the same version of Pursuit on both sides."
                )
            about = self._obey(request)
        except MicroscopeError as error:
            return Reply(SCHEMA, request_id, str(error))
        except Exception as error:
            return Reply(SCHEMA, request_id, f"The microscope failed: {one_line(error)}")
        return Reply(SCHEMA, request_id, "", about, self._clock.now_ns(), self._publisher.newest)

    def _obey(self, request: Request) -> About | None:
        match request.command:
            case Describe():
                publisher = self._publisher
                return About(
                    self._description,
                    *self._ports,
                    publisher.ring,
                    publisher.busy,
                    self._decisions,
                )
            case Now():
                return None
            case Stop():
                self._microscope.stop()
                return None
        self._check_lease(request.lease)
        match request.command:
            case Release():
                self._end_lease()
            case MoveCommand(move):
                self._microscope.move(move)
            case Announce(decisions):
                self._decisions = decisions
            case Stream(True, resume):
                self._publisher.begin(resume=resume)
            case Stream(False):
                self._publisher.end()
            case Acquire(text):
                self._publisher.begin(read_sequence(text))
        return None

    def _check_lease(self, lease: str) -> None:
        """Grant or renew the lease, or refuse."""
        if not lease:
            raise MicroscopeError("A command needs a lease: send a name of your own with it.")
        if self._holder not in ("", lease):
            raise MicroscopeError(
                "Another controller holds this microscope: end it, or wait until it is silent "
                f"for {LEASE_NS / NS_PER_S:g} s."
            )
        self._holder, self._lease_until_ns = lease, self._clock.now_ns() + LEASE_NS

    def _end_lease(self) -> None:
        self._holder = self._decisions = ""
        self._publisher.end()

    def _fault(self, text: str, fatal: bool = False) -> None:
        self._faults.append(Fault(self._clock.now_ns(), text, fatal))
