"""A calibration from beginning to end."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ...drivers.clock import Clock
from ...drivers.microscope import Microscope
from .dynamics import Excitation, fit_dynamics, rough_response
from .findings import Calibration, dynamics_findings, geometry_findings
from .geometry import Geometry, Jump, enough, fit_geometry
from .pattern import Step, long_steps, series, small_step_px, small_steps
from .probe import NotCalibratedError, Probe
from .registration import Reference
from .response import Response, mean_travel_um
from .search import Rough, search
from .wander import Series, Wander, fit_wander, jump, whitening

Floats = NDArray[np.float64]

_SMALL_SETTLE_S = 0.25
"""After which small steps have most likely ended; until then frames are kept densely."""
_LEAST_SETTLE_S, _MOST_SETTLE_S = 0.1, 0.5
"""Bounds of the time after which a move has surely ended."""
_SLOW_UM_S = 500.0
"""Speed with which the end of long moves is reckoned. Chosen: most motorised stages are faster."""
_SMEAR = 1.2
"""Width of what is registered, over the shift of a small step, at least. Chosen: the shift of a
smeared image is then its mean over the exposure within a twentieth of the step."""
_SETTLED_PX = 0.2
"""Distance from rest at which a small step counts as ended: chosen, 2 % of it."""
_SMEARED = 0.05
"""Error of a shift over the smear of its image, if that is as wide as what is registered. Derived:
of two Gaussians in the ratio of 3 to 1, as far apart as their width, the maximum is off their mean
by that; in proportion to the square of the smear if that is less."""
_INSTANT_S = 1e-5
"""Stands for an instant."""
_PARTS = 5
"""Of an exposure, over which the way of the image is reckoned. Chosen: ringing goes to and fro."""
_AS_WELL = 1.15
"""By how much residuals may grow with the long moves for these to count. Chosen."""
_LEAST_FRAMES = 3
"""Frames on either side of a move without which it does not count."""

_WELL, _MOST_S = 0.001, 105.0
"""Relative standard error of a displacement that is good enough, half of what is tolerable; and
when no more long steps are begun for a better one, in s."""
_LEAST_MOVES = 8
"""Small steps without which nothing is fitted."""
_LOST = (
    "What was seen was not found again after most moves: choose a specimen that lies still and "
    "fills more of the field."
)

OnProgress = Callable[[str, float], None]
"""Told what is done, and for how many seconds the stand has been used."""


class Seen(NamedTuple):
    """A move of the pattern as the camera has seen it."""

    step: Step
    series: Series
    exposures_s: Floats


def calibrate(
    microscope: Microscope,
    clock: Clock,
    known_pixel_um: float | None = None,
    on_progress: OnProgress = lambda what, seconds: None,
    on_step: Callable[[Step], None] = lambda step: None,
) -> Calibration:
    """Find out how a stand moves; its stage ends where it began.

    Parameters
    ----------
    microscope : Microscope
        Opened with no backlash and no ringing in its settings.
    clock : Clock
        Of the microscope.
    known_pixel_um : float, optional
        Edge of a pixel that the scale must agree with, if somebody knows it.
    on_progress, on_step : callable
        Told of the progress, and of every long move of the pattern.

    Raises
    ------
    NotCalibratedError
        If nothing can be found; the text says why and what to do.
    MicroscopeError
        If the camera or the stage fails.
    """
    doing = ["looking"]
    with Probe(microscope, clock, lambda seconds: on_progress(doing[0], seconds)) as probe:
        rough = search(probe)
        doing[0] = "small steps"
        blur_px, width_px = _blur_for_steps(probe, rough)
        small = _seen(small_steps(probe, rough), blur_px, _SMALL_SETTLE_S)
        settle_s = (
            _settle_s(small) + 0.2 * probe.field_px / np.hypot(*rough.gain).min() / _SLOW_UM_S
        )
        doing[0] = "long steps"
        long_, wander, geometry, jumps = _long(probe, rough, settle_s, on_step)
        seconds, furthest_um, about = probe.elapsed_s, probe.furthest_um, probe.about
    findings = geometry_findings(geometry, known_pixel_um)
    small, long_ = _whole(small, settle_s), _whole(long_, settle_s)
    if len(small) < _LEAST_MOVES:
        raise NotCalibratedError(_LOST)
    fine = fit_wander([_rested(each, settle_s) for each in small])
    make = _Excitations(geometry, findings["stage.backlash_um"].found)
    about_it = rough_response([*make.of(small, fine, None, width_px[0])])
    excitations = [*make.of(small, fine, about_it, width_px[0])]
    fit = fit_dynamics(excitations, about_it)
    more = [*make.of(long_, wander, fit.response, width_px[1], most_px=width_px[1])]
    longer = fit_dynamics([*excitations, *more], fit.response)
    if longer.inflation < _AS_WELL * fit.inflation:
        excitations, fit = [*excitations, *more], longer
    findings |= dynamics_findings(fit, geometry, about.exposure_ms)
    evidence = {
        "jumps": jumps,
        "geometry": geometry,
        "excitations": excitations,
        "fit": fit,
        "wander": wander,
        "rough": rough,
    }
    notes = [
        f"Frames came every {1e3 * rough.interval_s:.3g} ms. The delay is that of the stage and of "
        "the camera's read-out together, beyond readout_ms as configured: images tell no more, and "
        "following needs no more.",
    ]
    return Calibration(findings, notes, seconds, furthest_um, evidence)


def _long(
    probe: Probe, rough: Rough, settle_s: float, on_step: Callable[[Step], None]
) -> tuple[list[Seen], Wander, Geometry, list[Jump]]:
    """Make long steps until the geometry is known well, or time is up."""
    seen: list[Seen] = []
    while True:
        began_s = probe.elapsed_s
        steps = _told(long_steps(probe, rough, settle_s), on_step)
        seen += _seen(steps, rough.blur_px, settle_s)
        rested = [_rested(each, settle_s) for each in seen]
        whole = [each for each in rested if len(each.at_s)]
        wander = fit_wander(whole) if whole else Wander(1.0)
        jumps = _jumps(seen, rested, wander)
        if not enough(jumps):
            raise NotCalibratedError(_LOST)
        geometry = fit_geometry(jumps)
        round_s = probe.elapsed_s - began_s
        if geometry.relative_sigma < _WELL or probe.elapsed_s + round_s > _MOST_S:
            return seen, wander, geometry, jumps


def _told(steps: Iterable[Step], on_step: Callable[[Step], None]) -> Iterator[Step]:
    for step in steps:
        on_step(step)
        yield step


def _seen(steps: Iterable[Step], blur_px: float, settled_s: float) -> list[Seen]:
    """Register each step's frames as soon as they are taken, and forget the images."""
    found = []
    for step in steps:
        found.append(Seen(step, *series(step.segment, blur_px, settled_s)))
        step.segment.frames.clear()
    return found


