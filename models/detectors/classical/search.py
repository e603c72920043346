"""What to search an image for, and the result of the search, in pixels of that image."""

from dataclasses import dataclass

from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class SearchCriteria:
    """Bright objects of about one size.

    Attributes
    ----------
    diameter : float
        Typical diameter.
    tolerance : float
        Greatest factor by which a diameter may differ.
    sigmas : float
        Least signal in units of the noise.
    limit : int
        Of more objects than that the strongest.
    camera_noise : float
        Noise of a single pixel, infinite if unknown.
    """

    diameter: float
    tolerance: float
    sigmas: float
    limit: int
    camera_noise: float


@dataclass(frozen=True, slots=True)
class SearchResult:
    """Objects in an image.

    Attributes
    ----------
    centres : (N, 2)
        x and y.
    boxes : (N, 4)
        Left, top, right, bottom.
    snr : (N,)
        Strength over noise.
    brightness : (N,)
        Sum of the signal above the local background.
    """

    centres: NDArray
    boxes: NDArray
    snr: NDArray
    brightness: NDArray
