"""The fastest target that each policy holds: its speed is bisected."""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from typing import Any, cast

import cv2
import msgspec
import numpy as np

from ....drivers.messages import Description, Truth
from ....sim.motion import Floats, Motion, MotionModel, Persistent, Positive
from ....sim.stand import VELOCITIES, XY_STAGE, Scenario
from ...assembly import Simulation, complete, make_loop, open_lockstep
from ..report import OnProgress, Row, in_parallel, no_progress
from ..truth import truth_about

SCENARIO = "swimmer"
"""Of stage and camera. Chosen: the one with the fastest target."""
OURS = ("predictive", "velocity")
PEERS = ("reactive", "quadratic", "damped")
MOTIONS = ("run", "persistent")
"""What is measured: our policies, those of other programs, and the motions of the target."""
HELD = 0.99
"""Share of the frames in which a target must be in the central half of the field."""
REST_S = 0.7
"""Time for which it rests before: the first moves of a session take half of it."""
RAMP_S = 1.0
"""Time in which the target comes to its speed from rest."""
COUNTED_S = 2.0
"""Time over which it counts then. Chosen: a target that gets away does so within some frames."""
SLOWEST_UM_S, FASTEST_UM_S = 200.0, 20_000.0
"""Range of the search. Chosen: targets as slow get away from no policy, and the stage of the
scenario is slower than the fastest."""
PRECISION = 1.05
"""Factor within which the greatest speed is found."""
_OPTIONS: dict[str, dict[str, Any]] = {"quadratic": {"gain": 1.5}, "damped": {"damping": 0.95}}
"""Of peers. Measured: those that held the fastest target here, of gain 0.5 to 3, damping 0.6 to
0.95."""
_VELOCITY = dict(
    zip(("velocity_x", "velocity_y"), (f"{XY_STAGE},{name}" for name in VELOCITIES), strict=True)
)


class Run(MotionModel, frozen=True):
    """Steady speed, on a path that bends gently: its heading is a random walk.

    Attributes
    ----------
    speed_um_s : float
    turn_rad_sqrt_s : float
        Standard deviation of the heading after one second.
    """

    speed_um_s: Positive
    turn_rad_sqrt_s: Positive = 0.2

    def _draw_hidden(self, count: int, rng: np.random.Generator) -> Floats:
        return rng.uniform(0, 2 * math.pi, (count, 1))

    def _move(self, state: Floats, dt_s: float, rng: np.random.Generator) -> None:
        heading, way_um = state[:, 3], self.speed_um_s * dt_s
        state[:, 0] += way_um * np.cos(heading)
        state[:, 1] += way_um * np.sin(heading)
        state[:, 3] += rng.normal(0, self.turn_rad_sqrt_s * math.sqrt(dt_s), len(state))


class FromRest(MotionModel, frozen=True):
    """Another motion, its speed growing from nothing to its own in `RAMP_S`, after ``rest_s``.

    The last column of the state is the age.
    """

    motion: Run | Persistent
    rest_s: float = 0.0

    def _draw_hidden(self, count: int, rng: np.random.Generator) -> Floats:
        hidden = self.motion.start(np.zeros((count, 3)), rng)[:, 3:]
        return np.column_stack([hidden, np.zeros(count)])

    def _move(self, state: Floats, dt_s: float, rng: np.random.Generator) -> None:
        after = self.motion.step(state[:, :-1], dt_s, rng)
        share = np.clip((state[:, -1:] + dt_s / 2 - self.rest_s) / RAMP_S, 0.0, 1.0)
        state[:, :3] += share * (after[:, :3] - state[:, :3])
        state[:, 3:-1] = after[:, 3:]
        state[:, -1] += dt_s


@dataclass(frozen=True, slots=True)
class Sweep:
    """The search for the fastest target of one policy."""

    motion: str
    policy: str
    seeds: int


