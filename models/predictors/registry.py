"""The predictors by name: those of this package, and those of others."""

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
    Predictor,
)
"""Every predictor that comes with the package."""

create = PREDICTORS.create
