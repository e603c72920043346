"""Videos, as OpenCV decodes them."""

from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from ...errors import ModelError
from ..colours import luminance
from . import FileContent, chosen


def read(path: Path, position: int | str | None = None) -> FileContent:
    """Open a video; there is one ``position``."""
    chosen(path, "position", ("",), position)
    frames = _Frames(path)
    rate = frames.per_s
    return FileContent(frames, "TYXS", {"T": 1 / rate} if rate > 0 else {}, to_grey=luminance)


class _Frames:
    """Frames (N, H, W, 3), decoded when indexed; fastest one after the other."""

    dtype = np.dtype(np.uint8)

    def __init__(self, path: Path) -> None:
        self._path = path
        self._video, self._next = self._opened(), 0
        self.per_s = float(self._video.get(cv2.CAP_PROP_FPS))
        first, count = self._read(), 1
        while self._video.grab():
            count += 1
        self.shape = (count, *first.shape)
        self._video, self._next = self._opened(), 0

    def __getitem__(self, key: tuple[int | slice, ...]) -> NDArray:
        assert not isinstance(key[0], slice)
        index = int(key[0])
        if index < self._next:
            self._video, self._next = self._opened(), 0
        while self._next < index:
            self._video.grab()
            self._next += 1
        self._next += 1
        return self._read()

    def _opened(self) -> cv2.VideoCapture:
        return cv2.VideoCapture(str(self._path))

    def _read(self) -> NDArray:
        done, image = self._video.read()
        if not done:
            raise ModelError(
                f"the video {self._path} cannot be read: it is damaged, or in a form that is not "
                "known here; save it as TIFF with the program that wrote it"
            )
        return image[..., ::-1]
