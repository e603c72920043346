"""The predictors by name: those of this package, and those of others."""

from collections.abc import Mapping
from typing import Any

from ..registry import Registry
from .predictor import Predictor

PREDICTORS: Registry[Predictor] = Registry(
    "predictor",
    "pursuit.predictors",
    {
        "auto": f"{__package__}.auto:Auto",
        "imm": f"{__package__}.filters:Imm",
        "kalman": f"{__package__}.filters:Kalman",
        "brownian": f"{__package__}.filters:Brownian",
        "acceleration": f"{__package__}.filters:Acceleration",
        "lstm": f"{__package__}.learned.recurrent:Recurrent",
    },
)
"""Every predictor that comes with the package."""


def create(name: str, options: Mapping[str, Any] | None = None) -> Predictor:
    """Make the predictor called ``name``, or ``"package.module:attribute"``.

    Raises
    ------
    ValueError
        If the name or an option is not known, or a value is not allowed.
    """
    return PREDICTORS.create(name, options)
