"""How things move: named random motions, vectorised over objects, in µm and seconds."""

from __future__ import annotations

import math

import numpy as np

from .manoeuvres import Directed, Oscillating, RunAndTumble, Worm
from .motion_model import Floats, MotionModel, NotNegative, Positive

__all__ = [
    "Brownian",
    "Directed",
    "Motion",
    "Oscillating",
    "Persistent",
    "RunAndTumble",
    "Worm",
]


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


class Persistent(MotionModel, frozen=True):
    """Persistent random walk: the velocity is an Ornstein-Uhlenbeck process.

    The state carries the velocity in columns 3 and 4. The discretisation is exact (Gillespie,
    Phys. Rev. E 54:2084, 1996).

    Attributes
    ----------
    speed_um_s : float
        Root mean square of the velocity vector in the plane.
    persistence_s : float
        Time over which the velocity forgets itself by a factor e.
    """

    speed_um_s: NotNegative
    persistence_s: Positive

    def matrices(self, dt_s: float) -> tuple[Floats, Floats]:
        """Transition F (2, 2) and process noise Q (2, 2) of one axis, position first."""
        tau, h = self.persistence_s, dt_s / self.persistence_s
        lost = -math.expm1(-h)
        if h < 0.01:
            wander = h**3 * (2 / 3 - h / 2 + 7 * h**2 / 30 - h**3 / 12)
        else:
            wander = 2 * (h - lost) - lost**2
        F = np.array([[1.0, tau * lost], [0.0, 1.0 - lost]])
        mixed = tau * lost**2
        Q = np.array([[tau**2 * wander, mixed], [mixed, -math.expm1(-2 * h)]])
        return F, Q * self.speed_um_s**2 / 2

    def _draw_hidden(self, count: int, rng: np.random.Generator) -> Floats:
        return rng.normal(0.0, self.speed_um_s / math.sqrt(2), (count, 2))

    def _move(self, state: Floats, dt_s: float, rng: np.random.Generator) -> None:
        F, Q = self.matrices(dt_s)
        spread_v = math.sqrt(Q[1, 1])
        shared_x = Q[0, 1] / spread_v if spread_v else 0.0
        own_x = math.sqrt(max(Q[0, 0] - shared_x**2, 0.0))
        first, second = rng.standard_normal((2, len(state), 2))
        state[:, :2] += F[0, 1] * state[:, 3:5] + shared_x * first + own_x * second
        state[:, 3:5] = F[1, 1] * state[:, 3:5] + spread_v * first


Motion = Brownian | Persistent | RunAndTumble | Directed | Oscillating | Worm
"""Any motion; the key ``kind`` of its TOML table tells which."""
