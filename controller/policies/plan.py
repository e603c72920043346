"""What a policy is asked and what it answers."""

from dataclasses import dataclass, replace
from typing import Annotated, ClassVar, Generic, Protocol, TypeVar, cast

import msgspec
import numpy as np
from numpy.typing import NDArray

from ...drivers.messages import Frame
from ...models.errors import ModelError
from ...models.predictors import Prediction
from .horizon import Horizon

NOT_FINITE = "where the target is or will be is not a finite number"
"""Reason of a plan that moves nothing because a number is NaN or infinite."""
WITHIN = "within the deadband"
"""Reason of a plan that moves nothing because the target is near enough."""

NotNegative = Annotated[float, msgspec.Meta(ge=0, le=1e12)]
"""A length, speed or gain; the limit only keeps products of such numbers finite."""
Positive = Annotated[float, msgspec.Meta(gt=0, le=1e12)]
"""The same without zero."""


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
    """What can be followed: a track, or a group of tracks."""

    @property
    def prediction(self) -> Prediction:
        """Its estimated position at the last frame."""
        ...

    @property
    def seen_um(self) -> NDArray[np.float64] | None:
        """Its measured position in the last frame, (2,); None if it was missed."""
        ...

    def predict(self, at_ns: int) -> Prediction:
        """Predict its position at an instant."""
        ...


class Policy(Protocol):
    """Decides where the stage goes."""

    @property
    def name(self) -> str:
        """For people and records."""
        ...

    def plan(self, target: Followable, frame: Frame, horizon: Horizon) -> Plan:
        """Decide what the stage does after ``frame``."""
        ...


def plan_of(policy: Policy, target: Followable, frame: Frame, horizon: Horizon) -> Plan:
    """Ask a policy, which may be anybody's, for its plan.

    Raises
    ------
    ModelError
        If it returns something else.
    """
    plan: object = policy.plan(target, frame, horizon)
    if not isinstance(plan, Plan):
        raise ModelError(
            f"the policy {policy.name} returned {type(plan).__name__} instead of a Plan: "
            "where nothing is to move that is Plan(reason='why')"
        )
    given = plan.move_um, plan.velocity_um_s
    for each in given:
        if each is not None and np.shape(each) != (2,):
            raise ModelError(
                f"the policy {policy.name} sends the stage to a place or with a velocity of "
                f"shape {np.shape(each)}: it takes x and y, the focus is kept by [focusing]"
            )
    if not _finite(*given):
        return Plan(reason=NOT_FINITE)
    move_um, velocity_um_s = (None if each is None else np.asarray(each) for each in given)
    return replace(plan, move_um=move_um, velocity_um_s=velocity_um_s)


class PolicyOptions(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What every policy of this package can be told.

    Attributes
    ----------
    deadband_um : float
        Offsets below this do not set a resting stage in motion.
    """

    deadband_um: NotNegative = 0.0


OptionsT = TypeVar("OptionsT", bound=PolicyOptions)


class CheckedPolicy(Generic[OptionsT]):
    """Base of the policies of this package: numbers that are not finite move nothing."""

    Options: ClassVar[type[PolicyOptions]] = PolicyOptions
    name: ClassVar[str]

    def __init__(self, options: OptionsT | None = None) -> None:
        self.options = cast(OptionsT, options or self.Options())

    def plan(self, target: Followable, frame: Frame, horizon: Horizon) -> Plan:
        """Decide what the stage does after ``frame``; nothing if any number is not finite."""
        if not _finite(target.prediction.mean_um[:2], target.seen_um):
            return Plan(reason=NOT_FINITE)
        plan = self._plan(target, frame, horizon)
        return plan if _finite(plan.move_um, plan.velocity_um_s) else Plan(reason=NOT_FINITE)

    def _plan(self, target: Followable, frame: Frame, horizon: Horizon) -> Plan:
        raise NotImplementedError


def _finite(*given: NDArray[np.float64] | None) -> bool:
    """Whether all numbers that are given are finite."""
    return all(each is None or bool(np.isfinite(each).all()) for each in given)
