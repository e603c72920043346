"""What tests of the wire share: a microscope without devices, and a client without our package."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from itertools import islice
from typing import Any

import numpy as np
import useq
import zmq
from pursuit.drivers.messages import (
    SCHEMA,
    Description,
    Dynamics,
    Fault,
    Frame,
    Move,
    Report,
    StagePose,
    pack,
)
from pursuit.drivers.microscope import ASKED, Frames, MicroscopeError
from pursuit.drivers.wire import RemoteMicroscope, unpack
from pursuit.drivers.wire.protocol import (
    Command,
    Reply,
    Request,
)

NEVER = 2**62
MOVE = Move(1.0, 2.0, None, NEVER, 0)


class FakeMicroscope:
    """A microscope that notes what it is told; its pixels hold the index of their frame."""

    def __init__(self) -> None:
        self.pause_s = 0.002
        self.breaks_at: int | None = None
        self.moves: list[Move] = []
        self.halts = threading.Semaphore(0)
        self.stopped = self.problem = ""
        self.sticks = False
        self.exposed = 0
        self.idle = threading.Event()
        self.idle.set()
        self.dropped = 0
        self._closed = False

    def describe(self) -> Description:
        return Description(
            name="fake",
            camera="Camera",
            xy_stage="XY",
            focus="",
            width_px=8,
            height_px=6,
            dtype="uint16",
            pixel_um=1.0,
            affine=(1.0, 0.0, 0.0, 1.0),
            exposure_ms=1.0,
            interval_ms=2.0,
            dynamics=Dynamics(),
            limits_um=((-100.0, 100.0), (-100.0, 100.0), (0.0, 0.0)),
        )

    def frames(self, *, every: bool = False, resume: bool = False) -> Frames:
        self.idle.clear()
        self.exposed = self.exposed if resume else 0
        try:
            while not self._closed:
                if self.exposed == self.breaks_at:
                    raise MicroscopeError("The cable came off.")
                yield self._frame()
                self.exposed += 1
                time.sleep(self.pause_s)
        finally:
            self.idle.set()

    def acquire(self, sequence: useq.MDASequence) -> Frames:
        yield from islice(self.frames(), len(list(sequence)))

    def move(self, move: Move) -> None:
        self.moves.append(move)

    def halt(self) -> None:
        self.halts.release()

    def stop(self, reason: str = ASKED) -> None:
        self.stopped = reason
        if self.sticks:
            raise MicroscopeError("It does not stand.")

    def arm(self) -> None:
        self.stopped = ""

    def reports(self) -> list[Report]:
        return []

    def close(self) -> None:
        self._closed = True

    def __enter__(self) -> FakeMicroscope:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()

    def _frame(self) -> Frame:
        image = np.full((6, 8), self.exposed, np.uint16)
        at_ns = time.perf_counter_ns()
        return Frame(image, self.exposed, at_ns - 1, at_ns, 1.0, StagePose(0, 0, 0, at_ns - 1))


class ForeignClient:
    """A client that was written without our package, and sends no heartbeat."""

    def __init__(self, port: int, kind: int = zmq.DEALER) -> None:
        self._context = zmq.Context()
        self._socket = self._context.socket(kind)
        self._socket.connect(f"tcp://127.0.0.1:{port}")

    def says(self, data: bytes) -> Reply:
        self._socket.send(data)
        assert self._socket.poll(10_000), "no answer"
        return unpack(Reply, self._socket.recv())

    def sends(self, command: Command, lease: str = "foreign") -> None:
        """Send a command whose answer nobody waits for."""
        self._socket.send(pack(Request(SCHEMA, 5, lease, command)))

    def asks(self, command: Command, lease: str = "foreign", schema: int = SCHEMA) -> str:
        reply = self.says(pack(Request(schema, 5, lease, command)))
        assert reply.id == 5
        return reply.error

    def close(self) -> None:
        self._context.destroy(linger=0)


Connect = Callable[..., RemoteMicroscope]


def until(happened: Callable[[], Any]) -> Any:
    """Wait for something that another thread will do."""
    for _ in range(2_000):
        if found := happened():
            return found
        time.sleep(0.005)
    raise AssertionError("did not happen")


def faults(scope: RemoteMicroscope) -> list[str]:
    return [report.text for report in scope.reports() if isinstance(report, Fault)]
