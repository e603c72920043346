"""The process that owns a microscope: frames and telemetry go out, commands come in."""

from __future__ import annotations

import threading
from collections import deque
from contextlib import closing
from dataclasses import dataclass
from typing import Any

import useq
import zmq

from .clock import Clock, SystemClock
from .messages import SCHEMA, Fault, Frame, pack
from .microscope import Frames, Microscope, MicroscopeError, one_line
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
    End,
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
_LAST_WORDS_MS = 200


@dataclass(frozen=True, slots=True)
class _Job:
    """A stream that was asked for, or an acquisition if there is a sequence."""

    number: int
    sequence: useq.MDASequence | None


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
        self._job: _Job | None = None
        self._newest = 0
        self._job_lock = threading.Lock()
        self._called = threading.Event()
        self._pixel_subscribers = 0
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
        self._context.destroy(linger=_LAST_WORDS_MS)

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
            self._called.wait(_BEACON_S)
            self._called.clear()
            job = self._job
            if job is None:
                self._frames.send(BEACON)
                continue
            error = self._publish_job(job)
            with self._job_lock:
                if self._job is job:
                    self._job = None
            self._frames.send_multipart((END, pack(End(SCHEMA, job.number, error))))

    def _publish_job(self, job: _Job) -> str:
        """Publish all of its frames; return what went wrong."""
        try:
            with closing(self._source(job)) as frames:
                for frame in frames:
                    self._publish(frame, job.number)
                    if self._closing.is_set() or self._job is not job:
                        break
        except Exception as problem:
            known = isinstance(problem, MicroscopeError)
            error = str(problem) if known else f"The camera stopped: {one_line(problem)}"
            self._fault(error, fatal=True)
            return error
        return ""

    def _source(self, job: _Job) -> Frames:
        if job.sequence is not None:
            return self._microscope.acquire(job.sequence)
        return self._microscope.frames(every=True)

    def _publish(self, frame: Frame, stream: int) -> None:
        self._pixel_subscribers += _newcomers(self._frames)
        header = pack(FrameHeader.of(frame, None, stream))
        slot = self._ring.write(frame.image, header)
        self._frames.send_multipart((RING, pack(FrameHeader.of(frame, slot, stream))))
        if self._pixel_subscribers:
            self._frames.send_multipart((PIXELS, header, frame.image))

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
            self._holder = ""
            self._microscope.stop()
            self._begin(None)
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
            return Reply(SCHEMA, request_id, f"The microscope failed: {one_line(error)}")
        return Reply(SCHEMA, request_id, "", about, self._clock.now_ns(), self._newest)

    def _obey(self, request: Request) -> About | None:
        match request.command:
            case Describe():
                return About(
                    self._description, *self._ports, self._ring.name, self._job is not None
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
                self._begin(None)
            case Go(move):
                self._microscope.move(move)
            case Stream(True):
                self._begin(_Job(self._newest + 1, None))
            case Stream(False):
                self._begin(None)
            case Acquire(text):
                self._begin(_Job(self._newest + 1, _sequence(text)))
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

    def _begin(self, job: _Job | None) -> None:
        """Hand a job to the thread that publishes frames; None ends the one that runs."""
        with self._job_lock:
            if job is not None:
                if self._job is not None:
                    raise MicroscopeError(
                        "The camera is busy: end the stream or acquisition first."
                    )
                self._newest = job.number
            self._job = job
        self._called.set()

    def _fault(self, text: str, *, fatal: bool = False) -> None:
        self._faults.append(Fault(self._clock.now_ns(), text, fatal))


def _sequence(text: str) -> useq.MDASequence:
    try:
        return useq.MDASequence.model_validate_json(text)
    except ValueError as error:
        raise MicroscopeError(f"The acquisition cannot be read: {one_line(error)}") from error


def _newcomers(publisher: Any) -> int:
    """Change in the number of subscribers that want pixels, since the last call."""
    change = 0
    while publisher.poll(0):
        message = publisher.recv()
        if message[1:] == PIXELS:
            change += 1 if message[0] else -1
    return change
