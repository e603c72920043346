"""Single moves of an axis: trapezoids to a target, and constant velocities."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

from ..clock import NS_PER_S
from ..messages import Dynamics

NEVER_NS = 2**63 - 1
"""Later than every instant: the greatest signed integer of 64 bits."""
REST_UM = 0.25
"""What may be left of a long move for it to count as made. Chosen: less than most objectives that
things are followed with resolve."""

AccelerationStep = tuple[float, float]
"""A change of acceleration: how long ago in s, by how much in µm/s²."""


@dataclass(frozen=True, slots=True)
class Trapezoid:
    """The time-optimal move of one axis to rest at a target, from any position and velocity.

    Accelerate, cruise, decelerate: the classic solution for a double integrator with bounded
    speed and acceleration. The first phase also brakes and turns round where it has to.

    Attributes
    ----------
    start_ns : int
        When the profile begins; before that the axis is taken to coast at ``start_um``.
    start_um, velocity_um_s : float
        State at the beginning.
    phases : tuple of (duration_s, acceleration_um_s2)
        Pieces of constant acceleration.
    target_um : float
        Where the axis comes to rest.
    """

    start_ns: int
    start_um: float
    velocity_um_s: float
    phases: tuple[tuple[float, float], ...]
    target_um: float

    @classmethod
    def plan(
        cls,
        start_ns: int,
        start_um: float,
        velocity_um_s: float,
        target_um: float,
        dynamics: Dynamics,
    ) -> Trapezoid:
        """Plan the move from a state to rest at ``target_um``."""
        acceleration = dynamics.acceleration_um_s2
        braking_um = velocity_um_s * abs(velocity_um_s) / (2 * acceleration)
        sign = math.copysign(1.0, target_um - start_um - braking_um)
        distance, v0 = sign * (target_um - start_um), sign * velocity_um_s
        peak = math.sqrt(max(acceleration * distance + v0 * v0 / 2, 0.0))
        peak = min(peak, max(dynamics.speed_um_s, v0))
        ramps_um = (peak * peak - v0 * v0 / 2) / acceleration
        cruise_s = max(distance - ramps_um, 0.0) / peak if peak > 0 else 0.0
        phases = (
            ((peak - v0) / acceleration, sign * acceleration),
            (cruise_s, 0.0),
            (peak / acceleration, -sign * acceleration),
        )
        return cls(start_ns, start_um, velocity_um_s, phases, target_um)

    @property
    def duration_s(self) -> float:
        """Time from the start of the profile until the axis is at rest."""
        return sum(duration for duration, _ in self.phases)

    @property
    def end_ns(self) -> int:
        """When the axis is at rest."""
        return self.start_ns + round(self.duration_s * NS_PER_S)

    def state(self, at_ns: int) -> tuple[float, float]:
        """Position in µm and velocity in µm/s at an instant."""
        left_s = (at_ns - self.start_ns) / NS_PER_S
        x, v = self.start_um, self.velocity_um_s
        if left_s <= 0:
            return x, v
        for duration, acceleration in self.phases:
            dt = min(left_s, duration)
            x += v * dt + acceleration * dt * dt / 2
            v += acceleration * dt
            left_s -= dt
            if left_s <= 0:
                return x, v
        return self.target_um, 0.0


@dataclass(frozen=True, slots=True)
class ConstantVelocity:
    """One axis taken to a velocity as quickly as it can, and kept at it.

    Attributes
    ----------
    start_ns : int
        When the acceleration begins.
    start_um, start_um_s : float
        State at the beginning.
    velocity_um_s : float
        That is to be kept.
    acceleration_um_s2 : float
        Its magnitude.
    """

    start_ns: int
    start_um: float
    start_um_s: float
    velocity_um_s: float
    acceleration_um_s2: float

    @property
    def end_ns(self) -> int:
        """When the axis is at rest: never."""
        return NEVER_NS

    @property
    def target_um(self) -> float:
        """Where the axis would rest if it braked from full velocity at the beginning."""
        v = self.velocity_um_s
        return self.start_um + v * abs(v) / (2 * self.acceleration_um_s2)

    @property
    def phases(self) -> tuple[tuple[float, float], ...]:
        """Pieces of constant acceleration: duration in s, and acceleration."""
        change = self.velocity_um_s - self.start_um_s
        ramp_s = abs(change) / self.acceleration_um_s2
        return ((ramp_s, math.copysign(self.acceleration_um_s2, change)),)

    def state(self, at_ns: int) -> tuple[float, float]:
        """Position in µm and velocity in µm/s at an instant."""
        elapsed_s = max((at_ns - self.start_ns) / NS_PER_S, 0.0)
        change = self.velocity_um_s - self.start_um_s
        ramp_s = min(abs(change) / self.acceleration_um_s2, elapsed_s)
        v = self.start_um_s + math.copysign(ramp_s * self.acceleration_um_s2, change)
        ramp_um = (self.start_um_s + v) / 2 * ramp_s
        return self.start_um + ramp_um + v * (elapsed_s - ramp_s), v


def acceleration_steps(
    move: Trapezoid | ConstantVelocity, lasts_s: float
) -> Iterator[AccelerationStep]:
    """Yield the changes of acceleration of a move until it is cut off after a time, as of then."""
    at_s = before = 0.0
    for duration_s, acceleration in move.phases:
        if at_s >= lasts_s:
            break
        if duration_s > 0:
            yield lasts_s - at_s, acceleration - before
            at_s, before = at_s + duration_s, acceleration
    if before != 0:
        yield max(lasts_s - at_s, 0.0), -before


def travel_ms(distance_um: float, dynamics: Dynamics) -> float:
    """Time from a command's arrival until a stage at rest has nearly completed a move, in ms.

    The last tenth of the way, or `REST_UM` if that is less, is left out: braking takes long
    there and moves little.
    """
    distance_um = abs(distance_um)
    speed, acceleration = dynamics.speed_um_s, dynamics.acceleration_um_s2
    if distance_um * acceleration < speed * speed:
        travel_s = 2 * math.sqrt(distance_um / acceleration)
    else:
        travel_s = distance_um / speed + speed / acceleration
    braking_s = math.sqrt(2 * min(distance_um / 10, REST_UM) / acceleration)
    return dynamics.delay_ms + (travel_s - braking_s) * 1e3