def _blur_for_steps(probe: Probe, rough: Rough) -> tuple[float, tuple[float, float]]:
    """Return the blur that makes what is seen wide enough to be smeared by a small step.

    And the width of what is registered with it, and without it.
    """
    image = probe.frame().image
    blur_px, needed_px = rough.blur_px, _SMEAR * np.sqrt(2) * small_step_px(probe)
    narrow_px = width_px = Reference(image, blur_px).width_px
    while width_px < needed_px:
        blur_px *= 1.2
        width_px = Reference(image, blur_px).width_px
    return blur_px, (width_px, narrow_px)


def _settle_s(seen: Sequence[Seen]) -> float:
    """When small steps have ended: from then on nobody sees them move."""
    times, offs = [], []
    for each in seen:
        at_s, shift = each.series
        after = at_s > 0
        if after.sum() < _LEAST_FRAMES:
            continue
        last = shift[after][-max(int(after.sum()) // 3, 2) :]
        times.append(at_s[after])
        offs.append(np.hypot(*(shift[after] - np.median(last, axis=0)).T))
    if not times:
        return _MOST_SETTLE_S
    at_s, off = np.concatenate(times), np.concatenate(offs)
    late = at_s > np.quantile(at_s, 0.7)
    bins = np.arange(0.0, _MOST_SETTLE_S, 0.02)
    limit = 2 * float(np.median(off[late])) + _SETTLED_PX
    moving = [
        begin
        for begin in bins
        if (inside := (at_s >= begin) & (at_s < begin + 0.04)).any()
        and np.median(off[inside]) > limit
    ]
    settled = (moving[-1] if moving else 0.0) + 0.04
    return min(max(1.3 * settled, _LEAST_SETTLE_S), _MOST_SETTLE_S)


def _rested(seen: Seen, settle_s: float) -> Series:
    """Leave out the frames of the motion itself; empty if too few are left."""
    before = seen.exposures_s[:, 1] <= 0
    after = seen.exposures_s[:, 0] > settle_s
    if before.sum() < _LEAST_FRAMES or after.sum() < _LEAST_FRAMES:
        return Series(np.empty(0), np.empty((0, 2)))
    kept = before | after
    return Series(seen.series.at_s[kept], seen.series.shift[kept])


def _jumps(seen: Sequence[Seen], rested: Sequence[Series], wander: Wander) -> list[Jump]:
    jumps = []
    for each, still in zip(seen, rested, strict=True):
        if not len(still.at_s) or not each.step.engaged:
            continue
        by_um = each.step.segment.to_um - each.step.segment.from_um
        axis = int(np.argmax(np.abs(by_um)))
        shift, variance = jump(still, wander)
        jumps.append(Jump(axis, float(by_um[axis]), each.step.reverses, shift, variance))
    return jumps


def _whole(seen: Sequence[Seen], settle_s: float) -> list[Seen]:
    """Leave out moves with too few frames on either side."""
    return [each for each in seen if len(_rested(each, settle_s).at_s)]


class _Excitations:
    """Turns shifts during moves into ways along either axis."""

    def __init__(self, geometry: Geometry, reversals: bool) -> None:
        self._geometry, self._reversals = geometry, reversals
        self._to_um = np.linalg.inv(geometry.gain)
        self._moves = 0

    def of(
        self,
        seen: Sequence[Seen],
        wander: Wander,
        response: Response | None,
        width_px: float,
        most_px: float = math.inf,
    ) -> Iterator[Excitation]:
        """Yield what can be used of some moves.

        Parameters
        ----------
        seen, wander
        response : Response, optional
            By which the smear of each image is reckoned, whose shift is then less certain.
        width_px : float
            Of what is registered.
        most_px : float
            Smear from which an image is left out.
        """
        for each in seen:
            self._moves += 1
            if not each.step.engaged or (each.step.reverses and not self._reversals):
                continue
            moved_um = each.step.segment.to_um - each.step.segment.from_um
            axes = np.flatnonzero(np.abs(moved_um) > 1e-9)
            ways = [self._way(each, axis, moved_um[axis]) for axis in axes]
            if any(lost_um > way_um / 2 for way_um, lost_um in ways):
                continue  # the drive goes far, and what rings is smeared far
            smears = [_smear_um(each, *way, response) for way in ways]
            smear_px = np.hypot(*(self._geometry.gain[:, axes] @ np.stack(smears)))
            kept = smear_px <= most_px
            at_s, shift = each.series.at_s[kept], each.series.shift[kept]
            white = whitening(at_s, wander, (_SMEARED * smear_px[kept] ** 2 / width_px) ** 2)
            for axis, way in zip(axes, ways, strict=True):
                along_um = np.sign(moved_um[axis]) * (shift @ self._to_um[axis])
                scale_um = np.hypot(*self._to_um[axis])
                yield Excitation(
                    each.exposures_s[kept], along_um, white / scale_um, *way, self._moves
                )

    def _way(self, each: Seen, axis: int, moved_um: float) -> tuple[float, float]:
        """Length of a move, and what of it the backlash takes up."""
        lost_um = float(self._geometry.backlash_um[axis]) if each.step.reverses else 0.0
        return abs(float(moved_um)), lost_um


def _smear_um(each: Seen, way_um: float, lost_um: float, response: Response | None) -> Floats:
    """How far the load goes during each exposure, (N,)."""
    if response is None:
        return np.zeros(len(each.exposures_s))
    begin, end = each.exposures_s.T
    way, lost = np.full(len(begin), way_um), np.full(len(begin), lost_um)
    instants = [begin + (end - begin) * part / _PARTS for part in range(_PARTS + 1)]
    places = [mean_travel_um(at, at + _INSTANT_S, way, lost, response) for at in instants]
    return np.abs(np.diff(places, axis=0)).sum(axis=0)
