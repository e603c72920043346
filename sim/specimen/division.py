"""Separation of the daughters of a division, from within the outline of their mother."""

import math

import numpy as np

from ..motion import Floats


class Separations:
    """Pairs of daughters that separate, in addition to their own motion.

    A pair begins with its outer edges on the outline of the mother and ends with a radius of
    hers between the two. The distance grows as half a cosine, and the centre of the light of
    both stays where it is. A separation takes ``last_s``.
    """

    def __init__(self, last_s: float) -> None:
        self._last_s = last_s
        self._pairs = np.empty((0, 2), int)
        self._travel_um = np.empty((0, 2, 2))
        self._since_s = np.empty(0)

    def begin(
        self,
        pairs: np.ndarray,
        radii_um: Floats,
        share: float,
        at_s: float,
        rng: np.random.Generator,
    ) -> Floats:
        """Add pairs that divide; return where they start, (K, 2, 2).

        These are the offsets of the larger and the smaller daughter from the mother.

        Parameters
        ----------
        pairs : (K, 2) int
            Rows of the larger and of the smaller daughter.
        radii_um : (K, 3)
            Radii of the mother, the larger and the smaller daughter.
        share : float
            Of the larger daughter in the mother's light.

        """
        angles = rng.uniform(0.0, 2 * math.pi, len(pairs))
        along = np.column_stack([np.cos(angles), np.sin(angles)])
        offsets = np.array([1 - share, -share])[:, None] * along[:, None]
        mothers_um, touching_um = radii_um[:, 0], radii_um[:, 1] + radii_um[:, 2]
        newborn_um = 2 * mothers_um - touching_um
        separated_um = mothers_um + touching_um
        travel_um = offsets * (separated_um - newborn_um)[:, None, None]
        self._pairs = np.concatenate([self._pairs, pairs])
        self._travel_um = np.concatenate([self._travel_um, travel_um])
        self._since_s = np.concatenate([self._since_s, np.full(len(pairs), at_s)])
        return offsets * newborn_um[:, None, None]

    def advance(self, state: Floats, from_s: float, to_s: float) -> None:
        """Move daughters in place by what they separate between two times."""
        if not len(self._pairs):
            return
        share = self._progress(to_s) - self._progress(from_s)
        moved_um = self._travel_um * share[:, None, None]
        np.add.at(state[:, :2], self._pairs.ravel(), moved_um.reshape(-1, 2))
        going = to_s < self._since_s + self._last_s
        self._pairs, self._travel_um = self._pairs[going], self._travel_um[going]
        self._since_s = self._since_s[going]

    def _progress(self, at_s: float) -> Floats:
        done = np.clip((at_s - self._since_s) / self._last_s, 0.0, 1.0)
        return (1 - np.cos(math.pi * done)) / 2
