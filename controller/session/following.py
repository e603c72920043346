"""Following until the time is up, with acquisitions in between."""

from __future__ import annotations

from collections.abc import Callable, Generator
from contextlib import closing, suppress
from queue import SimpleQueue
from typing import Protocol

import useq

from ...drivers.clock import NS_PER_S
from ...drivers.messages import Frame, Move
from ...drivers.microscope import Microscope, MicroscopeError, MoveRefused
from ..loop import Step
from .observers import Observers

Acquisitions = SimpleQueue[useq.MDASequence]
"""Acquisitions that are asked for while a session follows, by `put`, from any thread."""

_RETURN_NS = 10 * NS_PER_S
"""Life of the move back after an acquisition; chosen: a stage busy for longer has a fault."""
_SLACK_S = 1e-6
"""By how much a session may end early; chosen: above rounding, below any exposure."""


class Follows(Protocol):
    """What follows: the loop, or another controller in its place."""

    dry_run: bool

    @property
    def interval_ns(self) -> float:
        """Time from one exposure to the next."""
        ...

    def prepare(self) -> None:
        """Do what takes long the first time, before frames count; nothing moves."""
        ...

    def steps(self) -> Generator[Step, None, None]:
        """Follow for as long as frames come and the caller wants more; called again, go on."""
        ...

    def note(self, text: str) -> None:
        """Say something in the next decision."""
        ...


def follow(
    loop: Follows,
    microscope: Microscope,
    seconds: float | None,
    observers: Observers,
    acquisitions: Acquisitions,
    check: Callable[[Step], None],
    report: Callable[[str], None],
) -> None:
    """Run the loop until its time is up or no more frames come.

    An acquisition that was asked for runs after the step during which that happened: the stream
    ends, the acquisition runs, the stage is sent back to where it was, and the stream resumes.
    The tracks coast over the gap.

    Parameters
    ----------
    loop : Follows
    microscope : Microscope
        That of the loop.
    seconds : float or None
        From the first exposure.
    observers : Observers
    acquisitions : Acquisitions
    check : callable
        Called after each step; raises if the session must end.
    report : callable
        Told in a sentence of what went wrong in an observer or an acquisition.
    """
    first_ns: int | None = None
    while True:
        with closing(loop.steps()) as steps:
            for step in steps:
                observers.tell(step)
                for fault in observers.faults():
                    report(fault)
                check(step)
                first_ns = step.frame.exposed_ns if first_ns is None else first_ns
                next_ns = step.frame.exposed_ns - first_ns + loop.interval_ns
                if seconds is not None and next_ns >= (seconds - _SLACK_S) * NS_PER_S:
                    return
                if not acquisitions.empty():
                    break
            else:
                return
        if loop.dry_run:
            acquisitions.get()
            report("An acquisition was refused: this is a dry run, and nothing moves.")
            continue
        try:
            _acquire(microscope, acquisitions.get(), step.frame, observers)
        except MicroscopeError as error:
            report(f"An acquisition was given up: {error}")


def _acquire(
    microscope: Microscope, sequence: useq.MDASequence, last: Frame, observers: Observers
) -> None:
    """Run an acquisition, then send the stage back to where it was in the last frame.

    Where the acquisition fails or is interrupted, the stage is left at rest. So it is if the way
    back is refused, as a step that is too long: the loop then goes to its target in several.
    """
    taken: Frame | None = None
    with closing(microscope.acquire(sequence)) as frames:
        for frame in frames:
            taken = frame
            observers.tell(frame)
    if taken is not None:
        pose, expires_ns = last.pose, taken.readable_ns + _RETURN_NS
        back = Move(pose.x_um, pose.y_um, pose.z_um, expires_ns, last.index)
        with suppress(MoveRefused):
            microscope.move(back)
