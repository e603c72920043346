"""The pose model: where the stage was while light was collected, without asking it."""

from __future__ import annotations

import math
import threading

from .clock import NS_PER_MS, NS_PER_S
from .kinematics import Axis
from .messages import Dynamics, StagePose
from .passing import State
from .play import Drive, Play
from .ringing import Ringing

_FORGET = 0.1
"""Weight of a new residual in the running variances."""
_START_SIGMA_UM, _LEAST_SIGMA_UM, _MOST_SIGMA_UM = 0.05, 0.01, 10.0
_START_JITTER_S, _MOST_JITTER_S = 5e-4, 0.05
_TRUST_IN_MOTION = 0.5
"""Share of a residual that is believed of an axis that keeps a velocity: it never rests."""


class PoseModel:
    """Stage pose at any recent instant from read-backs, commands and calibrated dynamics.

    Reading a stage takes 5 to 20 ms over a serial line, so the pose is modelled: every command
    runs through the stage's trapezoid, and each read-back corrects what the model got wrong
    (drift, a hand on the joystick). What is left of the disagreement is an error of position
    and an error of time, which matters in motion; both say how sure the model is. Commands and
    read-backs are of the drive; the pose is that of the load, which follows through backlash
    and rings.

    Safe to use from several threads.
    """

    def __init__(
        self,
        position_um: tuple[float, float, float],
        dynamics: Dynamics,
        focus_dynamics: Dynamics,
    ) -> None:
        kinds = (dynamics, dynamics, focus_dynamics)
        self._axes = [Axis(p, d) for p, d in zip(position_um, kinds, strict=True)]
        self._plays = [Play(d.backlash_um, p) for p, d in zip(position_um, kinds, strict=True)]
        self._ringings = [Ringing(d) for d in kinds]
        self._offset_um = [0.0, 0.0, 0.0]
        self._rest_var_um2 = _START_SIGMA_UM**2
        self._jitter_var_s2 = _START_JITTER_S**2
        self._lock = threading.Lock()

    def commanded(self, at_ns: int, *target_um: float | None) -> None:
        """Note that the drives were sent to (x, y, z) in stage µm; None leaves an axis alone."""
        with self._lock:
            for i, target in enumerate(target_um):
                if target is not None:
                    self._axes[i].command(at_ns, target - self._offset_um[i])

    def aimed(self, at_ns: int, *place_um: float | None) -> list[float | None]:
        """Where the drives must be sent at an instant to bring the load to (x, y, z)."""
        with self._lock:
            return [
                None if place is None else self._drive_for(i, at_ns, place)
                for i, place in enumerate(place_um)
            ]

    def driven(self, at_ns: int, *velocity_um_s: float) -> None:
        """Note that the stage was given a velocity along x and y."""
        with self._lock:
            for axis, velocity in zip(self._axes, velocity_um_s, strict=False):
                axis.drive(at_ns, velocity)

    def halted(self, at_ns: int) -> None:
        """Note that the stage was told to stop."""
        with self._lock:
            for axis in self._axes:
                axis.halt(at_ns)

    def read(self, at_ns: int, *position_um: float) -> None:
        """Correct the model with a position that was read from the stage."""
        with self._lock:
            for i, position in enumerate(position_um):
                self._correct(i, at_ns, position)

    def reset(self, at_ns: int, position_um: tuple[float, float, float]) -> None:
        """Forget all commands: the stage was read at rest at ``position_um``."""
        with self._lock:
            for axis, play, position in zip(self._axes, self._plays, position_um, strict=True):
                axis.reset(at_ns, position)
                play.reset(at_ns, position)
            self._offset_um = [0.0, 0.0, 0.0]

    def pose(self, at_ns: int, exposure_ns: int = 0) -> StagePose:
        """Return the modelled pose at an instant, or its mean over an exposure around that."""
        with self._lock:
            vx, vy = (axis.state(at_ns)[1] for axis in self._axes[:2])
            sigma = math.sqrt(self._rest_var_um2 + (vx * vx + vy * vy) / 2 * self._jitter_var_s2)
            x, y, z = (self._load_um(i, at_ns, exposure_ns) for i in range(3))
        return StagePose(x, y, z, at_ns, sigma)

    def states(self, at_ns: int) -> tuple[State, State]:
        """Position and velocity of x and y at an instant, commands under way included."""
        with self._lock:
            (x, vx), (y, vy) = (axis.state(at_ns) for axis in self._axes[:2])
            return (x + self._offset_um[0], vx), (y + self._offset_um[1], vy)

    @property
    def target_um(self) -> tuple[float, float, float]:
        """Where each axis is going, or rests."""
        with self._lock:
            x, y, z = (
                axis.target_um + offset
                for axis, offset in zip(self._axes, self._offset_um, strict=True)
            )
        return x, y, z

    def moving(self, at_ns: int) -> bool:
        """Whether any axis should still be moving or settling."""
        with self._lock:
            return any(at_ns < self._settled_ns(axis) for axis in self._axes)

    def _load_um(self, i: int, at_ns: int, exposure_ns: int) -> float:
        axis, play, ringing = self._axes[i], self._plays[i], self._ringings[i]
        drive = self._driven_um(i)
        looks_ns = axis.instants(at_ns, exposure_ns)
        pushed_um = sum(play.load_um(drive, look_ns) for look_ns in looks_ns) / len(looks_ns)
        if not ringing.rings:
            return pushed_um
        span_s = exposure_ns / NS_PER_S
        felt = axis.jolts(at_ns + exposure_ns // 2, ringing.memory_s + span_s)
        return pushed_um + ringing.ahead_um(felt, span_s)

    def _drive_for(self, i: int, at_ns: int, place_um: float) -> float:
        begins_ns = at_ns + round(self._axes[i].dynamics.delay_ms * NS_PER_MS)
        return self._plays[i].drive_um(self._driven_um(i), begins_ns, place_um)

    def _driven_um(self, i: int) -> Drive:
        """Position of one drive at any instant."""
        axis, offset_um = self._axes[i], self._offset_um[i]
        return lambda at_ns: axis.state(at_ns)[0] + offset_um

    def _correct(self, i: int, at_ns: int, position_um: float) -> None:
        axis = self._axes[i]
        modelled, velocity = axis.state(at_ns)
        residual = position_um - modelled - self._offset_um[i]
        if at_ns >= self._settled_ns(axis):
            self._offset_um[i] += residual
        elif axis.runs(at_ns):
            self._offset_um[i] += _TRUST_IN_MOTION * residual
        if i < 2:
            self._learn(residual, velocity)

    def _learn(self, residual_um: float, velocity_um_s: float) -> None:
        """Share a squared residual out between offset and time, as the model expects it."""
        moving_um2 = velocity_um_s**2 * self._jitter_var_s2
        surprise = residual_um**2 / (self._rest_var_um2 + moving_um2)
        rest_share = self._rest_var_um2 / (self._rest_var_um2 + moving_um2)
        self._rest_var_um2 *= 1 + _FORGET * rest_share * (surprise - 1)
        self._jitter_var_s2 *= 1 + _FORGET * (1 - rest_share) * (surprise - 1)
        self._rest_var_um2 = min(max(self._rest_var_um2, _LEAST_SIGMA_UM**2), _MOST_SIGMA_UM**2)
        self._jitter_var_s2 = min(self._jitter_var_s2, _MOST_JITTER_S**2)

    @staticmethod
    def _settled_ns(axis: Axis) -> int:
        return axis.rest_ns + round(axis.dynamics.settle_ms * 1e6)
