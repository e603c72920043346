"""What is decided about moves: which is sent when, within limits, and when the stage is read."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable

from ..clock import NS_PER_S, Clock
from ..envelope import Envelope
from ..messages import Fault, Issued, Move, Report
from ..microscope import STOPPED, MicroscopeError, MoveRefused, one_line
from ..stage import PoseModel
from . import guard
from .device import StageDevice
from .polling import PositionPolling, Reading
from .position_mode import PositionMode
from .velocity_mode import VelocityMode
from .waiting_moves import Failures, Job, WaitingMoves

_BUSY_RETRY_S = 0.002
"""After a busy stage has refused a move. Chosen: little against the time that moves take."""
_END_RETRY_S = 0.02
"""After a stage has failed to end a velocity. Chosen: as long as a slow stage takes to answer."""
_MOST_REPORTS = 10_000
"""Kept for a caller that does not ask. Chosen: a minute of the fastest camera, some MB."""


class MoveExecutor:
    """Sends the newest move to a stage, ends velocities, and reads the stage when there is time.

    Whoever owns it calls `step` when `due`, or when `wait_s` has passed since the last step.
    Moves may be asked for, and everything held, from any thread; the rest is for the stage's own.

    Parameters
    ----------
    device : StageDevice
    pose : PoseModel
    envelope : Envelope
        Moves that leave it are refused.
    clock : Clock
    stop : callable
        Called with a reason if the stage must be stopped, and no move be taken any more.

    Attributes
    ----------
    stopped : str
        Why moves are refused until somebody sets it to an empty text again.
    held : bool
        While it is, nothing is sent: the stage is being brought to rest.
    sending : bool
        Whether a command is on its way to the device.
    others_move : bool
        Whether an acquisition moves the stage: then it is not read, as that would look like an
        error of the model, and no move is taken.
    """

    def __init__(
        self,
        device: StageDevice,
        pose: PoseModel,
        envelope: Envelope,
        clock: Clock,
        stop: Callable[[str], None],
    ) -> None:
        self._device, self._pose = device, pose
        self._envelope, self._clock = envelope, clock
        self._stop = stop
        self._velocity = VelocityMode(device, pose, envelope, clock)
        self._polling = PositionPolling(device, pose, self._velocity, clock)
        self._position = PositionMode(device, pose, clock)
        self._waiting = WaitingMoves()
        self._failures = Failures()
        self._waits_for_rest = False
        self._reports: deque[Report] = deque(maxlen=_MOST_REPORTS)
        self.stopped = ""
        self.held = self.sending = self.others_move = False

    def accept(self, move: Move, exposed_ns: int, received_ns: int) -> None:
        """Replace the move that waits, if any, by one that answers an exposure.

        It is forgotten in its turn while the stage is moved by hand.

        Raises
        ------
        MicroscopeError
            If it is not finite, is a velocity that the stage cannot or must not take, leaves the
            envelope, others move the stage, or it was stopped.
        """
        if self.stopped:
            raise MicroscopeError(STOPPED.format(self.stopped))
        guard.refuse_non_finite(move)
        if self.others_move:
            raise MicroscopeError("An acquisition moves the stage: no move is taken meanwhile.")
        if move.velocity_um_s is not None:
            self._velocity.check()
        guard.check_move(move, self._envelope, self._pose, self._clock.now_ns())
        self._waiting.put(Job(move, exposed_ns, received_ns))

    def arm(self) -> None:
        """Take moves again after a stop, or after others have moved the stage."""
        self.stopped = ""
        self._pose.take_back()

    def hold(self) -> None:
        """Forget all moves, and send nothing until `release`."""
        self.held = True
        self._waiting.clear()

    def release(self) -> None:
        """Go on: the stage was brought to rest."""
        self._velocity.ended()
        self.held = False

    @property
    def due(self) -> bool:
        """Whether a step has something to do at once."""
        return self._waiting.new and not self.held

    @property
    def has_velocity(self) -> bool:
        """Whether the stage has, or may have, a velocity."""
        return self._velocity.running

    def wait_s(self) -> float:
        """How long after a step the next one has something to do, unless asked to before."""
        if self._waiting.refused or self.held:
            return _BUSY_RETRY_S
        return min(self._velocity.left_s() or _END_RETRY_S, self._polling.interval_ns / NS_PER_S)

    def step(self) -> None:
        """Send the newest move; end a velocity whose time is up; read if that is due."""
        if self.held:
            return
        job = self._waiting.take()
        if job is not None and not (self.others_move or self._pose.yields):
            problem = self._report_failure(self._carry_out, job)
            if reason := self._failures.note(self._clock.now_ns(), problem):
                self._stop(reason)
        if self._velocity.left_s() <= 0:
            self._report_failure(self._velocity.end)
        self._report_failure(self._read_when_due, job is not None)

    def reports(self) -> list[Report]:
        """Everything since the last call."""
        taken = []
        while self._reports:
            taken.append(self._reports.popleft())
        return taken

    def send(self, move: Move) -> tuple[float, float] | None:
        """Command the stage at once; return the velocity that it was given.

        `MoveRefused` if it leaves the envelope from where the stage is now.
        """
        self.sending = True
        try:
            return None if self.held else self._send(move)
        finally:
            self.sending = False

    def _send(self, move: Move) -> tuple[float, float] | None:
        now_ns = self._clock.now_ns()
        guard.check_move(move, self._envelope, self._pose, now_ns)
        to_x, to_y, to_z = guard.drive_targets_um(move, self._envelope, self._pose, now_ns)
        velocity = None
        if move.velocity_um_s is not None:
            velocity = self._velocity.send(move.velocity_um_s, move.expires_ns)
        elif to_x is not None or to_y is not None:
            self._velocity.end()
        self._position.send(to_x, to_y, to_z, lambda: self.held or self._waiting.new)
        return velocity

    def _is_busy(self) -> bool:
        """Whether a drive is on its way; one that cannot say counts as moving."""
        try:
            return self._device.xy_busy() or self._device.focus_busy()
        except RuntimeError:
            return True

    def read(self) -> None:
        """Read the stage and report it; have it stopped if it cannot be relied on."""
        self._take(self._polling.read(braking=self.held))

    def relocate(self) -> None:
        """Read the stage, which rests; forget all commands, as others have moved it."""
        reading = self._polling.read()
        if reading.pose is not None:
            self._pose.reset(self._clock.now_ns(), reading.drive_um)
        self._take(reading)

    def _take(self, reading: Reading) -> None:
        if reading.pose is not None:
            self._reports.append(reading.pose)
        if reading.fault:
            self.note(reading.fault)
        if reading.stop:
            self._stop(reading.stop)

    def note(self, text: str, *, fatal: bool = False) -> None:
        """Report a fault."""
        self._reports.append(Fault(self._clock.now_ns(), text, fatal))

    def _report_failure(self, act: Callable[..., None], *args: object) -> str:
        try:
            act(*args)
        except Exception as error:
            self.note(f"The stage does not do as it is told: {one_line(error)}")
            return one_line(error)
        return ""

    def _carry_out(self, job: Job) -> None:
        move = job.move
        sets_velocity = move.velocity_um_s is not None
        waits_for_rest = self._waits_for_rest and not (self._velocity.running or sets_velocity)
        if waits_for_rest and self._is_busy():
            self._retry_later(job)
            return
        if self._clock.now_ns() > move.expires_ns:
            return
        try:
            velocity = self.send(move)
        except MoveRefused as refused:
            self.note(str(refused))
            return
        except RuntimeError:
            if sets_velocity or not self._is_busy():
                raise
            self._waits_for_rest = True
            self._retry_later(job)
            return
        if self.held:
            return
        issued_ns, target = self._clock.now_ns(), (move.x_um, move.y_um, move.z_um)
        self._reports.append(
            Issued(move.frame, job.exposed_ns, job.received_ns, issued_ns, *target, velocity)
        )

    def _retry_later(self, job: Job) -> None:
        if not self._waiting.refuse(job, self._clock.now_ns()):
            self.note("The stage has been busy for 10 s: a move was given up.")

    def _read_when_due(self, moved: bool) -> None:
        """Read the stage if that was long ago, and neither a move nor a velocity waits for it."""
        waiting = self.due or self._waiting.refused
        if not self.others_move and self._polling.due(moved) and not waiting:
            self.read()
