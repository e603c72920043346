"""How fast images travel: through shared memory, over a socket and to the disk."""

from __future__ import annotations

import multiprocessing
import os
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import count, islice
from multiprocessing.connection import Connection
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
import useq

from ....drivers.clock import NS_PER_MS, NS_PER_S, SystemClock
from ....drivers.messages import Description, Dynamics, Frame, Image, Move, Report, StagePose
from ....drivers.microscope import ASKED, Frames
from ....drivers.wire import MicroscopeServer, RemoteMicroscope
from ...session import FrameStream, Recorder, ZarrStream

_SHAPE = (2048, 2048)
"""Of an image; the size of common sCMOS cameras."""
_BYTES = 2 * _SHAPE[0] * _SHAPE[1]
_COPIES = 48
"""Images in one repeat of a measurement in memory; chosen: 400 MB, more than any cache."""
_SINGLE = 20
"""Images in one repeat one by one; chosen: a second."""
_APART_NS = 50 * NS_PER_MS
"""Time between these; chosen: far longer than the way that is timed."""
_PLANES = 24
"""Images in one repeat of a measurement on disk; chosen: 200 MB, some seconds on a slow disk."""


def run(folder: Path | None = None, repeats: int = 5) -> list[dict[str, Any]]:
    """Measure every path that a 2048 x 2048 uint16 image takes.

    Rows are of ``path``, ``bytes_per_s`` (median of the rounds), ``share`` and ``of``: the fraction
    of the speed of ``memcpy`` between two warm buffers, or of a ``raw write`` of the same bytes to
    one file. The disk is that of the folder, otherwise of the current one: 400 MB at most, removed
    afterwards. All paths take turns in a round, so that what disturbs the host disturbs all.

    The controller's path is the real one: a server in another process writes each image into
    shared memory, or sends it, and `RemoteMicroscope` copies it out. One by one it is timed from
    readable there to held here, which takes two copies in turn and the news in between; streamed,
    the two processes copy at the same time, and images that the controller skips do not count.
    Both writes to disk end with everything synchronised to the device.
    """
    rng = np.random.default_rng(0)
    images = [rng.integers(1, 4_000, _SHAPE, np.uint16) for _ in range(2)]
    with tempfile.TemporaryDirectory(dir=folder or Path.cwd(), prefix="transport-") as scratch:
        paths: dict[str, tuple[str, Callable[[], float]]] = {
            "memcpy": ("memcpy", lambda: _memcpy(images)),
            "controller, one by one": ("memcpy", _one_by_one),
            "controller, streamed": ("memcpy", lambda: _streamed(pixels=False)),
            "controller, streamed over tcp": ("memcpy", lambda: _streamed(pixels=True)),
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


def _one_by_one() -> float:
    """Images 50 ms apart: from readable in one process to held by the other."""
    with _served(_APART_NS, pixels=False) as microscope:
        frames = microscope.frames()
        waits_ns = [time.perf_counter_ns() - f.readable_ns for f in islice(frames, _SINGLE)]
    return _BYTES / (median(waits_ns) / NS_PER_S)


def _streamed(pixels: bool) -> float:
    """Images as fast as they come: those that reached the controller, in their time."""
    with _served(0, pixels=pixels) as microscope:
        frames = microscope.frames()
        next(frames)
        start = time.perf_counter()
        for _ in islice(frames, _COPIES):
            pass
        return _COPIES * _BYTES / (time.perf_counter() - start)


@contextmanager
def _served(apart_ns: int, pixels: bool) -> Iterator[RemoteMicroscope]:
    """Connect to a microscope in another process that repeats one image."""
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe()
    process = context.Process(target=_serve, args=(theirs, apart_ns), daemon=True)
    process.start()
    try:
        with RemoteMicroscope("127.0.0.1", ours.recv(), pixels=pixels) as microscope:
            yield microscope
    finally:
        ours.send(None)
        process.join(10)


def _serve(release: Connection, apart_ns: int) -> None:
    with MicroscopeServer(_StillCamera(apart_ns)) as server:
        release.send(server.port)
        release.recv()


class _StillCamera:
    """A microscope that has one image, ready when it is due; nothing in it moves."""

    def __init__(self, apart_ns: int) -> None:
        self._apart_ns, self._clock, self._open = apart_ns, SystemClock(), True
        self._image = np.ones(_SHAPE, np.uint16)
        self.dropped = 0
        self.stopped = self.problem = ""

    def describe(self) -> Description:
        return _description()

    def frames(self, *, every: bool = False, resume: bool = False) -> Frames:
        due_ns = self._clock.now_ns()
        for index in count():
            self._clock.sleep_until_ns(due_ns)
            if not self._open:
                return
            now_ns = self._clock.now_ns()
            yield Frame(self._image, index, now_ns, now_ns, 1.0, StagePose(0, 0, 0, now_ns))
            due_ns += self._apart_ns

    def acquire(self, sequence: useq.MDASequence) -> Frames:
        return self.frames()

    def move(self, move: Move) -> None: ...

    def halt(self) -> None: ...

    def stop(self, reason: str = ASKED) -> None: ...

    def arm(self) -> None: ...

    def reports(self) -> list[Report]:
        return []

    def close(self) -> None:
        self._open = False

    def __enter__(self) -> _StillCamera:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()


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
            streams.append(_TimedStream(ZarrStream(path, description)))
            return streams[0]

        recorder = Recorder(Path(folder), _description(), "", open_stream=open_timed)
        start = time.perf_counter()
        for i in range(_PLANES):
            recorder.frame(Frame(images[i % 2], i, i, i, 1.0, StagePose(0, 0, 0, i)))
        recorder.finish()
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

    @property
    def pending(self) -> int:
        return self._stream.pending

    def close(self, interval_s: float | None = None) -> None:
        self._stream.close(interval_s)
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
