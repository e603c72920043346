"""Kinematics of a stage: where an axis is after a series of commands."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator

from ..clock import NS_PER_MS, NS_PER_S
from ..messages import Dynamics
from .profiles import NEVER_NS, AccelerationStep, Run, Trapezoid, acceleration_steps

_HISTORY = 64
_INSTANTS = 8
"""In a span of time in which an axis moves."""


class Axis:
    """One axis of a stage and the commands that it was given lately."""

    def __init__(self, position_um: float, dynamics: Dynamics) -> None:
        self.dynamics = dynamics
        self._moves: deque[Trapezoid | Run] = deque([_rest(0, position_um)], maxlen=_HISTORY)

    def command(self, arrived_ns: int, target_um: float) -> None:
        """Take a target that reached the stage's controller at ``arrived_ns``."""
        start_ns = self._forget_from(arrived_ns)
        x, v = self._moves[-1].state(start_ns)
        self._moves.append(Trapezoid.plan(start_ns, x, v, target_um, self.dynamics))

    def drive(self, arrived_ns: int, velocity_um_s: float) -> None:
        """Take a velocity, to be kept until the next command; none brakes to rest."""
        speed, acceleration = self.dynamics.speed_um_s, self.dynamics.acceleration_um_s2
        velocity = min(max(velocity_um_s, -speed), speed)
        if velocity == 0:
            self.halt(arrived_ns)
            return
        start_ns = self._forget_from(arrived_ns)
        x, v = self._moves[-1].state(start_ns)
        self._moves.append(Run(start_ns, x, v, velocity, acceleration))

    def halt(self, arrived_ns: int) -> None:
        """Brake to rest as hard as the axis can."""
        start_ns = self._forget_from(arrived_ns)
        x, v = self._moves[-1].state(start_ns)
        rest_um = x + v * abs(v) / (2 * self.dynamics.acceleration_um_s2)
        self._moves.append(Trapezoid.plan(start_ns, x, v, rest_um, self.dynamics))

    def _forget_from(self, arrived_ns: int) -> int:
        """Return when a command shows; forget those that would show later."""
        start_ns = arrived_ns + round(self.dynamics.delay_ms * NS_PER_MS)
        while len(self._moves) > 1 and self._moves[-1].start_ns >= start_ns:
            self._moves.pop()
        return start_ns

    def reset(self, at_ns: int, position_um: float) -> None:
        """Forget all commands: the axis rests at ``position_um``."""
        self._moves.clear()
        self._moves.append(_rest(at_ns, position_um))

    def state(self, at_ns: int) -> tuple[float, float]:
        """Position in µm and velocity in µm/s at an instant of the recent past or the future."""
        return self._move(at_ns).state(at_ns)

    def _move(self, at_ns: int) -> Trapezoid | Run:
        """The command that is in force at an instant."""
        for move in reversed(self._moves):
            if move.start_ns <= at_ns:
                return move
        return _rest(self._moves[0].start_ns, self._moves[0].start_um)

    def instants(self, middle_ns: int, span_ns: int) -> list[int]:
        """Return instants over which the mean place of the axis is that over a span of time."""
        start_ns = middle_ns - span_ns // 2
        if span_ns == 0 or self.rests_until_ns(start_ns) >= start_ns + span_ns:
            return [middle_ns]
        return [start_ns + span_ns * (2 * i + 1) // (2 * _INSTANTS) for i in range(_INSTANTS)]

    def acceleration_steps(self, at_ns: int, within_s: float) -> Iterator[AccelerationStep]:
        """Yield the changes of acceleration up to an instant, which is taken to end it.

        Those of moves that were going on up to ``within_s`` before.
        """
        until_ns = at_ns
        for move in reversed(self._moves):
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
        return self._moves[-1].target_um

    def runs(self, at_ns: int) -> bool:
        """Whether the axis keeps a velocity at an instant."""
        return self._move(at_ns).runs

    def rests_until_ns(self, at_ns: int) -> int:
        """Until when an axis that is at rest stays so; ``at_ns`` itself if it moves."""
        following = NEVER_NS
        for move in reversed(self._moves):
            if move.start_ns <= at_ns:
                return following if move.end_ns <= at_ns else at_ns
            following = move.start_ns
        return following

    @property
    def rest_ns(self) -> int:
        """When the last move ends; far in the future if a velocity is kept."""
        return self._moves[-1].end_ns


def _rest(at_ns: int, position_um: float) -> Trapezoid:
    return Trapezoid(at_ns, position_um, 0.0, (), position_um)
