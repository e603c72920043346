"""How fast images travel: through shared memory, over a socket and to the disk."""

from __future__ import annotations

import multiprocessing
import os
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from multiprocessing.connection import Connection
from pathlib import Path
from statistics import median
from typing import Any

import msgspec
import numpy as np
import zmq

from ...drivers.clock import NS_PER_MS, SystemClock
from ...drivers.messages import Description, Dynamics, Frame, Image, StagePose, pack
from ...drivers.ring import RingReader, RingWriter, Slot
from ..recorder import FrameStream, Recorder, open_zarr

_SHAPE = (2048, 2048)
_BYTES = 2 * _SHAPE[0] * _SHAPE[1]
_SLOTS = 8
_COPIES = 48
"""Images in one repeat of a measurement in memory."""
_PLANES = 24
"""Images in one repeat of a measurement on disk: 200 MB."""
_INTERVAL_NS = 10 * NS_PER_MS
_TIMEOUT_MS = 10_000


def run(folder: Path | None = None, repeats: int = 5) -> list[dict[str, Any]]:
    """Measure every path that a 2048 x 2048 uint16 image takes.

    Parameters
    ----------
    folder : Path, optional
        Where the disk is measured, 400 MB at most, removed afterwards; the current folder
        if not given.
    repeats : int
        Rounds. All paths take turns in a round, so that what disturbs the host disturbs all.

    Returns
    -------
    list of dict
        ``path``, ``bytes_per_s`` (median of the rounds), ``share`` and ``of``: the fraction of
        the speed of ``memcpy`` between two warm buffers, or of a ``raw write`` of the same bytes
        to one file.

    Notes
    -----
    The ring is read as a controller does it, while another process writes 100 images a
    second: timed from taking the header off the socket to holding a private image. Such an
    image comes out of another core's cache and the reader has just woken, so this cannot reach
    the speed of copies within one core. Inline pixels are timed from the first image to the
    last, sent as fast as they are taken. Both writes to disk end with everything synchronised
    to the device.
    """
    rng = np.random.default_rng(0)
    images = [rng.integers(1, 4_000, _SHAPE, np.uint16) for _ in range(2)]
    with tempfile.TemporaryDirectory(dir=folder or Path.cwd(), prefix="transport-") as scratch:
        paths: dict[str, tuple[str, Callable[[], float]]] = {
            "memcpy": ("memcpy", lambda: _memcpy(images)),
            "ring write": ("memcpy", lambda: _ring_write(images)),
            "ring read": ("memcpy", _ring_read),
            "inline over tcp": ("memcpy", _inline_read),
            "raw write": ("raw write", lambda: _raw_write(images, Path(scratch))),
            "recorder": ("raw write", lambda: _record(images, Path(scratch))),
        }
        rounds = [{name: measure() for name, (_, measure) in paths.items()} for _ in range(repeats)]
    speeds = {name: median(a_round[name] for a_round in rounds) for name in paths}
    return [
        {"path": name, "bytes_per_s": speeds[name], "share": speeds[name] / speeds[of], "of": of}
        for name, (of, _) in paths.items()
    ]


def _memcpy(images: list[Image]) -> float:
    source, target = images[0], images[1].copy()
    start = time.perf_counter()
    for _ in range(_COPIES):
        np.copyto(target, source)
    return _COPIES * _BYTES / (time.perf_counter() - start)


def _ring_write(images: list[Image]) -> float:
    with RingWriter(_BYTES, _SLOTS) as ring:
        for _ in range(_SLOTS):
            ring.write(images[1])
        start = time.perf_counter()
        for _ in range(_COPIES):
            ring.write(images[0])
        return _COPIES * _BYTES / (time.perf_counter() - start)


def _ring_read() -> float:
    seconds: list[float] = []
    reader: RingReader | None = None
    decode = msgspec.msgpack.Decoder(Slot).decode
    with _publisher(_publish_slots) as socket:
        for _ in range(_COPIES):
            _wait(socket)
            start = time.perf_counter()
            slot = decode(socket.recv())
            if reader is None:
                reader = RingReader(slot.ring)
            image = reader.read(slot, _SHAPE, np.uint16)
            if image is not None:
                seconds.append(time.perf_counter() - start)
    if reader is None or not seconds:
        raise RuntimeError("every image was overwritten before it was read: is this host busy?")
    reader.close()
    return _BYTES / median(seconds)


