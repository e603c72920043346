"""What a pixel is in the specimen: the settings, or else Micro-Manager's pixel size preset."""

from typing import NamedTuple

import numpy as np
from pymmcore_plus import CMMCorePlus

from ..microscope import MicroscopeError
from ..pixel_scale import USERS, agree, check_scale, scale_um
from ..settings import CameraSettings

_NOT_SET = (1.0, 0.0, 0.0, 0.0, 1.0, 0.0)
"""What Micro-Manager says of an affine that nobody has set, whatever the size of a pixel."""
_CALIBRATE = "following proves it by small moves; better run `pursuit calibrate`"


Affine = tuple[float, float, float, float]


class PixelGeometry(NamedTuple):
    """Size of a pixel, its affine, and why that affine is no calibration; empty if it is one."""

    pixel_um: float
    affine: Affine
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
        source = USERS if camera.pixel_um is not None else "Micro-Manager's pixel size"
        if pixel_um:
            check_scale(camera.affine, pixel_um, source)
        return PixelGeometry(pixel_um or scale_um(camera.affine), camera.affine)
    if not pixel_um:
        raise MicroscopeError(
            "The size of a pixel is not known: measure it with `pursuit calibrate`, set pixel_um "
            "under [camera], or calibrate the pixel size in Micro-Manager."
        )
    a, b, _, c, d, _ = core.getPixelSizeAffine()
    found_um = scale_um((a, b, c, d))
    preset = core.getCurrentPixelSizeConfig()
    if not preset or tuple(core.getPixelSizeAffineByID(preset)) == _NOT_SET:
        why = "nobody has told which way the camera looks"
    elif not agree(found_um, pixel_um):
        why = f"Micro-Manager's affine makes a pixel {found_um:.4g} µm, not {pixel_um:.4g} µm"
    else:
        return PixelGeometry(pixel_um, (a, b, c, d))
    affine = _by_orientation(core, pixel_um)
    return PixelGeometry(pixel_um, affine, f"Not calibrated ({why}): {_CALIBRATE}.")


def _by_orientation(core: CMMCorePlus, pixel_um: float) -> Affine:
    """Affine by what a camera says of its orientation, unless it turns its images itself.

    The same as Micro-Manager's own navigation assumes where there is no affine: axes exchanged,
    then mirrored.
    """
    camera = core.getCameraDevice()

    def is_set(name: str) -> bool:
        return core.hasProperty(camera, name) and core.getProperty(camera, name) != "0"

    affine = np.eye(2) * pixel_um
    if not is_set("TransposeCorrection"):
        if is_set("TransposeXY"):
            affine = -affine[::-1]
        affine[0] *= -1 if is_set("TransposeMirrorX") else 1
        affine[1] *= -1 if is_set("TransposeMirrorY") else 1
    (a, b), (c, d) = (affine + 0.0).tolist()
    return a, b, c, d
