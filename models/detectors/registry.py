"""The detectors by name: those of this package, and those of others."""

from collections.abc import Mapping
from typing import Any

from ..registry import Registry
from .detector import Detector, MovieDefaults

DETECTORS: Registry[Detector] = Registry(
    "detector",
    "pursuit.detectors",
    {
        "auto": f"{__package__}.auto:Auto",
        "blobs": f"{__package__}.classical.blobs:Blobs",
        "edges": f"{__package__}.segmenters.edges:Edges",
        "maskrcnn": f"{__package__}.segmenters.maskrcnn:MaskRCNN",
        "segmenter": f"{__package__}.segmenters.segmenter:Segmenter",
        "ssd": f"{__package__}.learned.architectures:Ssd",
        "template": f"{__package__}.template.template:Template",
        "watershed": f"{__package__}.segmenters.watershed:Watershed",
        "yolo": f"{__package__}.learned.architectures:Yolo",
    },
    Detector,
)
"""Every detector that comes with the package, and those that others add."""

create = DETECTORS.create


def movie_defaults(name: str, options: Mapping[str, Any]) -> MovieDefaults:
    """Say what to assume of the detector called ``name`` for objects of unknown kind.

    Its class may have a method ``movie_defaults(options)``, given what a user has set. ValueError
    if the name is not known.
    """
    suggested = getattr(DETECTORS.load(name), "movie_defaults", None)
    return suggested(options) if suggested else MovieDefaults({})
