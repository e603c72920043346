"""Frames from another process: taken from shared memory, or off the wire."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress

import numpy as np
import zmq

from ..clock import Clock
from ..memory import RingReader, Slot
from ..messages import Frame
from ..microscope import Frames, MicroscopeError
from .connection import Connection
from .decoding import unpack
from .frame_header import FrameHeader
from .polling import PollSchedule
from .protocol import BEACON, END, PIXELS, RING, End
from .topics import FRAMES

_SUBSCRIBED_MS = 5_000
"""How long the first message is awaited; chosen: a hundred beacons."""
_WAIT_MS = 50
"""How long a wait for a message may last before `FrameReceiver.end` is heeded; chosen: a person
does not notice it."""


class FrameReceiver:
    """The frames of one stream after another.

    Parameters
    ----------
    connection : Connection
        Asked now and then whether the microscope still answers.
    port : int
        Of the frames topic.
    ring : RingReader or None
        Shared memory to take pixels from; None takes them off the wire.
    clock : Clock
    offset_ns : int
        Local minus remote clock.
    alive : callable
        Whether frames are still wanted.

    Attributes
    ----------
    oldest : int
        Number of the oldest stream that is wanted: what belongs to one before it is ignored.

    Raises
    ------
    MicroscopeError
        If nothing is heard on the topic.
    """

    def __init__(
        self,
        connection: Connection,
        port: int,
        ring: RingReader | None,
        clock: Clock,
        offset_ns: int,
        alive: Callable[[], bool],
    ) -> None:
        self._connection, self._ring, self._clock = connection, ring, clock
        self._offset_ns, self._alive = offset_ns, alive
        self.oldest = 0
        self._end_ns: int | None = None
        self._dropped = 0
        self._seen, self._schedule = 0, PollSchedule()
        self._socket = connection.listen(FRAMES, port, END, RING if ring else PIXELS, BEACON)
        self._socket.rcvtimeo = _WAIT_MS
        if not self._socket.poll(_SUBSCRIBED_MS):  # any message proves the subscription
            raise MicroscopeError(
                f"No frames come from {connection.host}: is a firewall in between?"
            )

    @property
    def dropped(self) -> int:
        """Exposures that `stream` passed over, or that were overwritten before they were read."""
        return self._dropped

    def stream(self, every: bool, resumed: bool = False) -> Frames:
        """Yield frames until the stream ends: all of them with ``every``, else the newest.

        A stream that was ``resumed`` does not count from 0.
        """
        self._dropped = 0
        self._seen, self._schedule = 0, PollSchedule()
        expected = None if resumed else 0
        while self._alive():
            self._connection.turned()
            frame = self._next(every)
            if frame is None:
                return
            self._dropped += 0 if expected is None else frame.index - expected
            expected = frame.index + 1
            yield frame

    def end(self) -> None:
        """Let `stream` end with what is readable now; from any thread."""
        self._end_ns = self._clock.now_ns()

    def _next(self, every: bool) -> Frame | None:
        """Wait for a frame that can still be read; None at the end of the stream."""
        if self._ring is not None and not every:
            return self._next_in(self._ring)
        newest: list[bytes] | None = None
        while True:
            try:
                message = self._socket.recv_multipart(zmq.NOBLOCK if newest else 0)
            except zmq.Again:
                frame = self._read(newest) if newest else None
                if frame is not None:
                    return frame
                newest = None
                if self._end_ns is not None or not self._alive():
                    return None
                self._connection.turned()
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
        """Wait for a newer image in shared memory, which is quicker than the socket."""
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
                    self._schedule.arrived(frame.index, arrived_ns)
                    return frame
            elif self._is_over():
                return None
            else:
                self._clock.sleep_until_ns(self._schedule.next_ns(self._clock.now_ns()))

    def _is_over(self) -> bool:
        """Whether the stream has ended, or should; messages about frames are skipped."""
        with suppress(zmq.Again):
            while True:
                message = self._socket.recv_multipart(zmq.NOBLOCK)
                if message[0] == END and self._ends(message):
                    return True
        self._connection.turned()
        return self._end_ns is not None or not self._alive()

    def _frame_in(
        self, ring: RingReader, slot: Slot, header: FrameHeader, arrived_ns: int
    ) -> Frame | None:
        if header.stream < self.oldest:
            return None
        image = ring.read(slot, header.shape, header.dtype)
        return None if image is None else header.frame(image, self._offset_ns, arrived_ns)

    def _ends(self, message: list[bytes]) -> bool:
        """Whether this is the end of the stream that is read, not of one before it."""
        end = unpack(End, message[1])
        if end.stream < self.oldest:
            return False
        self.oldest = end.stream + 1
        if end.error:
            raise MicroscopeError(end.error)
        return True

    def _past_end(self, header: bytes) -> bool:
        """Whether `end` was called before the frame of a header could be read."""
        if self._end_ns is None:
            return False
        return unpack(FrameHeader, header).readable_ns + self._offset_ns > self._end_ns

    def _read(self, message: list[bytes]) -> Frame | None:
        """Return the frame of a message; None if its pixels or its stream are outdated."""
        arrived_ns = self._clock.now_ns()
        header = unpack(FrameHeader, message[1])
        if header.slot is not None and self._ring is not None:
            return self._frame_in(self._ring, header.slot, header, arrived_ns)
        if header.stream < self.oldest:
            return None
        image = np.frombuffer(message[2], header.dtype).reshape(header.shape)
        return header.frame(image, self._offset_ns, arrived_ns)
