"""PNG, JPEG and BMP files, and whatever else OpenCV decodes."""

from pathlib import Path

import cv2
import numpy as np

from ...errors import ModelError
from ..colours import luminance
from . import FileContent, chosen


def read(path: Path, position: int | str | None = None) -> FileContent:
    """Read a picture; there is one ``position``."""
    chosen(path, "position", ("",), position)
    try:
        raw = np.fromfile(path, np.uint8)
        image = cv2.imdecode(raw, cv2.IMREAD_UNCHANGED) if raw.size else None
    except (OSError, ValueError, cv2.error) as error:
        raise ModelError(f"the file {path} cannot be read as a picture: {error}") from error
    if image is None:
        raise ModelError(f"the file {path} cannot be read as a picture: it is damaged or not one")
    if image.ndim == 3:
        return FileContent(image[..., 2::-1], "YXS", to_grey=luminance)
    return FileContent(image, "YX")
