"""What has to be known of an objective to measure focus."""

import math
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Lens:
    """An objective, and the cylindrical lens behind it if there is one.

    Attributes
    ----------
    na, wavelength_um, index : float
        Numerical aperture, wavelength of the light that is seen, index of the immersion.
    pixel_um : float
        Edge of a pixel in the specimen.
    astigmatism_um : float
        Rows of the image are sharpest for what lies half of it above the focal plane, columns
        for what lies half of it below. 0: the point spread is the same on both sides.

    Raises
    ------
    ValueError
        If the aperture is not below the index, or a length is not positive.
    """

    na: float
    wavelength_um: float
    index: float
    pixel_um: float
    astigmatism_um: float = 0.0

    def __post_init__(self) -> None:
        if not 0 < self.na < self.index:
            raise ValueError(f"na {self.na:g} must be positive and below the index {self.index:g}")
        if not (self.wavelength_um > 0 and self.pixel_um > 0):
            raise ValueError("wavelength_um and pixel_um must be positive")

    @property
    def depth_of_field_um(self) -> float:
        """Depth in which waves from a point differ by no more than a quarter, n λ / NA².

        Born and Wolf, Principles of Optics, section 8.8.2, for moderate apertures. What pixels
        add to it is left out.
        """
        return self.index * self.wavelength_um / self.na**2

    @property
    def blur(self) -> float:
        """Standard deviation on an axis that a µm of defocus adds to an image, in µm.

        Half of that of the edge of the cone of light: its disc is evenly lit.
        """
        return math.tan(math.asin(self.na / self.index)) / 2
