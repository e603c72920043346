"""What is decided about moves: which is sent when, within limits, and when the stage is read."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import NamedTuple

from ..clock import NS_PER_MS, NS_PER_S, Clock
from ..envelope import Envelope
from ..messages import Fault, Issued, Move, Report
from ..microscope import MicroscopeError, MoveRefused, one_line
from ..stage import PoseModel
from . import guard
from .device import StageDevice
from .polling import PositionPolling
from .velocity_mode import VelocityMode

_STOP_RETRY_S = 0.02
"""After a stage has failed to end a velocity. Chosen: as long as a slow stage takes to answer."""
_BUSY_RETRY_S = 0.002
"""After a busy stage has refused a move. Chosen: little against the time that moves take."""
_BUSY_LIMIT_NS = 10_000 * NS_PER_MS
"""After which a refused move is given up. Chosen: longer than any stage travels."""
_MOST_REPORTS = 10_000
"""Kept for a caller that does not ask. Chosen: a minute of the fastest camera, some MB."""


class _Job(NamedTuple):
    """A move, the exposure that it answers, and when it was accepted."""

    move: Move
    exposed_ns: int
    received_ns: int


class MoveExecutor:
    """Sends the newest move to a stage, ends velocities, and reads the stage when there is time.

    It has neither a thread nor waits: whoever owns it calls `step` when `due`, or when `wait_s`
    has passed since the last step. Moves and stops may be asked for from any thread; `step`,
    `send` and `read` belong to the stage's own.

    Parameters
    ----------
    device : StageDevice
    pose : PoseModel
        Told of every command and every reading.
    envelope : Envelope
        Moves that leave it are refused.
    clock : Clock
        Stamps commands and readings.

    Attributes
    ----------
    may_read : bool
        Whether the stage is read: what others move would look like an error of the model.
        While others move, no velocity is accepted.
    """

    def __init__(
        self, device: StageDevice, pose: PoseModel, envelope: Envelope, clock: Clock
    ) -> None:
        self._device, self._pose = device, pose
        self._envelope, self._clock = envelope, clock
        self._velocity = VelocityMode(device, pose, envelope, clock)
        self._polling = PositionPolling(device, pose, self._velocity, clock)
        self._newest: deque[_Job] = deque(maxlen=1)
        self._refused: _Job | None = None
        self._waits_for_rest = False
        self._reports: deque[Report] = deque(maxlen=_MOST_REPORTS)
        self.stopping = False
        self.may_read = True

    def accept(self, move: Move, exposed_ns: int, received_ns: int) -> None:
        """Replace the move that waits, if any.

        Parameters
        ----------
        move : Move
        exposed_ns, received_ns : int
            Middle of the exposure that it answers, and when it was received.

        Raises
        ------
        MicroscopeError
            If it is not finite, or is a velocity that the stage cannot or must not take.
        MoveRefused
            If it leaves the envelope.
        """
        guard.refuse_non_finite(move)
        if move.velocity_um_s is not None:
            self._velocity.check()
            if not self.may_read:
                raise MicroscopeError(
                    "An acquisition moves the stage: no velocity is taken meanwhile."
                )
        guard.check_move(move, self._envelope, self._pose, self._clock.now_ns())
        self._newest.append(_Job(move, exposed_ns, received_ns))

    def request_stop(self) -> None:
        """Forget the move that waits; the next step halts all axes, and ends `stopping`."""
        self._newest.clear()
        self.stopping = True

    @property
    def due(self) -> bool:
        """Whether a step has something to do at once."""
        return self.stopping or bool(self._newest)

    @property
    def has_velocity(self) -> bool:
        """Whether the stage has, or may have, a velocity."""
        return self._velocity.running

    def wait_s(self) -> float:
        """How long after a step the next one has something to do, unless asked to before."""
        if self._refused is not None:
            return _BUSY_RETRY_S
        return min(self._velocity.left_s() or _STOP_RETRY_S, self._polling.interval_ns / NS_PER_S)

    def step(self) -> None:
        """Halt, or send the newest move; end a velocity whose time is up; read if that is due."""
        stop, job = self.stopping, self._next_job()
        if stop:
            self._report_failure(self._halt)
        elif job is not None:
            self._report_failure(self._carry_out, job)
        if self._velocity.left_s() <= 0:
            self._report_failure(self._velocity.end)
        self._report_failure(self._read_when_due, job is not None)
        if stop:
            self.stopping = False

    def reports(self) -> list[Report]:
        """Everything since the last call."""
        taken = []
        while self._reports:
            taken.append(self._reports.popleft())
        return taken

    def send(self, move: Move) -> tuple[float, float] | None:
        """Command the stage at once; return the velocity that it was given.

        Raises
        ------
        MoveRefused
            If it leaves the envelope from where the stage is now.
        """
        now_ns = self._clock.now_ns()
        guard.check_move(move, self._envelope, self._pose, now_ns)
        to_x, to_y, to_z = guard.drive_targets_um(move, self._envelope, self._pose, now_ns)
        velocity = None
        if move.velocity_um_s is not None:
            velocity = self._velocity.send(move.velocity_um_s, move.expires_ns)
        elif to_x is not None or to_y is not None:
            self._velocity.end()
            x, y, _ = self._pose.target_um
            self._device.send_xy(x if to_x is None else to_x, y if to_y is None else to_y)
        if to_z is not None:
            self._device.send_focus(to_z)
        self._pose.commanded(self._clock.now_ns(), to_x, to_y, to_z)
        return velocity

    def read(self) -> None:
        """Read the stage and report it; halt it if it does not follow its velocity."""
        report, problem = self._polling.read()
        self._reports.append(report)
        if problem:
            self._fault(problem, fatal=True)
            self._halt()

    def _fault(self, text: str, *, fatal: bool = False) -> None:
        self._reports.append(Fault(self._clock.now_ns(), text, fatal))

    def _report_failure(self, act: Callable[..., None], *args: object) -> None:
        try:
            act(*args)
        except Exception as error:
            self._fault(f"The stage does not answer: {one_line(error)}")

    def _next_job(self) -> _Job | None:
        """The newest move, or else the one that a busy stage has refused."""
        refused, self._refused = self._refused, None
        try:
            return self._newest.popleft()
        except IndexError:
            return refused

    def _carry_out(self, job: _Job) -> None:
        move = job.move
        sets_velocity = move.velocity_um_s is not None
        waits_for_rest = self._waits_for_rest and not (self._velocity.running or sets_velocity)
        if waits_for_rest and self._device.busy():
            self._retry_later(job)
            return
        if self._clock.now_ns() > move.expires_ns:
            return
        try:
            velocity = self.send(move)
        except MoveRefused as refused:
            self._fault(str(refused))
            return
        except RuntimeError:
            if sets_velocity or not self._device.busy():
                raise
            self._waits_for_rest = True
            self._retry_later(job)
            return
        issued_ns, target = self._clock.now_ns(), (move.x_um, move.y_um, move.z_um)
        self._reports.append(
            Issued(move.frame, job.exposed_ns, job.received_ns, issued_ns, *target, velocity)
        )

    def _retry_later(self, job: _Job) -> None:
        """Keep a move that a busy stage refuses, until a newer one comes."""
        if self._clock.now_ns() - job.received_ns > _BUSY_LIMIT_NS:
            self._fault("The stage has been busy for 10 s: a move was given up.")
        else:
            self._refused = job

    def _halt(self) -> None:
        try:
            self._velocity.end()
        finally:
            try:
                self._device.stop_xy()
            finally:
                try:
                    self._device.stop_focus()
                finally:
                    self._pose.halted(self._clock.now_ns())

    def _read_when_due(self, moved: bool) -> None:
        """Read the stage if that was long ago, and neither a move nor a velocity waits for it."""
        waiting = self.due or self._refused is not None
        if self.may_read and self._polling.due(moved) and not waiting:
            self.read()
