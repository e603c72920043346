"""Moves that wait for the stage, and moves that failed."""

from __future__ import annotations

from collections import deque
from typing import NamedTuple

from ..clock import NS_PER_MS
from ..messages import Move

_BUSY_LIMIT_NS = 10_000 * NS_PER_MS
"""After which a refused move is given up. Chosen: longer than any stage travels."""

_LASTS_NS = 1_000 * NS_PER_MS
"""How long every move may fail. Chosen: a serial line that has lost one answer has the next."""


class Job(NamedTuple):
    """A move, the exposure that it answers, and when it was accepted."""

    move: Move
    exposed_ns: int
    received_ns: int


class WaitingMoves:
    """A newer move replaces an older one; put in from any thread, taken by the stage's own."""

    def __init__(self) -> None:
        self._newest: deque[Job] = deque(maxlen=1)
        self._refused: Job | None = None

    def put(self, job: Job) -> None:
        """Let a move wait, instead of any other."""
        self._newest.append(job)

    def take(self) -> Job | None:
        """Return the newest move, or else the one that was refused."""
        refused, self._refused = self._refused, None
        try:
            return self._newest.popleft()
        except IndexError:
            return refused

    def refuse(self, job: Job, now_ns: int) -> bool:
        """Keep a move that a busy stage refuses, until a newer one comes; False if given up."""
        if now_ns - job.received_ns > _BUSY_LIMIT_NS:
            return False
        self._refused = job
        return True

    def clear(self) -> None:
        """Forget all."""
        self._newest.clear()
        self._refused = None

    @property
    def new(self) -> bool:
        """Whether there is one that was not tried yet."""
        return bool(self._newest)

    @property
    def refused(self) -> bool:
        """Whether there is one that was refused."""
        return self._refused is not None


class Failures:
    """Notes how moves went."""

    def __init__(self) -> None:
        self._since_ns: int | None = None

    def note(self, at_ns: int, problem: str) -> str:
        """Note why a move failed, empty if it did not; return why the stage must be stopped."""
        if not problem:
            self._since_ns = None
        elif self._since_ns is None:
            self._since_ns = at_ns
        elif at_ns - self._since_ns > _LASTS_NS:
            return f"it has not carried out any move for a second: {problem}"
        return ""
