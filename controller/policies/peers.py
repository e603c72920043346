"""The policies of other programs, which act on the measured offset, for comparison."""

import math
from typing import Annotated

import msgspec
import numpy as np
from numpy.typing import NDArray

from ...drivers.clock import NS_PER_S
from ...drivers.messages import Frame
from .horizon import Horizon
from .plan import WITHIN, CheckedPolicy, Followable, OptionsT, Plan, PolicyOptions, Positive

UNSEEN = "not seen in this frame"
"""Reason of a plan that moves nothing because the target was missed."""


class _Peer(CheckedPolicy[OptionsT]):
    """A policy that knows the offset in the newest frame, and nothing else.

    The offset is added to the pose at the exposure, so that a move still under way is not made
    twice.
    """

    def _plan(self, target: Followable, frame: Frame, horizon: Horizon) -> Plan:
        """Answer the offset; stay if there is no measurement."""
        pose_um = np.array((frame.pose.x_um, frame.pose.y_um))
        if target.seen_um is None:
            return self._stay(UNSEEN, horizon)
        offset_um = target.seen_um - pose_um
        if math.hypot(*offset_um) < self.options.deadband_um:
            return self._stay(WITHIN, horizon)
        return self._answer(offset_um, pose_um, frame, horizon)

    def _stay(self, reason: str, horizon: Horizon) -> Plan:
        return Plan(reason=reason)

    def _answer(self, offset_um: NDArray, pose_um: NDArray, frame: Frame, horizon: Horizon) -> Plan:
        raise NotImplementedError


class Reactive(_Peer[PolicyOptions]):
    """Move by the measured offset, P = 1, with a deadband: GlowTracker, Squid."""

    name = "reactive"

    def _answer(self, offset_um: NDArray, pose_um: NDArray, frame: Frame, horizon: Horizon) -> Plan:
        return Plan(pose_um + offset_um)


class DampedOptions(PolicyOptions, frozen=True):
    """What `Damped` can be told.

    Other Parameters
    ----------------
    damping : float
        Share of the offset that is moved.
    step_um : float
        Longest move of an axis.
    """

    damping: Annotated[float, msgspec.Meta(gt=0, le=1)] = 0.5
    step_um: Positive = 50.0


class Damped(_Peer[DampedOptions]):
    """Move by a share of the offset, no axis further than a limit: DynaTrack."""

    Options = DampedOptions
    name = "damped"

    def _answer(self, offset_um: NDArray, pose_um: NDArray, frame: Frame, horizon: Horizon) -> Plan:
        damping, step_um = self.options.damping, self.options.step_um
        return Plan(pose_um + np.clip(damping * offset_um, -step_um, step_um))


class QuadraticOptions(PolicyOptions, frozen=True):
    """What `Quadratic` can be told.

    Other Parameters
    ----------------
    gain : float
        Velocity in µm/s at an offset of 1 µm.
    """

    gain: Positive = 1.0


class Quadratic(_Peer[QuadraticOptions]):
    """Let the stage's velocity grow with the square of the offset: OpenAutoScope.

    A stage that takes no velocity is moved by as much as it would come to in one interval.
    """

    Options = QuadraticOptions
    name = "quadratic"

    def _stay(self, reason: str, horizon: Horizon) -> Plan:
        return Plan(reason=reason, velocity_um_s=np.zeros(2) if horizon.takes_velocity else None)

    def _answer(self, offset_um: NDArray, pose_um: NDArray, frame: Frame, horizon: Horizon) -> Plan:
        speed = horizon.stage.dynamics.speed_um_s
        velocity = np.clip(self.options.gain * np.abs(offset_um) * offset_um, -speed, speed)
        if horizon.takes_velocity:
            return Plan(velocity_um_s=velocity)
        (x, _), (y, _) = horizon.stage.states(horizon.start_ns(frame))
        return Plan(np.array((x, y)) + velocity * horizon.interval_ns / NS_PER_S)
