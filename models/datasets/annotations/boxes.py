"""What the readers of all formats give: images with boxes."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from ...errors import ModelError
from ...images import size_px

Box = tuple[float, float, float, float]
"""Left, top, right and bottom in pixel edges, 0 at the left edge."""
Boxes = list[tuple[Box, str]]
"""Boxes, each with the name of its class."""

_LISTED = 3
"""Most names in a sentence. Chosen: a folder may hold thousands."""


@dataclass(frozen=True, slots=True)
class Annotations:
    """What a folder says of its images.

    Attributes
    ----------
    images : list of (Path, Boxes)
        Those that are annotated.
    notes : list of str
        What a person should know about it.
    classes : tuple of str
        Names that are listed, in that order, whether used or not.
    """

    images: list[tuple[Path, Boxes]]
    notes: list[str] = field(default_factory=list)
    classes: tuple[str, ...] = ()


def box_around(points: Iterable[tuple[float, float]]) -> Box:
    """Return the box around points (x, y)."""
    xs, ys = zip(*points, strict=True)
    return min(xs), min(ys), max(xs), max(ys)


def check_size(path: Path, image: Path, told: tuple[float, float]) -> None:
    """Refuse annotations of an image of another size; 0 stands for a size that is not told."""
    size = size_px(image)
    if all(told) and told != size:
        raise ModelError(
            f"the file {path} is of an image of {told[0]:g} × {told[1]:g} px, but {image} has "
            f"{size[0]} × {size[1]}: annotate the images as they are"
        )


def listed(names: Sequence[str]) -> str:
    """Return the first few names, and how many more there are."""
    more = len(names) - _LISTED
    return ", ".join(names[:_LISTED]) + (f" and {more} more" if more > 0 else "")
