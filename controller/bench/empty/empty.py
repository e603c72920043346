"""How far the stage goes where there is nothing to follow, and how soon weak targets are found."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any

import cv2
import numpy as np

from ....drivers.clock import VirtualClock
from ....drivers.microscope import MicroscopeError
from ....sim.stand import LockstepMicroscope
from ...assembly import complete, make_loop
from ..report import OnProgress, Row, in_parallel, no_progress
from ..truth import truth_about
from .fields import EMPTY, KINDS, SpoiltWorld

DETECTORS = ("yolo", "ssd", "blobs")
"""What is measured if nothing is named: the shipped ones."""
_SCENARIO = "swimmer"
"""Whose stand and camera are used: with 100 frames/s the one with most chances for noise."""
_FRAMES = 300
"""Of a run. Chosen: ten times what first moves take."""


@dataclass(frozen=True, slots=True)
class _Run:
    kind: str
    detector: str
    seed: int


@dataclass(frozen=True, slots=True)
class _Result:
    """Of a run: how far the stage went, in fields; the detections in a frame.

    ``followed`` is the number of frames in which something was followed after the picture had
    answered, ``found`` the first of them in which that was the true target, -1 if there was none;
    ``fault`` is why the session was stopped.
    """

    away: float
    detections: float
    followed: int
    found: int
    fault: str


def run(
    kinds: Sequence[str] = (),
    detectors: Sequence[str] = (),
    seeds: int = 20,
    on_progress: OnProgress = no_progress,
) -> list[Row]:
    """Follow in fields of every kind with every detector, in virtual time, on all cores.

    Returns one row for each kind, all if none is named, and detector.
    """
    runs = [
        _Run(kind, detector, seed)
        for kind in kinds or KINDS
        for detector in detectors or DETECTORS
        for seed in range(seeds)
    ]
    results: dict[tuple[str, str], list[_Result]] = {}
    for done, (one, result) in enumerate(in_parallel(_follow, runs), start=1):
        results.setdefault((one.kind, one.detector), []).append(result)
        on_progress(done, len(runs))
    return [_row(kind, detector, found) for (kind, detector), found in results.items()]


def _follow(run: _Run) -> _Result:
    cv2.setNumThreads(1)
    tables: dict[str, Any] = {
        "microscope": {"scenario": _SCENARIO},
        "detector": {"name": run.detector},
        "session": {"seed": run.seed},
    }
    config, simulated = complete(tables)
    assert simulated is not None and simulated.scenario.specimen is not None
    size_um = 2 * simulated.scenario.specimen.radius_um
    world = SpoiltWorld(simulated.scenario, run.kind, run.seed)
    poses_um: list[tuple[float, float]] = []
    followed, found, detections, fault = 0, -1, 0, ""
    with LockstepMicroscope(world, config.stand(simulated.name), VirtualClock()) as microscope:
        field_um = microscope.describe().pixel_um * microscope.describe().width_px
        try:
            for step in islice(make_loop(config, microscope).steps(), _FRAMES):
                decision, truth = step.decision, truth_about(step.frame, step.reports)
                poses_um.append(decision.pose_um[:2])
                detections += decision.detections
                if not decision.answers or decision.seen_um is None:
                    continue
                followed += 1
                missed_um = np.subtract(decision.seen_um, decision.pose_um[:2])
                missed_um -= truth.x_um, truth.y_um
                if found < 0 and np.hypot(*missed_um) < size_um:
                    found = decision.frame
        except MicroscopeError as error:
            fault = str(error)
    away_um = np.hypot(*(np.array(poses_um) - poses_um[0]).T)
    share = detections / len(poses_um)
    return _Result(float(away_um.max() / field_um), share, followed, found, fault)


def _row(kind: str, detector: str, results: list[_Result]) -> Row:
    found = [result.found for result in results if result.found >= 0]
    is_there = kind not in EMPTY
    return {
        "field": kind,
        "detector": detector,
        "seeds": len(results),
        "detections": float(np.mean([result.detections for result in results])),
        "followed_in": sum(result.followed > 0 for result in results),
        "stopped_in": sum(bool(result.fault) for result in results),
        "most_away": None if is_there else max(result.away for result in results),
        "found": len(found) / len(results) if is_there else None,
        "found_frame": float(np.median(found)) if is_there and found else None,
    }
