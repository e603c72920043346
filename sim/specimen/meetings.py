"""Meetings that happen when they are meant to, between objects that move by chance alone."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from ..motion import Floats, Motion

STEPS = 1000
"""Into which the time until the last meeting is cut; between them paths are straight."""


class Meetings:
    """Paths of the target, and of one object for each meeting, until the last meeting.

    The target's path is made forward from its start. That of another object starts at the
    meeting, beside the target, with a heading of its own; from there it is made forward and,
    as all motions look the same in reverse, backward to the start. Nothing in either path
    knows of the other.

    Parameters
    ----------
    motion : Motion
        Of all of them.
    target : (1, S)
        State of the target at time 0.
    meets_s : sequence of float
        Times of the meetings.
    near_um, depth_um : float
        Greatest distance between the centres in the plane, and the standard deviation of the
        distance along the optical axis, at a meeting.
    rng : numpy.random.Generator
        Of everything that chance decides.

    Attributes
    ----------
    end_s : float
        Time of the last meeting; later ones move by their motion only.
    """

    def __init__(
        self,
        motion: Motion,
        target: Floats,
        meets_s: Sequence[float],
        near_um: float,
        depth_um: float,
        rng: np.random.Generator,
    ) -> None:
        self.end_s = max(meets_s)
        self._motion = motion
        self._step_s = self.end_s / STEPS
        target_way = self._walk(target, rng)[:, 0]
        met_um = np.stack([_at(target_way, at_s / self._step_s)[:3] for at_s in meets_s])
        others = motion.start(met_um + _gaps(len(meets_s), near_um, depth_um, rng), rng)
        futures = self._walk(others, rng)
        pasts = self._walk(motion.turned_back(others), rng)
        pasts = np.stack([motion.turned_back(past) for past in pasts[:0:-1]])
        other_ways = np.concatenate([pasts, futures]).swapaxes(0, 1)
        self._ways = [target_way, *other_ways]
        self._starts_s = np.array([0.0, *(at_s - self.end_s for at_s in meets_s)])

    def states(self, at_s: float) -> Floats:
        """States (1 + M, S) of the target and of those that meet it, at a time until the end."""
        steps = (at_s - self._starts_s) / self._step_s
        return np.stack([_at(way, step) for way, step in zip(self._ways, steps, strict=True)])

    def step(self, state: Floats, from_s: float, to_s: float, rng: np.random.Generator) -> Floats:
        """Return the states (1 + M, S) at a later time; positions may have been shifted."""
        after = state.copy()
        if from_s < self.end_s:
            before = self.states(from_s)
            now = self.states(min(to_s, self.end_s))
            after[:, :3] += now[:, :3] - before[:, :3]
            after[:, 3:] = now[:, 3:]
        return self._motion.step(after, to_s - max(from_s, self.end_s), rng)

    def _walk(self, state: Floats, rng: np.random.Generator) -> Floats:
        """States (STEPS + 1, N, S) from the given one on."""
        walk = [state]
        for _ in range(STEPS):
            walk.append(self._motion.step(walk[-1], self._step_s, rng))
        return np.stack(walk)


def _gaps(count: int, near_um: float, depth_um: float, rng: np.random.Generator) -> Floats:
    """Offsets (count, 3) from the target at a meeting, in any direction."""
    angle = rng.uniform(0.0, 2 * math.pi, count)
    apart_um = rng.uniform(0.0, near_um, count)
    deeper_um = rng.normal(0.0, depth_um, count)
    return np.column_stack([apart_um * np.cos(angle), apart_um * np.sin(angle), deeper_um])


def _at(way: Floats, step: float) -> Floats:
    """State (S,) on a way (T, S): its position between two steps, the rest as of the nearer."""
    first = min(int(step), len(way) - 2)
    state = way[round(step)].copy()
    share = step - first
    state[:3] = (1 - share) * way[first, :3] + share * way[first + 1, :3]
    return state
