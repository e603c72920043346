"""A microscope in another process, on this host or another one."""

from __future__ import annotations

import itertools
import secrets
import threading
from collections.abc import Iterator
from contextlib import suppress
from typing import Any

import msgspec
import numpy as np
import useq
import zmq

from . import guard
from .clock import NS_PER_MS, Clock, SystemClock
from .messages import SCHEMA, Description, Fault, Frame, Move, Report, pack
from .microscope import Frames, MicroscopeError
from .pace import Pace
from .ring import RingReader, Slot
from .runs import SingleRun
from .topics import COMMANDS, FRAMES, HEARTBEAT_NS, LEASE_NS, TELEMETRY
from .wire import (
    BEACON,
    END,
    PIXELS,
    RING,
    About,
    Acquire,
    Command,
    Describe,
    End,
    FrameHeader,
    Go,
    Lease,
    Now,
    Release,
    Reply,
    Request,
    Stop,
    Stream,
    connect,
    unpack,
    unpack_report,
)

_ANSWER_MS = 5_000
_WAIT_MS = 50
_PINGS = 8
_UNREADABLE = -1
_FAREWELL_MS = 1_000
_END_OF_STREAM_S = 10.0


class RemoteMicroscope:
    """The `Microscope` over ZMQ.

    Pixels come from shared memory where the microscope runs on this host, else over the wire.
    Times are those of the local clock. Until the first command it only listens, and any number
    of clients may.

    Parameters
    ----------
    host, port : str, int
        Where the server takes commands.
    pixels : bool
        Take pixels over the wire even if shared memory would do.
    clock : Clock

    Raises
    ------
    MicroscopeError
        If nothing answers there.
    """

    def __init__(
        self, host: str, port: int, *, pixels: bool = False, clock: Clock | None = None
    ) -> None:
        self._host, self._port, self._clock = host, port, clock or SystemClock()
        self._lease = secrets.token_hex(8)
        self._ids = itertools.count(1)
        self._asking = threading.Lock()
        self._lost = False
        self._context = zmq.Context()
        self._runs = SingleRun()
        self._closed = threading.Event()
        self._end_ns: int | None = None
        self._pulse: threading.Thread | None = None
        self._heard_ns = 0
        self._moves = self._link()
        self._asks = self._link()
        try:
            answer = self._ask(Describe())
            about = answer.about
            assert about is not None
            self._about: About = about
            self._from = answer.stream + (not about.streaming)
            self._ring = None if pixels else _attach(about.ring)
            self._offset_ns = 0 if self._ring else self._clock_offset_ns()
            self._telemetry = self._listen(TELEMETRY, about.telemetry_port, b"")
            kind = RING if self._ring else PIXELS
            self._frames = self._listen(FRAMES, about.frames_port, kind, BEACON, END)
            self._await_subscription()
        except BaseException:
            self._context.destroy(linger=0)
            raise
        self._dropped = 0
        self._seen, self._pace = 0, Pace()

    @property
    def dropped(self) -> int:
        """Exposures that `frames` passed over, or that were overwritten before they were read."""
        return self._dropped

    def describe(self) -> Description:
        """What this microscope is."""
        return self._about.description

    def frames(self, *, every: bool = False) -> Frames:
        """Start streaming and yield; see `Microscope.frames`."""
        return self._runs.begin(self._commanded(Stream(True), every))

    def end(self) -> None:
        """Let `frames` or `listen` end with what is readable now; from any thread."""
        self._end_ns = self._clock.now_ns()

    def listen(self) -> Frames:
        """Yield every frame that another client's streaming brings, without commanding."""
        return self._runs.begin(self._stream(every=True))

    def move(self, move: Move) -> None:
        """Send a move and return without waiting for the answer."""
        guard.refuse_non_finite(move)
        if self._offset_ns:
            remote_ns = move.expires_ns - self._offset_ns
            move = msgspec.structs.replace(move, expires_ns=remote_ns)
        self._send(self._moves, Go(move))
        self._keep_lease()

    def stop(self) -> None:
        """Halt every axis; return when the microscope has done so."""
        self._ask(Stop())

    def reports(self) -> list[Report]:
        """All that happened since the last call, refused commands included."""
        reports = [self._localised(unpack_report(data)) for data in _waiting(self._telemetry)]
        for data in _waiting(self._moves):
            reply = unpack(Reply, data)
            if reply.error:
                reports.append(Fault(self._clock.now_ns(), reply.error))
        return reports

    def acquire(self, sequence: useq.MDASequence) -> Frames:
        """Run an acquisition there; its frames come like any others, none dropped."""
        guard.planned(sequence, self.describe())
        command = Acquire(sequence.model_dump_json(exclude_unset=True))
        return self._runs.begin(self._commanded(command, every=True))

    def close(self) -> None:
        """Halt the stage and end streaming if this client holds the lease, then disconnect."""
        if self._closed.is_set():
            return
        self._closed.set()
        self._runs.close(_END_OF_STREAM_S)
        if self._pulse is not None:
            self._pulse.join(timeout=2 * HEARTBEAT_NS / 1e9)
            self._ask_if_there(Stop())
            self._ask_if_there(Release())
        if self._ring is not None:
            self._ring.close()
        self._context.destroy(linger=0)

    def __enter__(self) -> RemoteMicroscope:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()

    def _commanded(self, command: Command, every: bool) -> Frames:
        self._from = self._ask(command).stream
        self._keep_lease()
        try:
            yield from self._stream(every)
        finally:
            self._ask_if_there(Stream(False))

    def _stream(self, every: bool) -> Frames:
        self._dropped = 0
        self._seen, self._pace = 0, Pace()
        following = 0
        while self._runs.alive():
            frame = self._next(every)
            if frame is None:
                return
            self._dropped += frame.index - following
            following = frame.index + 1
            yield frame

    def _next(self, every: bool) -> Frame | None:
        """Wait for a frame that can still be read; None at the end of the stream."""
        if self._ring is not None and not every:
            return self._next_in(self._ring)
        newest: list[bytes] | None = None
        while True:
            try:
                message = self._frames.recv_multipart(zmq.NOBLOCK if newest else 0)
            except zmq.Again:
                frame = self._read(newest) if newest else None
                if frame is not None:
                    return frame
                newest = None
                if self._end_ns is not None or not self._runs.alive():
                    return None
                self._check_answering()
                continue
            if message[0] == END:
                if self._ends(message):
                    return None
            elif message[0] != BEACON:
                if self._past_end(message[1]):
                    return None
                newest = message
                if every and (frame := self._read(message)) is not None:
                    return frame

    def _next_in(self, ring: RingReader) -> Frame | None:
        """Wait for a newer image in shared memory, which is quicker than to hear of it."""
        while True:
            found = ring.newest(self._seen)
            if found is not None:
                arrived_ns = self._clock.now_ns()
                slot, header = found
                if self._past_end(header):
                    return None
                self._seen = slot.sequence
                frame = self._frame_in(ring, slot, unpack(FrameHeader, header), arrived_ns)
                if frame is not None:
                    self._pace.came(frame.index, arrived_ns)
                    return frame
            elif self._is_over():
                return None
            else:
                self._clock.sleep_until_ns(self._pace.look_again_ns(self._clock.now_ns()))

    def _is_over(self) -> bool:
        """Whether the stream has ended, or should; news of frames is passed over."""
        with suppress(zmq.Again):
            while True:
                message = self._frames.recv_multipart(zmq.NOBLOCK)
                if message[0] == END and self._ends(message):
                    return True
        self._check_answering()
        return self._end_ns is not None or not self._runs.alive()

    def _frame_in(
        self, ring: RingReader, slot: Slot, header: FrameHeader, arrived_ns: int
    ) -> Frame | None:
        if header.stream < self._from:
            return None
        image = ring.read(slot, header.shape, header.dtype)
        return None if image is None else header.frame(image, self._offset_ns, arrived_ns)

    def _ends(self, message: list[bytes]) -> bool:
        """Whether this is the end of the stream that is read, not of one before it."""
        end = unpack(End, message[1])
        if end.stream < self._from:
            return False
        self._from = end.stream + 1
        if end.error:
            raise MicroscopeError(end.error)
        return True

    def _past_end(self, header: bytes) -> bool:
        """Whether `end` was called before the frame of a header could be read."""
        if self._end_ns is None:
            return False
        return unpack(FrameHeader, header).readable_ns + self._offset_ns > self._end_ns

    def _read(self, message: list[bytes]) -> Frame | None:
        """Return the frame of a message; None if its pixels or its stream are of the past."""
        arrived_ns = self._clock.now_ns()
        header = unpack(FrameHeader, message[1])
        if header.slot is not None and self._ring is not None:
            return self._frame_in(self._ring, header.slot, header, arrived_ns)
        if header.stream < self._from:
            return None
        image = np.frombuffer(message[2], header.dtype).reshape(header.shape)
        return header.frame(image, self._offset_ns, arrived_ns)

    def _localised(self, report: Report) -> Report:
        """Move the times of a report to the local clock."""
        if not self._offset_ns:
            return report
        late = {
            name: getattr(report, name) + self._offset_ns
            for name in report.__struct_fields__
            if name.endswith("_ns")
        }
        return msgspec.structs.replace(report, **late)

    # ---- asking ---------------------------------------------------------------------------

    def _link(self) -> Any:
        return connect(self._context, zmq.DEALER, COMMANDS, self._host, self._port)

    def _listen(self, topic: Any, port: int, *prefixes: bytes) -> Any:
        socket = connect(self._context, zmq.SUB, topic, self._host, port)
        socket.rcvtimeo = _WAIT_MS
        for prefix in prefixes:
            socket.subscribe(prefix)
        return socket

    def _send(self, socket: Any, command: Command) -> int:
        number = next(self._ids)
        socket.send(pack(Request(SCHEMA, number, self._lease, command)))
        return number

    def _ask(self, command: Command, patience_ms: int = _ANSWER_MS) -> Reply:
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
                    if reply.id not in (wanted, _UNREADABLE):
                        continue
                    if reply.error:
                        raise MicroscopeError(reply.error)
                    return reply
        self._lost = True
        raise MicroscopeError(
            f"No microscope answers at {self._host}:{self._port}: "
            "start one there with `pursuit microscope`."
        )

    def _ask_if_there(self, command: Command) -> None:
        """Send a command that ends something, which a lost microscope does by itself."""
        if not self._lost:
            with suppress(MicroscopeError):
                self._ask(command, _FAREWELL_MS)

    def _await_subscription(self) -> None:
        """Wait until the subscription is in force, as any message on it proves."""
        if not self._frames.poll(_ANSWER_MS):
            raise MicroscopeError(f"No frames come from {self._host}: is a firewall in between?")

    def _clock_offset_ns(self) -> int:
        """Local minus remote clock, from the quickest of a few round trips (Cristian, 1989)."""
        best: tuple[int, int] | None = None
        for _ in range(_PINGS):
            sent_ns = self._clock.now_ns()
            remote_ns = self._ask(Now()).now_ns
            back_ns = self._clock.now_ns()
            offset_ns = (sent_ns + back_ns) // 2 - remote_ns
            best = min(best or (back_ns - sent_ns, offset_ns), (back_ns - sent_ns, offset_ns))
        assert best is not None
        return best[1]

    def _keep_lease(self) -> None:
        """Renew the lease from a thread of its own, from the first command on."""
        if self._pulse is None:
            self._heard_ns = self._clock.now_ns()
            self._pulse = threading.Thread(target=self._beat, name="heartbeat", daemon=True)
            self._pulse.start()

    def _beat(self) -> None:
        socket = self._link()
        request = pack(Request(SCHEMA, 0, self._lease, Lease()))
        while not self._closed.wait(HEARTBEAT_NS / 1e9):
            socket.send(request, zmq.NOBLOCK)
            while socket.poll(0):
                socket.recv()
                self._heard_ns = self._clock.now_ns()
        socket.close()

    def _check_answering(self) -> None:
        if self._pulse is not None and self._clock.now_ns() - self._heard_ns > 2 * LEASE_NS:
            self._lost = True
            raise MicroscopeError(
                f"The microscope at {self._host}:{self._port} has stopped answering."
            )


def _waiting(socket: Any) -> Iterator[bytes]:
    """Yield what has arrived at a socket already."""
    while socket.get(zmq.EVENTS) & zmq.POLLIN:
        yield socket.recv()


def _attach(name: str) -> RingReader | None:
    try:
        return RingReader(name)
    except ValueError:
        return None
