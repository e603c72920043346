"""Observers of a session: told of every step of the loop, without holding it up."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from queue import SimpleQueue

from ...drivers.messages import Frame
from ...drivers.microscope import one_line
from ..loop import Step

_MOST_WAITING = 64
"""Steps that may wait for an observer; chosen: half a second of common cameras, and no more memory
than 64 of their images."""
_CLOSE_S = 2.0
"""How long an observer may take to finish what waits; chosen: a person waits for it."""


class Observer:
    """Base of all observers: what is not overridden does nothing.

    Attributes
    ----------
    name : str
        For messages: "The recorder".
    in_step : bool
        Whether it is called in the thread of the loop: then it sees every step before the next
        one is taken, and must return at once. Otherwise it is called in a thread of its own, and
        steps that it is too slow for are kept from it.
    """

    name = "An observer"
    in_step = False

    def observe(self, step: Step) -> None:
        """Take note of a step of the loop."""

    def acquired(self, frame: Frame) -> None:
        """Take note of a frame of an acquisition."""

    def close(self) -> None:
        """Take note that no more will come."""


class Observers:
    """Tells several observers; what goes wrong in one of them concerns no other."""

    def __init__(self, observers: Sequence[Observer]) -> None:
        self._attached = [_Attached(observer) for observer in observers]

    def tell(self, news: Step | Frame) -> None:
        """Tell of a step, or of a frame of an acquisition; returns at once."""
        for attached in self._attached:
            attached.tell(news)

    def faults(self) -> list[str]:
        """What went wrong since the last call, in sentences."""
        return [fault for attached in self._attached for fault in attached.take_faults()]

    def close(self) -> None:
        """Let all finish what waits for them."""
        for attached in self._attached:
            attached.begin_to_close()
        for attached in self._attached:
            attached.close()


class _Attached:
    """One observer, and the thread in which it is called if it has one."""

    def __init__(self, observer: Observer) -> None:
        self._observer = observer
        self._failed = False
        self._dropped = 0
        self._faults: SimpleQueue[str] = SimpleQueue()
        self._waiting: SimpleQueue[Step | Frame | None] = SimpleQueue()
        self._thread: threading.Thread | None = None
        if not observer.in_step:
            self._thread = threading.Thread(target=self._run, name=observer.name, daemon=True)
            self._thread.start()

    def tell(self, news: Step | Frame) -> None:
        if self._failed:
            return
        if self._thread is None:
            self._call(news)
        elif self._waiting.qsize() < _MOST_WAITING:
            self._waiting.put(news)
        else:
            if not self._dropped:
                self._faults.put(f"{self._observer.name} is too slow: it is not told everything.")
            self._dropped += 1

    def take_faults(self) -> list[str]:
        return [self._faults.get() for _ in range(self._faults.qsize())]

    def begin_to_close(self) -> None:
        self._waiting.put(None)
        if self._thread is None:
            self._call(None)

    def close(self) -> None:
        if self._thread is not None:
            self._thread.join(_CLOSE_S)
            if self._thread.is_alive():
                self._faults.put(f"{self._observer.name} did not come to an end.")
        if self._dropped:
            self._faults.put(f"{self._observer.name} was not told of {self._dropped} steps.")

    def _run(self) -> None:
        while (news := self._waiting.get()) is not None and not self._failed:
            self._call(news)
        self._call(None)

    def _call(self, news: Step | Frame | None) -> None:
        """Tell the observer, or close it; one that fails is told nothing more."""
        try:
            match news:
                case None:
                    self._observer.close()
                case Step():
                    self._observer.observe(news)
                case Frame():
                    self._observer.acquired(news)
        except Exception as error:
            self._failed = True
            reason = f"{type(error).__name__}: {one_line(error)}".rstrip(".")
            self._faults.put(f"{self._observer.name} failed and is told nothing more: {reason}.")
