"""How things move: named random motions, vectorised over objects, in µm and seconds."""

from __future__ import annotations

import math
import re
from typing import Annotated

import msgspec
import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


Positive = Annotated[float, msgspec.Meta(gt=0.0, le=1e12)]
"""A setting that must be positive and finite; checked where it is decoded."""

NotNegative = Annotated[float, msgspec.Meta(ge=0.0, le=1e12)]
"""A setting that must be zero or positive and finite; checked where it is decoded."""


def _kebab(name: str) -> str:
    return re.sub(r"(?<=[a-z])(?=[A-Z])", "-", name).lower()


class MotionModel(
    msgspec.Struct,
    frozen=True,
    kw_only=True,
    forbid_unknown_fields=True,
    tag=_kebab,
    tag_field="kind",
):
    """Base of all motions.

    A state is an (N, S) array with one row for each object; its first three columns are the
    position in µm and may be shifted freely. Rows are independent of each other, so the
    futures of one object are had by repeating its row and stepping.

    Attributes
    ----------
    z_um_sqrt_s : float
        Random walk of the focal position: its standard deviation after one second.
    """

    z_um_sqrt_s: NotNegative = 0.0

    def start(self, positions_um: Floats, rng: np.random.Generator) -> Floats:
        """Return states (N, S) at the given positions (N, 3), drawn from the steady state."""
        return np.column_stack([positions_um, self._draw_hidden(len(positions_um), rng)])

    def step(self, state: Floats, dt_s: float, rng: np.random.Generator) -> Floats:
        """Return the states (N, S) a time ``dt_s`` later; the given array is left as it is."""
        after = state.copy()
        if dt_s > 0:
            self._move(after, dt_s, rng)
            if self.z_um_sqrt_s:
                spread_um = self.z_um_sqrt_s * math.sqrt(dt_s)
                after[:, 2] += rng.normal(0.0, spread_um, len(after))
        return after

    def _draw_hidden(self, count: int, rng: np.random.Generator) -> Floats:
        raise NotImplementedError

    def _move(self, state: Floats, dt_s: float, rng: np.random.Generator) -> None:
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


class RunAndTumble(MotionModel, frozen=True):
    """Straight runs and short stops after which the heading has turned, as bacteria swim.

    Runs and tumbles last exponentially distributed times, which makes any step exact. The
    defaults are those of Escherichia coli (Berg and Brown, Nature 239:500, 1972).

    Attributes
    ----------
    speed_um_s, run_s, tumble_s : float
        Speed within a run, mean length of a run and of a tumble.
    turn_deg, turn_spread_deg : float
        Mean and standard deviation of the size of a turn, to either side.
    """

    speed_um_s: NotNegative
    run_s: Positive = 0.9
    tumble_s: NotNegative = 0.14
    turn_deg: NotNegative = 68.0
    turn_spread_deg: NotNegative = 36.0

    def _draw_hidden(self, count: int, rng: np.random.Generator) -> Floats:
        return _heading_and_activity(count, self.run_s, self.tumble_s, rng)

    def _move(self, state: Floats, dt_s: float, rng: np.random.Generator) -> None:
        turn_rad = (math.radians(self.turn_deg), math.radians(self.turn_spread_deg))
        _go_and_rest(state, dt_s, rng, self.speed_um_s, (self.run_s, self.tumble_s), turn_rad)


class Directed(MotionModel, frozen=True):
    """Directed motion with pauses, as of a crawling cell or a cargo on a filament.

    Attributes
    ----------
    speed_um_s, move_s, pause_s : float
        Speed while moving, mean length of a move and of a pause, exponentially distributed.
    turn_deg : float
        Standard deviation of the turn after a pause.
    """

    speed_um_s: NotNegative
    move_s: Positive
    pause_s: NotNegative
    turn_deg: NotNegative = 10.0

    def _draw_hidden(self, count: int, rng: np.random.Generator) -> Floats:
        return _heading_and_activity(count, self.move_s, self.pause_s, rng)

    def _move(self, state: Floats, dt_s: float, rng: np.random.Generator) -> None:
        turn_rad = (0.0, math.radians(self.turn_deg))
        _go_and_rest(state, dt_s, rng, self.speed_um_s, (self.move_s, self.pause_s), turn_rad)


