"""The process that owns a microscope: frames and telemetry go out, commands come in."""

from __future__ import annotations

import threading
from collections import deque
from typing import Any

import useq
import zmq

from .clock import Clock, SystemClock
from .messages import SCHEMA, Fault, pack
from .microscope import Frames, Microscope, MicroscopeError
from .ring import RingWriter
from .topics import COMMANDS, FRAMES, LEASE_NS, TELEMETRY
from .wire import (
    BEACON,
    END,
    PIXELS,
    RING,
    About,
    Acquire,
    Describe,
    FrameHeader,
    Go,
    Now,
    Release,
    Reply,
    Request,
    Stop,
    Stream,
    bind,
    unpack,
)

_RING_BYTES = 128 * 1024 * 1024
_FEWEST_SLOTS, _MOST_SLOTS = 8, 256
_BEACON_S = 0.05
_POLL_MS = 10


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
        self._wanted: threading.Event = threading.Event()
        self._sequence: useq.MDASequence | None = None
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
        (self._commands, self.port), (self._frames, frames_port), (self._telemetry, tport) = sockets
        self._ring = self._make_ring()
        self._ports = (frames_port, tport)
        self._threads = [
            threading.Thread(target=self._publish_frames, name="frames", daemon=True),
            threading.Thread(target=self._answer_commands, name="wire", daemon=True),
        ]
        for thread in self._threads:
            thread.start()

    def close(self) -> None:
        """Stop the stage, end both threads, free sockets, memory and devices."""
        if self._closing.is_set():
            return
        self._closing.set()
        self._microscope.close()
        for thread in self._threads:
            thread.join(timeout=10)
        self._ring.close()
        self._context.destroy(linger=0)

    def __enter__(self) -> MicroscopeServer:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()

    def _make_ring(self) -> RingWriter:
        about = self._description
        slot_bytes = about.width_px * about.height_px * (1 if about.dtype == "uint8" else 2)
        slots = min(max(_RING_BYTES // slot_bytes, _FEWEST_SLOTS), _MOST_SLOTS)
        return RingWriter(slot_bytes, slots)

    def _publish_frames(self) -> None:
        while not self._closing.is_set():
            if not self._wanted.wait(_BEACON_S):
                self._frames.send(BEACON)
                continue
            error = ""
            try:
                self._publish_all(self._source())
            except Exception as problem:
                error = f"The camera stopped: {problem}"
                self._fault(error, fatal=True)
            self._sequence = None
            self._wanted.clear()
            self._frames.send_multipart((END, error.encode()))

    def _source(self) -> Frames:
        if self._sequence is not None:
            return self._microscope.acquire(self._sequence)
        return self._microscope.frames(every=True)

    def _publish_all(self, frames: Frames) -> None:
        pixel_subscribers = 0
        for frame in frames:
            pixel_subscribers += _newcomers(self._frames)
            slot = self._ring.write(frame.image)
            self._frames.send_multipart((RING, pack(FrameHeader.of(frame, slot))))
            if pixel_subscribers:
                header = pack(FrameHeader.of(frame, None))
                self._frames.send_multipart((PIXELS, header, frame.image))
            if self._closing.is_set() or not self._wanted.is_set():
                return

    def _answer_commands(self) -> None:
        poller = zmq.Poller()
        poller.register(self._commands, zmq.POLLIN)
        while not self._closing.is_set():
            if poller.poll(_POLL_MS):
                sender, data = self._commands.recv_multipart()
                self._commands.send_multipart((sender, pack(self._reply(data))))
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
            self._holder = ""
            self._microscope.stop()
            self._wanted.clear()
            self._fault("The controller fell silent: the stage was stopped.")

    def _reply(self, data: bytes) -> Reply:
        request_id = -1
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
            return Reply(SCHEMA, request_id, f"The microscope failed: {error}")
        return Reply(SCHEMA, request_id, "", about, self._clock.now_ns())

    def _obey(self, request: Request) -> About | None:
        match request.command:
            case Describe():
                return About(
                    self._description, *self._ports, self._ring.name, self._wanted.is_set()
                )
            case Now():
                return None
            case Stop():
                self._microscope.stop()
                return None
        self._check_lease(request.lease)
        match request.command:
            case Release():
                self._holder = ""
            case Go(move):
                self._microscope.move(move)
            case Stream(on):
                self._stream(on)
            case Acquire(text):
                self._acquire(text)
        return None

    def _check_lease(self, lease: str) -> None:
        """Grant or renew the lease, or refuse."""
        if not lease:
            raise MicroscopeError("A command needs a lease: send a name of your own with it.")
        if self._holder not in ("", lease):
            raise MicroscopeError(
                "Another controller holds this microscope: end it, or wait until it is silent "
                f"for {LEASE_NS / 1e9:g} s."
            )
        self._holder, self._lease_until_ns = lease, self._clock.now_ns() + LEASE_NS

    def _stream(self, on: bool) -> None:
        if not on:
            self._wanted.clear()
        elif self._wanted.is_set():
            raise MicroscopeError("The camera is busy: end the stream or acquisition first.")
        else:
            self._wanted.set()

    def _acquire(self, text: str) -> None:
        if self._wanted.is_set():
            raise MicroscopeError("The camera is busy: end the stream or acquisition first.")
        try:
            self._sequence = useq.MDASequence.model_validate_json(text)
        except ValueError as error:
            raise MicroscopeError(f"The acquisition cannot be read: {error}") from error
        self._wanted.set()

    def _fault(self, text: str, *, fatal: bool = False) -> None:
        self._faults.append(Fault(self._clock.now_ns(), text, fatal))


def _newcomers(publisher: Any) -> int:
    """Change in the number of subscribers that want pixels, since the last call."""
    change = 0
    while publisher.poll(0):
        message = publisher.recv()
        if message[1:] == PIXELS:
            change += 1 if message[0] else -1
    return change
