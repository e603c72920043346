"""The messages between processes: requests, replies and frame headers; docs/protocol.md."""

from __future__ import annotations

from ..messages import Description, Message, Move

RING, PIXELS, BEACON, END = b"R", b"P", b"B", b"E"
"""First part of a message on `frames`: a header whose pixels are in the ring, a header and its
pixels, nothing while no stream runs, the end of a stream or an acquisition."""

UNREADABLE_ID = -1
"""Id of the reply to a request whose own could not be read; no request has it."""


class Describe(Message, frozen=True, tag="describe"):
    """Ask what the microscope is and where its topics are; needs no lease."""


class Lease(Message, frozen=True, tag="lease"):
    """Ask for the right to command, or renew it; silence for `LEASE_NS` gives it up.

    Attributes
    ----------
    turned_ms : float
        How long ago the controller's loop last waited for a frame: a loop that hangs keeps the
        lease for a while, but not a stage that moves.
    """

    turned_ms: float = 0.0


class Release(Message, frozen=True, tag="release"):
    """Give the lease back; the stage halts."""


class MoveCommand(Message, frozen=True, tag="move"):
    """Carry out a move."""

    move: Move


class Halt(Message, frozen=True, tag="halt"):
    """Begin to bring every axis to rest."""


class Arm(Message, frozen=True, tag="arm"):
    """Take moves again after a stop. Anyone may: it needs no lease."""


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


Command = Describe | Lease | Release | MoveCommand | Halt | Arm | Stream | Acquire | Announce | Now


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
    frames_port, telemetry_port, stop_port : int
        On the same host.
    ring : str
        Name of the shared memory.
    streaming : bool
        Whether a stream or an acquisition runs.
    decisions : str
        Where the controller publishes its decisions, ``HOST:PORT``; empty if there is no
        controller, or it has not announced any.
    stopped : str
        Why no moves are taken; empty if they are.
    settings : str
        The configuration that the microscope was opened with, all of it, in TOML; empty if it has
        none.
    """

    description: Description
    frames_port: int
    telemetry_port: int
    stop_port: int
    ring: str
    streaming: bool
    decisions: str
    stopped: str
    settings: str


class End(Message, frozen=True):
    """The end of a stream or acquisition; ``error`` is empty if it was asked for."""

    schema: int
    stream: int
    error: str