class Oscillating(MotionModel, frozen=True):
    """To and fro along a line, with a phase that drifts and a centre that diffuses.

    Attributes
    ----------
    amplitude_um, period_s : float
        Half of the full swing, and the time of one cycle.
    phase_noise_rad_sqrt_s : float
        Standard deviation that the phase gains in one second.
    diffusion_um2_s : float
        Diffusion of the centre of the swing.
    """

    amplitude_um: NotNegative
    period_s: Positive
    phase_noise_rad_sqrt_s: NotNegative = 0.0
    diffusion_um2_s: NotNegative = 0.0

    def _draw_hidden(self, count: int, rng: np.random.Generator) -> Floats:
        return rng.uniform(0.0, 2 * math.pi, (count, 2))

    def _move(self, state: Floats, dt_s: float, rng: np.random.Generator) -> None:
        before = np.sin(state[:, 4])
        _advance_phase(state, dt_s, rng, self.period_s, self.phase_noise_rad_sqrt_s)
        swing_um = self.amplitude_um * (np.sin(state[:, 4]) - before)
        state[:, 0] += swing_um * np.cos(state[:, 3])
        state[:, 1] += swing_um * np.sin(state[:, 3])
        if self.diffusion_um2_s:
            spread_um = math.sqrt(2 * self.diffusion_um2_s * dt_s)
            state[:, :2] += rng.normal(0.0, spread_um, (len(state), 2))


class Worm(MotionModel, frozen=True):
    """A crawling worm: undulation across a heading that slowly turns.

    The state carries heading and phase in radians in columns 3 and 4; the position is that of
    the middle of the body. The heading diffuses; the path along it is integrated over small
    steps, as it has no closed form.

    Attributes
    ----------
    speed_um_s : float
        Progress along the heading.
    sway_um, period_s : float
        Amplitude of the undulation, and the time of one cycle.
    turn_rad_sqrt_s : float
        Standard deviation that the heading gains in one second.
    """

    speed_um_s: Positive
    sway_um: NotNegative
    period_s: Positive = 2.0
    turn_rad_sqrt_s: NotNegative = 0.3

    def _draw_hidden(self, count: int, rng: np.random.Generator) -> Floats:
        return rng.uniform(0.0, 2 * math.pi, (count, 2))

    def _move(self, state: Floats, dt_s: float, rng: np.random.Generator) -> None:
        turns = max(1, math.ceil(dt_s * self.turn_rad_sqrt_s**2 / 1e-3))
        spread_rad = self.turn_rad_sqrt_s * math.sqrt(dt_s / turns)
        headings = np.cumsum(rng.normal(0.0, spread_rad, (len(state), turns)), axis=1)
        headings += state[:, 3:4]
        middles = (headings + np.column_stack([state[:, 3], headings[:, :-1]])) / 2
        along_um = self.speed_um_s * dt_s / turns
        state[:, :2] -= self._sway(state)
        state[:, 0] += along_um * np.cos(middles).sum(axis=1)
        state[:, 1] += along_um * np.sin(middles).sum(axis=1)
        state[:, 3] = headings[:, -1]
        _advance_phase(state, dt_s, rng, self.period_s, 0.0)
        state[:, :2] += self._sway(state)

    def _sway(self, state: Floats) -> Floats:
        across = np.column_stack([-np.sin(state[:, 3]), np.cos(state[:, 3])])
        return self.sway_um * np.sin(state[:, 4:5]) * across


Motion = Brownian | Persistent | RunAndTumble | Directed | Oscillating | Worm
"""Any motion; the key ``kind`` of its TOML table tells which."""


def _heading_and_activity(
    count: int, go_s: float, rest_s: float, rng: np.random.Generator
) -> Floats:
    """Columns 3 and 4 of a motion that goes and rests: heading, and 1 while going."""
    heading = rng.uniform(0.0, 2 * math.pi, count)
    going = rng.random(count) < go_s / (go_s + rest_s)
    return np.column_stack([heading, going.astype(float)])


def _go_and_rest(
    state: Floats,
    dt_s: float,
    rng: np.random.Generator,
    speed_um_s: NotNegative,
    mean_s: tuple[float, float],
    turn_rad: tuple[float, float],
) -> None:
    """Advance in place from event to event; an exponential time has no memory between steps."""
    left_s = np.full(len(state), dt_s)
    while True:
        going = state[:, 4] > 0
        span_s = rng.standard_exponential(len(state)) * np.where(going, *mean_s)
        over = span_s < left_s
        span_s = np.minimum(span_s, left_s)
        path_um = speed_um_s * span_s * going
        state[:, 0] += path_um * np.cos(state[:, 3])
        state[:, 1] += path_um * np.sin(state[:, 3])
        if not over.any():
            return
        left_s -= span_s
        state[over, 4] = ~going[over]
        turning = over & ~going
        side = rng.choice([-1.0, 1.0], np.count_nonzero(turning))
        state[turning, 3] += side * rng.normal(*turn_rad, len(side))


def _advance_phase(
    state: Floats, dt_s: float, rng: np.random.Generator, period_s: float, noise: float
) -> None:
    """Advance column 4, a phase in radians, in place."""
    state[:, 4] += 2 * math.pi * dt_s / period_s
    if noise:
        state[:, 4] += rng.normal(0.0, noise * math.sqrt(dt_s), len(state))
