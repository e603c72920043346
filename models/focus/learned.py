"""The defocus of an object from one image: a network reads the shape of its blur."""

import math
from pathlib import Path
from typing import NamedTuple, Self

import cv2
import numpy as np
from numpy.typing import NDArray

from ..arrays import Image
from ..card import Card, Share, Size
from ..errors import ModelError
from ..images import checked
from ..runtimes import load
from ..weights import find
from .lens import Lens
from .sharpness import LEAST_EDGE_PX

EDGE_PX = 48
"""Edge of the picture that the network is shown. Chosen: an object is then 16 pixels wide."""
SIZES = 3.0
"""Edge of a window in sizes of the object in it, about: as much again around it on each side."""
_LEAST_ASTIGMATISM_PX = 0.1
"""Half the astigmatism, as a blur in pixels of the picture, below which the shape of an image
hardly changes with the side of the focus. Chosen."""


class DefocusCard(Card, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What has to be known to use the network, kept as ``NAME.json`` beside ``NAME.onnx``.

    Attributes
    ----------
    trained_on : str
        What the training windows showed, for people.
    most_defocus : float
        The greatest in training, in depths of field.
    spread : float
        Factor on the standard deviations that the network states, from held-back windows.
    rms_px, within_95 : float
        On held-back windows: root mean square error in pixels of blur of its picture, and the
        share of errors within 1.96 standard deviations.
    """

    name: str
    task: str = "defocus"
    trained_on: str
    most_defocus: Size
    spread: Size = 1.0
    rms_px: Size
    within_95: Share
    licence: str = ""
    date: str = ""

    what = "the card of a defocus network"

    @classmethod
    def read(cls, path: Path) -> Self:
        """Read a card; ModelError if there is none or it is of a network for another task."""
        card = super().read(path)
        if card.task != "defocus":
            raise ModelError(
                f"the file {path} is the card of a model for {card.task}, not for defocus"
            )
        return card


class Defocus(NamedTuple):
    """How far an object lies above the focal plane, and the standard deviation of that."""

    um: float
    sigma_um: float


class Windows(NamedTuple):
    """Pictures of objects and their true defocus.

    Attributes
    ----------
    pictures : (N, 2, EDGE_PX, EDGE_PX) float32
        As `normalised` returns them.
    blurs_px : (N,) float32
        Defocus over ``um_per_px``: positive above the focal plane.
    """

    pictures: NDArray[np.float32]
    blurs_px: NDArray[np.float32]


def normalised(image: Image, lens: Lens) -> tuple[NDArray[np.float32], float]:
    """Scale a window to one size, its grey values to mean square 1 around the background.

    Parameters
    ----------
    image : (H, W) uint8 or uint16
        The object with as much again around it on each side.

    Returns
    -------
    picture : (2, EDGE_PX, EDGE_PX) float32
        The image, and everywhere the blur that half the astigmatism makes, in its pixels: what
        the network must know of the lens.
    um_per_px : float
        Defocus that makes a blur of one of its pixels.

    Raises
    ------
    ValueError
        If the image has another type, or is smaller than 8 pixels.
    """
    grey = checked(image).astype(np.float32)
    if min(grey.shape) < LEAST_EDGE_PX:
        raise ValueError(f"a window must be at least {LEAST_EDGE_PX} pixels wide and high")
    edge_px = min(grey.shape)
    top, left = (grey.shape[0] - edge_px) // 2, (grey.shape[1] - edge_px) // 2
    grey = grey[top : top + edge_px, left : left + edge_px]
    rim = np.concatenate([grey[0], grey[-1], grey[:, 0], grey[:, -1]])
    how = cv2.INTER_AREA if edge_px > EDGE_PX else cv2.INTER_LINEAR
    picture = np.empty((2, EDGE_PX, EDGE_PX), np.float32)
    picture[0] = cv2.resize(grey - rim.mean(), (EDGE_PX, EDGE_PX), interpolation=how)
    picture[0] /= max(float(np.sqrt(np.square(picture[0]).mean())), 1e-6)
    um_per_px = lens.pixel_um * edge_px / EDGE_PX / lens.blur
    picture[1] = lens.astigmatism_um / 2 / um_per_px
    return picture, um_per_px


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
        path = find(weights, "defocus")
        self.card = DefocusCard.read(Path(path).with_suffix(".json"))
        loaded = load(path, runtime, exact=True)
        self._lens, self._runtime, self.why = lens, loaded.runtime, loaded.why

    def estimate(self, image: Image) -> Defocus | None:
        """Estimate the defocus of the object in a window, as `normalised` takes it.

        Returns
        -------
        Defocus or None
            None where one of the network's pixels is so coarse, or the defocus so great, that
            it was not trained for it.
        """
        picture, um_per_px = normalised(image, self._lens)
        if abs(float(picture[1, 0, 0])) < _LEAST_ASTIGMATISM_PX:
            return None
        blur_px, log_variance = self._runtime.run(picture[None])[0][0].tolist()
        sigma_px = math.exp(log_variance / 2) * self.card.spread
        defocus = Defocus(blur_px * um_per_px, sigma_px * um_per_px)
        depths = abs(defocus.um) / self._lens.depth_of_field_um
        return defocus if depths < self.card.most_defocus and math.isfinite(sigma_px) else None

    def close(self) -> None:
        """Free the device."""
        self._runtime.close()
