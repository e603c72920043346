"""A microscope in another process, on this host or another one."""

from __future__ import annotations

from contextlib import closing

import msgspec
import useq

from ..actuation import checked_events, refuse_non_finite
from ..clock import Clock, SystemClock
from ..memory import RingReader
from ..messages import Description, Fault, Move, Report
from ..microscope import ASKED, Frames, MicroscopeError
from ..single_run import SingleRun
from ..stop_button import send_stop
from .connection import Connection, received
from .decoding import unpack_report
from .protocol import (
    Acquire,
    Announce,
    Arm,
    Command,
    Describe,
    Halt,
    MoveCommand,
    Stream,
)
from .receiver import FrameReceiver
from .topics import TELEMETRY

_END_OF_STREAM_S = 10.0
"""How long `close` waits for a stream in another thread; chosen: twice a command's answer."""
_STOP_MS = 5_000
"""How long an answer to a stop is awaited; chosen: longer than any stage brakes."""
_SOON_MS = 1_000
"""How long `find_decisions` waits for an answer; chosen: it is asked again and again."""


def settings_of(host: str, port: int) -> str:
    """Return the configuration, in TOML, that the microscope there was opened with.

    Empty if it has none.

    Raises
    ------
    MicroscopeError
        If nothing answers there.
    """
    with closing(Connection(host, port, SystemClock())) as connection:
        about = connection.ask(Describe()).about
    assert about is not None
    return about.settings


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
        self._clock = clock or SystemClock()
        self._runs = SingleRun()
        self._connection = Connection(host, port, self._clock)
        try:
            answer = self._connection.ask(Describe())
            about = answer.about
            assert about is not None
            self._description = about.description
            self._ring = None if pixels else _attach(about.ring)
            self._offset_ns = 0 if self._ring else self._connection.clock_offset_ns()
            self._telemetry = self._connection.listen(TELEMETRY, about.telemetry_port, b"")
            self._receiver = FrameReceiver(
                self._connection,
                about.frames_port,
                self._ring,
                self._clock,
                self._offset_ns,
                self._runs.alive,
            )
            self._receiver.oldest = answer.stream + (not about.streaming)
        except BaseException:
            self._connection.close()
            raise

    @property
    def dropped(self) -> int:
        """Exposures that `frames` passed over, or that were overwritten before they were read."""
        return self._receiver.dropped

    def describe(self) -> Description:
        """What this microscope is."""
        return self._description

    def frames(self, *, every: bool = False, resume: bool = False) -> Frames:
        """Start streaming and yield; see `Microscope.frames`."""
        return self._runs.begin(self._commanded(Stream(True, resume), every))

    def end(self) -> None:
        """Let `frames` or `listen` end with what is readable now; from any thread."""
        self._receiver.end()

    def listen(self) -> Frames:
        """Yield every frame that another client's streaming brings, without commanding."""
        return self._runs.begin(self._receiver.stream(every=True))

    def move(self, move: Move) -> None:
        """Send a move and return without waiting for the answer."""
        refuse_non_finite(move)
        if self._offset_ns:
            remote_ns = move.expires_ns - self._offset_ns
            move = msgspec.structs.replace(move, expires_ns=remote_ns)
        self._connection.send(MoveCommand(move))

    def halt(self) -> None:
        """Let every axis come to rest."""
        self._connection.send(Halt())

    def stop(self, reason: str = ASKED) -> None:
        """Stop the microscope, see `Microscope.stop`; whoever commands it loses it."""
        problem = send_stop(self._connection.host, self._connection.port, reason, _STOP_MS)
        if problem:
            raise MicroscopeError(problem)

    def arm(self) -> None:
        """Let moves be taken again after a stop."""
        self._connection.ask(Arm())

    @property
    def stopped(self) -> str:
        """Why no moves are taken; empty if they are."""
        about = self._connection.ask(Describe()).about
        return about.stopped if about is not None else ""

    @property
    def problem(self) -> str:
        """Nothing: the process that owns the microscope watches over it."""
        return ""

    def reports(self) -> list[Report]:
        """All that happened since the last call, refused commands included."""
        reports = [self._localised(unpack_report(data)) for data in received(self._telemetry)]
        reports += [Fault(self._clock.now_ns(), refusal) for refusal in self._connection.refusals()]
        return reports

    def acquire(self, sequence: useq.MDASequence) -> Frames:
        """Run an acquisition there; its frames come like any others, none dropped."""
        checked_events(sequence, self.describe())
        command = Acquire(sequence.model_dump_json(exclude_unset=True))
        return self._runs.begin(self._commanded(command, every=True))

    def close(self) -> None:
        """Halt the stage and end streaming if this client holds the lease, then disconnect."""
        if not self._runs.alive():
            return
        self._runs.close(_END_OF_STREAM_S)
        self._connection.close()
        if self._ring is not None:
            self._ring.close()

    def announce(self, decisions: str) -> None:
        """Become the controller, and tell everybody where it publishes its decisions.

        Parameters
        ----------
        decisions : str
            ``HOST:PORT``.

        Raises
        ------
        MicroscopeError
            If another controller holds the microscope.
        """
        self._connection.ask(Announce(decisions))
        self._connection.keep_lease()

    def find_decisions(self) -> str:
        """Where the controller publishes its decisions, ``HOST:PORT``; empty if there is none."""
        about = self._connection.ask(Describe(), _SOON_MS).about
        return about.decisions if about is not None else ""

    def __enter__(self) -> RemoteMicroscope:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()

    def _commanded(self, command: Command, every: bool) -> Frames:
        self._receiver.oldest = self._connection.ask(command).stream
        self._connection.keep_lease()
        try:
            resumed = isinstance(command, Stream) and command.resume
            yield from self._receiver.stream(every, resumed)
        finally:
            self._connection.rest()
            self._connection.ask_last(Stream(False))

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


def _attach(name: str) -> RingReader | None:
    try:
        return RingReader(name)
    except ValueError:
        return None
