"""Appearance of objects, size and brightness, and how far it may differ between measurements."""

import numpy as np

from ...models.arrays import Bools, Floats

LATER_SPREAD = 0.25
"""Relative spread of size and brightness of one object between two measurements some time apart.
Chosen: below that from frame to frame, as means over several frames are compared."""
MERGED_SPREAD = 0.15, 0.25
"""Relative errors of the size and of the brightness that two objects are expected to have in a
merged measurement. Chosen: a sum errs less than its parts, and so does a size than a brightness."""
MOST_MISFIT = 9.0
"""Squared misfit beyond which a trait says no more, three standard deviations: objects do change.
Two traits of one object together stay below it in 98.9 % (chi², two degrees of freedom)."""

_FIRST_SPREAD = 0.3
"""Relative spread of size and brightness from frame to frame, until it is known. Chosen: wide, so
that position decides at first."""
_LEAST_SPREAD = 0.05
"""Least spread. Chosen: no detector repeats a size any better."""
_SPREAD_MEMORY = 300.0
"""Time constant, in measurements, with which a spread is learned. Chosen: a few frames of a crowd,
half a minute of a single object at 10 Hz."""
_APPEARANCE_MEMORY = 10.0
"""Time constant, in measurements, of an object's usual appearance. Chosen: shorter than growth and
bleaching, longer than flicker."""
_OTHER_CLASS = 4.0
"""Cost of a measurement of another class. Chosen: that of a trait off by two standard deviations,
as classifiers err."""
ALIKE = 6.0
"""Squared misfit of appearance that 95 % of one object's measurements stay below (chi², two degrees
of freedom); beyond the gate a measurement must look like the object."""


class AppearanceModel:
    """How alike a track and a measurement are: size, brightness and class.

    The spread of each trait from frame to frame is learned from the matches that are made, so
    that the boxes of a noisy detector count less.
    """

    def __init__(self) -> None:
        self._variances = np.full(2, _FIRST_SPREAD**2)

    def costs(self, tracks: Floats, measurements: Floats, same_class: Bools) -> Floats:
        """Negative log likelihood, times two and but for a constant, of pairs (P, 2), (P, 2)."""
        return _misfits(tracks, measurements, self._variances) + _OTHER_CLASS * ~same_class

    def learn(self, tracks: Floats, measurements: Floats) -> None:
        """Take in the appearances, (P, 2), of pairs that were matched."""
        squares = (measurements - tracks) ** 2
        known = np.isfinite(squares)
        limited = np.minimum(np.where(known, squares, 0.0), MOST_MISFIT * self._variances)
        kept = (1 - 1 / _SPREAD_MEMORY) ** known.sum(axis=0)
        means = limited.sum(axis=0) / np.maximum(known.sum(axis=0), 1)
        learned = kept * self._variances + (1 - kept) * means
        self._variances = np.maximum(learned, _LEAST_SPREAD**2)


def misfits(expected: Floats, appearances: Floats, spread: float | tuple[float, float]) -> Floats:
    """Squared misfits, (P,), of appearances, (P, 2), with a given relative spread of each trait.

    The learned spreads are those of one object from frame to frame; here for comparisons of
    another kind, `LATER_SPREAD` and `MERGED_SPREAD`. Traits that are not known do not count.
    """
    return _misfits(expected, appearances, np.square(np.asarray(spread, np.float64)))


def usual_appearances(usual: Floats, now: Floats) -> Floats:
    """Take appearances, (N, 2), into running means; one that is not known begins with the new."""
    return np.where(np.isfinite(usual), usual + (now - usual) / _APPEARANCE_MEMORY, now)


def _misfits(expected: Floats, appearances: Floats, variances: Floats) -> Floats:
    squares = (appearances - expected) ** 2 / variances
    return np.where(np.isfinite(squares), np.minimum(squares, MOST_MISFIT), 0.0).sum(axis=1)
