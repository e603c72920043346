"""Kinematics of a drive: where an axis is after a series of commands."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Iterator
from typing import NamedTuple

from ..clock import NS_PER_MS, NS_PER_S
from ..messages import Dynamics
from .profiles import NEVER_NS, AccelerationStep, ConstantVelocity, Trapezoid, acceleration_steps

REMEMBERED_COMMANDS = 48
"""Chosen: half a second at 100 commands a second, longer than delay, move and ringing last."""
_INSTANTS = 8
"""Samples of an exposure during which an axis moves. The midpoint rule errs by ``a h²/24`` with
``h`` an eighth of the exposure: 7 nm at 10⁵ µm/s² and 10 ms."""

State = tuple[float, float]
"""Position in µm and velocity in µm/s."""


class _Command(NamedTuple):
    """A target (µm) or, without one, a velocity (µm/s), and the move that it leads to."""

    arrived_ns: int
    target_um: float | None
    velocity_um_s: float
    move: Trapezoid | ConstantVelocity


class Axis:
    """The drive of one axis and the commands that it was given lately.

    Parameters
    ----------
    position_um : float
        Where it rests before the first command.
    dynamics : Dynamics
        Its delay, speed and acceleration.
    """

    def __init__(self, position_um: float, dynamics: Dynamics) -> None:
        self.dynamics = dynamics
        self._commands: deque[_Command] = deque()
        self._rest = _resting(0, position_um)

    def command(self, arrived_ns: int, target_um: float) -> None:
        """Take a target that reached the stage's controller at ``arrived_ns``."""
        self._take(arrived_ns, target_um, 0.0)

    def set_velocity(self, arrived_ns: int, velocity_um_s: float) -> None:
        """Take a velocity, to be kept until the next command; zero brakes to rest."""
        self._take(arrived_ns, None, velocity_um_s)

    def halt(self, arrived_ns: int) -> None:
        """Brake to rest as hard as the axis can."""
        self._take(arrived_ns, None, 0.0)

    def _take(self, arrived_ns: int, target_um: float | None, velocity_um_s: float) -> None:
        """Plan a move from the state at which a command shows; drop commands that show later."""
        start_ns = arrived_ns + round(self.dynamics.delay_ms * NS_PER_MS)
        while self._commands and self._commands[-1].move.start_ns >= start_ns:
            self._commands.pop()
        if len(self._commands) == REMEMBERED_COMMANDS:
            self._commands.popleft()
            self._rest = _resting(0, self.state(self._commands[0].arrived_ns)[0])
        x, v = self._last_move.state(start_ns)
        acceleration, speed = self.dynamics.acceleration_um_s2, self.dynamics.speed_um_s
        move: Trapezoid | ConstantVelocity
        if target_um is None and velocity_um_s:
            velocity = min(max(velocity_um_s, -speed), speed)
            move = ConstantVelocity(start_ns, x, v, velocity, acceleration)
        else:
            end_um = x + v * abs(v) / (2 * acceleration) if target_um is None else target_um
            move = Trapezoid.plan(start_ns, x, v, end_um, self.dynamics)
        self._commands.append(_Command(arrived_ns, target_um, velocity_um_s, move))

    def reset(self, at_ns: int, position_um: float) -> None:
        """Forget all commands: the axis rests at ``position_um``."""
        self._commands.clear()
        self._rest = _resting(at_ns, position_um)

    def replayed(self, dynamics: Dynamics) -> Axis:
        """Return an axis with other dynamics that was given the same commands."""
        axis = Axis(self._rest.start_um, dynamics)
        for arrived_ns, target_um, velocity_um_s, _ in self._commands:
            axis._take(arrived_ns, target_um, velocity_um_s)
        return axis

    @property
    def first_command_ns(self) -> float:
        """Arrival of the first command that is remembered; infinite without any."""
        return self._commands[0].arrived_ns if self._commands else math.inf

    def state(self, at_ns: int) -> State:
        """Position and velocity at an instant of the recent past or the future."""
        return self._move(at_ns).state(at_ns)

    def _move(self, at_ns: int) -> Trapezoid | ConstantVelocity:
        """The move that is going on, or has ended, at an instant."""
        for _, _, _, move in reversed(self._commands):
            if move.start_ns <= at_ns:
                return move
        return self._rest

    @property
    def _last_move(self) -> Trapezoid | ConstantVelocity:
        return self._commands[-1].move if self._commands else self._rest

    def instants(self, middle_ns: int, span_ns: int) -> list[int]:
        """Return instants over which the mean position is that over a span of time."""
        start_ns = middle_ns - span_ns // 2
        if span_ns == 0 or self.rests_until_ns(start_ns) >= start_ns + span_ns:
            return [middle_ns]
        return [start_ns + span_ns * (2 * i + 1) // (2 * _INSTANTS) for i in range(_INSTANTS)]

    def acceleration_steps(self, at_ns: int, within_s: float) -> Iterator[AccelerationStep]:
        """Yield the changes of acceleration up to an instant, which is taken to end it.

        Those of moves that were going on up to ``within_s`` before.
        """
        until_ns = at_ns
        for _, _, _, move in reversed(self._commands):
            if move.start_ns >= until_ns:
                continue
            if at_ns - min(move.end_ns, until_ns) > within_s * NS_PER_S:
                return
            since_s = (at_ns - until_ns) / NS_PER_S
            for ago_s, change in acceleration_steps(move, (until_ns - move.start_ns) / NS_PER_S):
                yield since_s + ago_s, change
            until_ns = move.start_ns

    @property
    def target_um(self) -> float:
        """Where the axis is going, or rests."""
        return self._last_move.target_um

    def keeps_velocity(self, at_ns: int) -> bool:
        """Whether the axis is in velocity mode at an instant: it does not end by itself."""
        return isinstance(self._move(at_ns), ConstantVelocity)

    def rests_until_ns(self, at_ns: int) -> int:
        """Until when an axis that is at rest stays so; ``at_ns`` itself if it moves."""
        following = NEVER_NS
        for _, _, _, move in reversed(self._commands):
            if move.start_ns <= at_ns:
                return following if move.end_ns <= at_ns else at_ns
            following = move.start_ns
        return following

    @property
    def rest_ns(self) -> int:
        """When the last move ends; far in the future if a velocity is kept."""
        return self._last_move.end_ns


def _resting(at_ns: int, position_um: float) -> Trapezoid:
    return Trapezoid(at_ns, position_um, 0.0, (), position_um)
