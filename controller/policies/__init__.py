"""Where to send the stage, given the target: one class for each policy.

In: a target that can be predicted, a frame, a `Horizon`. Out: a `Plan`.
"""

from .horizon import Horizon
from .plan import Followable, Plan, Policy, plan_of
from .registry import POLICIES, create

__all__ = ["POLICIES", "Followable", "Horizon", "Plan", "Policy", "create", "plan_of"]
