"""What a pixel is in the specimen: the settings, or else Micro-Manager's pixel size preset."""

import math
from typing import NamedTuple

from pymmcore_plus import CMMCorePlus

from ..microscope import MicroscopeError
from ..settings import CameraSettings

_TOLERANCE = 0.25
"""By how much the scale of an affine may differ from the size of a pixel. Chosen: no objective and
no binning makes less of a difference."""
_NOT_SET = (1.0, 0.0, 0.0, 0.0, 1.0, 0.0)
"""What Micro-Manager says of an affine that nobody has set, whatever the size of a pixel."""
_CALIBRATE = "following proves it by small moves; better run `pursuit calibrate`"


class PixelGeometry(NamedTuple):
    """Size of a pixel, its affine, and why that affine is no calibration; empty if it is one."""

    pixel_um: float
    affine: tuple[float, float, float, float]
    uncalibrated: str = ""


def pixel_geometry(core: CMMCorePlus, camera: CameraSettings) -> PixelGeometry:
    """Take the geometry from the settings, or else from Micro-Manager.

    Raises
    ------
    MicroscopeError
        If the size of a pixel is not known, or the affine of the settings contradicts it.
    """
    pixel_um = camera.pixel_um or core.getPixelSizeUm()
    if camera.affine is not None:
        return _told(camera.affine, pixel_um, camera.pixel_um is not None)
    if not pixel_um:
        raise MicroscopeError(
            "The size of a pixel is not known: set pixel_um under [camera], or calibrate the "
            "pixel size in Micro-Manager."
        )
    a, b, _, c, d, _ = core.getPixelSizeAffine()
    scale_um = _scale_um((a, b, c, d))
    preset = core.getCurrentPixelSizeConfig()
    if not preset or tuple(core.getPixelSizeAffineByID(preset)) == _NOT_SET:
        why = "nobody has told which way the camera looks"
    elif not _agree(scale_um, pixel_um):
        why = f"Micro-Manager's affine makes a pixel {scale_um:.4g} µm, not {pixel_um:.4g} µm"
    else:
        return PixelGeometry(pixel_um, (a, b, c, d))
    square = (pixel_um, 0.0, 0.0, pixel_um)
    return PixelGeometry(pixel_um, square, f"Not calibrated ({why}): {_CALIBRATE}.")


def _told(
    affine: tuple[float, float, float, float], pixel_um: float, by_user: bool
) -> PixelGeometry:
    scale_um = _scale_um(affine)
    if pixel_um and not _agree(scale_um, pixel_um):
        source = "pixel_um under [camera]" if by_user else "Micro-Manager's pixel size"
        raise MicroscopeError(
            f"The affine under [camera] makes a pixel {scale_um:.4g} µm, {source} is "
            f"{pixel_um:.4g} µm: correct what is wrong, or run `pursuit calibrate`; with another "
            "objective or binning an affine is void."
        )
    return PixelGeometry(pixel_um or scale_um, affine)


def _scale_um(affine: tuple[float, float, float, float]) -> float:
    """Edge of a square pixel of the same area."""
    a, b, c, d = affine
    return math.sqrt(abs(a * d - b * c))


def _agree(scale_um: float, pixel_um: float) -> bool:
    return abs(scale_um / pixel_um - 1.0) <= _TOLERANCE
