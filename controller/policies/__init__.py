"""Where to send the stage, given the target: one class for each law.

In: a target that can be predicted, a frame, a `Horizon`. Out: a `Plan`.
"""

from __future__ import annotations

from .horizon import Horizon
from .peers import Damped, Quadratic, Reactive
from .plan import Followable, Law, Plan, Policy
from .predictive import Predictive, Velocity

__all__ = [
    "AnyLaw",
    "Damped",
    "Followable",
    "Horizon",
    "Law",
    "Plan",
    "Policy",
    "Predictive",
    "Quadratic",
    "Reactive",
    "Velocity",
]

AnyLaw = Predictive | Velocity | Reactive | Quadratic | Damped
"""Every law that comes with the package; the key ``name`` of its TOML table tells which."""
