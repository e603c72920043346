"""What a bank of filters believes of objects."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from ...arrays import Floats
from .modes import Slots


class Beliefs(NamedTuple):
    """What is believed of N objects: M modes of H hypotheses, A axes, D numbers on each.

    Modes come last, so that sums over them run along memory. Covariances are in stated µm²:
    those of a hypothesis times its scale are the believed ones.

    Attributes
    ----------
    covs : (N, D, D, M)
        Covariances of the position and its derivatives, the same on all axes.
    means : (N, D, A, M)
        Their means.
    modes : (N, M)
        Probabilities of the modes within their hypotheses.
    weights : (N, H)
        Probabilities of the hypotheses.
    misfits : (N, H)
        Squared misfits remembered, in stated variances: half of it is the scale of an inverse
        gamma law.
    speeds2 : (N, S)
        Mean square of the velocity along an axis, stated, of hypotheses that switch.
    shapes : (N, A, A)
        Covariances of the positions over their mean variance along an axis.
    seen : (N,)
        Measured coordinates remembered, likewise: half of it is its shape.
    units_um2 : (N,)
        Variance that was stated of the first measurement.
    """

    covs: Floats
    means: Floats
    modes: Floats
    weights: Floats
    misfits: Floats
    speeds2: Floats
    shapes: Floats
    seen: Floats
    units_um2: Floats

    @property
    def objects(self) -> int:
        """How many objects."""
        return len(self.units_um2)

    def at(self, rows: Slots) -> Beliefs:
        """Return a copy of those of some objects."""
        return Beliefs(*(array[rows] for array in self))

    def put(self, rows: Slots, other: Beliefs) -> None:
        """Write over those of some objects."""
        for array, new in zip(self, other, strict=True):
            array[rows] = new

    def with_room(self, more: int) -> Beliefs:
        """Return these and room for more after them."""
        rooms = (np.zeros((more, *array.shape[1:])) for array in self)
        pairs = zip(self, rooms, strict=True)
        return Beliefs(*(np.concatenate(pair) for pair in pairs))
