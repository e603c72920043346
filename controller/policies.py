"""Where to send the stage, given the target: one class for each law."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Annotated, Protocol

import msgspec
import numpy as np
from numpy.typing import NDArray

from ..drivers.messages import Frame
from ..models.predictors import Prediction
from .horizon import Horizon
from .tracks import Track

NotNegative = Annotated[float, msgspec.Meta(ge=0)]


@dataclass(frozen=True, slots=True, eq=False)
class Plan:
    """What a policy wants.

    Attributes
    ----------
    move_um : (2,) or None
        Where the field's centre should go; None to stay.
    prediction : Prediction or None
        What that is based on.
    reason : str
        Why nothing moves.
    """

    move_um: NDArray[np.float64] | None = None
    prediction: Prediction | None = None
    reason: str = ""


class Policy(Protocol):
    """A law of following."""

    @property
    def name(self) -> str:
        """For people and records."""
        ...

    def plan(self, target: Track, frame: Frame, horizon: Horizon) -> Plan:
        """Decide where the stage goes after ``frame``."""
        ...


class Law(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag_field="name"):
    """Base of the policies that come with the package.

    Attributes
    ----------
    deadband_um : float
        Offsets below this do not move the stage.
    """

    deadband_um: NotNegative = 0.0

    @property
    def name(self) -> str:
        """Name in configuration files and tables."""
        return str(self.__struct_config__.tag)


class Reactive(Law, frozen=True, tag="reactive"):
    """Move by the offset that was seen, P = 1, with a deadband.

    The law of GlowTracker and Squid; here the offset is added to the pose at the exposure,
    so that moves still under way are not made twice.
    """

    def plan(self, target: Track, frame: Frame, horizon: Horizon) -> Plan:
        """Centre the target where it was seen; stay if it was not."""
        if target.seen_um is None:
            return Plan(reason="not seen in this frame")
        return _unless_near(target.seen_um, frame, self.deadband_um, None)


class Predictive(Law, frozen=True, tag="predictive"):
    """Move to where the target will be at the first exposure by which the move can be made."""

    def plan(self, target: Track, frame: Frame, horizon: Horizon) -> Plan:
        """Centre the target where it will be, seen or not."""
        soonest = target.predict(horizon.instant_ns(frame))
        at_ns = horizon.instant_ns(frame, soonest.mean_um.tolist())
        prediction = soonest if at_ns == soonest.at_ns else target.predict(at_ns)
        return _unless_near(prediction.mean_um[:2], frame, self.deadband_um, prediction)


def _unless_near(
    wanted_um: NDArray, frame: Frame, deadband_um: float, prediction: Prediction | None
) -> Plan:
    x, y = wanted_um.tolist()
    if math.hypot(x - frame.pose.x_um, y - frame.pose.y_um) < deadband_um:
        return Plan(prediction=prediction, reason="within the deadband")
    return Plan(wanted_um, prediction)
