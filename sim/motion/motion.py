"""Motions with linear models, and the union of all, vectorised over objects."""

import math

import numpy as np

from .manoeuvres import Directed, Oscillating, RunAndTumble, Worm
from .model import Floats, MotionModel, NotNegative, Positive, carry, persistent_matrices


class Brownian(MotionModel, frozen=True):
    """Free diffusion in the plane: variance ``2 D t`` on each axis."""

    diffusion_um2_s: NotNegative

    def matrices(self, dt_s: float) -> tuple[Floats, Floats]:
        """Transition F (1, 1) and process noise Q (1, 1) of one axis."""
        return np.eye(1), np.array([[2 * self.diffusion_um2_s * dt_s]])

    def _draw_hidden(self, count: int, rng: np.random.Generator) -> Floats:
        return np.empty((count, 0))

    def _move(self, state: Floats, dt_s: float, rng: np.random.Generator) -> None:
        spread_um = math.sqrt(2 * self.diffusion_um2_s * dt_s)
        state[:, :2] += rng.normal(0.0, spread_um, (len(state), 2))

    def _reverse(self, state: Floats) -> None:
        """Do nothing: a diffusing object has no direction."""


class Persistent(MotionModel, frozen=True):
    """Persistent random walk: the velocity is an Ornstein-Uhlenbeck process.

    The state carries the velocity in columns 3 and 4.

    Attributes
    ----------
    speed_um_s : float
        Root mean square of the velocity vector in the plane.
    persistence_s : float
        Time over which the correlation of the velocity falls by a factor e.
    """

    speed_um_s: NotNegative
    persistence_s: Positive

    def matrices(self, dt_s: float) -> tuple[Floats, Floats]:
        """Transition F (2, 2) and process noise Q (2, 2) of one axis, position first."""
        return persistent_matrices(dt_s, self.persistence_s, self.speed_um_s**2 / 2)

    def _draw_hidden(self, count: int, rng: np.random.Generator) -> Floats:
        return rng.normal(0.0, self.speed_um_s / math.sqrt(2), (count, 2))

    def _move(self, state: Floats, dt_s: float, rng: np.random.Generator) -> None:
        carry(state[:, :2], state[:, 3:5], self.matrices(dt_s), rng)

    def _reverse(self, state: Floats) -> None:
        state[:, 3:5] *= -1


Motion = Brownian | Persistent | RunAndTumble | Directed | Oscillating | Worm
"""Any motion; the key ``kind`` of its TOML table tells which."""
