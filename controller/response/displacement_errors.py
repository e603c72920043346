"""How far from where it was expected the target is usually found."""

import math
from collections import deque

import numpy as np

from ...drivers.clock import NS_PER_S
from ...models.arrays import Floats

_OUTLIERS, _DARTS = 0.1, 0.15
"""Share of objects that are not found again, and of those that dart. Chosen: of faint ones, and of
lively ones."""
_FIRST_SIGMA_PX = 1.5
"""Error of a displacement before any was measured. Chosen: of a faint object."""
_LEAST_SIGMA_PX = 0.3
"""Least error of a displacement. Chosen: what bright objects wobble by."""
GAIN_ERROR = 0.15
"""Error of a shift, as a share of it. Chosen: of a calibration that still counts as one, and of a
stage that rings."""
_FEWEST, _MOST = 3, 100
"""Errors from which they are known, and how many are remembered. Chosen: of five frames of a slow
time lapse, and enough for the rare ones."""
_LATELY_NS, _ENOUGH = NS_PER_S * 6 // 100, 4
"""The last errors, if so many, of which the middle counts as usual: what accelerates does so for
some frames of a fast camera. Chosen."""
_EXPECTED = 0.2, 0.4, 0.6, 0.8
"""Quantiles of errors that are expected, which count as if so many were measured. Chosen: one that
is an accident does not count for much then."""
MOST_MISS_PX = 20.0
"""Distance from which an object was not found again, whatever its motion. Chosen."""
_OFTEN, _MOSTLY = 0.8, 0.97
"""Quantiles of errors that their standard deviations are taken from: the usual one, and that of
objects that dart. Chosen: objects turn and dart, and are seldom Gaussian."""


class DisplacementErrors:
    """Errors of displacements from frame to frame, and the likelihood of others.

    Attributes
    ----------
    usual_px, dart_px : float
        Standard deviations along one axis: in most frames, and in those in which the target darts.
    found_again : bool
        Whether the target is where it was expected in most frames, or anything but near it: what
        comes and goes, as the crests of waves do, cannot tell how the picture moves.
    """

    def __init__(self) -> None:
        self.found_again = True
        self.usual_px = self.dart_px = _FIRST_SIGMA_PX
        self._misses: deque[tuple[int, float]] = deque(maxlen=_MOST)

    @property
    def known(self) -> bool:
        """Whether enough were measured."""
        return len(self._misses) >= _FEWEST

    def expect(self, sigma_px: float, at_ns: int) -> None:
        """Take the errors for so large until many more are known."""
        if not self._misses:
            self._misses.extend((at_ns, sigma_px * _rayleigh(q)) for q in _EXPECTED)
            self.usual_px, self.dart_px = sigma_px, 2 * sigma_px

    def add(self, miss_px: float, at_ns: int) -> None:
        """Take in the length of an error, and when it was made."""
        self._misses.append((at_ns, min(miss_px, MOST_MISS_PX)))
        if not self.known:
            return
        often_px, mostly_px = np.quantile([px for _, px in self._misses], (_OFTEN, _MOSTLY))
        self.found_again = bool(often_px < MOST_MISS_PX)
        usual_px = max(float(often_px) / _rayleigh(_OFTEN), _LEAST_SIGMA_PX)
        lately_px = [px for then_ns, px in self._misses if at_ns - then_ns < _LATELY_NS]
        if len(lately_px) >= _ENOUGH:
            usual_px = max(float(np.median(lately_px)) / _rayleigh(0.5), usual_px)
        self.usual_px = usual_px
        self.dart_px = max(float(mostly_px) / _rayleigh(_MOSTLY), usual_px)

    def log_likelihoods(
        self, misses_px: Floats, moved_px: Floats, frames: float, objects_per_px2: float
    ) -> Floats:
        """Log densities of errors: of usual ones, of darts, and of objects that are anywhere.

        Parameters
        ----------
        misses_px : (H,)
        moved_px : (H,)
            By how much the picture was shifted.
        frames : float
            Over how many frames: the error of the target's own motion adds up.
        objects_per_px2 : float
            Of objects in a frame: how likely one is to be anywhere.
        """
        gain_px = GAIN_ERROR * moved_px
        usual_px = np.hypot(frames * self.usual_px, gain_px)
        dart_px = np.hypot(frames * self.dart_px, gain_px)
        return log_likelihoods(misses_px, usual_px, dart_px, objects_per_px2)


def log_likelihoods(
    misses_px: Floats, usual_px: Floats | float, dart_px: Floats | float, objects_per_px2: float
) -> Floats:
    """Log densities of errors: of usual ones, of darts, and of objects that are anywhere.

    Parameters
    ----------
    misses_px : (...)
    usual_px, dart_px : broadcast to it
        Standard deviations along one axis.
    objects_per_px2 : float
        Of objects in a frame: how likely one is to be anywhere.
    """
    usual = (1 - _OUTLIERS - _DARTS) * _gaussian(misses_px, usual_px)
    dart = _DARTS * _gaussian(misses_px, dart_px)
    told: Floats = np.log(usual + dart + _OUTLIERS * objects_per_px2)
    return told


def _gaussian(length_px: Floats, sigma_px: Floats | float) -> Floats:
    """Density of a Gaussian vector in the plane at a length."""
    return np.exp(-((length_px / sigma_px) ** 2) / 2) / (2 * math.pi * sigma_px**2)


def _rayleigh(quantile: float) -> float:
    """Quantile of the length of a Gaussian vector in the plane, in deviations of one axis."""
    return math.sqrt(-2 * math.log(1 - quantile))
