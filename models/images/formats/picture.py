"""PNG, JPEG, BMP and whatever else OpenCV decodes; GIF and others, if they hold several frames."""

from pathlib import Path
from statistics import median
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image as PillowImage
from PIL import ImageSequence

from ...errors import ModelError
from ..colours import luminance
from . import FileContent, chosen

_ANIMATED = ("GIF", "WEBP", "PNG")
"""Formats whose frames follow each other in time."""
_ORIENTATION, _AS_STORED = 0x0112, 1
"""Tag of EXIF 2.3, and that of an image whose first row is its top."""
_MIRRORED, _QUARTERS = (2, 4, 5, 7), {3: 2, 4: 2, 5: 1, 6: 3, 7: 3, 8: 1}
"""Which orientations are mirrored, and by how many quarters each is then turned to the left."""


def read(path: Path, position: int | str | None = None) -> FileContent:
    """Read a picture, or all frames of an animated one; there is one ``position``."""
    chosen(path, "position", ("",), position)
    frames, interval_s, orientation = _about(path)
    if frames is not None:
        scales = {"T": interval_s} if interval_s else {}
        return FileContent(frames, "TYXS", scales, to_grey=luminance)
    try:
        raw = np.fromfile(path, np.uint8)
        image = cv2.imdecode(raw, cv2.IMREAD_UNCHANGED) if raw.size else None
    except (OSError, ValueError, cv2.error) as error:
        raise ModelError(f"the file {path} cannot be read as a picture: {error}") from error
    if image is None:
        raise ModelError(f"the file {path} cannot be read as a picture: it is damaged or not one")
    upright = _upright(image, orientation)
    if image.ndim == 3:
        return FileContent(upright[..., 2::-1], "YXS", to_grey=luminance)
    return FileContent(upright, "YX")


def _about(path: Path) -> tuple[NDArray[Any] | None, float, int]:
    """Frames and seconds between them of an animation, else none; and the orientation."""
    try:
        with PillowImage.open(path) as image:
            orientation = int(image.getexif().get(_ORIENTATION, _AS_STORED))
            if image.format not in _ANIMATED or getattr(image, "n_frames", 1) < 2:
                return None, 0.0, orientation
            frames, shown_ms = list[NDArray[Any]](), list[float]()
            for frame in ImageSequence.Iterator(image):
                frames.append(np.array(frame.convert("RGB")))
                shown_ms.append(float(frame.info.get("duration", 0)))
            return np.stack(frames), median(shown_ms) / 1e3, orientation
    except Exception:  # Whoever can read it says what is wrong; files of others raise anything.
        return None, 0.0, _AS_STORED


def _upright(image: NDArray[Any], orientation: int) -> NDArray[Any]:
    """Turn an image as EXIF says that viewers show it."""
    mirrored = image[:, ::-1] if orientation in _MIRRORED else image
    return np.ascontiguousarray(np.rot90(mirrored, _QUARTERS.get(orientation, 0)))
