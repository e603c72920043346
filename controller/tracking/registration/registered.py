"""A registration as a measurement: what it adds to a prediction and to a detection."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ....models.arrays import Floats

_SHAPES = 1.25
"""Factor by which a size may change with the shape. Chosen: by as much do boxes of simulated worms
change that bend; their middle is right all the same."""


@dataclass(slots=True, eq=False)
class Registered:
    """Where the own image of an object was found in a frame.

    Attributes
    ----------
    position_um : (2,)
    variance_um2 : float
        Along one axis.
    usual_size_um : float
    detected_um, detected_variance_um2 : (2,) or None, float
        Where it was detected beside that, once that is known.
    """

    position_um: Floats
    variance_um2: float
    usual_size_um: float
    detected_um: Floats | None = None
    detected_variance_um2: float = 0.0

    def sharpen(self, mean_um: Floats, cov_um2: Floats) -> tuple[Floats, Floats]:
        """Prediction, (2,) and (2, 2), with this for a measurement: the Kalman filter's update."""
        gain = cov_um2 @ np.linalg.inv(cov_um2 + self.variance_um2 * np.eye(2))
        return mean_um + gain @ (self.position_um - mean_um), cov_um2 - gain @ cov_um2

    def fuse(
        self, detected_um: Floats, size_um: float, variance_um2: float, undisturbed: bool
    ) -> tuple[Floats, float]:
        """Mean of this and of a detection, weighed by their variances, and its variance.

        A box that is much larger or smaller than usual has its middle elsewhere by up to half of
        the difference: it is of a part of the object, or of more than it. One of usual size that
        nothing disturbs is taken alone: it does not drift.
        """
        self.detected_um, self.detected_variance_um2 = detected_um, variance_um2
        if 1 / _SHAPES < size_um / self.usual_size_um < _SHAPES:
            if undisturbed:
                return detected_um, variance_um2
        else:
            variance_um2 += (size_um - self.usual_size_um) ** 2 / 4
        share = self.variance_um2 / (self.variance_um2 + variance_um2)
        return share * detected_um + (1 - share) * self.position_um, share * variance_um2
