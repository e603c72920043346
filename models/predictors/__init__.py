"""Predictors: a track so far in, a Prediction out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..registry import Registry


@dataclass(frozen=True, slots=True, eq=False)
class Prediction:
    """Where an object is believed to be at an instant, in stage coordinates.

    Attributes
    ----------
    at_ns : int
        The instant, on the clock of the frames.
    mean_um : (3,) float64
        x, y and z in µm.
    cov_um2 : (3, 3) float64
        Covariance of that position in µm².
    source : str
        Who predicted.
    """

    at_ns: int
    mean_um: NDArray[np.float64]
    cov_um2: NDArray[np.float64]
    source: str


class Predictor(Protocol):
    """The motion of one object: measurements in, positions at any later time out."""

    @property
    def velocity_um_s(self) -> NDArray[np.float64]:
        """Velocity at the last measurement in µm/s, (3,); zero before the first."""
        ...

    def update(self, at_ns: int, position_um: ArrayLike, cov_um2: ArrayLike) -> None:
        """Take in a measured position, (3,) µm, and its covariance, (3, 3) µm².

        The first call initialises. A coordinate that was not measured has a huge variance;
        infinity is allowed.

        Raises
        ------
        ValueError
            If a position is not finite or a variance is not positive.
        """
        ...

    def predict(self, at_ns: int) -> Prediction:
        """Say where the object is at ``at_ns``, at any horizon; changes nothing.

        Raises
        ------
        ValueError
            Before the first measurement.
        """
        ...


PREDICTORS: Registry[Predictor] = Registry("predictor", {"kalman": f"{__name__}.kalman:Kalman"})
"""Every predictor that comes with the package."""


def create(name: str, options: Mapping[str, Any] | None = None) -> Predictor:
    """Make the predictor called ``name``, or ``"package.module:attribute"``.

    Raises
    ------
    ValueError
        If the name or an option is not known, or a value is not allowed.
    """
    return PREDICTORS.create(name, options)