def run(
    policies: Sequence[str] = OURS + PEERS,
    motions: Sequence[str] = MOTIONS,
    seeds: int = 4,
    on_progress: OnProgress = no_progress,
) -> list[Row]:
    """Find the greatest speed that each policy holds, in virtual time, on all cores.

    The target rests in the middle of the field for `REST_S`, in which the first moves are made,
    and takes `RAMP_S` to come to its speed; whether it is held counts from then on, by where it
    truly is. So a target that got away meanwhile is not held.

    Returns a row for each motion and policy. ``ratio``, with a peer's law, is the greatest speed of
    the best of ours over that of this one.
    """
    sweeps = [Sweep(motion, policy, seeds) for motion in motions for policy in policies]
    found: dict[tuple[str, str], float] = {}
    for done, (sweep, speed) in enumerate(in_parallel(fastest_um_s, sweeps), start=1):
        found[sweep.motion, sweep.policy] = speed
        on_progress(done, len(sweeps))
    ours = {motion: max(found.get((motion, one), 0.0) for one in OURS) for motion in motions}
    return [
        {
            "motion": motion,
            "policy": policy,
            "max_speed_um_s": speed,
            "ratio": ours[motion] / speed if policy in PEERS and ours[motion] and speed else None,
        }
        for (motion, policy), speed in found.items()
    ]


def fastest_um_s(sweep: Sweep) -> float:
    """Bisect the speed on a logarithmic scale; 0 if not even the slowest is held."""
    cv2.setNumThreads(1)
    if not holds(sweep, SLOWEST_UM_S):
        return 0.0
    low, high = SLOWEST_UM_S, FASTEST_UM_S
    while high / low > PRECISION:
        middle = math.sqrt(low * high)
        low, high = (middle, high) if holds(sweep, middle) else (low, middle)
    return low


def holds(sweep: Sweep, speed_um_s: float) -> bool:
    """Whether a target of this speed is held often enough over all seeds."""
    interval_s = _simulation(sweep.motion, speed_um_s)[1].scenario.camera.interval_ms / 1e3
    counted = round(COUNTED_S / interval_s)
    allowed = math.floor((1 - HELD) * counted * sweep.seeds + 1e-9)
    for seed in range(sweep.seeds):
        for is_held in _follow(
            sweep, speed_um_s, seed, round((REST_S + RAMP_S) / interval_s), counted
        ):
            allowed -= not is_held
            if allowed < 0:
                return False
    return True


def _follow(
    sweep: Sweep, speed_um_s: float, seed: int, ignored: int, counted: int
) -> Iterable[bool]:
    """Follow once; tell of each frame that counts whether the target is held."""
    tables, simulated = _simulation(sweep.motion, speed_um_s)
    policy = {"name": sweep.policy, **_OPTIONS.get(sweep.policy, {})}
    config, _ = complete({**tables, "policy": policy, "session": {"seed": seed}})
    with open_lockstep(config, simulated) as microscope:
        about = microscope.describe()
        steps = make_loop(config, microscope).steps()
        for step in islice(steps, ignored + counted):
            if step.frame.index >= ignored + counted:
                return
            if step.frame.index >= ignored:
                yield _is_held(truth_about(step.frame, step.reports), about)


def _simulation(motion: str, speed_um_s: float) -> tuple[dict[str, Any], Simulation]:
    """The scenario with a target of another motion, on a stage that takes velocities."""
    tables: dict[str, Any] = {
        "microscope": {"scenario": SCENARIO},
        "detector": {"name": "blobs"},
        "stage": _VELOCITY,
    }
    _, simulated = complete(tables)
    assert simulated is not None and simulated.scenario.specimen is not None
    run, walk = Run(speed_um_s=speed_um_s), Persistent(speed_um_s=speed_um_s, persistence_s=1.0)
    moves = cast(Motion, FromRest(motion=run if motion == "run" else walk, rest_s=REST_S))
    specimen = msgspec.structs.replace(simulated.scenario.specimen, motion=moves)
    scenario: Scenario = msgspec.structs.replace(simulated.scenario, specimen=specimen)
    return tables, replace(simulated, scenario=scenario)


def _is_held(truth: Truth, about: Description) -> bool:
    """Whether the target truly is in the central half of the field."""
    right, down = np.linalg.inv(np.reshape(about.affine, (2, 2))) @ (truth.x_um, truth.y_um)
    return abs(right) <= about.width_px / 4 and abs(down) <= about.height_px / 4
