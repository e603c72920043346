"""The defocus of an object from one image: a network reads the shape of its blur."""

import math
from pathlib import Path
from typing import Annotated, NamedTuple, Self

from msgspec import Meta

from ..arrays import Image
from ..card import Card
from ..errors import ModelError
from ..runtimes import load
from ..weights import find
from .lens import Lens
from .normal import LEAST_ASTIGMATISM_PX, normalised

Positive = Annotated[float, Meta(gt=0)]


class DefocusCard(Card, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What has to be known to use the network, kept as ``NAME.json`` beside ``NAME.onnx``.

    Attributes
    ----------
    name : str
    task : str
        ``"defocus"``.
    trained_on : str
        What the training windows showed, for people.
    most_defocus : float
        The greatest in training, in depths of field.
    spread : float
        Factor on the standard deviations that the network states, from held-back windows.
    rms_px, within_95 : float
        On held-back windows: root mean square error in pixels of blur of its picture, and the
        share of errors within 1.96 standard deviations.
    licence, date : str
    """

    name: str
    task: str = "defocus"
    trained_on: str
    most_defocus: Positive
    spread: Positive = 1.0
    rms_px: Positive
    within_95: Annotated[float, Meta(ge=0, le=1)]
    licence: str = ""
    date: str = ""

    what = "the card of a defocus network"

    @classmethod
    def read(cls, path: Path) -> Self:
        """Read a card; ModelError if there is none or it is of a network for another task."""
        card = super().read(path)
        if card.task != "defocus":
            raise ModelError(f"{path} is the card of a model for {card.task}, not for defocus")
        return card


class Defocus(NamedTuple):
    """How far an object lies above the focal plane, and the standard deviation of that."""

    um: float
    sigma_um: float


class LearnedDefocus:
    """Estimates the defocus, sign included, through a lens with astigmatism.

    Parameters
    ----------
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
