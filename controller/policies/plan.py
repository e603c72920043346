"""What a policy is asked and what it answers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Protocol

import msgspec
import numpy as np
from numpy.typing import NDArray

from ...drivers.messages import Frame
from ...models.predictors import Prediction
from .horizon import Horizon

NotNegative = Annotated[float, msgspec.Meta(ge=0, le=1e12)]
Positive = Annotated[float, msgspec.Meta(gt=0, le=1e12)]
"""The upper bound only excludes infinity."""
NOT_FINITE = "where the target is or will be is not a finite number"
WITHIN_DEADBAND = "within the deadband"
"""Why nothing moves, for people and records."""


@dataclass(frozen=True, slots=True, eq=False)
class Plan:
    """What a policy wants: a position, a velocity, or nothing.

    Attributes
    ----------
    move_um : (2,) or None
        Where to send the stage.
    velocity_um_s : (2,) or None
        Velocity to give the stage, in place of a position.
    prediction : Prediction or None
        What that is based on.
    reason : str
        Why nothing moves.
    """

    move_um: NDArray[np.float64] | None = None
    prediction: Prediction | None = None
    reason: str = ""
    velocity_um_s: NDArray[np.float64] | None = None


class Followable(Protocol):
    """What can be followed: a track, or anything that moves like one."""

    @property
    def prediction(self) -> Prediction:
        """The estimate at the last frame."""
        ...

    @property
    def seen_um(self) -> NDArray[np.float64] | None:
        """The measurement in the last frame, (2,), if there is one."""
        ...

    def predict(self, at_ns: int) -> Prediction:
        """Predict where it will be at an instant."""
        ...


class Policy(Protocol):
    """A law of following."""

    @property
    def name(self) -> str:
        """For people and records."""
        ...

    def plan(self, target: Followable, frame: Frame, horizon: Horizon) -> Plan:
        """Decide what the stage does after ``frame``."""
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

    def plan(self, target: Followable, frame: Frame, horizon: Horizon) -> Plan:
        """Decide what the stage does after ``frame``; nothing if any number is not finite."""
        if not _finite(target.prediction.mean_um[:2], target.seen_um):
            return Plan(reason=NOT_FINITE)
        plan = self._plan(target, frame, horizon)
        return plan if _finite(plan.move_um, plan.velocity_um_s) else Plan(reason=NOT_FINITE)

    def _plan(self, target: Followable, frame: Frame, horizon: Horizon) -> Plan:
        raise NotImplementedError


def _finite(*given: NDArray[np.float64] | None) -> bool:
    """Whether every number given is finite."""
    return all(each is None or bool(np.isfinite(each).all()) for each in given)
