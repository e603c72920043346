"""The policies by name: those of this package, and those of others."""

from ...models.registry import Registry
from .plan import Policy

POLICIES: Registry[Policy] = Registry(
    "policy",
    "pursuit.policies",
    {
        "predictive": f"{__package__}.predictive:Predictive",
        "velocity": f"{__package__}.predictive:Velocity",
        "reactive": f"{__package__}.peers:Reactive",
        "quadratic": f"{__package__}.peers:Quadratic",
        "damped": f"{__package__}.peers:Damped",
    },
    Policy,
)
"""Every policy that comes with the package."""
create = POLICIES.create
"""Make a policy by its name: built in, of an entry point, or ``"module:attribute"``."""
