"""Moves that wait for the stage: the newest, and one that a busy stage has refused."""

from __future__ import annotations

from collections import deque
from typing import NamedTuple

from ..clock import NS_PER_MS
from ..messages import Move

_BUSY_LIMIT_NS = 10_000 * NS_PER_MS
"""After which a refused move is given up. Chosen: longer than any stage travels."""


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
