"""Whether the size of a pixel can be true, and an affine belongs to it."""

import math

from .microscope import MicroscopeError

_TOLERANCE = 0.25
"""By how much the scale of an affine may differ from the size of a pixel. Chosen: no objective and
no binning makes less of a difference."""
USERS = "pixel_um under [camera]"
"""Where the size of a pixel is from, if the user has told it."""

_LEAST_UM, _MOST_UM = 0.005, 60.0
"""What a pixel of a microscope is at least and at most. Chosen: 1.2 µm behind a hundredfold
objective and a doubling lens is 0.006 µm; 6.5 µm, binned by 4, behind a half is 52 µm."""

Affine = tuple[float, float, float, float]


def scale_um(affine: Affine) -> float:
    """Edge of a square pixel of the same area."""
    a, b, c, d = affine
    return math.sqrt(abs(a * d - b * c))


def agree(scale: float, pixel_um: float) -> bool:
    """Whether the scale of an affine and the size of a pixel are the same, as far as that goes."""
    return abs(scale / pixel_um - 1.0) <= _TOLERANCE


def check_scale(affine: Affine, pixel_um: float, source: str) -> None:
    """Refuse an affine that contradicts the size of a pixel.

    Raises
    ------
    MicroscopeError
        If it does; ``source`` is where that size is from.
    """
    scale = scale_um(affine)
    if not agree(scale, pixel_um):
        raise MicroscopeError(
            f"The affine under [camera] makes a pixel {scale:.4g} µm, {source} is "
            f"{pixel_um:.4g} µm: correct what is wrong, or run `pursuit calibrate`; with another "
            "objective or binning an affine is void."
        )


def check_unit(pixel_um: float) -> None:
    """Refuse the size of a pixel that is in another unit, mm or nm.

    Raises
    ------
    MicroscopeError
        If no microscope has such pixels.
    """
    if not _LEAST_UM <= pixel_um <= _MOST_UM:
        unit = "mm" if pixel_um < _LEAST_UM else "nm"
        raise MicroscopeError(
            f"A pixel is said to be {pixel_um:.4g} µm in the specimen, which it is on no "
            f"microscope: if that is in {unit}, correct pixel_um and affine under [camera], or "
            "the pixel size in Micro-Manager."
        )
