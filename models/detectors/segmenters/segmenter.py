"""A Python function that makes label maps, as a detector."""

from collections.abc import Callable
from typing import Annotated, Any

import msgspec
from msgspec import Meta

from ... import plugins
from ...arrays import Image
from ...detections import Detections
from ...errors import ModelError
from ...images import checked
from .label_maps import from_labels


class SegmenterOptions(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A segmenter of one's own.

    Other Parameters
    ----------------
    function : str
        ``"package.module:callable"``: takes an image, (H, W) uint8 or uint16, and returns a
        label map, (H, W) whole numbers, 0 for the background.
    diameter_px : float, optional
        Of the objects to keep: that of a disc of the same area. All if not given.
    tolerance : float
        Greatest factor by which it may differ.
    """

    function: str
    diameter_px: Annotated[float, Meta(gt=0)] | None = None
    tolerance: Annotated[float, Meta(gt=1)] = 2.0


class Segmenter:
    """Any Python function that makes label maps, as a detector."""

    Options = SegmenterOptions

    def __init__(self, options: SegmenterOptions) -> None:
        self.options = options
        self.name = f"segmenter {options.function}"
        self._function = _imported(options.function)

    def detect(self, image: Image) -> Detections:
        """Find the objects in an image, as :meth:`.Detector.detect`.

        Raises
        ------
        ModelError
            If the function fails or returns no label map.
        """
        options, image = self.options, checked(image)
        try:
            labels = self._function(image.copy())
        except Exception as error:
            what = plugins.described(error)
            raise ModelError(f"the function of {self.name} failed with {what}") from error
        try:
            return from_labels(labels, image, options.diameter_px, options.tolerance)
        except ValueError as error:
            raise ModelError(f"the function of {self.name} returned none: {error}") from error


def _imported(path: str) -> Callable[[Image], Any]:
    function = plugins.load(path, "function")
    if not callable(function):
        raise ModelError(f"the segmenter {path!r} is not a function of an image")
    return function
