"""The policies by name: those of this package, and those of others."""

from collections.abc import Mapping
from typing import Any

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
)
"""Every policy that comes with the package."""


def create(name: str, options: Mapping[str, Any] | None = None) -> Policy:
    """Make the policy called ``name``: built in, of an entry point, or ``"module:attribute"``.

    Raises
    ------
    ValueError
        If the name or an option is not known, or a value is not allowed.
    """
    return POLICIES.create(name, options)
