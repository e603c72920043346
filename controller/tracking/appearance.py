"""What objects look like, and how far a look may differ before it is another object's."""

from __future__ import annotations

import numpy as np

from ...models.arrays import Bools, Floats

_FIRST_SPREAD = 0.3
"""Relative spread of size and brightness from frame to frame, until it is known."""
_LEAST_SPREAD = 0.05
_MEMORY = 300.0
"""Measurements after which a spread is forgotten."""
_USUAL_MEMORY = 10.0
"""Measurements after which a look is not usual any more."""
_MOST = 9.0
"""Squared misfit beyond which a look says no more: objects do change."""
_OTHER_CLASS = 4.0
"""Cost of a measurement of another class."""


class AppearanceModel:
    """How alike a track and a measurement are: size, brightness and class.

    The spread of each trait from frame to frame is learned from the matches that are made, so
    that a detector with shaky boxes is believed less.
    """

    def __init__(self) -> None:
        self._variances = np.full(2, _FIRST_SPREAD**2)

    def costs(self, tracks: Floats, measurements: Floats, same_class: Bools) -> Floats:
        """Negative log likelihood, times two and but for a constant, of pairs of appearance.

        Parameters
        ----------
        tracks, measurements : (P, 2)
            Logarithms of size and brightness; NaN where unknown.
        same_class : (P,)
        """
        squares = (measurements - tracks) ** 2 / self._variances
        squares = np.where(np.isfinite(squares), np.minimum(squares, _MOST), 0.0)
        return squares.sum(axis=1) + _OTHER_CLASS * ~same_class

    def learn(self, tracks: Floats, measurements: Floats) -> None:
        """Take in the appearance, (P, 2), of pairs that were matched."""
        squares = (measurements - tracks) ** 2
        known = np.isfinite(squares)
        limited = np.minimum(np.where(known, squares, 0.0), _MOST * self._variances)
        kept = (1 - 1 / _MEMORY) ** known.sum(axis=0)
        means = limited.sum(axis=0) / np.maximum(known.sum(axis=0), 1)
        learned = kept * self._variances + (1 - kept) * means
        self._variances = np.maximum(learned, _LEAST_SPREAD**2)


def followed(usual: Floats, now: Floats) -> Floats:
    """Return slowly following means of appearance, (N, 2), each begun with the first known one."""
    return np.where(np.isfinite(usual), usual + (now - usual) / _USUAL_MEMORY, now)
