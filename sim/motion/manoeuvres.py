"""Manoeuvring motions, which no linear model with Gaussian noise describes."""

import math

import numpy as np

from .model import Floats, MotionModel, NotNegative, Positive

_TURN_VARIANCE = 1e-3
"""Of the heading of a worm in one step of its path, in rad²: paths err by less than 0.1 %."""


class _MoveAndPause(MotionModel, frozen=True):
    """Straight moves and pauses of exponentially distributed lengths, after which it turns.

    The state carries the heading in column 3 and, in column 4, 1 while moving. As exponential
    times have no memory, a step is exact at any length.
    """

    speed_um_s: NotNegative

    def _habits(self) -> tuple[float, float, float, float]:
        """Mean times of a move and of a pause; mean and standard deviation of a turn, in rad."""
        raise NotImplementedError

    def _draw_hidden(self, count: int, rng: np.random.Generator) -> Floats:
        move_s, pause_s, _, _ = self._habits()
        heading = rng.uniform(0.0, 2 * math.pi, count)
        moving = rng.random(count) < move_s / (move_s + pause_s)
        return np.column_stack([heading, moving.astype(float)])

    def _move(self, state: Floats, dt_s: float, rng: np.random.Generator) -> None:
        """Advance in place from event to event."""
        move_s, pause_s, turn_rad, spread_rad = self._habits()
        left_s = np.full(len(state), dt_s)
        while True:
            moving = state[:, 4] > 0
            span_s = rng.standard_exponential(len(state)) * np.where(moving, move_s, pause_s)
            over = span_s < left_s
            span_s = np.minimum(span_s, left_s)
            path_um = self.speed_um_s * span_s * moving
            state[:, 0] += path_um * np.cos(state[:, 3])
            state[:, 1] += path_um * np.sin(state[:, 3])
            if not over.any():
                return
            left_s -= span_s
            state[over, 4] = ~moving[over]
            turning = over & ~moving
            side = rng.choice([-1.0, 1.0], np.count_nonzero(turning))
            state[turning, 3] += side * rng.normal(turn_rad, spread_rad, len(side))

    def _reverse(self, state: Floats) -> None:
        state[:, 3] += math.pi


class RunAndTumble(_MoveAndPause, frozen=True):
    """Straight runs and short stops after which the heading has turned, as bacteria swim.

    The defaults are those of Escherichia coli (Berg and Brown, Nature 239:500, 1972).

    Attributes
    ----------
    speed_um_s, run_s, tumble_s : float
        Speed within a run, mean length of a run and of a tumble.
    turn_deg, turn_spread_deg : float
        Mean and standard deviation of the size of a turn, to either side.
    """

    run_s: Positive = 0.9
    tumble_s: NotNegative = 0.14
    turn_deg: NotNegative = 68.0
    turn_spread_deg: NotNegative = 36.0

    def _habits(self) -> tuple[float, float, float, float]:
        turn_rad = math.radians(self.turn_deg), math.radians(self.turn_spread_deg)
        return self.run_s, self.tumble_s, *turn_rad


class Directed(_MoveAndPause, frozen=True):
    """Directed motion with pauses, as of a crawling cell or a cargo on a filament.

    Attributes
    ----------
    speed_um_s, move_s, pause_s : float
        Speed while moving, mean length of a move and of a pause.
    turn_deg : float
        Standard deviation of the turn after a pause.
    """

    move_s: Positive
    pause_s: NotNegative
    turn_deg: NotNegative = 10.0

    def _habits(self) -> tuple[float, float, float, float]:
        return self.move_s, self.pause_s, 0.0, math.radians(self.turn_deg)


class Oscillating(MotionModel, frozen=True):
    """Oscillation along a line, with a phase and a centre that diffuse.

    The state carries the direction of the line and the phase in radians in columns 3 and 4.

    Attributes
    ----------
    amplitude_um, period_s : float
        Half of the path from end to end, and the time of one cycle.
    phase_noise_rad_sqrt_s : float
        Standard deviation that the phase gains in one second.
    diffusion_um2_s : float
        Diffusion of the centre.
    """

    amplitude_um: NotNegative
    period_s: Positive
    phase_noise_rad_sqrt_s: NotNegative = 0.0
    diffusion_um2_s: NotNegative = 0.0

    def _draw_hidden(self, count: int, rng: np.random.Generator) -> Floats:
        return rng.uniform(0.0, 2 * math.pi, (count, 2))

    def _move(self, state: Floats, dt_s: float, rng: np.random.Generator) -> None:
        before = np.sin(state[:, 4])
        state[:, 4] += 2 * math.pi * dt_s / self.period_s
        if self.phase_noise_rad_sqrt_s:
            spread_rad = self.phase_noise_rad_sqrt_s * math.sqrt(dt_s)
            state[:, 4] += rng.normal(0.0, spread_rad, len(state))
        offset_um = self.amplitude_um * (np.sin(state[:, 4]) - before)
        state[:, 0] += offset_um * np.cos(state[:, 3])
        state[:, 1] += offset_um * np.sin(state[:, 3])
        if self.diffusion_um2_s:
            spread_um = math.sqrt(2 * self.diffusion_um2_s * dt_s)
            state[:, :2] += rng.normal(0.0, spread_um, (len(state), 2))

    def _reverse(self, state: Floats) -> None:
        state[:, 4] = math.pi - state[:, 4]


class Worm(MotionModel, frozen=True):
    """A crawling worm: undulation across a heading that slowly turns.

    The state carries heading and phase in radians in columns 3 and 4; the position is that of
    the middle of the body. The heading diffuses; the path along it has no closed form and is
    integrated in small steps.

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
        turns = max(1, math.ceil(dt_s * self.turn_rad_sqrt_s**2 / _TURN_VARIANCE))
        spread_rad = self.turn_rad_sqrt_s * math.sqrt(dt_s / turns)
        headings = np.cumsum(rng.normal(0.0, spread_rad, (len(state), turns)), axis=1)
        headings += state[:, 3:4]
        middles = (headings + np.column_stack([state[:, 3], headings[:, :-1]])) / 2
        along_um = self.speed_um_s * dt_s / turns
        state[:, :2] -= self._sway(state)
        state[:, 0] += along_um * np.cos(middles).sum(axis=1)
        state[:, 1] += along_um * np.sin(middles).sum(axis=1)
        state[:, 3] = headings[:, -1]
        state[:, 4] += 2 * math.pi * dt_s / self.period_s
        state[:, :2] += self._sway(state)

    def _reverse(self, state: Floats) -> None:
        state[:, 3] += math.pi
        state[:, 4] *= -1

    def _sway(self, state: Floats) -> Floats:
        across = np.column_stack([-np.sin(state[:, 3]), np.cos(state[:, 3])])
        return self.sway_um * np.sin(state[:, 4:5]) * across
