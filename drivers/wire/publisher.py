"""The thread that publishes the frames of a stream or an acquisition."""

from __future__ import annotations

import threading
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from typing import Any

import useq

from ..memory import RingWriter
from ..messages import SCHEMA, Description, Frame, pack
from ..microscope import Frames, Microscope, MicroscopeError, one_line
from .frame_header import FrameHeader
from .protocol import BEACON, END, PIXELS, RING, End

_RING_BYTES = 128 * 1024 * 1024
"""Shared memory for images; chosen: 16 images of 2048 x 2048, and little of any host's memory."""
_FEWEST_SLOTS, _MOST_SLOTS = 8, 256
"""Bounds of the number of images there; chosen: at least 8 that a reader may lag behind, and no
more than images of 512 x 512 fit."""
_BEACON_S = 0.05
"""Time between beacons; chosen: a new listener knows soon that it is subscribed."""
_SUBSCRIPTIONS = 20
"""Messages of listeners that are read for each frame; chosen: no more hold up the frames."""
_CLOSE_S = 10.0
"""How long `FramePublisher.close` waits for the thread; chosen: longer than common exposures."""


@dataclass(frozen=True, slots=True)
class _Job:
    """A stream that was asked for, or an acquisition if there is a sequence."""

    number: int
    sequence: useq.MDASequence | None
    resume: bool


class FramePublisher:
    """Publishes one stream or acquisition of a microscope at a time.

    Parameters
    ----------
    microscope : Microscope
    socket : zmq.Socket
        XPUB of the frames topic, used by the publisher's thread alone from now on.
    fail : callable
        Called in that thread when a stream or an acquisition fails, with the reason and with
        whether it was a stream.
    """

    def __init__(
        self, microscope: Microscope, socket: Any, fail: Callable[[str, bool], None]
    ) -> None:
        self._microscope, self._frames, self._fail = microscope, socket, fail
        self._job: _Job | None = None
        self._newest = 0
        self._end_error = ""
        self._job_lock = threading.Lock()
        self._wake = threading.Event()
        self._closing = threading.Event()
        self._pixel_subscribers = 0
        self._ring = _make_ring(microscope.describe())
        self.thread = threading.Thread(target=self._publish_frames, name="frames", daemon=True)
        self.thread.start()

    @property
    def ring(self) -> str:
        """Name of the shared memory."""
        return self._ring.name

    @property
    def newest(self) -> int:
        """Number of the newest stream or acquisition; 0 before the first."""
        return self._newest

    @property
    def busy(self) -> bool:
        """Whether a stream or an acquisition runs."""
        return self._job is not None

    @property
    def acquires(self) -> bool:
        """Whether an acquisition runs."""
        job = self._job
        return job is not None and job.sequence is not None

    def begin(self, sequence: useq.MDASequence | None = None, resume: bool = False) -> None:
        """Begin a stream, or an acquisition if there is a sequence; see `Microscope.frames`.

        Raises
        ------
        MicroscopeError
            If one runs already.
        """
        with self._job_lock:
            if self._job is not None:
                raise MicroscopeError("The camera is busy: end the stream or acquisition first.")
            self._newest += 1
            self._end_error = ""
            self._job = _Job(self._newest, sequence, resume)
        self._wake.set()

    def end(self, error: str = "") -> None:
        """Let the stream or acquisition end, if there is one, with an error for its readers."""
        with self._job_lock:
            self._job, self._end_error = None, error
        self._wake.set()

    def leave(self) -> None:
        """Let the thread end after the frame that it is at."""
        self._closing.set()

    def close(self) -> None:
        """Wait for the thread, and free the shared memory."""
        self._closing.set()
        self.thread.join(timeout=_CLOSE_S)
        self._ring.close()

    def _publish_frames(self) -> None:
        while not self._closing.is_set():
            self._wake.wait(_BEACON_S)
            self._wake.clear()
            job = self._job
            if job is None:
                self._frames.send(BEACON)
                continue
            error = self._publish_job(job)
            with self._job_lock:
                if self._job is job:
                    self._job = None
                elif not error:
                    error = self._end_error
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
            self._fail(error, job.sequence is None)
            return error
        return ""

    def _source(self, job: _Job) -> Frames:
        if job.sequence is not None:
            return self._microscope.acquire(job.sequence)
        return self._microscope.frames(every=True, resume=job.resume)

    def _publish(self, frame: Frame, stream: int) -> None:
        self._pixel_subscribers += _change_of_subscribers(self._frames)
        header = pack(FrameHeader.of(frame, None, stream))
        slot = self._ring.write(frame.image, header)
        self._frames.send_multipart((RING, pack(FrameHeader.of(frame, slot, stream))))
        if self._pixel_subscribers:
            self._frames.send_multipart((PIXELS, header, frame.image))


def _make_ring(about: Description) -> RingWriter:
    slot_bytes = about.width_px * about.height_px * (1 if about.dtype == "uint8" else 2)
    slots = min(max(_RING_BYTES // slot_bytes, _FEWEST_SLOTS), _MOST_SLOTS)
    return RingWriter(slot_bytes, slots)


def _change_of_subscribers(publisher: Any) -> int:
    """Change in the number of subscribers that want pixels, by the messages that have come."""
    change = 0
    for _ in range(_SUBSCRIPTIONS):
        if not publisher.poll(0):
            break
        message = publisher.recv()
        if message[1:] == PIXELS:
            change += 1 if message[0] else -1
    return change
