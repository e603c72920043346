"""Detectors: an image in, Detections out."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from ..detections import Detections
from ..registry import Registry


class Detector(Protocol):
    """Finds objects in one image at a time.

    What is where in the result is told from that image. Of the images before, a detector may
    keep how bright they are, how large the objects in them, or what the one to follow looks
    like. It has a ``detect_within(image, window)`` if it can look at a part better than by being
    shown a crop (:mod:`~.window`).
    """

    @property
    def name(self) -> str:
        """For people and records."""
        ...

    def detect(self, image: NDArray[np.uint8] | NDArray[np.uint16]) -> Detections:
        """Find the objects in an image, (H, W) uint8 or uint16.

        Raises
        ------
        ValueError
            If the image has another shape or type.
        """
        ...


DETECTORS: Registry[Detector] = Registry(
    "detector",
    {
        "blobs": f"{__package__}.classical.blobs:Blobs",
        "edges": f"{__package__}.segmenters.edges:Edges",
        "maskrcnn": f"{__package__}.segmenters.maskrcnn:MaskRCNN",
        "segmenter": f"{__package__}.segmenters.segmenter:Segmenter",
        "ssd": f"{__package__}.learned.families:Ssd",
        "template": f"{__package__}.template.template:Template",
        "watershed": f"{__package__}.segmenters.watershed:Watershed",
        "yolo": f"{__package__}.learned.families:Yolo",
    },
)
"""Every detector that comes with the package."""


def create(name: str, options: Mapping[str, Any] | None = None) -> Detector:
    """Make the detector called ``name``, or ``"package.module:attribute"``.

    Raises
    ------
    ValueError
        If the name or an option is not known, or a value is not allowed.
    """
    return DETECTORS.create(name, options)
