"""The stage's own thread: moves go out, readings come in, and no frame waits for either."""

from __future__ import annotations

import threading

from ..clock import Clock
from ..envelope import Envelope
from ..messages import Move, Report
from ..stage import PoseModel
from .device import StageDevice
from .executor import MoveExecutor

_LONGEST_STOP_S = 5.0
"""How long `stop` waits for a stage that does not answer. Chosen: a few serial timeouts."""


class StageWorker:
    """A thread that carries out moves, see `MoveExecutor` for the parameters.

    Used from any thread.
    """

    def __init__(
        self, device: StageDevice, pose: PoseModel, envelope: Envelope, clock: Clock
    ) -> None:
        self._clock = clock
        self._executor = MoveExecutor(device, pose, envelope, clock)
        self._closed = False
        self._wake = threading.Condition()
        self._thread = threading.Thread(target=self._run, name="stage", daemon=True)
        self._thread.start()

    def move(self, move: Move, exposed_ns: int) -> None:
        """Replace the move that waits, if any; see `MoveExecutor.accept`."""
        self._executor.accept(move, exposed_ns, self._clock.now_ns())
        with self._wake:
            self._wake.notify()

    def stop(self) -> None:
        """Halt all axes; return when the stage has been told."""
        with self._wake:
            self._executor.request_stop()
            self._wake.notify()
            self._wake.wait_for(
                lambda: not (self._executor.stopping and self._thread.is_alive()),
                timeout=_LONGEST_STOP_S,
            )

    def read_when_idle(self, on: bool) -> None:
        """Begin or cease to read: see `MoveExecutor.may_read`; a velocity in force is ended."""
        self._executor.may_read = on
        if not on and self._executor.has_velocity:
            self.stop()

    def reports(self) -> list[Report]:
        """Everything since the last call."""
        return self._executor.reports()

    def close(self) -> None:
        """Halt the stage and end the thread."""
        if self._closed:
            return
        self.stop()
        with self._wake:
            self._closed = True
            self._wake.notify()
        self._thread.join(timeout=_LONGEST_STOP_S)

    def _run(self) -> None:
        while True:
            with self._wake:
                self._wake.wait_for(self._has_work, timeout=self._executor.wait_s())
            if self._closed:
                return
            self._executor.step()
            with self._wake:
                self._wake.notify_all()

    def _has_work(self) -> bool:
        return self._closed or self._executor.due
