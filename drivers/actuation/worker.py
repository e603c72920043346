"""The stage's own thread: moves go out, positions come in, and no frame waits for either."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable

from pymmcore_plus import CMMCorePlus

from ..clock import NS_PER_MS, NS_PER_S, Clock
from ..messages import Fault, Issued, Move, Report
from ..microscope import MicroscopeError, one_line
from ..settings import StageSettings
from ..stage import PoseModel
from . import guard
from .polling import Reader
from .velocity_mode import Driver

_RETRY_S = 0.02
"""After a stage has failed to stop."""
_BUSY_RETRY_S = 0.002
_BUSY_LIMIT_NS = 10_000 * NS_PER_MS


class StageWorker:
    """Sends the newest move to an XY stage and a focus drive, and reads them when there is time.

    Parameters
    ----------
    core : CMMCorePlus
        Owns the devices.
    xy_stage, focus : str
        Labels; an empty focus means that there is none.
    settings : StageSettings
        How the XY stage takes velocities.
    pose : PoseModel
        Told of every command and every read-back.
    limits_um : Box
        Moves end at its border.
    clock : Clock
        Stamps commands and read-backs.
    """

    def __init__(
        self,
        core: CMMCorePlus,
        xy_stage: str,
        focus: str,
        settings: StageSettings,
        pose: PoseModel,
        limits_um: guard.Box,
        clock: Clock,
    ) -> None:
        self._core, self._xy, self._focus = core, xy_stage, focus
        self._pose, self._limits_um, self._clock = pose, limits_um, clock
        self._driver = Driver(core, xy_stage, settings, pose, limits_um, clock)
        self._reader = Reader(core, xy_stage, focus, pose, self._driver, clock)
        self._pending: tuple[Move, int, int] | None = None
        self._waits_for_rest = False
        self._stop = False
        self._closed = False
        self._reads = True
        self._wake = threading.Condition()
        self._reports: deque[Report] = deque(maxlen=10_000)
        self._thread = threading.Thread(target=self._run, name="stage", daemon=True)
        self._thread.start()

    def move(self, move: Move, exposed_ns: int) -> None:
        """Replace the move that waits, if any; ``exposed_ns`` belongs to the move's frame.

        Raises
        ------
        MicroscopeError
            If it is not finite, or is a velocity that the stage cannot or must not take.
        """
        guard.refuse_non_finite(move)
        if move.velocity_um_s is not None:
            self._refuse_velocity()
        received_ns = self._clock.now_ns()
        with self._wake:
            self._pending = (guard.within(move, self._limits_um), exposed_ns, received_ns)
            self._wake.notify()

    def stop(self) -> None:
        """Halt all axes; return when the stage has been told."""
        with self._wake:
            self._pending, self._stop = None, True
            self._wake.notify()
            self._wake.wait_for(lambda: not self._stop or not self._thread.is_alive(), timeout=5)

    def read_when_idle(self, on: bool) -> None:
        """Begin or cease to read: what others move would look like an error of the model.

        While others move, no velocity is taken, and one that is in force is ended.
        """
        self._reads = on
        if not on and self._driver.running:
            self.stop()

    def reports(self) -> list[Report]:
        """Everything since the last call."""
        taken = []
        while self._reports:
            taken.append(self._reports.popleft())
        return taken

    def fault(self, text: str, *, fatal: bool = False) -> None:
        """Add a fault to the reports."""
        self._reports.append(Fault(self._clock.now_ns(), text, fatal))

    def close(self) -> None:
        """Halt the stage and end the thread."""
        if self._closed:
            return
        self.stop()
        with self._wake:
            self._closed = True
            self._wake.notify()
        self._thread.join(timeout=5)

    def _run(self) -> None:
        while True:
            with self._wake:
                self._wake.wait_for(self._has_work, timeout=self._patience_s())
                if self._closed:
                    self._stop = False
                    self._wake.notify_all()
                    return
                stop, (job, self._pending) = self._stop, (self._pending, None)
            if stop:
                self._try(self._halt)
            elif job is not None:
                self._try(self._carry_out, *job)
            if self._driver.left_s() <= 0:
                self._try(self._driver.end)
            self._try(self._read_when_due, job is not None)
            if stop:
                with self._wake:
                    self._stop = False
                    self._wake.notify_all()

    def _try(self, act: Callable[..., None], *args: object) -> None:
        try:
            act(*args)
        except Exception as error:
            self.fault(f"The stage does not answer: {one_line(error)}")

    def _patience_s(self) -> float:
        """How long the thread may wait for work."""
        patience_s = self._reader.interval_ns / NS_PER_S
        return min(self._driver.left_s() or _RETRY_S, patience_s)

    def _refuse_velocity(self) -> None:
        if self._driver.refusal:
            raise MicroscopeError(self._driver.refusal)
        if not self._reads:
            raise MicroscopeError("An acquisition moves the stage: no velocity is taken meanwhile.")

    def _has_work(self) -> bool:
        return self._closed or self._stop or self._pending is not None

    def _carry_out(self, move: Move, exposed_ns: int, received_ns: int) -> None:
        drives = move.velocity_um_s is not None
        if self._waits_for_rest and not self._driver.running and not drives and self._busy():
            self._wait_then_retry(move, exposed_ns, received_ns)
            return
        if self._clock.now_ns() > move.expires_ns:
            return
        try:
            velocity = self._send(move)
        except RuntimeError:
            if not self._busy():
                raise
            self._waits_for_rest = True
            self._wait_then_retry(move, exposed_ns, received_ns)
            return
        now_ns = self._clock.now_ns()
        target = move.x_um, move.y_um, move.z_um
        self._reports.append(Issued(move.frame, exposed_ns, received_ns, now_ns, *target, velocity))

    def _wait_then_retry(self, move: Move, exposed_ns: int, received_ns: int) -> None:
        """Keep a move that a busy stage refuses, unless a newer one has come meanwhile."""
        if self._clock.now_ns() - received_ns > _BUSY_LIMIT_NS:
            self.fault("The stage has been busy for 10 s: a move was given up.")
            return
        with self._wake:
            self._wake.wait(timeout=_BUSY_RETRY_S)
            if self._pending is None and not self._stop:
                self._pending = (move, exposed_ns, received_ns)

    def _busy(self) -> bool:
        return any(self._core.deviceBusy(label) for label in (self._xy, self._focus) if label)

    def _send(self, move: Move) -> tuple[float, float] | None:
        """Tell the stage; return the velocity that it was given."""
        aimed = self._pose.aimed(self._clock.now_ns(), move.x_um, move.y_um, move.z_um)
        to_x, to_y, to_z = guard.clipped(aimed, self._limits_um)
        velocity = None
        if move.velocity_um_s is not None:
            velocity = self._driver.send(move)
        elif to_x is not None or to_y is not None:
            self._driver.end()
            x, y, _ = self._pose.target_um
            x, y = x if to_x is None else to_x, y if to_y is None else to_y
            self._core.setXYPosition(self._xy, x, y)
        if to_z is not None and self._focus:
            self._core.setPosition(self._focus, to_z)
        self._pose.commanded(self._clock.now_ns(), to_x, to_y, to_z)
        return velocity

    def _halt(self) -> None:
        try:
            self._driver.end()
        finally:
            try:
                self._core.stop(self._xy)
            finally:
                if self._focus:
                    self._core.stop(self._focus)
                self._pose.halted(self._clock.now_ns())

    def _read_when_due(self, moved: bool) -> None:
        """Read the stage if that was long ago, and neither a move nor a velocity waits for it."""
        if not (self._reads and self._reader.due(moved)) or self._has_work():
            return
        report, wrong = self._reader.read()
        self._reports.append(report)
        if wrong:
            self.fault(wrong, fatal=True)
            self._halt()
