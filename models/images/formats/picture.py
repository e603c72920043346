"""PNG, JPEG and BMP files, and whatever else OpenCV decodes."""

from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from ...errors import ModelError
from . import FileContent


def read(path: Path) -> FileContent:
    """Read a picture."""
    try:
        raw = np.fromfile(path, np.uint8)
        image = cv2.imdecode(raw, cv2.IMREAD_UNCHANGED) if raw.size else None
    except (OSError, ValueError, cv2.error) as error:
        raise ModelError(f"the file {path} cannot be read as a picture: {error}") from error
    if image is None:
        raise ModelError(f"the file {path} cannot be read as a picture: it is damaged or not one")
    return FileContent(image, "YXS"[: image.ndim], to_grey=_luminance)


def _luminance(image: NDArray) -> NDArray:
    """Weigh colours, (H, W, 3 or 4) in OpenCV's order, as Rec. 601 does."""
    return cv2.cvtColor(np.ascontiguousarray(image[..., :3]), cv2.COLOR_BGR2GRAY)
