"""Encounters of the target with other objects at set times, though all of them move at random."""

import math
from collections.abc import Sequence

import numpy as np

from ..motion import Floats, Motion

_STEPS = 1000
"""Steps into which the time until the last encounter is cut; paths are straight within them.
Chosen: some 20 ms in a scenario of 20 s, which is less than a frame interval of most."""


class Encounters:
    """Paths of the target, and of one object for each encounter, until the last encounter.

    The target's path is simulated forward from its start. That of another object starts at the
    encounter, beside the target, with a heading of its own; from there it is simulated forward
    and, as all motions are reversible in time, backward to the start. Neither path depends on
    the other.

    Parameters
    ----------
    target : (1, S)
        State of the target at time 0.
    meets_s : sequence of float
        Times of the encounters; after the last, objects move by their motion only.
    near_um, depth_um : float
        Greatest distance between the centres in the plane, and the standard deviation of the
        distance along the optical axis, at an encounter.
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
        self._end_s = max(meets_s)
        self._motion = motion
        self._step_s = self._end_s / _STEPS
        target_path = self._simulated(target, rng)[:, 0]
        met_um = np.stack([_at(target_path, at_s / self._step_s)[:3] for at_s in meets_s])
        others = motion.start(met_um + _offsets(len(meets_s), near_um, depth_um, rng), rng)
        futures = self._simulated(others, rng)
        pasts = self._simulated(motion.reversed_in_time(others), rng)
        pasts = np.stack([motion.reversed_in_time(past) for past in pasts[:0:-1]])
        other_paths = np.concatenate([pasts, futures]).swapaxes(0, 1)
        self._paths = [target_path, *other_paths]
        self._starts_s = np.array([0.0, *(at_s - self._end_s for at_s in meets_s)])

    def states(self, at_s: float) -> Floats:
        """States (1 + M, S) of the target and of those that it meets, at a time until the end."""
        steps = (at_s - self._starts_s) / self._step_s
        return np.stack([_at(path, step) for path, step in zip(self._paths, steps, strict=True)])

    def step(self, state: Floats, from_s: float, to_s: float, rng: np.random.Generator) -> Floats:
        """Return the states (1 + M, S) at a later time; positions may have been shifted."""
        after = state.copy()
        if from_s < self._end_s:
            before = self.states(from_s)
            now = self.states(min(to_s, self._end_s))
            after[:, :3] += now[:, :3] - before[:, :3]
            after[:, 3:] = now[:, 3:]
        return self._motion.step(after, to_s - max(from_s, self._end_s), rng)

    def _simulated(self, state: Floats, rng: np.random.Generator) -> Floats:
        """States (_STEPS + 1, N, S) from the given one on."""
        states = [state]
        for _ in range(_STEPS):
            states.append(self._motion.step(states[-1], self._step_s, rng))
        return np.stack(states)


def _offsets(count: int, near_um: float, depth_um: float, rng: np.random.Generator) -> Floats:
    """Offsets (count, 3) from the target at an encounter, in any direction."""
    angle = rng.uniform(0.0, 2 * math.pi, count)
    apart_um = rng.uniform(0.0, near_um, count)
    deeper_um = rng.normal(0.0, depth_um, count)
    return np.column_stack([apart_um * np.cos(angle), apart_um * np.sin(angle), deeper_um])


def _at(path: Floats, step: float) -> Floats:
    """State (S,) on a path (T, S): its position between two steps, the rest as at the nearer."""
    first = min(int(step), len(path) - 2)
    state = path[round(step)].copy()
    share = step - first
    state[:3] = (1 - share) * path[first, :3] + share * path[first + 1, :3]
    return state
