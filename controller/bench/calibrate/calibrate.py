"""How right calibrations of random stands are, and how honest."""

from __future__ import annotations

import multiprocessing
import os
import time
from collections.abc import Iterable, Sequence
from typing import NamedTuple

import cv2
import numpy as np

from ....drivers.clock import VirtualClock
from ....sim.stand import LockstepMicroscope, Scenario, World
from ...calibration import Calibration, NotCalibratedError, Step, calibrate
from ..report import OnProgress, Row
from .focus import TOLERABLE, FocusResult, calibrate_focus_once
from .outcome import Outcome
from .peer import Peer
from .stands import FIRST_SEED, RandomStand, random_stand

_RELATIVE = {
    "affine": 0.005,
    "backlash_um": 0.1,
    "delay_ms": 0.0,
    "readout_ms": 0.0,
    "speed_um_s": 0.25,
    "acceleration_um_s2": 0.25,
    "ring_hz": 0.15,
    "ring_damping": 0.5,
}
_ABSOLUTE = {"backlash_um": 0.1, "delay_ms": 2.0, "readout_ms": 2.0}
"""What may be missing of the truth, over it or in the unit of the number; the greater counts. Of
speed, acceleration and ringing, what the model of the stage copes with."""


_THREADS = "OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS"
"""Variables by which libraries of linear algebra are told how many threads to use."""


class Result(NamedTuple):
    """All numbers of one stand, the peer's error of the affine, and how long it took."""

    stand: Row
    outcomes: dict[str, Outcome]
    peer: Outcome
    seconds: float
    furthest: float
    computing_s: float
    refusal: str


def run(
    stands: int = 40,
    first_seed: int = FIRST_SEED,
    on_progress: OnProgress = lambda done, total: None,
) -> tuple[list[Result], list[FocusResult]]:
    """Calibrate XY stages and focus drives of random stands in virtual time, on all cores."""
    seeds = range(first_seed, first_seed + stands)
    results, drives = [], []
    for done, (result, drive) in enumerate(_in_parallel(seeds), start=1):
        results.append(result)
        drives.append(drive)
        on_progress(done, stands)
    return results, drives


def calibrate_both(seed: int) -> tuple[Result, FocusResult]:
    """Calibrate the XY stage and the focus drive of one stand, each anew."""
    return calibrate_once(seed), calibrate_focus_once(seed)


def calibrate_once(seed: int) -> Result:
    """Calibrate one stand."""
    cv2.setNumThreads(1)
    stand, peer, clock = random_stand(seed), Peer(), VirtualClock()
    about = stand.scenario
    row: Row = {
        "seed": seed,
        "specimen": stand.specimen,
        "motion": stand.motion,
        "pixel_um": about.optics.pixel_um,
        "told_wrong": stand.told_wrong,
    }

    def note(step: Step) -> None:
        segment = step.segment
        before = [f for f in segment.frames if f.readable_ns <= segment.command_ns]
        peer.add(segment.from_um, segment.to_um, before[-1].image, segment.frames[-1].image)

    began_s = time.perf_counter()
    with LockstepMicroscope(World(about, seed), stand.told, clock) as microscope:
        try:
            found = calibrate(microscope, clock, stand.known_pixel_um, on_step=note)
        except NotCalibratedError as error:
            none = {name: Outcome(False) for name in _RELATIVE}
            took_s = time.perf_counter() - began_s
            return Result(row, none, Outcome(False), clock.now_ns() / 1e9, 0.0, took_s, str(error))
    took_s = time.perf_counter() - began_s
    furthest = (
        found.furthest_um
        / about.optics.pixel_um
        / min(about.sensor.width_px, about.sensor.height_px)
    )
    other = _peer_outcome(peer, stand)
    return Result(row, _outcomes(found, stand), other, found.seconds, furthest, took_s, "")


