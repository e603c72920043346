"""Velocity mode: velocities within what is safe, and the certainty that they end."""

from __future__ import annotations

import math

import msgspec

from ..clock import NS_PER_MS, NS_PER_S, Clock
from ..envelope import Envelope, Range
from ..messages import Dynamics
from ..microscope import MicroscopeError
from ..stage import PoseModel, State
from . import guard
from .device import StageDevice

NO_VELOCITY = (
    "This stage takes no velocity: name the properties that set it as velocity_x and velocity_y "
    "under [stage], or choose another policy."
)
UNVERIFIED_UM_S = 200.0
"""Greatest velocity along an axis of which no reading has shown yet that it obeys. Chosen: it takes
a second to cross a field, and is as fast as most cells."""
_VERIFYING_UM = 20.0
"""Distance after which an axis is verified. Chosen: a tenth of a second at that velocity, and many
times the errors of readings."""
_MOST_DEVIATION = 0.5
"""Share of that distance by which readings may differ from it. A wrong sign makes 2, a wrong unit
mostly 0.9 or more; errors of time and of dynamics less than a half."""
_SIGMAS = 3.0
"""Of the pose uncertainty that limits are moved inward by: as usual."""

Position = tuple[float, float]
"""x and y in µm."""


class _AxisVerification:
    """Whether one axis moves with the velocity that it is given."""

    def __init__(self) -> None:
        self.verified = False
        self._known_um: float | None = None
        self._start_um = self._expected_um = 0.0

    def deviation(self, predicted_um: float, read_um: float, known_um: float, moving: bool) -> str:
        """Add a reading; return how it contradicts the distance that was expected."""
        before_um, self._known_um = self._known_um, known_um
        if before_um is None or not moving:
            self._start_um, self._expected_um = read_um, 0.0
            return ""
        self._expected_um += predicted_um - before_um
        expected_um, moved_um = self._expected_um, read_um - self._start_um
        if abs(expected_um) < _VERIFYING_UM:
            return ""
        self._start_um, self._expected_um = read_um, 0.0
        if abs(moved_um - expected_um) > _MOST_DEVIATION * abs(expected_um):
            return f"{moved_um:.0f} µm instead of {expected_um:.0f} µm"
        self.verified = True
        return ""


