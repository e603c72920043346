"""The states of all filters of a bank, object by object."""

from typing import NamedTuple

import numpy as np

from ...arrays import Floats, Indices


class FilterStates(NamedTuple):
    """Filters of N objects: M modes of H hypotheses on A axes, each with a state of D numbers.

    Modes come last, so that loops over them run along memory. Covariances are relative to the
    stated measurement noise: the estimated ones are those times the noise scale of the
    hypothesis, ``square_sums / counts``.

    Attributes
    ----------
    covs : (N, D, D, M)
        Covariances of position and derivatives, the same on all axes.
    means : (N, D, A, M)
    mode_probabilities : (N, M)
        Within their hypotheses.
    weights : (N, H)
        Probabilities of the hypotheses.
    square_sums : (N, H)
        Sum of normalised innovations squared (NIS), exponentially forgotten. Half of it is the
        scale of the inverse gamma distribution of the noise scale.
    speeds2 : (N, S)
        Mean square velocity along an axis by each of the S hypotheses that switch modes,
        relative to the noise scale.
    shapes : (N, A, A)
        Covariance of the position over its mean variance along an axis.
    counts : (N,)
        Number of measured coordinates, forgotten in the same way. Half of it is the shape
        parameter of that inverse gamma distribution.
    units_um2 : (N,)
        Stated variance of the first measurement, the unit of the process noise.
    """

    covs: Floats
    means: Floats
    mode_probabilities: Floats
    weights: Floats
    square_sums: Floats
    speeds2: Floats
    shapes: Floats
    counts: Floats
    units_um2: Floats

    def at(self, rows: Indices) -> "FilterStates":
        """Return a copy of the rows of some objects."""
        return FilterStates(*(array[rows] for array in self))

    def put(self, rows: Indices, other: "FilterStates") -> None:
        """Overwrite the rows of some objects."""
        for array, new in zip(self, other, strict=True):
            array[rows] = new

    def padded(self, more: int) -> "FilterStates":
        """Return a copy with so many rows of zeros appended."""
        rooms = (np.zeros((more, *array.shape[1:])) for array in self)
        return FilterStates(*map(np.concatenate, zip(self, rooms, strict=True)))
