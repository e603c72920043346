"""How well each policy follows, over the best that any controller could."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from ....drivers.clock import NS_PER_MS, NS_PER_S, VirtualClock
from ....drivers.messages import Truth
from ....sim.scenarios import scenario_names
from ....sim.stand import LockstepMicroscope, Scenario, load_scenario
from ...assembly import complete, make_loop
from ...decisions import Decision, Lock
from ...session import Rows, entries, is_held
from ..report import OnProgress, Row, in_parallel, no_progress
from ..truth import truth_about
from .bound import best_error_um, delay_frames
from .multi_target import LAST, MultiTargetResult, MultiTargetScores, multi_target_row
from .stands import beliefs

POLICIES = ("reactive", "predictive")
"""What is measured if nothing is named: the simplest peer and the default."""
_EVENTFUL = {"crossing": 360, "dividing": 240, "occluded": 400, "colony": 300}
_FRAMES = {"nucleus": 100, "crowd": 100, **_EVENTFUL}
_FRAMES_ELSE = 200
"""Frames of a run; chosen: long enough for what the scenario is about to happen."""
_WARM_UP, _ARRIVAL = 0.2, 0.1
"""Shares of the frames that are left out, at the beginning and at least after the first moves: the
bound is a steady state."""


@dataclass(frozen=True, slots=True)
class Run:
    """One scenario followed once by one policy, with one seed.

    ``belief`` are the tables of a configuration that say what the controller believes of the
    stand, if not what is true.
    """

    scenario: str
    policy: str
    detector: str
    predictor: str
    seed: int
    frames: int
    belief: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Result:
    """Scores of a run, sums over the frames after the warm-up.

    Attributes
    ----------
    square_um2 : float
        Sum of squared centring errors.
    frames, held : int
        Frames counted, and those with the target in the central half of the field.
    lost, switches : int
        Times that its track ended; that another object was taken for the target.
    kept : bool
        Whether the true target, or the wanted daughter of it, is followed in the end.
    square_z_um2 : float
        Sum of squared focus errors.
    noise_um : float
        Robust standard deviation of a detected position along one axis.
    first_moves_s : float
        Time until the picture had answered to the stage, and following began.
    several : MultiTargetResult, optional
        Scores of several targets, if several were followed; then the numbers above are about the
        object that was in the middle at first.
    """

    square_um2: float
    frames: int
    held: int
    lost: int
    switches: int
    kept: bool
    square_z_um2: float
    noise_um: float
    first_moves_s: float
    several: MultiTargetResult | None = None


def run(
    scenarios: Sequence[str] = (),
    policies: Sequence[str] = POLICIES,
    detector: str = "blobs",
    predictor: str = "auto",
    seeds: int = 30,
    stand: str = "told",
    on_progress: OnProgress = no_progress,
    on_note: Callable[[str], None] = print,
) -> list[Row]:
    """Follow every scenario with every policy, in virtual time, on all cores.

    What the controller believes of the stand is one of `STANDS`; the world is always true. A stand
    is calibrated once, for all policies and seeds, and ``on_note`` told what was found.

    Returns one row for each scenario, all that come with the package if none is named, and policy.
    """
    runs = []
    for scenario, belief in beliefs(stand, scenarios or scenario_names()):
        if belief.note:
            on_note(belief.note)
        frames = _FRAMES.get(scenario, _FRAMES_ELSE)
        runs += [
            Run(scenario, policy, detector, predictor, seed, frames, belief.tables)
            for policy in policies
            for seed in range(seeds)
        ]
    results: dict[tuple[str, str], list[Result]] = {}
    for done, (one, result) in enumerate(in_parallel(follow_once, runs), start=1):
        results.setdefault((one.scenario, one.policy), []).append(result)
        on_progress(done, len(runs))
    return [
        {"stand": stand, **_row(scenario, policy, detector, predictor, found)}
        for (scenario, policy), found in results.items()
    ]


def follow_once(run: Run) -> Result:
    """Follow one scenario with one seed."""
    cv2.setNumThreads(1)
    tables: dict[str, Any] = {
        "microscope": {"scenario": run.scenario},
        "detector": {"name": run.detector},
        "predictor": {"name": run.predictor},
        "policy": {"name": run.policy},
        "session": {"seed": run.seed},
        **run.belief,
    }
    config, simulated = complete(tables)
    assert simulated is not None and simulated.scenario.specimen is not None
    size_um = 2 * simulated.scenario.specimen.radius_um + simulated.scenario.optics.pixel_um
    rows, missed_um, z_um = Rows(), [], []
    world = simulated.world(run.seed)
    with LockstepMicroscope(world, config.stand(simulated.name), VirtualClock()) as microscope:
        description = microscope.describe()
        sides_px = description.width_px, description.height_px
        field_um = np.abs(np.reshape(description.affine, (2, 2))) @ sides_px
        scores = MultiTargetScores(config.target.count, field_um, size_um)
        loop, following = make_loop(config, microscope), None
        for step in islice(loop.steps(), run.frames):
            rows.step(step)
            truth = truth_about(step.frame, step.reports)
            scores.add(step.decision, world.objects_um)
            missed_um.append(_missed_um(step.decision, truth))
            z_um.append(truth.z_um)
            if following is None and loop.answers:
                following = len(z_um)
    series = rows.series()
    first_moves = run.frames if following is None else following
    steady = max(_WARM_UP * run.frames, first_moves + _ARRIVAL * run.frames)
    counted = series.frame >= round(steady)
    missed = np.array(missed_um)
    wrong = np.hypot(*missed.T) > size_um
    return Result(
        float((series.error_um[counted] ** 2).sum()),
        int(counted.sum()),
        int(is_held(series, description)[counted].sum()),
        entries(series.is_lock(Lock.LOST)),
        entries(wrong),
        float(np.median(np.hypot(*np.nan_to_num(missed[-LAST:], nan=np.inf).T))) <= size_um,
        float((np.array(z_um)[counted] ** 2).sum()),
        _spread_um(missed[np.isfinite(missed[:, 0]) & ~wrong]),
        first_moves * description.interval_ms * NS_PER_MS / NS_PER_S,
        scores.result() if config.target.count > 1 else None,
    )


def _missed_um(decision: Decision, truth: Truth) -> tuple[float, float]:
    """Where the target was detected less where it was; NaN if it was not detected."""
    seen, pose = decision.seen_um, decision.pose_um
    if seen is None:
        return math.nan, math.nan
    return seen[0] - pose[0] - truth.x_um, seen[1] - pose[1] - truth.y_um


def _spread_um(missed: NDArray[np.float64]) -> float:
    """Standard deviation along one axis, from the median deviation: (N, 2) to a number."""
    if not len(missed):
        return 0.0
    return 1.4826 * float(np.median(np.abs(missed - np.median(missed, axis=0)), axis=0).mean())


def _row(name: str, policy: str, detector: str, predictor: str, results: list[Result]) -> Row:
    scenario = load_scenario(name)
    several = [result.several for result in results if result.several is not None]
    followed = multi_target_row(several) if several else _of_one(scenario, name, results)
    return {
        "scenario": name,
        "policy": policy,
        "detector": detector,
        "predictor": predictor,
        "seeds": len(results),
        "began": sum(result.frames > 0 for result in results) / len(results),
        **followed,
        "depth_of_field_um": scenario.depth_of_field_um,
        "delay_frames": delay_frames(scenario),
        "noise_um": float(np.median([result.noise_um for result in results])),
        "first_moves_s": float(np.median([result.first_moves_s for result in results])),
    }


def _of_one(scenario: Scenario, name: str, results: list[Result]) -> Row:
    frames = sum(result.frames for result in results)
    rms_um = _root(sum(result.square_um2 for result in results), frames)
    noise_um = float(np.median([result.noise_um for result in results]))
    count = _FRAMES.get(name, _FRAMES_ELSE)
    counted = range(round(_WARM_UP * count), count)
    best_um, kind = best_error_um(scenario, noise_um, counted)
    return {
        "rms_um": rms_um,
        "bound_um": best_um,
        "ratio": rms_um / best_um if rms_um is not None and best_um > 0 else None,
        "bound": kind,
        "held": sum(result.held for result in results) / frames if frames else None,
        "lost": sum(result.lost for result in results),
        "switches": sum(result.switches for result in results),
        "kept": sum(result.kept for result in results) / len(results),
        "z_rms_um": _root(sum(result.square_z_um2 for result in results), frames),
        "targets": 1,
        "in_field": None,
        "unseen_s": None,
        "visit_um": None,
    }


def _root(squares: float, frames: int) -> float | None:
    """Root of the mean of squares; None if no frame counts, as following never began."""
    return math.sqrt(squares / frames) if frames else None
