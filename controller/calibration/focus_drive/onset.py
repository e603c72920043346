"""How late the drive begins to move: steps up one flank of the curve of sharpness."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ....drivers.clock import NS_PER_MS, NS_PER_S
from ....drivers.messages import Frame
from ..dynamics import DynamicsFit, Excitation, fit_dynamics, rough_response
from .contrast import gradients
from .drive import FocusDrive
from .peaks import Peaks

Floats = NDArray[np.float64]

_FLANK = (-0.9, -0.3)
"""Where a step begins and ends, in half widths from the peak. Chosen: both ends are on one side of
it, and what images of a point have in common, (v + w)^-2 for variances v and w of their spread,
changes linearly with the way between these within 2 %."""
_RUN_UP = 0.3
"""Half widths that the drive goes up before a step, beyond its backlash, so that it is engaged."""
_STEPS, _BEFORE_S, _REST_S, _AFTER_S = 12, 0.15, 0.2, 0.5
"""Steps; how long images are taken before and after; and when a step has ended. Chosen: delays are
less than 0.15 s."""
_LEAST = 3
"""Images before a step, and at rest after it."""
_PHASES = 0.618
"""Steps come at various times between exposures: the golden ratio spreads them evenly."""
_NOISE, _LEAST_NOISE = 0.25, 0.005
"""Error of the way in one image, over the step, from which a step is left out; and at least, as the
way is linear to no more than that. Chosen."""
_SURE = 8
"""Steps without which nothing is said."""


class Onset(NamedTuple):
    """The dynamics that explain the steps, and the steps as the images show them."""

    fit: DynamicsFit
    excitations: list[Excitation]


def find_onset(drive: FocusDrive, peaks: Peaks, blur_px: float) -> Onset | None:
    """Step up the flank of the curve again and again; None if that shows too little.

    Each image is compared with those at the end of its step: the product of their gradients is
    linear in the image, so that an exposure during motion shows its mean.
    """
    half_um, interval_s = peaks.depth.um / 2, drive.probe.interval_s()
    peak_um = peaks.middle_um + peaks.backlash.um / 2
    begin_um = peak_um + _FLANK[0] * half_um
    length_um = min((_FLANK[1] - _FLANK[0]) * half_um, drive.longest_um)
    below_um = begin_um - max(peaks.backlash.um, 0.0) - _RUN_UP * half_um - length_um
    excitations: list[Excitation] = []
    for step in range(_STEPS):
        drive.settle(below_um)
        drive.settle(begin_um)
        before = drive.probe.watch(_BEFORE_S, _LEAST)
        drive.probe.wait(_BEFORE_S + step * _PHASES % 1 * interval_s)
        issued_ns = drive.go(begin_um + length_um)
        frames = [*before, *drive.frames(issued_ns, _AFTER_S)]
        seen = _excitation(frames, issued_ns, length_um, blur_px, step)
        excitations += [] if seen is None else [seen]
    if len(excitations) < _SURE:
        return None
    return Onset(fit_dynamics(excitations, rough_response(excitations)), excitations)


def _excitation(
    frames: list[Frame], issued_ns: int, length_um: float, blur_px: float, move: int
) -> Excitation | None:
    """Return how far the drive was in each image of a step; None if noise hides it."""
    slopes = [gradients(frame.image, blur_px) for frame in frames]
    middle_s = np.array([frame.exposed_ns - issued_ns for frame in frames]) / NS_PER_S
    half_s = np.array([frame.exposure_ms for frame in frames]) * NS_PER_MS / NS_PER_S / 2
    before, late = middle_s + half_s <= 0, middle_s - half_s > _REST_S
    after, reference = np.flatnonzero(late)[::2], np.flatnonzero(late)[1::2]
    if min(before.sum(), len(after), len(reference)) < _LEAST:
        return None
    focused = np.mean([slopes[i] for i in reference], axis=0)
    shared = np.array([(each * focused).mean(dtype=np.float64) for each in slopes])
    low, high = shared[before].mean(), shared[after].mean()
    noise = np.hypot(shared[before].std(ddof=1), shared[after].std(ddof=1)) / np.sqrt(2)
    if not noise < _NOISE * (high - low):
        return None
    kept = np.setdiff1d(np.arange(len(frames)), reference)
    travel_um = (shared[kept] - low) / (high - low) * length_um
    exposures_s = np.stack([middle_s - half_s, middle_s + half_s], axis=1)[kept]
    error_um = np.full(len(kept), max(noise / (high - low), _LEAST_NOISE) * length_um)
    return Excitation(exposures_s, travel_um, np.diag(1 / error_um), length_um, 0.0, move)
