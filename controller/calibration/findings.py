"""What a calibration has found: each number with its standard error, or why there is none."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Any

import numpy as np

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
SIGNIFICANT = 3.0
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


def delay(ms: float, sigma_ms: float, refusal: str = "") -> Finding:
    """A delay in ms, which cannot be less than nothing: zero if that is within its error."""
    if not refusal and ms < -SIGNIFICANT * sigma_ms:
        refusal = (
            f"Not found: the image moves {-ms:.1f} ms before the command; see that exposure_ms and "
            "readout_ms under [camera] are those of the camera."
        )
    return Finding((ms if refusal else max(ms, 0.0),), (sigma_ms,), refusal)


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
    if value == 0 or least == 0 or not math.isfinite(value):
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
    elif apart > max(2 * _BACKLASH * value, 2 * _BACKLASH_UM, SIGNIFICANT * np.hypot(*sigma)):
        refusal = (
            f"Backlash is {each[0]:.3g} µm along x and {each[1]:.3g} along y, which one number "
            "cannot describe: set backlash_um under [stage] to that of the axis which matters more."
        )
    return Finding((value,), (error,), refusal)
