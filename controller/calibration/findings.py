"""What a calibration has found: each number with its standard error, or why there is none."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from .dynamics import DynamicsFit, Response
from .geometry import Geometry, too_many_outliers

_AFFINE = 0.002
"""Greatest standard error of a displacement over its length. Chosen: two and a half of them are
half a per cent, which is a tenth of a pixel at the edge of what a move corrects."""
_PIXEL = 1.25
"""Factor by which the scale may differ from the pixel size that is known: chosen, objectives differ
by more."""
_BACKLASH, _BACKLASH_UM = 0.05, 0.05
"""Greatest standard error of a backlash, over its length or in µm: chosen, half of what is
tolerable."""
_DELAY_MS = 1.0
"""Greatest standard error of a delay. Chosen: two of them are 2 ms."""
_SPEED, _ACCELERATION, _RING, _DAMPING = 0.1, 0.2, 0.05, 0.3
"""Greatest relative standard errors. Chosen: `drivers.stage` copes with errors of three of them."""
_SMEARED = 0.02
"""Error of a delay, over the exposure, that does not average out, as shifts of smeared images are
not quite their mean. Chosen: less than half of the error of one image."""
_SIGNIFICANT = 3.0
"""Standard errors by which two numbers differ if they do."""


@dataclass(frozen=True, slots=True)
class Finding:
    """A number, or several, with standard errors; or in one sentence why there is none.

    Attributes
    ----------
    values, sigmas : tuple of float
        In the unit of the setting; sigmas are None where the number is not estimated but read.
    refusal : str
        Empty if the number is good enough to be used.
    is_setting : bool
        Whether a configuration has it; if not, it is only told.
    """

    values: tuple[float, ...] = ()
    sigmas: tuple[float, ...] = ()
    refusal: str = ""
    is_setting: bool = True

    @property
    def found(self) -> bool:
        """Whether the number is good enough to be used."""
        return not self.refusal

    @property
    def written(self) -> bool:
        """Whether it goes into a configuration."""
        return self.found and self.is_setting

    def rounded(self) -> tuple[float, ...]:
        """Return the values, rounded to what their errors justify."""
        return tuple(
            round_to(value, sigma) for value, sigma in zip(self.values, self.sigmas, strict=True)
        )


@dataclass(frozen=True, slots=True)
class Calibration:
    """All findings, by table and key of a configuration file, and what they rest on.

    Attributes
    ----------
    findings : dict
        By ``"table.key"``.
    notes : list of str
        What else a person should know.
    seconds, furthest_um, furthest_focus_um : float
        How long the stand was used, and how far its stage and its focus drive went from where they
        began.
    evidence : dict
        For the picture.
    """

    findings: dict[str, Finding] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    seconds: float = 0.0
    furthest_um: float = 0.0
    furthest_focus_um: float = 0.0
    evidence: dict[str, Any] = field(default_factory=dict)

    def joined(self, other: Calibration) -> Calibration:
        """Return what both have found, one after the other."""
        return Calibration(
            {**self.findings, **other.findings},
            [*self.notes, *other.notes],
            self.seconds + other.seconds,
            max(self.furthest_um, other.furthest_um),
            max(self.furthest_focus_um, other.furthest_focus_um),
            {**self.evidence, **other.evidence},
        )


def round_to(value: float, sigma: float) -> float:
    """Round to a tenth of the standard error, or to six digits if that is nothing."""
    least = sigma if sigma > 0 and math.isfinite(sigma) else abs(value) * 1e-5
    if value == 0 or least == 0:
        return value
    return round(value, 1 - math.floor(math.log10(least)))


def geometry_findings(geometry: Geometry, known_pixel_um: float | None) -> dict[str, Finding]:
    """Judge affine and backlash."""
    affine = Finding(
        tuple(geometry.affine.ravel().tolist()),
        tuple(geometry.affine_sigma.ravel().tolist()),
        _affine_refusal(geometry, known_pixel_um),
    )
    found = {"camera.affine": affine}
    if known_pixel_um is None:
        scale_um = math.sqrt(abs(float(np.linalg.det(geometry.affine))))
        error_um = scale_um * geometry.relative_sigma
        found["camera.pixel_um"] = Finding((scale_um,), (error_um,), affine.refusal)
    return {**found, "stage.backlash_um": _backlash(geometry)}


def _affine_refusal(geometry: Geometry, known_pixel_um: float | None) -> str:
    if too_many_outliers(geometry):
        return (
            f"The specimen moved: {geometry.outliers:.0%} of the moves do not fit the others; "
            "choose one that lies still."
        )
    if geometry.relative_sigma > _AFFINE:
        return (
            f"The specimen moved or has too little texture: displacements are known to "
            f"{geometry.relative_sigma:.1%} only; choose one that lies still and fills the field."
        )
    scale_um = math.sqrt(abs(float(np.linalg.det(geometry.affine))))
    if known_pixel_um and not 1 / _PIXEL < scale_um / known_pixel_um < _PIXEL:
        return (
            f"A pixel is {scale_um:.4g} µm by the stage and {known_pixel_um:g} µm by the "
            "configuration: correct pixel_um under [camera] or in Micro-Manager (objective, "
            "binning, tube lens), or the stage's unit, and calibrate again."
        )
    return ""


def _backlash(geometry: Geometry) -> Finding:
    each, sigma = geometry.backlash_um, geometry.backlash_sigma_um
    value, error = float(each.mean()), float(np.hypot(*sigma)) / 2
    apart = abs(float(each[0] - each[1]))
    refusal = ""
    if too_many_outliers(geometry) or max(sigma) > max(_BACKLASH_UM, _BACKLASH * value):
        refusal = (
            f"Backlash is known to {max(sigma):.2g} µm only: choose a specimen that lies still and "
            "fills the field, or a higher magnification."
        )
    elif apart > max(2 * _BACKLASH * value, 2 * _BACKLASH_UM, _SIGNIFICANT * np.hypot(*sigma)):
        refusal = (
            f"Backlash is {each[0]:.3g} µm along x and {each[1]:.3g} along y, which one number "
            "cannot describe: set backlash_um under [stage] to that of the axis which matters more."
        )
    return Finding((value,), (error,), refusal)


_MISFIT, _JITTER_S = 1.5, 3e-3
"""Greatest ratio of residuals to noise, and scatter of the delay, with which a response counts as
explained. Chosen."""
_SHAPE = 0.05
"""Relative standard error of displacements from which nothing is said of the way there: chosen."""


def dynamics_findings(
    fit: DynamicsFit, geometry: Geometry, exposure_ms: float
) -> dict[str, Finding]:
    """Judge delay, speed, acceleration and ringing."""
    response, sigma = fit.response, fit.sigma
    delay_s = float(np.hypot(sigma.delay_s, _SMEARED * exposure_ms / 1e3))
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
    speed_found = sigma.speed_um_s < _SPEED * response.speed_um_s
    acceleration_found = sigma.acceleration_um_s2 < _ACCELERATION * response.acceleration_um_s2
    return {
        "stage.delay_ms": Finding(
            (1e3 * response.delay_s,),
            (1e3 * sigma.delay_s,),
            "" if 1e3 * sigma.delay_s < _DELAY_MS else late,
        ),
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
