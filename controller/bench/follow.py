"""How well each policy follows, over the best that any could: the yardstick of the project."""

from __future__ import annotations

import math
import multiprocessing
import os
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np

from ...sim.scenario import Scenario, load_scenario, scenario_names
from ..assemble import make_loop
from ..config import merge
from ..decision import Lock
from ..stand import complete, open_lockstep
from .bound import best_error_um, delay_frames
from .report import Row

POLICIES = ("reactive", "predictive")
_FRAMES = {"swimmer": 300, "tumbler": 300, "nucleus": 60, "crowd": 60}
_FRAMES_ELSE = 200
_WARM_UP = 0.2
"""Share of the frames at the beginning that are left out: the bound is a steady state."""


@dataclass(frozen=True, slots=True)
class Run:
    """One scenario followed once by one policy."""

    scenario: str
    policy: str
    detector: str
    predictor: str
    seed: int
    frames: int


@dataclass(frozen=True, slots=True)
class Result:
    """What came of it, frame sums after the warm-up.

    Attributes
    ----------
    square_um2 : float
        Sum of squared centring errors.
    frames, held : int
        Frames counted, and those with the target in the central half of the field.
    lost, switches : int
        Track deaths; times that another object was taken for the target.
    noise_um : float
        Robust standard deviation of a detected position along one axis.
    """

    square_um2: float
    frames: int
    held: int
    lost: int
    switches: int
    noise_um: float


def run(
    scenarios: Sequence[str] = (),
    policies: Sequence[str] = POLICIES,
    detector: str = "blobs",
    predictor: str = "kalman",
    seeds: int = 30,
    on_progress: Callable[[int, int], None] = lambda done, total: None,
) -> list[Row]:
    """Follow every scenario with every policy, in virtual time, on all cores.

    Parameters
    ----------
    scenarios : sequence of str
        Names; all that come with the package if empty.
    policies, detector, predictor
        Names as in a configuration file.
    seeds : int
        Runs of each.
    on_progress : callable
        Told how many runs are done, of how many.

    Returns
    -------
    list of dict
        One for each scenario and policy.
    """
    runs = [
        Run(scenario, policy, detector, predictor, seed, _FRAMES.get(scenario, _FRAMES_ELSE))
        for scenario in (scenarios or scenario_names())
        for policy in policies
        for seed in range(seeds)
    ]
    results: dict[tuple[str, str], list[Result]] = {}
    for done, (one, result) in enumerate(_in_parallel(runs), start=1):
        results.setdefault((one.scenario, one.policy), []).append(result)
        on_progress(done, len(runs))
    return [
        _row(scenario, policy, detector, predictor, found)
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
    }
    config, simulated = complete(merge(tables))
    assert simulated is not None and simulated.scenario.specimen is not None
    scenario = simulated.scenario
    reach_um = 2 * simulated.scenario.specimen.radius_um + scenario.optics.pixel_um
    half_um = np.array([scenario.sensor.width_px, scenario.sensor.height_px]) / 4
    half_um *= scenario.optics.pixel_um
    errors, misses, locks = [], [], []
    with open_lockstep(config, simulated) as microscope:
        for turn in make_loop(config, microscope).turns():
            truth = turn.frame.truth_um
            decision = turn.decision
            assert truth is not None
            errors.append(truth[:2])
            locks.append(decision.lock)
            seen = decision.seen_um
            misses.append(
                (math.nan, math.nan)
                if seen is None
                else np.subtract(np.subtract(seen, decision.pose_um[:2]), truth[:2])
            )
            if len(errors) == run.frames:
                break
    first = round(_WARM_UP * run.frames)
    offsets = np.array(errors)[first:]
    missed = np.array(misses)
    wrong = np.hypot(*missed[np.isfinite(missed[:, 0])].T) > reach_um
    lost = np.array([lock is Lock.LOST for lock in locks])
    near = missed[np.isfinite(missed[:, 0])][~wrong]
    spread = np.median(np.abs(near - np.median(near, axis=0)), axis=0) if len(near) else np.zeros(2)
    return Result(
        float((offsets**2).sum()),
        len(offsets),
        int((np.abs(offsets) <= half_um).all(axis=1).sum()),
        _entries(lost),
        _entries(wrong),
        float(1.4826 * spread.mean()),
    )


def _row(
    name: str, policy: str, detector: str, predictor: str, results: list[Result]
) -> Row:
    frames = sum(result.frames for result in results)
    rms_um = math.sqrt(sum(result.square_um2 for result in results) / frames)
    noise_um = float(np.median([result.noise_um for result in results]))
    scenario: Scenario = load_scenario(name)
    best_um, kind = best_error_um(scenario, noise_um)
    return {
        "scenario": name,
        "policy": policy,
        "detector": detector,
        "predictor": predictor,
        "seeds": len(results),
        "rms_um": rms_um,
        "bound_um": best_um,
        "ratio": rms_um / best_um,
        "held": sum(result.held for result in results) / frames,
        "lost": sum(result.lost for result in results),
        "switches": sum(result.switches for result in results),
        "bound": kind,
        "delay_frames": delay_frames(scenario),
        "noise_um": noise_um,
    }


def _in_parallel(runs: list[Run]) -> Iterable[tuple[Run, Result]]:
    """Do all runs, in order, spread over the cores."""
    context = multiprocessing.get_context("spawn")
    with context.Pool(min(os.cpu_count() or 1, len(runs))) as pool:
        yield from zip(runs, pool.imap(follow_once, runs, chunksize=1), strict=True)


def _entries(state: np.ndarray) -> int:
    """How often a state was entered."""
    return int(np.count_nonzero(np.diff(state.astype(np.int8), prepend=0) == 1))
