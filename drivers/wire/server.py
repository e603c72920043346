"""The process that owns a microscope: frames and telemetry go out, commands come in."""

from __future__ import annotations

import threading
import time
from collections import deque

import zmq

from ..actuation import read_sequence
from ..clock import NS_PER_S, Clock, SystemClock
from ..interrupts import ignore_interrupts
from ..messages import SCHEMA, Fault, pack
from ..microscope import STOPPED, Microscope, MicroscopeError, one_line
from ..stop_button import STOP_OFFSET
from .controller import Controller, State
from .decoding import readable_id, unpack
from .protocol import (
    UNREADABLE_ID,
    About,
    Acquire,
    Announce,
    Arm,
    Describe,
    Halt,
    MoveCommand,
    Now,
    Release,
    Reply,
    Request,
    Stream,
)
from .publisher import FramePublisher
from .sockets import bind_in_a_row
from .stopping import StopListener
from .topics import COMMANDS, HANG_NS, STOP, TELEMETRY, for_frames_of

_POLL_MS = 10
"""Longest wait for a command before reports are published; chosen: reports are that old."""
_LINGER_MS = 200
"""How long unsent messages are kept when closing; chosen: ample on any network in use."""
_CLOSE_S = 10.0
"""How long `close` waits for the thread that answers; chosen: longer than a stage blocks."""
_HANGS_S = 10.0
"""How long one command may take; chosen: twice Micro-Manager's own patience with a device."""


class MicroscopeServer:
    """Serves a `Microscope` to other processes.

    One thread publishes frames, one answers commands and publishes telemetry, one does nothing
    but stop; the microscope's own threads do the rest. Only the holder of the lease may move the
    stage or the camera. When it falls silent or hangs, the stage is halted.

    Parameters
    ----------
    microscope : Microscope
        Closed by `close`.
    host : str
        Address to bind.
    port : int
        Of the commands; frames, telemetry and stop take the next three. 0 takes any free ones.
    clock : Clock
    settings : str
        The configuration that it was opened with, in TOML, for whoever follows with it.
    """

    def __init__(
        self,
        microscope: Microscope,
        host: str = "127.0.0.1",
        port: int = 0,
        clock: Clock | None = None,
        settings: str = "",
    ) -> None:
        self._microscope, self._clock = microscope, clock or SystemClock()
        self._settings = settings
        self._description = microscope.describe()
        self._context = zmq.Context()
        self._controller = Controller(self._clock)
        self._closing = threading.Event()
        self._turned_s = time.monotonic()
        self._faults: deque[Fault] = deque()
        frames_topic = for_frames_of(self._description)
        topics = (
            (zmq.ROUTER, COMMANDS),
            (zmq.XPUB, frames_topic),
            (zmq.PUB, TELEMETRY),
            (zmq.ROUTER, STOP),
        )
        try:
            sockets, self.port = bind_in_a_row(self._context, topics, host, port)
        except MicroscopeError:
            self._context.term()
            raise
        self._commands, frames, self._telemetry, stop = sockets
        self._publisher = FramePublisher(microscope, frames, self._fault)
        self._stopping = StopListener(stop, microscope.stop)
        self._thread = threading.Thread(target=self._serve, name="wire", daemon=True)
        self._thread.start()

    @property
    def problem(self) -> str:
        """Why this process can no longer be relied on; empty if all is well."""
        threads = (self._thread, self._publisher.thread, self._stopping.thread)
        dead = [thread.name for thread in threads if not thread.is_alive()]
        if dead and not self._closing.is_set():
            return f"The thread {dead[0]!r} of the microscope has ended."
        if time.monotonic() - self._turned_s > _HANGS_S:
            return f"No command was answered for {_HANGS_S:g} s."
        return self._microscope.problem

    @ignore_interrupts()
    def close(self) -> None:
        """Stop the stage, end all threads, free sockets, memory and devices."""
        if self._closing.is_set():
            return
        self._closing.set()
        self._publisher.leave()
        self._microscope.close()
        self._publisher.close()
        self._stopping.close()
        self._thread.join(timeout=_CLOSE_S)
        self._context.destroy(linger=_LINGER_MS)

    def __enter__(self) -> MicroscopeServer:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()

    def _serve(self) -> None:
        poller = zmq.Poller()
        poller.register(self._commands, zmq.POLLIN)
        while not self._closing.is_set():
            self._turned_s = time.monotonic()
            try:
                answered = 0
                while answered < COMMANDS.queue and poller.poll(0 if answered else _POLL_MS):
                    *route, data = self._commands.recv_multipart()
                    self._commands.send_multipart((*route, pack(self._reply(data))))
                    answered += 1
                self._watch_controller()
                self._publish_reports()
            except Exception as error:
                self._fault(f"A message could not be dealt with: {one_line(error)}")
        self._publish_reports()

    def _publish_reports(self) -> None:
        while self._faults:
            self._telemetry.send(pack(self._faults.popleft()))
        for report in self._microscope.reports():
            try:
                data = pack(report)
            except Exception as error:
                data = pack(self._new_fault(f"A report cannot be told: {one_line(error)}"))
            self._telemetry.send(data)

    def _watch_controller(self) -> None:
        """Halt the stage of a controller that is silent or hangs, and take its lease in the end."""
        stopped = self._microscope.stopped
        if stopped and self._controller.holder:
            self._end_lease(STOPPED.format(stopped))
        match self._controller.state():
            case State.IDLE if not self._publisher.acquires:
                self._microscope.halt()
            case State.SILENT:
                self._take_lease("The controller fell silent: the stage was halted.")
            case State.HANGS:
                self._take_lease(
                    f"The controller took no frame for {HANG_NS / NS_PER_S:g} s: the stage was "
                    "halted, and the microscope is free."
                )

    def _take_lease(self, reason: str) -> None:
        self._microscope.halt()
        self._end_lease(reason)
        self._fault(reason)

    def _reply(self, data: bytes) -> Reply:
        request_id = UNREADABLE_ID
        try:
            request_id = readable_id(data)
            request = unpack(Request, data)
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
                return self._about()
            case Now():
                return None
            case Arm():
                self._microscope.arm()
                return None
        stopped = self._microscope.stopped
        if stopped and not isinstance(request.command, Release):
            raise MicroscopeError(STOPPED.format(stopped))
        self._controller.heard(request.lease, request.command)
        match request.command:
            case Release():
                self._microscope.halt()
                self._end_lease()
            case Halt():
                self._microscope.halt()
            case MoveCommand(move):
                self._microscope.move(move)
            case Announce(decisions):
                self._controller.decisions = decisions
            case Stream(True, resume):
                self._publisher.begin(resume=resume)
            case Stream(False):
                self._publisher.end()
            case Acquire(text):
                self._publisher.begin(read_sequence(text))
        return None

    def _about(self) -> About:
        return About(
            description=self._description,
            frames_port=self.port + 1,
            telemetry_port=self.port + 2,
            stop_port=self.port + STOP_OFFSET,
            ring=self._publisher.ring,
            streaming=self._publisher.busy,
            decisions=self._controller.decisions,
            stopped=self._microscope.stopped,
            settings=self._settings,
        )

    def _end_lease(self, error: str = "") -> None:
        self._controller.forget()
        self._publisher.end(error)

    def _fault(self, text: str, fatal: bool = False) -> None:
        self._faults.append(self._new_fault(text, fatal))

    def _new_fault(self, text: str, fatal: bool = False) -> Fault:
        return Fault(self._clock.now_ns(), text, fatal)