def _inline_read() -> float:
    with _publisher(_publish_pixels) as socket:
        _wait(socket)
        socket.recv_multipart(copy=False)
        start = time.perf_counter()
        for _ in range(_COPIES - 1):
            _wait(socket)
            _, pixels = socket.recv_multipart(copy=False)
            np.frombuffer(pixels.buffer, np.uint16).reshape(_SHAPE)
        return (_COPIES - 1) * _BYTES / (time.perf_counter() - start)


def _wait(socket: zmq.Socket[bytes]) -> None:
    if not socket.poll(_TIMEOUT_MS):
        raise RuntimeError("no image came within 10 s: is this host busy?")


@contextmanager
def _publisher(publish: Callable[[Connection], None]) -> Iterator[zmq.Socket[bytes]]:
    """Subscribe to another process that publishes `_COPIES` messages and waits to be released."""
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe()
    process = context.Process(target=publish, args=(theirs,), daemon=True)
    process.start()
    socket = zmq.Context.instance().socket(zmq.SUB)
    socket.set_hwm(0)
    try:
        socket.connect(ours.recv())
        socket.subscribe(b"")
        yield socket
    finally:
        socket.close(0)
        ours.send(None)
        process.join(5)
        process.kill()


def _publish_slots(release: Connection) -> None:
    clock, image = SystemClock(), np.ones(_SHAPE, np.uint16)
    with RingWriter(_BYTES, _SLOTS) as ring, _bound(release) as socket:
        next_ns = clock.now_ns()
        for _ in range(_COPIES):
            clock.sleep_until_ns(next_ns := next_ns + _INTERVAL_NS)
            socket.send(pack(ring.write(image)))
        release.recv()


def _publish_pixels(release: Connection) -> None:
    image = np.ones(_SHAPE, np.uint16)
    with _bound(release) as socket:
        for _ in range(_COPIES):
            socket.send_multipart((b"header", image.data), copy=False)
        release.recv()


@contextmanager
def _bound(release: Connection) -> Iterator[zmq.Socket[bytes]]:
    """Bind a publisher, tell its address and wait for the subscriber."""
    with zmq.Context() as context, context.socket(zmq.XPUB) as socket:
        socket.set_hwm(0)
        socket.linger = 0
        port = socket.bind_to_random_port("tcp://127.0.0.1")
        release.send(f"tcp://127.0.0.1:{port}")
        socket.recv()
        yield socket


def _raw_write(images: list[Image], scratch: Path) -> float:
    path = scratch / "raw"
    start = time.perf_counter()
    with path.open("wb") as file:
        for i in range(_PLANES):
            file.write(images[i % 2].data)
        file.flush()
        os.fsync(file.fileno())
    elapsed = time.perf_counter() - start
    path.unlink()
    return _PLANES * _BYTES / elapsed


def _record(images: list[Image], scratch: Path) -> float:
    with tempfile.TemporaryDirectory(dir=scratch) as folder:
        streams: list[_TimedStream] = []

        def open_timed(path: Path, description: Description) -> FrameStream:
            streams.append(_TimedStream(open_zarr(path, description)))
            return streams[0]

        recorder = Recorder(Path(folder), _description(), "", open_stream=open_timed)
        start = time.perf_counter()
        for i in range(_PLANES):
            recorder.frame(Frame(images[i % 2], i, i, i, 1.0, StagePose(0, 0, 0, i)))
        recorder.close()
        if recorder.fault:
            raise RuntimeError(recorder.fault)
        return _PLANES * _BYTES / (streams[0].closed_s - start)


class _TimedStream:
    """Takes the time when all pixels are on the disk: the summary that follows is no transport."""

    def __init__(self, stream: FrameStream) -> None:
        self._stream = stream
        self.closed_s = 0.0

    def append(self, frame: Image) -> None:
        self._stream.append(frame)

    def close(self) -> None:
        self._stream.close()
        self.closed_s = time.perf_counter()


def _description() -> Description:
    return Description(
        *("transport", "Camera", "XY", "", _SHAPE[1], _SHAPE[0], "uint16", 1.0),
        affine=(1.0, 0.0, 0.0, 1.0),
        exposure_ms=1.0,
        interval_ms=10.0,
        dynamics=Dynamics(),
        limits_um=((-1.0, 1.0), (-1.0, 1.0), (-1.0, 1.0)),
    )
