"""The one interface to every microscope: real, remote or simulated."""

from __future__ import annotations

from collections.abc import Generator
from typing import Protocol

import useq

from .messages import Description, Frame, Move, Report

Frames = Generator[Frame, None, None]
"""Frames as they come; closing it ends their stream."""


ASKED = "somebody asked for it"
"""Reason of a stop that was given without one."""
STOPPED = "The microscope was stopped ({}): it takes no moves until `pursuit arm`."
"""What is answered after a stop, with its reason."""


class MicroscopeError(RuntimeError):
    """The microscope cannot do what was asked; the text is one sentence for the user."""


class MoveRefused(MicroscopeError):  # noqa: N818 (named for what happened)
    """A move was not made because it leaves the limits; the stage goes on with what it does."""


def one_line(error: BaseException) -> str:
    """Return the text of an error, to be put into a sentence."""
    return " ".join(str(error).split())


class Microscope(Protocol):
    """A camera, an XY stage and perhaps a focus drive that act as one.

    A context manager: leaving it stops the stage, ends streaming and frees the devices.
    """

    @property
    def dropped(self) -> int:
        """Exposures since streaming began that `frames` passed over for a newer one."""
        ...

    def describe(self) -> Description:
        """What this microscope is."""
        ...

    def frames(self, *, every: bool = False, resume: bool = False) -> Frames:
        """Start streaming and yield the newest frame not yet seen, waiting for it if need be.

        Closing the iterator ends streaming.

        Parameters
        ----------
        every : bool
            Yield all frames in order instead.
        resume : bool
            Go on counting frames where the last stream ended, instead of from 0.

        Raises
        ------
        MicroscopeError
            If the camera stops delivering.
        """
        ...

    def move(self, move: Move) -> None:
        """Send the stage somewhere and return at once; a newer move replaces an older one.

        Raises
        ------
        MicroscopeError
            If a coordinate is not finite. Nothing moves.
        MoveRefused
            If the move leaves the limits. The stage goes on with what it does.
        """
        ...

    def halt(self) -> None:
        """Begin to bring every axis to rest, forget moves that wait, and return at once."""
        ...

    def stop(self, reason: str = ASKED) -> None:
        """Bring every axis to rest, give acquisitions up, take no moves until `arm`.

        Returns when the stage has been read to stand.

        Parameters
        ----------
        reason : str
            For those whose moves are refused.

        Raises
        ------
        MicroscopeError
            If it is not known to stand.
        """
        ...

    def arm(self) -> None:
        """Take moves again after a stop, or after a hand has moved the stage.

        Raises
        ------
        MicroscopeError
            If the stage is not known to stand yet.
        """
        ...

    @property
    def stopped(self) -> str:
        """Why no moves are taken; empty if they are."""
        ...

    @property
    def problem(self) -> str:
        """Why no move can be carried out any more, and the process should end; empty if well."""
        ...

    def reports(self) -> list[Report]:
        """All that happened since the last call: moves issued, poses read, faults.

        If the microscope is simulated, also the true position of the target in every frame of a
        stream.
        """
        ...

    def acquire(self, sequence: useq.MDASequence) -> Frames:
        """Run an acquisition and yield every frame of it, none dropped.

        Closing the iterator gives the acquisition up.

        Raises
        ------
        MicroscopeError
            If it leaves the limits, before anything moves, or a device fails.
        """
        ...

    def close(self) -> None:
        """Stop the stage and release everything; harmless when repeated."""
        ...

    def __enter__(self) -> Microscope: ...
    def __exit__(self, *exc: object) -> None: ...
