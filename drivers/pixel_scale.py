"""Whether an affine and the size of a pixel belong to the same objective and binning."""

import math

from .microscope import MicroscopeError

_TOLERANCE = 0.25
"""By how much the scale of an affine may differ from the size of a pixel. Chosen: no objective and
no binning makes less of a difference."""
USERS = "pixel_um under [camera]"
"""Where the size of a pixel is from, if the user has told it."""

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
