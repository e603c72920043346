"""What all motions share: a state, a start, a step, and settings that are checked."""

from __future__ import annotations

import math
import re
from typing import Annotated

import msgspec
import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

Positive = Annotated[float, msgspec.Meta(gt=0.0, le=1e12)]
"""A setting that must be positive and finite; checked where it is decoded."""

NotNegative = Annotated[float, msgspec.Meta(ge=0.0, le=1e12)]
"""A setting that must be zero or positive and finite; checked where it is decoded."""


def _kebab(name: str) -> str:
    return re.sub(r"(?<=[a-z])(?=[A-Z])", "-", name).lower()


class MotionModel(
    msgspec.Struct,
    frozen=True,
    kw_only=True,
    forbid_unknown_fields=True,
    tag=_kebab,
    tag_field="kind",
):
    """Base of all motions.

    A state is an (N, S) array with one row for each object; its first three columns are the
    position in µm and may be shifted freely. Rows are independent of each other, so the
    futures of one object are had by repeating its row and stepping.

    Attributes
    ----------
    z_um_sqrt_s : float
        Random walk of the focal position: its standard deviation after one second.
    """

    z_um_sqrt_s: NotNegative = 0.0

    def start(self, positions_um: Floats, rng: np.random.Generator) -> Floats:
        """Return states (N, S) at the given positions (N, 3), drawn from the steady state."""
        return np.column_stack([positions_um, self._draw_hidden(len(positions_um), rng)])

    def step(self, state: Floats, dt_s: float, rng: np.random.Generator) -> Floats:
        """Return the states (N, S) a time ``dt_s`` later; the given array is left as it is."""
        after = state.copy()
        if dt_s > 0:
            self._move(after, dt_s, rng)
            if self.z_um_sqrt_s:
                spread_um = self.z_um_sqrt_s * math.sqrt(dt_s)
                after[:, 2] += rng.normal(0.0, spread_um, len(after))
        return after

    def _draw_hidden(self, count: int, rng: np.random.Generator) -> Floats:
        raise NotImplementedError

    def _move(self, state: Floats, dt_s: float, rng: np.random.Generator) -> None:
        raise NotImplementedError
