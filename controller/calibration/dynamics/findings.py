"""What a calibration has found of how the stage answers: delay, speed, acceleration, ringing."""

from __future__ import annotations

import math

from ..findings import SIGNIFICANT, Finding, delay
from ..geometry import Geometry, too_many_outliers
from .fit import DynamicsFit
from .response import Response

_DELAY_MS = 1.0
"""Greatest standard error of a delay. Chosen: two of them are 2 ms."""
_SPEED, _ACCELERATION, _RING, _DAMPING = 0.1, 0.2, 0.05, 0.3
"""Greatest relative standard errors. Chosen: `drivers.stage` copes with errors of three of them."""
_SMEARED = 0.02
"""Error of a delay, over the exposure, that does not average out, as shifts of smeared images are
not quite their mean. Chosen: less than half of the error of one image."""
_MISFIT, _JITTER_S = 1.5, 3e-3
"""Greatest ratio of residuals to noise, and scatter of the delay, with which a response counts as
explained. Chosen."""
_SHAPE = 0.05
"""Relative standard error of displacements from which nothing is said of the way there: chosen."""


def dynamics_findings(
    fit: DynamicsFit,
    geometry: Geometry,
    exposure_ms: float,
    read_s: tuple[float, float],
    readout_ms: float,
) -> dict[str, Finding]:
    """Judge delay, read-out time, speed, acceleration and ringing.

    Parameters
    ----------
    fit, geometry
    exposure_ms : float
    read_s : (float, float)
        The delay by the stage's own readings and its standard error, see `read_delay_s`.
    readout_ms : float
        As configured.
    """
    response, sigma = fit.response, fit.sigma
    delay_s = math.hypot(sigma.delay_s, _SMEARED * exposure_ms / 1e3)
    sigma = sigma._replace(delay_s=delay_s)
    rings = (
        geometry.relative_sigma < _SHAPE
        and sigma.ring_hz < _RING * response.ring_hz
        and (sigma.ring_damping < _DAMPING * response.ring_damping)
    )
    no_ringing = "" if rings else "Not found: moves of this length make no ringing that is seen."
    reached = (
        f"Not found: moves within the field reach {fit.peak_um_s:.0f} µm/s, and the stage is not "
        "seen to stop there; keep what its maker states."
    )
    late = (
        f"Not found: the delay is known to {1e3 * sigma.delay_s:.1f} ms only; use a shorter "
        "exposure, more light or a specimen that lies still."
    )
    slack = (
        "Not found: moves within the field end too soon for this camera to see how the stage "
        "speeds up; keep what its maker states."
    )
    vague = ""
    if geometry.relative_sigma > _SHAPE or too_many_outliers(geometry):
        vague = "Not found: the stage's moves are not seen well enough; see camera.affine."
    elif fit.inflation > _MISFIT or fit.jitter_s > _JITTER_S:
        vague = (
            "Not found: moves alike are not seen alike, or not as any delay, acceleration and "
            "ringing explain; see that nothing shakes the stand and that the specimen lies still."
        )
    if vague:
        late = reached = slack = no_ringing = vague
        sigma = Response(*[math.inf] * 5)
        read_s = math.nan, math.inf
    speed_found = sigma.speed_um_s < _SPEED * response.speed_um_s
    acceleration_found = sigma.acceleration_um_s2 < _ACCELERATION * response.acceleration_um_s2
    return {
        **_delays((response.delay_s, sigma.delay_s), read_s, readout_ms, late),
        "stage.speed_um_s": Finding(
            (response.speed_um_s,), (sigma.speed_um_s,), "" if speed_found else reached
        ),
        "stage.acceleration_um_s2": Finding(
            (response.acceleration_um_s2,),
            (sigma.acceleration_um_s2,),
            "" if acceleration_found else slack,
        ),
        "stage.ring_hz": Finding((response.ring_hz,), (sigma.ring_hz,), no_ringing),
        "stage.ring_damping": Finding((response.ring_damping,), (sigma.ring_damping,), no_ringing),
    }


def _delays(
    seen_s: tuple[float, float], read_s: tuple[float, float], readout_ms: float, late: str
) -> dict[str, Finding]:
    """Judge how much of the delay is the stage's, and how much the camera's.

    Images show when the load moves, later by as much of the read-out time as is not configured;
    readings say when the drive does. Without these the stage is given all of it.
    """
    seen_ms, seen_sigma_ms, read_ms, read_sigma_ms = (1e3 * each for each in (*seen_s, *read_s))
    beyond_ms, sigma_ms = seen_ms - read_ms, math.hypot(seen_sigma_ms, read_sigma_ms)
    seen, read = seen_sigma_ms < _DELAY_MS, read_sigma_ms < _DELAY_MS
    refusal = ""
    if not (seen and read):
        refusal = "Not found: images and the stage's readings do not both tell when it moves."
    elif readout_ms + beyond_ms < -SIGNIFICANT * sigma_ms:
        refusal = (
            "Not found: the image moves before the stage says so; see that its position is that of "
            "the stage under the camera."
        )
    told_ms = max(readout_ms + beyond_ms, 0.0)
    stage = delay(seen_ms, seen_sigma_ms, "" if seen else late)
    if not refusal:
        stage = delay(seen_ms + readout_ms - told_ms, read_sigma_ms)
    elif read and not seen:
        stage = delay(read_ms, read_sigma_ms)
    return {"stage.delay_ms": stage, "camera.readout_ms": Finding((told_ms,), (sigma_ms,), refusal)}
