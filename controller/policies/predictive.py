"""Our policies: the stage is sent to where the target will be, within what it can do."""

import math
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from ...drivers.clock import NS_PER_MS, NS_PER_S
from ...drivers.messages import Frame
from ...drivers.stage import Timing
from ...models.predictors import Prediction
from .horizon import Horizon
from .plan import (
    NOT_FINITE,
    WITHIN,
    CheckedPolicy,
    Followable,
    NotNegative,
    Plan,
    PolicyOptions,
    Positive,
)


class AheadOptions(PolicyOptions, frozen=True):
    """What both policies can be told: a deadband with hysteresis.

    Other Parameters
    ----------------
    release_um : float, optional
        A stage that has been set in motion follows until the offset is below this; without it,
        half of ``deadband_um``.
    """

    release_um: NotNegative | None = None

    def __post_init__(self) -> None:
        if self.release_um is not None and self.release_um > self.deadband_um:
            raise ValueError("release_um must not be greater than deadband_um")


class PredictiveOptions(AheadOptions, frozen=True):
    """What `Predictive` can be told.

    Other Parameters
    ----------------
    still : bool
        Aim at the first exposure by which the move is made and the stage has settled, instead
        of the first that the move can affect: the stage rests while the shutter is open.
    """

    still: bool = False


class VelocityOptions(AheadOptions, frozen=True):
    """What `Velocity` can be told.

    Other Parameters
    ----------------
    gain : float
        Share of the predicted offset that is made up until the next command.
    """

    gain: Positive = 0.7


AheadT = TypeVar("AheadT", bound=AheadOptions)


class _Ahead(CheckedPolicy[AheadT]):
    """What both policies share: a deadband around the prediction, with hysteresis."""

    def _rests(self, prediction: Prediction, frame: Frame, horizon: Horizon) -> bool:
        """Whether the target will be near enough to where the stage will be anyway."""
        deadband_um, release_um = self.options.deadband_um, self.options.release_um
        if deadband_um == 0:
            return False
        release_um = deadband_um / 2 if release_um is None else release_um
        limit_um = release_um if horizon.answered(frame) else deadband_um
        (x, _), (y, _) = horizon.stage.states(prediction.at_ns)
        wanted_x, wanted_y, _ = prediction.mean_um.tolist()
        return math.hypot(wanted_x - x, wanted_y - y) < limit_um


class Predictive(_Ahead[PredictiveOptions]):
    """Be where the target will be at the first exposure that the move can affect.

    Moves are planned from what the stage is doing then, within its speed and acceleration: one
    that is too long for that exposure goes on to where the target is at the next (lookahead).
    """

    Options = PredictiveOptions
    name = "predictive"

    def _plan(self, target: Followable, frame: Frame, horizon: Horizon) -> Plan:
        """Centre the target where it will be, seen or not."""
        prediction = target.predict(horizon.instant_ns(frame))
        if not np.isfinite(prediction.mean_um[:2]).all():
            return Plan(reason=NOT_FINITE)
        if self.options.still:
            x, y, _ = prediction.mean_um.tolist()
            prediction = target.predict(horizon.still_ns(frame, (x, y)))
        if self._rests(prediction, frame, horizon):
            return Plan(prediction=prediction, reason=WITHIN)
        if self.options.still:
            return Plan(prediction.mean_um[:2], prediction)
        return Plan(_targets_um(prediction, target, frame, horizon), prediction)


class Velocity(_Ahead[VelocityOptions]):
    """Move along with the target: its velocity, and a share of the offset made up each frame.

    For stages that take velocities. The feed-forward leaves nothing to an integrator, so there
    is none that could wind up while the stage is at its limits.
    """

    Options = VelocityOptions
    name = "velocity"

    def _plan(self, target: Followable, frame: Frame, horizon: Horizon) -> Plan:
        """Give the stage the target's velocity and a correction."""
        prediction = target.predict(horizon.instant_ns(frame))
        if self._rests(prediction, frame, horizon):
            return Plan(prediction=prediction, reason=WITHIN, velocity_um_s=np.zeros(2))
        start_ns = horizon.start_ns(frame)
        interval_s = horizon.answer_interval_ns / NS_PER_S
        there_um_s = _velocity_um_s(prediction, target)
        here_um = prediction.mean_um[:2] - there_um_s * (prediction.at_ns - start_ns) / NS_PER_S
        position_um, now_um_s = np.transpose(horizon.stage.states(start_ns))
        wanted = there_um_s + self.options.gain * (here_um - position_um) / interval_s
        change = horizon.stage.dynamics.acceleration_um_s2 * interval_s
        speed = horizon.stage.dynamics.speed_um_s
        wanted = np.clip(wanted, now_um_s - change, now_um_s + change)
        return Plan(prediction=prediction, velocity_um_s=np.clip(wanted, -speed, speed))


def _velocity_um_s(prediction: Prediction, target: Followable) -> NDArray[np.float64]:
    """Mean velocity in the plane from the last frame to the prediction."""
    elapsed_s = (prediction.at_ns - target.prediction.at_ns) / NS_PER_S
    return (prediction.mean_um[:2] - target.prediction.mean_um[:2]) / elapsed_s


def _targets_um(
    prediction: Prediction, target: Followable, frame: Frame, horizon: Horizon
) -> NDArray[np.float64]:
    """Where to send both axes to be at the predicted position, and well placed for the next."""
    interval_s = horizon.answer_interval_ns / NS_PER_S
    start_ns = horizon.start_ns(frame)
    after_s = max(prediction.at_ns - start_ns, 0) / NS_PER_S
    strides_um = (_velocity_um_s(prediction, target) * interval_s).tolist()
    timing = Timing(after_s, interval_s, frame.exposure_ms * NS_PER_MS / NS_PER_S)
    positions_um = prediction.mean_um[:2].tolist()
    return np.array(horizon.stage.targets_um(start_ns, positions_um, strides_um, timing))
