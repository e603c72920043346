"""A detector is shown an image, or a window of it, as a crop if it only knows whole images."""

from ..arrays import Image
from ..detections import Detections
from ..errors import ModelError
from ..images import checked
from .detector import Detector, SupportsWindow
from .window import Window

_OWN = __name__.partition(".")[0]
"""Name of this package."""
EDGE_PX = 1.0
"""A box that ends this close to an inner edge of a crop may be cut: boxes are right to about a
pixel."""


def detect(detector: Detector, image: Image) -> Detections:
    """Find the objects in an image, as :meth:`.Detector.detect`.

    Raises
    ------
    ModelError
        If the detector, which may be anybody's, returns something else.
    """
    return _as_detections(detector, detector.detect(_not_to_write_to(image, detector)))


def _not_to_write_to(image: Image, detector: Detector) -> Image:
    """The image as code that is not ours may have it: others look at it, too."""
    if type(detector).__module__.partition(".")[0] == _OWN:
        return image
    view = image.view()
    view.flags.writeable = False
    return view


def _as_detections(detector: Detector, found: object) -> Detections:
    if isinstance(found, Detections):
        return found
    raise ModelError(
        f"the detector {detector.name} returned {type(found).__name__} instead of Detections: "
        "make them with Detections.of(boxes_px)"
    )


def detect_within(detector: Detector, image: Image, window: Window) -> Detections:
    """Find the objects in a window of an image, in coordinates of the whole image.

    Objects cut by the window are left out, unless the detector looks at more and sees them
    whole. A track whose expected box is not well inside :meth:`Window.crop` is not missed if
    nothing is found.

    The detector's own ``detect_within(image, window)`` is used if it has one; otherwise it is
    shown the crop.

    Raises
    ------
    ValueError
        If the image has another shape or type.
    """
    if isinstance(detector, SupportsWindow):
        image = _not_to_write_to(image, detector)
        return _as_detections(detector, detector.detect_within(image, window))
    image = checked(image)
    left, top, right, bottom = window.crop(image.shape)
    if left == right or top == bottom:
        return Detections.none()
    found = detect(detector, image[top:bottom, left:right])
    boxes, (height, width) = found.boxes_px, image.shape
    whole = (
        ((boxes[:, 0] > EDGE_PX - 0.5) | (left == 0))
        & ((boxes[:, 1] > EDGE_PX - 0.5) | (top == 0))
        & ((boxes[:, 2] < right - left - 0.5 - EDGE_PX) | (right == width))
        & ((boxes[:, 3] < bottom - top - 0.5 - EDGE_PX) | (bottom == height))
    )
    return found.pick(whole).shifted(left, top)
