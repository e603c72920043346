"""Calibration of a focus drive from beginning to end."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ....drivers.clock import Clock
from ....drivers.microscope import Microscope
from ....models.focus import Lens
from ...focus import FocusingSettings
from ..findings import Calibration, Finding
from ..probe import NotCalibratedError, Probe
from .drive import FocusDrive
from .findings import judged, refused
from .onset import find_onset
from .passes import Pass, Passes
from .peaks import Peaks, find_peaks

_LEAST, _MOST = 6, 10
"""Passes: at least so that the scatter of their peaks is known, and at most. Chosen."""
_WELL = 0.03
"""Standard error of the backlash over the depth of field from which no more are made. Chosen."""
_MOST_S = 100.0
"""After which no pass is begun. Chosen: as long as the XY stage takes."""

OnProgress = Callable[[str, float], None]


def calibrate_focus(
    microscope: Microscope,
    clock: Clock,
    focusing: FocusingSettings,
    on_progress: OnProgress = lambda what, seconds: None,
    late_ms: float = 0.0,
) -> Calibration:
    """Find out how a focus drive answers; it ends where it began.

    Without a drive, or if another autofocus is in charge of it, nothing is moved, and all is
    refused for that reason.

    Parameters
    ----------
    microscope : Microscope
        Opened with no backlash of the drive in its settings.
    clock : Clock
        Of the microscope.
    focusing : FocusingSettings
        The objective as configured: from its depth of field follow the steps and their bound.
    on_progress : callable
        Told what is done, and for how many seconds.
    late_ms : float
        How much longer the camera's read-out takes than configured, if that was found: of the delay
        that images show, it is not the drive's.

    Raises
    ------
    MicroscopeError
        If the camera or the drive fails.
    """
    if not microscope.describe().focus:
        return Calibration(refused("The microscope has no focus drive."))
    if focusing.method == "hardware":
        return Calibration(refused("The microscope's own autofocus is in charge of the drive."))
    doing = ["focus"]
    with Probe(microscope, clock, lambda seconds: on_progress(doing[0], seconds)) as probe:
        lens = Lens(focusing.na, focusing.wavelength_um, focusing.index, probe.about.pixel_um)
        furthest_um, evidence = 0.0, {}
        try:
            with FocusDrive(probe, lens.depth_of_field_um, focusing.max_step_um) as drive:
                try:
                    findings, evidence = _found(drive, doing, late_ms)
                finally:
                    furthest_um = drive.furthest_um
        except NotCalibratedError as error:
            findings = refused(str(error))
        return Calibration(findings, [], probe.elapsed_s, 0.0, furthest_um, evidence)


def _found(
    drive: FocusDrive, doing: list[str], late_ms: float
) -> tuple[dict[str, Finding], dict[str, Any]]:
    """Find out everything; the last of what is done is told by ``doing``."""
    probe = drive.probe
    passes = Passes(drive)
    doing[0] = "through the focus"
    made, peaks = _passed(passes, probe)
    doing[0] = "small steps of the focus drive"
    onset = find_onset(drive, peaks, passes.blur_px)
    evidence = {"passes": made, "peaks": peaks, "onset": onset, "blur_px": passes.blur_px}
    return judged(peaks, onset, drive.home_um, probe.about.exposure_ms, late_ms), evidence


def _passed(passes: Passes, probe: Probe) -> tuple[list[Pass], Peaks]:
    """Make passes until the backlash is known well, or time is up."""
    passes.explore()
    rough = len(passes.made)
    while True:
        passes.again()
        made = passes.made[rough:]
        if len(made) < _LEAST:
            continue
        peaks = find_peaks(made, passes.error)
        good = peaks.backlash.sigma_um < _WELL * peaks.depth.um / 2
        if good or len(made) >= _MOST or probe.elapsed_s > _MOST_S:
            return made, peaks