def stand_row(result: Result) -> Row:
    """Return a row about one stand: how far off each number is, refused ones in brackets."""
    row: Row = {**result.stand, "stand_s": result.seconds, "way_fields": result.furthest}
    for name, outcome in {**result.outcomes, "peer": result.peer}.items():
        error = "-" if outcome.error is None else f"{outcome.error:.2g}"
        row[name] = error if outcome.found else f"({error})"
    return {**row, "refusal": result.refusal[:40]}


def summarise(results: Sequence[Result], drives: Sequence[FocusResult]) -> list[Row]:
    """Return a row for each number: how often found, refused, wrong, and how far off."""
    rows = []
    numbers = {name: [each.outcomes[name] for each in results] for name in _RELATIVE}
    numbers["affine, camera-stage-mapping"] = [each.peer for each in results]
    for name in TOLERABLE:
        numbers[f"focus, {name}"] = [each.outcomes[name] for each in drives]
    for name, outcomes in numbers.items():
        claimed = [each for each in outcomes if each.found and each.error is not None]
        errors = np.array([each.error for each in claimed])
        rows.append(
            {
                "number": name,
                "stands": len(outcomes),
                "found": len(claimed),
                "refused": len(outcomes) - len(claimed),
                "wrong": int((errors > 1).sum()),
                "error_median": float(np.median(errors)) if len(errors) else None,
                "error_worst": float(errors.max()) if len(errors) else None,
            }
        )
    return rows


def _outcomes(found: Calibration, stand: RandomStand) -> dict[str, Outcome]:
    finding = found.findings["camera.affine"]
    error = _affine_error(np.reshape(finding.values, (2, 2)), stand)
    if stand.told_wrong and finding.found:
        error = max(error, np.inf)
    outcomes = {"affine": Outcome(finding.found, error / _RELATIVE["affine"])}
    truth = _truth(stand.scenario, found.findings["camera.readout_ms"].found)
    for name, true in truth.items():
        table = "camera" if name == "readout_ms" else "stage"
        finding = found.findings[f"{table}.{name}"]
        value = finding.values[0]
        tolerable = max(_RELATIVE[name] * abs(true), _ABSOLUTE.get(name, 0.0))
        off = abs(value - true) / tolerable if tolerable else np.inf
        outcomes[name] = Outcome(finding.found, off, true, value, finding.sigmas[0])
    return outcomes


def _truth(scenario: Scenario, split: bool) -> dict[str, float]:
    """Return the true numbers; of the delay the sum with the read-out, unless that is split off."""
    stage, readout_ms = scenario.stage, scenario.camera.readout_ms
    truth = {name: getattr(stage, name) for name in _RELATIVE if hasattr(stage, name)}
    truth["readout_ms"] = readout_ms
    if not split:
        truth["delay_ms"] += readout_ms
    if not stage.ring_hz:
        truth["ring_damping"] = 0.0
    return truth


def _affine_error(affine: np.ndarray, stand: RandomStand) -> float:
    """Greatest error of a displacement over its length."""
    true = np.reshape(stand.scenario.affine, (2, 2))
    return float(np.linalg.norm(affine @ np.linalg.inv(true) - np.eye(2), 2))


def _peer_outcome(peer: Peer, stand: RandomStand) -> Outcome:
    affine = peer.affine() if peer.is_installed else None
    if affine is None:
        return Outcome(False)
    return Outcome(True, _affine_error(affine, stand) / _RELATIVE["affine"])


def _in_parallel(seeds: Sequence[int]) -> Iterable[tuple[Result, FocusResult]]:
    """Calibrate all, in order, spread over the cores, each with one thread for linear algebra."""
    old = {name: os.environ.get(name) for name in _THREADS}
    os.environ.update(dict.fromkeys(old, "1"))
    try:
        with multiprocessing.get_context("spawn").Pool(
            min(os.cpu_count() or 1, len(seeds))
        ) as pool:
            yield from pool.imap(calibrate_both, seeds, chunksize=1)
    finally:
        for name, value in old.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value
