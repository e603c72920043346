"""The messages between processes: requests, replies and frame headers; docs/protocol.md."""

from __future__ import annotations

from typing import Any, TypeVar

import msgspec
import numpy as np

from ..memory import Slot
from ..messages import SCHEMA, Description, Frame, Message, Move, Report, StagePose
from ..microscope import MicroscopeError, one_line

RING, PIXELS, BEACON, END = b"R", b"P", b"B", b"E"
"""First part of a message on `frames`: a header whose pixels are in the ring, a header and its
pixels, nothing while no stream runs, the end of a stream or an acquisition."""

UNREADABLE_ID = -1
"""Id of the reply to a request whose own could not be read; no request has it."""


class Describe(Message, frozen=True, tag="describe"):
    """Ask what the microscope is and where its topics are; needs no lease."""


class Lease(Message, frozen=True, tag="lease"):
    """Ask for the right to command, or renew it; silence for `LEASE_NS` gives it up."""


class Release(Message, frozen=True, tag="release"):
    """Give the lease back."""


class MoveCommand(Message, frozen=True, tag="move"):
    """Carry out a move."""

    move: Move


class Stop(Message, frozen=True, tag="stop"):
    """Halt every axis. Anyone may: it needs no lease."""


class Stream(Message, frozen=True, tag="stream"):
    """Start or end streaming; with ``resume``, frames are counted on from the last stream."""

    on: bool
    resume: bool = False


class Acquire(Message, frozen=True, tag="acquire"):
    """Run a useq sequence, given as its JSON text; frames come over the frames topic."""

    sequence: str


class Announce(Message, frozen=True, tag="announce"):
    """Tell where the decisions of the holder of the lease are published, as ``HOST:PORT``.

    It is told to everybody who asks to `Describe`, until the lease ends.
    """

    decisions: str


class Now(Message, frozen=True, tag="now"):
    """Ask what time it is on the microscope's host; needs no lease."""


Command = Describe | Lease | Release | MoveCommand | Stop | Stream | Acquire | Announce | Now


class Request(Message, frozen=True):
    """What goes to the microscope.

    Attributes
    ----------
    schema : int
        `SCHEMA` of the sender.
    id : int
        Comes back in the reply.
    lease : str
        A random text, chosen by the sender, that identifies it.
    command : Command
    """

    schema: int
    id: int
    lease: str
    command: Command


class Reply(Message, frozen=True):
    """What comes back.

    Attributes
    ----------
    schema, id : int
        Of the sender, and of the request; `UNREADABLE_ID` if that could not be read.
    error : str
        Why the command was refused; empty if it was accepted.
    about : About or None
        Answer to `Describe`.
    now_ns : int
        What time it is there.
    stream : int
        Number of the newest stream or acquisition; 0 before the first.
    """

    schema: int
    id: int
    error: str = ""
    about: About | None = None
    now_ns: int = 0
    stream: int = 0


class About(Message, frozen=True):
    """Answer to `Describe`.

    Attributes
    ----------
    description : Description
    frames_port, telemetry_port : int
        On the same host.
    ring : str
        Name of the shared memory.
    streaming : bool
        Whether a stream or an acquisition runs.
    decisions : str
        Where the controller publishes its decisions, ``HOST:PORT``; empty if there is no
        controller, or it has not announced any.
    """

    description: Description
    frames_port: int
    telemetry_port: int
    ring: str
    streaming: bool
    decisions: str


class End(Message, frozen=True):
    """The end of a stream or acquisition; ``error`` is empty if it was asked for."""

    schema: int
    stream: int
    error: str


class FrameHeader(Message, frozen=True):
    """All of a `Frame` but its pixels, and where those are.

    Attributes
    ----------
    schema : int
    stream : int
        Number of the stream or acquisition, counted by the server; greater than all before it.
    shape : (H, W)
    dtype : str
    slot : Slot or None
        The image in the shared-memory ring; None if the next message part holds the pixels.
    """

    schema: int
    stream: int
    index: int
    exposed_ns: int
    readable_ns: int
    exposure_ms: float
    pose: StagePose
    channel: str
    acquisition: int
    shape: tuple[int, int]
    dtype: str
    slot: Slot | None

    @classmethod
    def of(cls, frame: Frame, slot: Slot | None, stream: int) -> FrameHeader:
        """Return the header of a frame."""
        height, width = frame.image.shape
        return cls(
            SCHEMA,
            stream,
            frame.index,
            frame.exposed_ns,
            frame.readable_ns,
            frame.exposure_ms,
            frame.pose,
            frame.channel,
            frame.acquisition,
            (height, width),
            frame.image.dtype.name,
            slot,
        )

    def frame(self, image: np.ndarray, offset_ns: int, arrived_ns: int) -> Frame:
        """Return the frame, its times moved to the local clock by ``offset_ns``."""
        pose = self.pose
        if offset_ns:
            pose = msgspec.structs.replace(pose, at_ns=pose.at_ns + offset_ns)
        return Frame(
            image,
            self.index,
            self.exposed_ns + offset_ns,
            self.readable_ns + offset_ns,
            self.exposure_ms,
            pose,
            self.channel,
            self.acquisition,
            arrived_ns,
        )


M = TypeVar("M")

_UNREADABLE = (msgspec.MsgspecError, UnicodeDecodeError)
"""What msgspec raises, the second from names that are not UTF-8."""


def unpack(kind: type[M], data: bytes | memoryview) -> M:
    """Decode and check a message.

    Raises
    ------
    MicroscopeError
        If it is not a valid message of this schema.
    """
    decoder: msgspec.msgpack.Decoder[Any] | None = _decoders.get(kind)
    if decoder is None:
        decoder = _decoders[kind] = msgspec.msgpack.Decoder(kind)
    try:
        return decoder.decode(data)
    except _UNREADABLE as error:
        raise MicroscopeError(f"A message was refused: {one_line(error)}.") from error


def unpack_report(data: bytes) -> Report:
    """Decode a message of the telemetry topic; errors as `unpack`."""
    try:
        return _report_decoder.decode(data)
    except _UNREADABLE as error:
        raise MicroscopeError(f"A report was refused: {one_line(error)}.") from error


_report_decoder: msgspec.msgpack.Decoder[Report] = msgspec.msgpack.Decoder(Report)
_decoders: dict[Any, msgspec.msgpack.Decoder[Any]] = {}
