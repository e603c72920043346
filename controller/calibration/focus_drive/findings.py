"""What was found out about a focus drive: each number judged on its own."""

from __future__ import annotations

import math

from ..findings import Finding, delay
from .onset import Onset
from .peaks import Estimate, Peaks

_BACKLASH, _BACKLASH_UM = 0.05, 0.05
"""Greatest standard error of a backlash, over its length or in µm: chosen, half of what is
tolerable."""
_DEPTHS = 0.02
"""The same over the depth of field: chosen, that is a twentieth of what changes the image."""
_SHAPE = 0.05
"""Relative error of depth of field and astigmatism, as real curves differ from the one that is
fitted. Measured on simulated specimens."""
_DELAY_MS = 1.0
"""Greatest standard error of a delay. Chosen: two of them are 2 ms."""
_SMEARED = 0.02
"""Error of a delay over the exposure, see `calibration.findings`."""
_ASTIGMATISM, _SIGNIFICANT = 0.05, 5.0
"""Greatest relative standard error of an astigmatism, and standard errors by which it differs from
none. Chosen: the sign of a drive must not be guessed."""
_LEAST_ASTIGMATISM = 0.12
"""Astigmatism over the depth of field below which there is none. Chosen: the shape of objects makes
as much, and no image tells the side of the focus from so little."""
_MISFIT = 1.5
"""Greatest ratio of residuals to noise with which steps count as explained. Chosen."""

SETTINGS = ("focus.backlash_um", "focus.delay_ms", "focusing.astigmatism_um")
"""What is written if it was found."""
REPORTED = ("focus.depth_of_field_um", "focus.sharpest_um")
"""What has no setting: only told."""


def refused(reason: str) -> dict[str, Finding]:
    """Return all findings, refused for one reason."""
    return {name: Finding(refusal=reason) for name in (*SETTINGS, *REPORTED)}


def judged(
    peaks: Peaks, onset: Onset | None, home_um: float, exposure_ms: float, late_ms: float
) -> dict[str, Finding]:
    """Judge each number.

    Parameters
    ----------
    peaks : Peaks
    onset : Onset, optional
    home_um : float
        Where the drive began.
    exposure_ms, late_ms : float
        As of `calibrate_focus`.
    """
    um, sigma_um = peaks.depth
    depth = Estimate(um, math.hypot(sigma_um, _SHAPE * um))
    place_um = peaks.middle_um + peaks.backlash.um / 2 - home_um
    vague = "" if depth.sigma_um < 0.1 * depth.um else _restless("The depth of field", depth)
    return {
        "focus.backlash_um": _backlash(peaks),
        "focus.delay_ms": _delay(onset, exposure_ms, late_ms),
        "focusing.astigmatism_um": _astigmatism(peaks),
        "focus.depth_of_field_um": Finding((depth.um,), (depth.sigma_um,), vague, is_setting=False),
        "focus.sharpest_um": Finding((place_um,), (peaks.scatter_um,), is_setting=False),
    }


def _restless(what: str, found: Estimate) -> str:
    return (
        f"{what} is known to {found.sigma_um:.2g} µm only: choose flat objects with contrast that "
        "lie still, or a higher magnification."
    )


def _backlash(peaks: Peaks) -> Finding:
    found = peaks.backlash
    refusal = ""
    if found.sigma_um > max(_BACKLASH_UM, _BACKLASH * found.um, _DEPTHS * peaks.depth.um):
        refusal = _restless("Backlash", found)
    elif found.um < -_SIGNIFICANT * found.sigma_um:
        refusal = (
            f"The drive goes {-found.um:.2g} µm too far at a reversal, as if it compensated more "
            "backlash than it has: see its own controller."
        )
    return Finding((max(found.um, 0.0),), (found.sigma_um,), refusal)


def _astigmatism(peaks: Peaks) -> Finding:
    found = peaks.astigmatism
    refusal = ""
    if abs(found.um) < max(_SIGNIFICANT * found.sigma_um, _LEAST_ASTIGMATISM * peaks.depth.um):
        refusal = (
            f"Not found: rows and columns are sharpest within {abs(found.um):.2g} µm, which is too "
            "little to be told from the shape of objects. Without astigmatism images are alike "
            "above and below the focus, and cannot tell which way is up."
        )
    elif found.sigma_um > _ASTIGMATISM * abs(found.um):
        refusal = _restless("Astigmatism", found)
    sigma_um = math.hypot(found.sigma_um, _SHAPE * found.um)
    return Finding((found.um,), (sigma_um,), refusal)


def _delay(onset: Onset | None, exposure_ms: float, late_ms: float) -> Finding:
    if onset is None:
        return Finding(refusal="Not found: short steps of the drive are lost in the noise.")
    fit = onset.fit
    delay_ms = 1e3 * fit.response.delay_s - late_ms
    sigma_ms = math.hypot(1e3 * fit.sigma.delay_s, _SMEARED * exposure_ms)
    refusal = ""
    if fit.inflation > _MISFIT:
        refusal = "Not found: steps alike are not seen alike; see that the specimen lies still."
    elif not sigma_ms < _DELAY_MS:
        refusal = (
            f"Not found: the delay is known to {sigma_ms:.1f} ms only; use a shorter exposure, "
            "more light or a specimen that lies still."
        )
    return delay(delay_ms, sigma_ms, refusal)
