"""How right calibrations of the focus drives of random stands are, and how honest."""

from __future__ import annotations

import itertools
import math
import time
from contextlib import closing
from functools import partial
from typing import NamedTuple

import cv2
import numpy as np
from msgspec.structs import replace
from numpy.typing import NDArray

from ....drivers.clock import NS_PER_MS, NS_PER_S, VirtualClock
from ....drivers.messages import Move
from ....sim.stand import LockstepMicroscope, RenderedScene, World
from ...calibration import Calibration, calibrate_focus, contrast
from ..report import Row
from .focus_stands import FocusStand, random_focus_stand
from .outcome import Outcome

TOLERABLE = {"backlash_um": 0.1, "delay_ms": 0.0, "astigmatism_um": 0.25, "depth_of_field_um": 0.2}
_ABSOLUTE = {"backlash_um": 0.1, "delay_ms": 2.0}
"""What may be missing of the truth, over it or in the unit of the number; the greater counts."""
_ARRIVES_S = 2.0
"""Until the drive stands where it begins. Chosen: longer than any move takes."""
_PLANES, _IMAGES = 61, 4
"""Planes and images of each from which the true curve of sharpness is taken."""


class FocusResult(NamedTuple):
    """All numbers of one focus drive, and how long and how far it went."""

    stand: Row
    outcomes: dict[str, Outcome]
    seconds: float
    furthest_um: float
    home_um: float
    computing_s: float
    refusal: str


def calibrate_focus_once(seed: int) -> FocusResult:
    """Calibrate the focus drive of one stand."""
    cv2.setNumThreads(1)
    stand, clock = random_focus_stand(seed), VirtualClock()
    optics, began_s = stand.scenario.optics, time.perf_counter()
    world = World(stand.scenario, seed)
    with LockstepMicroscope(world, stand.told, clock) as microscope:
        _begin(microscope, clock, stand.start_um)
        begin_um = world.focus.encoder_um(clock.now_ns())[0]
        found = calibrate_focus(microscope, clock, stand.focusing)
        home_um = abs(world.focus.encoder_um(clock.now_ns())[0] - begin_um)
    took_s = time.perf_counter() - began_s
    row: Row = {
        "seed": seed,
        "specimen": stand.specimen,
        "motion": stand.motion,
        "na": optics.na,
        "told_na": stand.focusing.na,
        "depth_um": optics.index * optics.wavelength_um / optics.na**2,
    }
    refusals = [each.refusal for each in found.findings.values() if not each.values]
    refusal = refusals[0] if refusals else ""
    about = found.seconds, found.furthest_focus_um, home_um, took_s, refusal
    return FocusResult(row, _outcomes(found, stand, seed), *about)


def focus_row(result: FocusResult) -> Row:
    """Return a row about one stand: how far off each number is, refused ones in brackets."""
    row: Row = {**result.stand, "stand_s": result.seconds, "way_um": result.furthest_um}
    for name, outcome in result.outcomes.items():
        error = "-" if outcome.error is None else f"{outcome.error:.2g}"
        row[name] = error if outcome.found else f"({error})"
    return {**row, "refusal": result.refusal[:40]}


def _begin(microscope: LockstepMicroscope, clock: VirtualClock, start_um: float) -> None:
    """Bring the drive to where it begins."""
    with closing(microscope.frames()) as frames:
        next(frames)
        until_ns = clock.now_ns() + round(_ARRIVES_S * NS_PER_S)
        microscope.move(Move(None, None, start_um, until_ns, 0))
        while clock.now_ns() < until_ns:
            next(frames)


def _outcomes(found: Calibration, stand: FocusStand, seed: int) -> dict[str, Outcome]:
    focus, astigmatism_um = stand.scenario.focus, stand.scenario.optics.astigmatism_um
    true = {
        "backlash_um": focus.backlash_um,
        "delay_ms": focus.delay_ms + stand.scenario.camera.readout_ms,
        "astigmatism_um": astigmatism_um,
    }
    if found.evidence:
        true["depth_of_field_um"] = _depth_um(stand, found, seed)
    outcomes = {}
    for name, share in TOLERABLE.items():
        table = "focusing" if name == "astigmatism_um" else "focus"
        finding = found.findings[f"{table}.{name}"]
        if not finding.values:
            outcomes[name] = Outcome(False)
            continue
        tolerable = max(share * abs(true[name]), _ABSOLUTE.get(name, 0.0))
        off = abs(finding.values[0] - true[name])
        error = off / tolerable if tolerable else np.inf
        outcomes[name] = Outcome(
            finding.found, error, true[name], finding.values[0], finding.sigmas[0]
        )
    return outcomes


def _depth_um(stand: FocusStand, found: Calibration, seed: int) -> float:
    """Return how far apart the planes are in which the same specimen is truly half as sharp."""
    scenario = stand.scenario
    assert scenario.specimen is not None
    steady = replace(scenario, specimen=replace(scenario.specimen, bleach_per_s=0.0))
    scene = RenderedScene(steady, *np.random.default_rng(seed).spawn(4)[2:])
    depth_um = found.findings["focus.depth_of_field_um"].values[0]
    reach_um = 1.5 * depth_um + abs(scenario.optics.astigmatism_um)
    planes_um, seen = np.linspace(-reach_um, reach_um, _PLANES), []
    exposure_ms = scenario.camera.exposure_ms
    at_ns = itertools.count(0, math.ceil(exposure_ms * NS_PER_MS))
    for plane in planes_um.tolist():
        at_um = np.array([0.0, 0.0, plane])
        images = [
            scene.expose(next(at_ns), exposure_ms, partial(_at, at_um))[0] for _ in range(_IMAGES)
        ]
        seen.append(contrast(images, found.evidence["blur_px"]))
    curves = np.array([each.sharpness(seen[_PLANES // 2], 1e-3) for each in seen])
    sharp = curves > curves.max(axis=0) / 2
    return float(sharp.sum(axis=0).mean()) * 2 * reach_um / (_PLANES - 1)


def _at(at_um: NDArray[np.float64], age_ns: int) -> NDArray[np.float64]:
    return at_um
