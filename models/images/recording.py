"""Images and movies from files: of any format, as frames of one channel in grey values."""

import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from PIL import Image as PillowImage

from ..arrays import Image
from ..errors import ModelError
from .arrangement import WHOLE, Choice, arranged
from .depth import as_counts
from .formats import FileContent, read

_UNTOLD = 1.0
"""Scale that nobody tells: lengths are then in px and times in frames."""
_SQUARE = 0.01
"""How much the sides of a pixel may differ. Chosen: a field of 2048 px is off by 10 then."""


@dataclass(frozen=True, slots=True, eq=False)
class Recording:
    """Images of one field, one after the other: a movie, a focus stack, or a single picture.

    ``recording[index]`` reads an image, (H, W) uint8 or uint16 in the machine's byte order.

    Attributes
    ----------
    path : Path
        Where it is read from.
    pixels : (N, H, W) array
        As the file has them, read when indexed where the format allows it.
    pixel_um, interval_s : float
        Edge of a pixel, and time from image to image.
    step_um : float or None
        Distance from image to image of a focus stack, where the file tells it.
    assumed : tuple of str
        Which of ``pixel_um`` and ``interval_s`` were neither told nor given, and are 1.
    notes : tuple of str
        What was made of the file that a person should know.
    """

    path: Path
    pixels: Any
    pixel_um: float
    interval_s: float
    step_um: float | None
    assumed: tuple[str, ...]
    notes: tuple[str, ...] = ()

    def __len__(self) -> int:
        return int(self.pixels.shape[0])

    def __getitem__(self, index: int) -> Image:
        try:
            image: NDArray = np.ascontiguousarray(self.pixels[index])
        except Exception as error:
            raise ModelError(
                f"frame {index} of the movie {self.path} cannot be read: "
                "the file is incomplete, so copy or record it again"
            ) from error
        return image.astype(image.dtype.newbyteorder("="), copy=False)

    @property
    def height_px(self) -> int:
        """Rows of an image."""
        return int(self.pixels.shape[1])

    @property
    def width_px(self) -> int:
        """Columns of an image."""
        return int(self.pixels.shape[2])


def open_recording(
    path: str | Path,
    pixel_um: float | None = None,
    interval_s: float | None = None,
    along: Literal["T", "Z"] = "T",
    choice: Choice = WHOLE,
) -> Recording:
    """Open a TIFF, PNG, JPEG or BMP file, a video, or an OME-Zarr folder.

    Parameters
    ----------
    path : str or Path
        Colours turn grey; pixels of other types are turned into uint16.
    pixel_um, interval_s : float, optional
        Scales; without them, those that the file tells, or else 1.
    along : {"T", "Z"}
        Axis from image to image. A focus stack (Z) may also pass with time, and a movie (T) may
        be called a stack.
    choice : Choice
        Position, channel and plane, where the file has several.

    Raises
    ------
    ModelError
        If it is missing, damaged, of another kind, or has several positions, channels or planes
        of which none is chosen; if pixels are not square, or a scale is not positive.
    """
    path = Path(path)
    if not path.exists():
        raise ModelError(f"there is no movie {path}: check the path")
    content = read(path, choice.position)
    images, axis, note = arranged(path, content, along, choice)
    pixels, conversion = _as_counts(path, images)
    told = _scales_of(path, content, pixel_um)
    scales = {
        "pixel_um": told.get("X") if pixel_um is None else pixel_um,
        "interval_s": told.get("T") if interval_s is None else interval_s,
    }
    recording = Recording(
        path,
        pixels,
        *(_positive(name, value) for name, value in scales.items()),
        step_um=told.get("Z") if axis == "Z" else None,
        assumed=tuple(name for name, value in scales.items() if value is None),
        notes=tuple(filter(None, (content.note, note, conversion))),
    )
    recording[len(recording) - 1]
    return recording


def read_grey(path: Path) -> Image:
    """Read a picture as one channel; ModelError if it cannot be, or there is more than one."""
    recording = open_recording(path)
    if len(recording) > 1:
        raise ModelError(
            f"the image {path} holds {len(recording)} images: a single picture is needed"
        )
    return recording[0]


def read_labels(path: Path) -> NDArray:
    """Read a label map, (H, W) of integers; ModelError if it cannot be read, or is not one."""
    pixels = np.squeeze(np.asarray(read(path).pixels[...]))
    if pixels.ndim != 2 or pixels.dtype.kind not in "ui":
        raise ModelError(f"the image {path} is not a label map: it needs one channel of integers")
    return pixels


def size_px(path: Path) -> tuple[int, int]:
    """Width and height of a picture, without reading the pixels where the format allows."""
    try:
        with PillowImage.open(path) as image:
            return image.size
    except OSError:
        height, width = read_grey(path).shape
        return width, height


def _as_counts(path: Path, images: Any) -> tuple[Any, str]:
    try:
        return as_counts(images)
    except ValueError as error:
        raise ModelError(
            f"the movie {path} has {error}: save it with unsigned whole numbers of 8 or 16 bits, "
            "uint8 or uint16"
        ) from error


def _scales_of(path: Path, content: FileContent, pixel_um: float | None) -> dict[str, float]:
    """Return what a file tells; pixels that are not square are refused unless one edge is given."""
    told = dict(content.scales)
    wide, high = told.get("X", told.get("Y")), told.get("Y", told.get("X"))
    if wide and high and pixel_um is None and abs(wide / high - 1) > _SQUARE:
        raise ModelError(
            f"the pixels of {path} are {wide:.4g} µm wide and {high:.4g} µm high: scale it to "
            "square ones first, or give pixel_um to take them as square"
        )
    return told | ({"X": wide} if wide else {})


def _positive(name: str, value: float | None) -> float:
    value = _UNTOLD if value is None else value
    if not (math.isfinite(value) and value > 0):
        raise ModelError(f"the scale {name} must be a positive number, not {value:g}")
    return value
