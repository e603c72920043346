"""Base of all motions, with settings that are checked, and the motions with linear models."""

import math
import re
from typing import Annotated

import msgspec
import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Pair = tuple[Floats, Floats]
"""Transition F and process noise Q."""

Positive = Annotated[float, msgspec.Meta(gt=0.0, le=1e12)]
NotNegative = Annotated[float, msgspec.Meta(ge=0.0, le=1e12)]
"""Settings that must be finite; checked where they are decoded."""
_SHORT = 0.01
"""Steps in persistence times below which a series replaces a difference that would round away."""


def persistent_matrices(dt_s: float, persistence_s: float, variance_um2_s2: float) -> Pair:
    """Transition F (2, 2) and noise Q (2, 2) of a position whose velocity decays.

    The velocity is an Ornstein-Uhlenbeck process; the step is exact at any length (Gillespie,
    Phys. Rev. E 54:2084, 1996). ``persistence_s`` is the time over which the correlation of the
    velocity falls by a factor e, ``variance_um2_s2`` its variance along the axis.
    """
    tau, h = persistence_s, dt_s / persistence_s
    lost = -math.expm1(-h)
    if h < _SHORT:
        wander = h**3 * (2 / 3 - h / 2 + 7 * h**2 / 30 - h**3 / 12)
    else:
        wander = 2 * (h - lost) - lost**2
    F = np.array([[1.0, tau * lost], [0.0, 1.0 - lost]])
    mixed = tau * lost**2
    Q = np.array([[tau**2 * wander, mixed], [mixed, -math.expm1(-2 * h)]])
    return F, Q * variance_um2_s2


def carry(position: Floats, velocity: Floats, matrices: Pair, rng: np.random.Generator) -> None:
    """Advance positions and velocities, both (N, A), in place by the matrices of an axis."""
    F, Q = matrices
    spread_v = math.sqrt(Q[1, 1])
    shared_x = Q[0, 1] / spread_v if spread_v else 0.0
    own_x = math.sqrt(max(Q[0, 0] - shared_x**2, 0.0))
    first, second = rng.standard_normal((2, *position.shape))
    position += F[0, 1] * velocity + shared_x * first + own_x * second
    velocity[:] = F[1, 1] * velocity + spread_v * first


class MotionModel(
    msgspec.Struct,
    frozen=True,
    kw_only=True,
    forbid_unknown_fields=True,
    # in TOML RunAndTumble is run-and-tumble
    tag=lambda name: re.sub(r"(?<=[a-z])(?=[A-Z])", "-", name).lower(),
    tag_field="kind",
):
    """Base of all motions.

    A state is an (N, S) array with one row for each object; its first three columns are the
    position in µm and may be shifted freely. Rows are independent of each other, so several
    futures of one object are simulated by repeating its row and stepping.

    Along the optical axis any motion may diffuse, swim up and down, or both, independently of
    the plane. The velocity of the swimming is the last column.

    Attributes
    ----------
    z_um_sqrt_s : float
        Diffusion along the optical axis: standard deviation after one second.
    z_speed_um_s, z_persistence_s : float
        Root mean square of a velocity along the optical axis, and the time over which its
        correlation falls by a factor e; 0 µm/s: there is none.
    z_reach_um : float
        Distance of a floor and a ceiling from focal zero, at which objects turn back; 0: there
        are none.
    """

    z_um_sqrt_s: NotNegative = 0.0
    z_speed_um_s: NotNegative = 0.0
    z_persistence_s: Positive = 1.0
    z_reach_um: NotNegative = 0.0

    def start(self, positions_um: Floats, rng: np.random.Generator) -> Floats:
        """Return states (N, S) at the given positions (N, 3), drawn from the steady state."""
        count = len(positions_um)
        state = np.column_stack([positions_um, self._draw_hidden(count, rng)])
        if not self.z_speed_um_s:
            return state
        return np.column_stack([state, rng.normal(0.0, self.z_speed_um_s, count)])

    def step(self, state: Floats, dt_s: float, rng: np.random.Generator) -> Floats:
        """Return the states (N, S) a time ``dt_s`` later; the given array is left as it is."""
        after = state.copy()
        if dt_s > 0:
            self._move(after, dt_s, rng)
            self._move_in_depth(after, dt_s, rng)
        return after

    def reversed_in_time(self, state: Floats) -> Floats:
        """Return the states (N, S) with time reversed.

        A step from there leads to a past of the given states, as all motions are reversible in
        their steady state.
        """
        back = state.copy()
        self._reverse(back)
        if self.z_speed_um_s:
            back[:, -1] *= -1
        return back

    def _move_in_depth(self, state: Floats, dt_s: float, rng: np.random.Generator) -> None:
        if self.z_um_sqrt_s:
            spread_um = self.z_um_sqrt_s * math.sqrt(dt_s)
            state[:, 2] += rng.normal(0.0, spread_um, len(state))
        if self.z_speed_um_s:
            matrices = persistent_matrices(dt_s, self.z_persistence_s, self.z_speed_um_s**2)
            carry(state[:, 2:3], state[:, -1:], matrices, rng)
        if self.z_reach_um:
            self._reflect_in_depth(state)

    def _reflect_in_depth(self, state: Floats) -> None:
        """Reflect paths at floor and ceiling; exact, as up and down are equally likely."""
        height_um = 2 * self.z_reach_um
        unfolded_um = np.mod(state[:, 2] + self.z_reach_um, 2 * height_um)
        state[:, 2] = height_um - np.abs(unfolded_um - height_um) - self.z_reach_um
        if self.z_speed_um_s:
            state[unfolded_um > height_um, -1] *= -1

    def _draw_hidden(self, count: int, rng: np.random.Generator) -> Floats:
        raise NotImplementedError

    def _move(self, state: Floats, dt_s: float, rng: np.random.Generator) -> None:
        raise NotImplementedError

    def _reverse(self, state: Floats) -> None:
        raise NotImplementedError


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
