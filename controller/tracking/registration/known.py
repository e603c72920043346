"""What is known of the own image of one object: how well it correlates, errors, doubts."""

from __future__ import annotations

import math

import numpy as np

from ....models.arrays import Floats
from .own_image import OwnImage
from .registered import Registered

AGREE = 0.3
"""Distance, in sizes, up to which a detection confirms a registration. Chosen: six first errors."""
LEAST_Z = -1.0
"""Fisher's z towards which it is forgotten how much others look like an object. Chosen: nothing
that is like it has so little."""
MEMORY = 20.0
"""Time constant, in frames, with which errors and correlations are learned. Chosen: as long as a
short time lapse."""
_FIRST_ERROR, _FIRST_WEIGHT = 0.1, 2.0
"""Error of a registration along one axis, in sizes, until it is known, and how many measured ones
it outweighs. Chosen: that of an object that changes its shape, twice that of a box."""
_LEAST_ERROR = 0.002
"""Least error, in sizes. Chosen: a twentieth of a block at most, as where there is no noise."""
_FIRST_Z, _FIRST_Z_SPREAD = 1.1, 0.35
"""Fisher's z of the correlation of an object with its own image, and its spread, until they are
known: a correlation of 0.8, and 0.05 at three standard deviations less. Chosen."""
_LEAST_Z_SPREAD = 0.15
"""Least spread. Chosen: that of noise over 45 independent pixels."""
_TOO_FEW = 3.0
"""Standard deviations below its usual z from which an image is not that of the object. Chosen on
movies made of stills other than those of the bench: 2 lost four more of 183."""
_MOST_MISFIT = 2.0
"""Standard deviations from which a look says no more. Chosen on movies made of stills other than
those of the bench: 3 lost two more of 268, where others cover a part of an object."""
_ENOUGH = 3
"""Frames in which registration and detection must have agreed before an image tells anything.
Chosen: as many as tell that two have been taken for each other."""
_LEAST_CORRELATION = 0.3
"""Below which nothing is found. Chosen: what noise alone comes to somewhere among 20 places with 40
independent pixels."""


class Known:
    """What is known of one object's own image."""

    def __init__(self, image: OwnImage, size_um: float) -> None:
        self.image = image
        self.z, self.z_spread2 = _FIRST_Z, _FIRST_Z_SPREAD**2
        self.others_z = LEAST_Z
        self.variance_um2 = (_FIRST_ERROR * size_um) ** 2
        self.least_um2 = (_LEAST_ERROR * size_um) ** 2
        self.found: Registered | None = None
        self.found_z, self._agreed, self._errors = 0.0, 0, _FIRST_WEIGHT
        self.doubts, self.rival, self.votes = 0, 0, 0

    def learn(self, seen_um: Floats | None, size_um: float) -> None:
        """Learn from where it was seen which correlation is usual, and how large errors are."""
        found = self.found
        if found is None or seen_um is None:
            return
        if found.detected_um is not None:
            seen_um = found.detected_um
            away_um2 = float(((seen_um - found.position_um) ** 2).sum()) / 2
            now_um2 = min(away_um2 - found.detected_variance_um2, 9 * self.variance_um2)
            self._errors += 1
            self.variance_um2 += (now_um2 - self.variance_um2) / min(self._errors, MEMORY)
            self.variance_um2 = max(self.variance_um2, self.least_um2)
        if np.hypot(*(seen_um - found.position_um)) < AGREE * size_um:
            self._agreed += 1
            away = self.found_z - self.z
            self.z += away / min(self._agreed, MEMORY)
            if self._agreed > 1:
                self.z_spread2 += (away * away - self.z_spread2) / MEMORY

    @property
    def spread(self) -> float:
        """Standard deviation of z."""
        return max(math.sqrt(self.z_spread2), _LEAST_Z_SPREAD)

    @property
    def least_z(self) -> float:
        """Below which an image is not that of the object."""
        return self.z - _TOO_FEW * self.spread

    def misfit(self, z: float) -> float:
        """Square of how much less than usual something looks like it, in standard deviations."""
        return min(max(self.z - z, 0.0) / self.spread, _MOST_MISFIT) ** 2

    def vote(self, rival: int) -> None:
        """Note who looks like the object, while what has its identity does not; 0: nobody."""
        self.doubts += 1
        self.votes = self.votes + 1 if rival == self.rival else 1
        self.rival = rival

    @property
    def is_like_others(self) -> bool:
        """Whether others correlate with its own image as it does itself, or nearly."""
        return self.others_z > self.least_z

    @property
    def tells(self) -> bool:
        """Whether its image has been seen often enough to tell it from others."""
        return self._agreed >= _ENOUGH and not self.is_like_others

    def allows(self, z: float) -> bool:
        """Whether what has not been seen for a while may look so: more like it than like others."""
        others_z = max(self.others_z, math.atanh(_LEAST_CORRELATION))
        return not self.tells or z > min(self.least_z, (self.z + others_z) / 2)

    @property
    def least_correlation(self) -> float:
        """Below which what is found is not the object."""
        return max(math.tanh(self.least_z), _LEAST_CORRELATION)
