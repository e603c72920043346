"""One stream or acquisition at a time, and an end to it from any thread."""

from __future__ import annotations

import threading
import time
import weakref
from contextlib import suppress

from .microscope import Frames, MicroscopeError

_RETRY_S = 0.005
"""Time between attempts to end a run in another thread; chosen: a person does not notice it."""


class SingleRun:
    """Lets at most one generator of frames run at a time, and ends it on `close`.

    It keeps no generator alive: one that its caller has dropped ends like one that was closed.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._idle = threading.Event()
        self._idle.set()
        self._runs: weakref.WeakSet[Frames] = weakref.WeakSet()
        self._open = True

    def alive(self) -> bool:
        """Whether frames are still wanted: False once `close` was called."""
        return self._open

    def begin(self, frames: Frames) -> Frames:
        """Return a generator that yields ``frames`` as the only run.

        Raises
        ------
        MicroscopeError
            If another runs, now or when the first frame is asked for, or after `close`.
        """
        self._check()
        run = self._alone(frames)
        self._runs.add(run)
        return run

    def close(self, timeout_s: float) -> None:
        """Let no run begin, end the one there is, and wait for that."""
        self._open = False
        until_s = time.monotonic() + timeout_s
        while True:
            for run in list(self._runs):
                with suppress(ValueError):  # it executes in another thread, and sees `alive`
                    run.close()
            if self._idle.wait(_RETRY_S) or time.monotonic() > until_s:
                return

    def _alone(self, frames: Frames) -> Frames:
        with self._lock:
            self._check()
            self._idle.clear()
        try:
            yield from frames
        finally:
            self._idle.set()

    def _check(self) -> None:
        if not self._open:
            raise MicroscopeError("This microscope is closed: open it again.")
        if not self._idle.is_set():
            raise MicroscopeError("The camera is busy: end the stream or acquisition first.")
