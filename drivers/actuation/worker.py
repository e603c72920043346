"""The stage's own thread: moves go out, readings come in, and no frame waits for either."""

from __future__ import annotations

import threading

from ..clock import NS_PER_S, Clock
from ..envelope import Envelope
from ..messages import Move, Report
from ..microscope import STOPPED, MicroscopeError
from ..stage import PoseModel
from .brake import Brake
from .braking import Braking
from .device import StageDevice
from .executor import MoveExecutor

_END_S = 5.0
"""How long `close` waits for a device that blocks. Chosen: a few serial timeouts."""
_SLOW_NS = NS_PER_S
"""How long one command or reading takes before it is told. Chosen: many serial timeouts."""
_HANGS_NS = 6 * NS_PER_S
"""How long one command or reading may take. Chosen: longer than Micro-Manager waits for a device
by itself, 5 s."""


class StageWorker:
    """A thread that carries out moves, and others that bring the stage to rest.

    Used from any thread; see `MoveExecutor` for the parameters.
    """

    def __init__(
        self, device: StageDevice, pose: PoseModel, envelope: Envelope, clock: Clock
    ) -> None:
        self._clock = clock
        self._executor = MoveExecutor(device, pose, envelope, clock, self._emergency)
        self._braking = Braking(Brake(device, pose, clock), self._executor)
        self._closed = False
        self._stepping_ns: int | None = None
        self._is_slow = False
        self._wake = threading.Condition()
        self._thread = threading.Thread(target=self._run, name="stage", daemon=True)
        self._thread.start()

    def move(self, move: Move, exposed_ns: int) -> None:
        """Replace the move that waits, if any; see `MoveExecutor.accept`."""
        self._executor.accept(move, exposed_ns, self._clock.now_ns())
        with self._wake:
            self._wake.notify()

    def send(self, x_um: float | None, y_um: float | None, z_um: float | None) -> None:
        """Send the stage somewhere at once, in the thread of an acquisition.

        Raises
        ------
        MicroscopeError
            If it was stopped.
        """
        if self._executor.held:
            self._braking.wait()
        if not self._executor.stopped:
            self._executor.send(Move(x_um, y_um, z_um, 0, 0))
        if self._executor.stopped:
            raise MicroscopeError(STOPPED.format(self._executor.stopped))

    def halt(self) -> None:
        """Forget all moves and bring the stage to rest; return at once."""
        self._braking.begin()

    def begin_stop(self, reason: str) -> None:
        """Take no move until `arm`, begin to bring the stage to rest, and return at once."""
        self._executor.stopped = reason
        self._braking.begin()

    def stop(self, reason: str) -> None:
        """Bring the stage to rest, and take no move until `arm`.

        Raises
        ------
        MicroscopeError
            If it is not known to stand. It is told again and again.
        """
        self.begin_stop(reason)
        problem = self._braking.wait()
        if problem:
            self._executor.note(problem, fatal=True)
            raise MicroscopeError(problem)

    @property
    def stopped(self) -> str:
        """Why no moves are taken; empty if they are."""
        return self._executor.stopped

    def arm(self) -> None:
        """Take moves again, also after a hand has moved the stage.

        Raises
        ------
        MicroscopeError
            If the stage is still being brought to rest.
        """
        if self._executor.held:
            raise MicroscopeError("The stage is not known to stand: look at it, then try again.")
        self._executor.arm()

    def others_move(self, on: bool) -> None:
        """Let an acquisition move the stage, see `MoveExecutor.others_move`, or end that.

        Raises
        ------
        MicroscopeError
            If a velocity that the stage had could not be ended.
        """
        if not on:
            self._executor.relocate()
        elif self._executor.has_velocity:
            self._braking.begin()
            problem = self._braking.wait()
            if problem:
                raise MicroscopeError(problem)
        self._executor.others_move = on

    def reports(self) -> list[Report]:
        """Everything since the last call."""
        slow = self._blocked_ns > _SLOW_NS
        if slow and not self._is_slow:
            self._executor.note("The stage's adapter has not answered for a second.")
        self._is_slow = slow
        return self._executor.reports()

    @property
    def _blocked_ns(self) -> int:
        """How long the stage's thread has been waiting for the device."""
        began_ns = self._stepping_ns
        return 0 if began_ns is None else self._clock.now_ns() - began_ns

    @property
    def problem(self) -> str:
        """Why no move can be carried out any more; empty if all is well."""
        if not self._thread.is_alive() and not self._closed:
            return "The thread that moves the stage has ended."
        if max(self._blocked_ns, self._braking.blocked_ns) > _HANGS_NS:
            return f"The stage's adapter has not answered for {_HANGS_NS // NS_PER_S} s."
        return ""

    def close(self) -> None:
        """Bring the stage to rest and end the threads."""
        if self._closed:
            return
        self._braking.begin()
        self._braking.wait()
        with self._wake:
            self._closed = True
            self._wake.notify()
        self._braking.close()
        self._thread.join(timeout=_END_S)

    def _emergency(self, reason: str) -> None:
        """Stop, without waiting for it: called in the stage's thread."""
        if not self._executor.stopped:
            reason = reason.rstrip(".")
            self.begin_stop(reason)
            self._executor.note(f"The stage was stopped: {reason}.", fatal=True)

    def _run(self) -> None:
        while True:
            with self._wake:
                self._wake.wait_for(self._has_work, timeout=self._executor.wait_s())
            if self._closed:
                return
            self._stepping_ns = self._clock.now_ns()
            self._executor.step()
            self._stepping_ns = None

    def _has_work(self) -> bool:
        return self._closed or self._executor.due
