"""A calibration from beginning to end."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence

import numpy as np

from ...drivers.clock import Clock
from ...drivers.microscope import Microscope
from ...models.images import Reference
from .dynamics import Excitations, dynamics_findings, fit_dynamics, read_delay_s, rough_response
from .findings import Calibration, geometry_findings
from .geometry import Geometry, Jump, enough, fit_geometry
from .pattern import Step, long_steps, small_step_px, small_steps
from .probe import NotCalibratedError, Probe
from .search import Rough, search
from .sightings import Seen, rested, seen_steps, settle_time_s, whole
from .wander import Series, Wander, fit_wander, jump

_SMALL_SETTLE_S = 0.25
"""After which small steps have most likely ended; until then frames are kept densely."""
_SLOW_UM_S = 500.0
"""Speed with which the end of long moves is reckoned. Chosen: most motorised stages are faster."""
_SMEAR = 1.2
"""Width of what is registered, over the shift of a small step, at least. Chosen: the shift of a
smeared image is then its mean over the exposure within a twentieth of the step."""
_AS_WELL = 1.15
"""By how much residuals may grow with the long moves for these to count. Chosen."""
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


def calibrate(
    microscope: Microscope,
    clock: Clock,
    known_pixel_um: float | None = None,
    on_progress: OnProgress = lambda what, seconds: None,
    on_step: Callable[[Step], None] = lambda step: None,
    readout_ms: float = 0.0,
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
    readout_ms : float
        As in the settings with which the microscope was opened.

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
        small = seen_steps(small_steps(probe, rough), blur_px, _SMALL_SETTLE_S)
        soon_s = settle_time_s(small)
        settle_s = soon_s + 0.2 * probe.field_px / np.hypot(*rough.gain).min() / _SLOW_UM_S
        doing[0] = "long steps"
        long_, wander, geometry, jumps = _long(probe, rough, settle_s, on_step)
        seconds, furthest_um, about = probe.elapsed_s, probe.furthest_um, probe.about
        orders, readings = probe.orders, probe.readings
    findings = geometry_findings(geometry, known_pixel_um)
    small, long_ = whole(small, soon_s), whole(long_, settle_s)
    if len(small) < _LEAST_MOVES:
        raise NotCalibratedError(_LOST)
    fine = fit_wander([rested(each, soon_s) for each in small])
    make = Excitations(geometry, findings["stage.backlash_um"].found)
    about_it = rough_response([*make.of(small, fine, None, width_px[0])])
    excitations = [*make.of(small, fine, about_it, width_px[0])]
    fit = fit_dynamics(excitations, about_it)
    more = [*make.of(long_, wander, fit.response, width_px[1], most_px=width_px[1])]
    longer = fit_dynamics([*excitations, *more], fit.response)
    if longer.inflation < _AS_WELL * fit.inflation:
        excitations, fit = [*excitations, *more], longer
    read = read_delay_s(orders, readings, fit, soon_s)
    findings |= dynamics_findings(fit, geometry, about.exposure_ms, read, readout_ms)
    evidence = {
        "jumps": jumps,
        "geometry": geometry,
        "excitations": excitations,
        "fit": fit,
        "wander": wander,
        "rough": rough,
    }
    notes = [f"Frames came every {1e3 * rough.interval_s:.3g} ms."]
    if not findings["camera.readout_ms"].found:
        notes.append(
            "The delay is that of the stage and of the camera's read-out together, beyond "
            "readout_ms as configured."
        )
    return Calibration(findings, notes, seconds, furthest_um, evidence=evidence)


def _long(
    probe: Probe, rough: Rough, settle_s: float, on_step: Callable[[Step], None]
) -> tuple[list[Seen], Wander, Geometry, list[Jump]]:
    """Make long steps until the geometry is known well, or time is up."""
    seen: list[Seen] = []
    while True:
        began_s = probe.elapsed_s
        steps = _told(long_steps(probe, rough, settle_s), on_step)
        seen += seen_steps(steps, rough.blur_px, settle_s)
        still = [rested(each, settle_s) for each in seen]
        full = [each for each in still if len(each.at_s)]
        wander = fit_wander(full) if full else Wander(1.0)
        jumps = _jumps(seen, still, wander)
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