class VelocityMode:
    """Gives a stage velocities, and ends them: in time, before a limit, or if it disobeys.

    Used by the stage's thread alone.

    Parameters
    ----------
    device : StageDevice
    pose : PoseModel
        Told of every velocity.
    envelope : Envelope
        A velocity ends before its edge.
    clock : Clock

    Attributes
    ----------
    refusal : str
        Why no velocity is taken; empty if they are.
    running : bool
        Whether the stage has, or may have, a velocity.
    """

    def __init__(
        self, device: StageDevice, pose: PoseModel, envelope: Envelope, clock: Clock
    ) -> None:
        self._device, self._pose, self._clock = device, pose, clock
        self._envelope = envelope
        self._given = (0.0, 0.0)
        self._ends_ns = 0
        self._verifications = (_AxisVerification(), _AxisVerification())
        self.running = False
        self.refusal = "" if device.takes_velocity else NO_VELOCITY

    @property
    def verified(self) -> bool:
        """Whether readings have shown that both axes move as they are told."""
        return all(axis.verified for axis in self._verifications)

    def check(self) -> None:
        """Raise `MicroscopeError` if no velocity is taken."""
        if self.refusal:
            raise MicroscopeError(self.refusal)

    def send(self, velocity_um_s: tuple[float, float], expires_ns: int) -> tuple[float, float]:
        """Give the stage a velocity, within what is safe, and return that.

        Raises
        ------
        RuntimeError
            If the device does not take it; the stage is stopped then, if it can be.
        """
        self.check()
        if not any(velocity_um_s):
            self.running = self.running or self._pose.moving(self._clock.now_ns())
            self.end()
            return 0.0, 0.0
        velocity = self._limited(*velocity_um_s)
        self.running = True
        self._given = velocity
        self._ends_ns = min(expires_ns, self._clock.now_ns() + guard.LONGEST_VELOCITY_NS)
        try:
            self._device.set_velocity(*velocity)
        except BaseException:
            self.end()
            raise
        self._pose.velocity_set(self._clock.now_ns(), *velocity)
        return velocity

    def end(self) -> None:
        """Take the velocity from the stage: every way to do so is tried, whichever fails.

        Raises
        ------
        RuntimeError
            If any of them fails; `running` stays true, so that it will be tried again.
        """
        if not self.running:
            return
        self._ends_ns = 0
        try:
            self._device.set_velocity(0.0, 0.0)
        finally:
            self._device.stop_xy()
            self._pose.velocity_set(self._clock.now_ns(), 0.0, 0.0)
        self.ended()

    def ended(self) -> None:
        """Note that the stage was brought to rest."""
        self.running, self._ends_ns = False, 0
        self._given = (0.0, 0.0)

    def left_s(self) -> float:
        """How long the velocity may last; infinite if there is none, 0 if it has to end now."""
        if not self.running:
            return math.inf
        left_s = max(self._ends_ns - self._clock.now_ns(), 0) / NS_PER_S
        motion = self._motion()
        edges_s = guard.time_to_stop_before_edges_s(self._given, motion, self._envelope)
        axes = self._axes(self._given, motion)
        return min(left_s, edges_s, *(guard.time_to_stop_s(*each) for each in axes))

    def verify_reading(self, predicted_um: Position, read_um: Position, known_um: Position) -> str:
        """Compare a reading with the distance that was expected; return what is wrong.

        After an axis that did not move as it was told every further velocity is refused.

        Parameters
        ----------
        predicted_um, known_um : (x, y)
            Where the model had the stage before and has it after taking in the reading.
        read_um : (x, y)
            The reading.
        """
        for i, axis in enumerate(self._verifications):
            deviation = axis.deviation(predicted_um[i], read_um[i], known_um[i], self.running)
            if deviation:
                self.refusal = (
                    f"The stage did not go where it was driven, {deviation} along {'xy'[i]}: check "
                    "velocity_x, velocity_y and velocity_unit_um_s under [stage]."
                )
                return self.refusal
        return ""

    def _limited(self, x: float, y: float) -> tuple[float, float]:
        """What is safe of a velocity: in the box axis by axis, before other edges as a whole."""
        motion = self._motion()
        x, y = (guard.limited_velocity(*each) for each in self._axes((x, y), motion))
        x, y = self._slow_until_verified(0, x), self._slow_until_verified(1, y)
        share = guard.velocity_share((x, y), motion, self._envelope)
        return (x, y) if share == 1.0 else (share * x, share * y)

    def _slow_until_verified(self, i: int, velocity: float) -> float:
        verified = self._verifications[i].verified
        most = self._pose.nominal.speed_um_s if verified else UNVERIFIED_UM_S
        most = min(most, self._envelope.restrictions.speed_um_s or most)
        return min(max(velocity, -most), most)

    def _axes(
        self, velocity_um_s: tuple[float, float], motion: guard.Motion
    ) -> list[tuple[float, State, Range, Dynamics]]:
        """Velocity, state when it shows, limits less what is uncertain, and dynamics of x and y."""
        states, dynamics, unsure_um = motion
        return [
            (velocity, state, (low + unsure_um, high - unsure_um), dynamics)
            for velocity, state, (low, high) in zip(
                velocity_um_s, states, self._envelope.limits_um[:2], strict=True
            )
        ]

    def _motion(self) -> guard.Motion:
        """How the stage moves when a velocity shows."""
        dynamics = self._slowest_dynamics()
        shows_ns = self._clock.now_ns() + round(dynamics.delay_ms * NS_PER_MS)
        unsure_um = _SIGMAS * self._pose.sigma_um(shows_ns)
        return guard.Motion(self._pose.states(shows_ns), dynamics, unsure_um)

    def _slowest_dynamics(self) -> Dynamics:
        """The nominal or the identified dynamics, whichever stop later."""
        nominal, found = self._pose.nominal, self._pose.identified
        if found is None:
            return nominal
        return msgspec.structs.replace(
            nominal,
            delay_ms=max(nominal.delay_ms, found.delay_ms),
            acceleration_um_s2=min(nominal.acceleration_um_s2, found.acceleration_um_s2),
        )
