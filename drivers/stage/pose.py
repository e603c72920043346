"""The pose model: where the stage was while light was collected, without asking it."""

from __future__ import annotations

import threading

from ..clock import NS_PER_MS, NS_PER_S
from ..messages import Dynamics, StagePose
from .axis import Axis
from .backlash import Backlash, Drive
from .identification import Calibration, Traced
from .reachability import State
from .ringing import Ringing
from .uncertainty import Confidence

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
        self._axes = [Traced(p, d) for p, d in zip(position_um, kinds, strict=True)]
        self._backlashes = [
            Backlash(d.backlash_um, p) for p, d in zip(position_um, kinds, strict=True)
        ]
        self._ringings = [Ringing(d) for d in kinds]
        self._offset_um = [0.0, 0.0, 0.0]
        self._told, self._calibration = dynamics, Calibration(dynamics)
        self._confidence = Confidence()
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
            self._calibration.forget()
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
            off = self._residuals_um(at_ns, position_um)
            if not any(axis.runs(at_ns) for axis in self._axes):
                x, y = (p - o for p, o in zip(position_um[:2], self._offset_um, strict=False))
                self._calibration.note(at_ns, (x, y))
            contradicted = self._confidence.contradicted(self._axes[:2], at_ns, off[:2])
            if contradicted or self._confidence.amiss(self._axes[:2], at_ns, off[:2]):
                self._recalibrate(at_ns)
                off = self._residuals_um(at_ns, position_um)
            else:
                self._calibration.confirmed()
            self._confidence.weigh(self._axes[:2], at_ns, off[:2], contradicted=contradicted)
            for i, residual in enumerate(off):
                self._correct(i, at_ns, residual)

    @property
    def dynamics(self) -> Dynamics | None:
        """How the XY stage answers commands, if readings have told that otherwise."""
        with self._lock:
            found = self._axes[0].dynamics
        return None if found == self._told else found

    def wants_reading(self, at_ns: int) -> bool:
        """Whether a reading would tell much: in doubt, or in a move of a stage that is unproven."""
        with self._lock:
            return self._confidence.wants_reading(self._axes[:2], at_ns)

    def reset(self, at_ns: int, position_um: tuple[float, float, float]) -> None:
        """Forget all commands: the stage was read at rest at ``position_um``."""
        with self._lock:
            for axis, backlash, position in zip(
                self._axes, self._backlashes, position_um, strict=True
            ):
                axis.reset(at_ns, position)
                backlash.reset(at_ns, position)
            self._offset_um = [0.0, 0.0, 0.0]
            self._calibration.forget()
            self._confidence.cleared(at_ns)

    def pose(self, at_ns: int, exposure_ns: int = 0) -> StagePose:
        """Return the modelled pose at an instant, or its mean over an exposure around that."""
        with self._lock:
            sigma = self._confidence.sigma_um(self._axes[:2], at_ns)
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
        axis, backlash, ringing = self._axes[i], self._backlashes[i], self._ringings[i]
        drive = self._driven_um(i)
        looks_ns = axis.instants(at_ns, exposure_ns)
        pushed_um = sum(backlash.load_um(drive, look_ns) for look_ns in looks_ns) / len(looks_ns)
        if not ringing.rings:
            return pushed_um
        span_s = exposure_ns / NS_PER_S
        felt = axis.acceleration_steps(at_ns + exposure_ns // 2, ringing.memory_s + span_s)
        return pushed_um + ringing.ahead_um(felt, span_s)

    def _drive_for(self, i: int, at_ns: int, place_um: float) -> float:
        begins_ns = at_ns + round(self._axes[i].dynamics.delay_ms * NS_PER_MS)
        return self._backlashes[i].drive_um(self._driven_um(i), begins_ns, place_um)

    def _driven_um(self, i: int) -> Drive:
        """Position of one drive at any instant."""
        axis, offset_um = self._axes[i], self._offset_um[i]
        return lambda at_ns: axis.state(at_ns)[0] + offset_um

    def _residuals_um(self, at_ns: int, position_um: tuple[float, ...]) -> list[float]:
        axes = zip(position_um, self._axes, self._offset_um, strict=False)
        return [read - axis.state(at_ns)[0] - offset for read, axis, offset in axes]

    def _recalibrate(self, at_ns: int) -> None:
        """Take the stage for another, if that explains what was read."""
        dynamics = self._calibration.better(self._axes[:2], at_ns)
        if dynamics is not None:
            self._axes[:2] = [axis.recalibrated(dynamics) for axis in self._axes[:2]]
            self._confidence.recalibrated()

    def _correct(self, i: int, at_ns: int, residual_um: float) -> None:
        axis = self._axes[i]
        if at_ns >= self._settled_ns(axis):
            self._offset_um[i] += residual_um
        elif axis.runs(at_ns):
            self._offset_um[i] += _TRUST_IN_MOTION * residual_um

    @staticmethod
    def _settled_ns(axis: Axis) -> int:
        return axis.rest_ns + round(axis.dynamics.settle_ms * 1e6)
