"""The defocus of an object from one image: a network reads the shape of its blur."""

import math
from pathlib import Path
from typing import NamedTuple

from ..arrays import Image
from ..errors import ModelError
from ..runtimes import load
from ..weights import find
from .card import DefocusCard
from .lens import Lens
from .normal import LEAST_ASTIGMATISM_PX, normalised


class Defocus(NamedTuple):
    """How far an object lies above the focal plane, and the standard deviation of that."""

    um: float
    sigma_um: float


class LearnedDefocus:
    """Estimates the defocus, sign included, through a lens with astigmatism.

    Parameters
    ----------
    lens : Lens
    weights : str
        Name of shipped weights or an ONNX file, its card beside it.
    runtime : str
        As in `pursuit.models.runtimes.load`.

    Attributes
    ----------
    why : str
        What computes it, and why.

    Raises
    ------
    ModelError
        If the lens has no astigmatism: both sides of the focus look the same then. If the
        weights are not those of a defocus network, or no runtime works.
    """

    def __init__(self, lens: Lens, weights: str = "defocus", runtime: str = "auto") -> None:
        if not lens.astigmatism_um:
            raise ModelError(
                "without astigmatism both sides of the focus look the same, so one image tells "
                "the size of the defocus but not its sign: put a cylindrical lens before the "
                "camera and set astigmatism_um, or dither"
            )
        path = find(weights)
        self.card = DefocusCard.read(Path(path).with_suffix(".json"))
        loaded = load(path, runtime, exact=True)
        self._lens, self._runtime, self.why = lens, loaded.runtime, loaded.why

    def estimate(self, image: Image) -> Defocus | None:
        """Estimate the defocus of the object in a window.

        Parameters
        ----------
        image : (H, W) uint8 or uint16
            The object with as much again around it on each side.

        Returns
        -------
        Defocus or None
            None where one of the network's pixels is so coarse, or the defocus so great, that
            it was not trained for it.

        Raises
        ------
        ValueError
            If the image has another type, or is smaller than 8 pixels.
        """
        picture, um_per_px = normalised(image, self._lens)
        if abs(float(picture[1, 0, 0])) < LEAST_ASTIGMATISM_PX:
            return None
        blur_px, log_variance = self._runtime.run(picture[None])[0][0].tolist()
        sigma_px = math.exp(log_variance / 2) * self.card.spread
        defocus = Defocus(blur_px * um_per_px, sigma_px * um_per_px)
        depths = abs(defocus.um) / self._lens.depth_of_field_um
        return defocus if depths < self.card.most_defocus and math.isfinite(sigma_px) else None

    def close(self) -> None:
        """Free the device."""
        self._runtime.close()
