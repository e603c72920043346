"""Labels for YOLO: a text file for each image, a line for each object, in shares of the image.

The forms of a line are described at https://docs.ultralytics.com/datasets/: a box (class, centre,
width and height), an oriented box (class and four corners), an outline (class and its points), and
a pose (a box and points, as many as ``kpt_shape`` in ``data.yaml`` says).
"""

from __future__ import annotations

import re
from pathlib import Path

from ...errors import ModelError
from ...images import size_px
from ..text import read_text
from .boxes import Annotations, Box, Boxes, box_around
from .layout import Layout
from .yolo_names import YoloNames, yolo_names

_BEGINS = re.compile(rb"\s*\d+(\.0*)?[ \t]")
"""How a text beside an image begins if it is a list of objects, not a text about the image."""
_SLACK = 0.01
"""How far a share may be outside of 0 to 1. Chosen: what rounding in other programs does."""
_FEWEST_POINTS = 3


def read_yolo(layout: Layout, default_class: str) -> Annotations | None:
    """Read the labels of a folder; None if it has none."""
    texts = [path for path in layout.labels(".txt") if path.name != "classes.txt"]
    if not any(layout.is_in(path, {"labels"}) or _lists_objects(path) for path in texts):
        return None
    names = yolo_names(layout.folder)
    pairs, notes = layout.pairs(texts)
    images = [(image, _boxes(path, size_px(image), names, default_class)) for image, path in pairs]
    return Annotations(images, notes, tuple(name for _, name in sorted(names.names.items())))


def _lists_objects(path: Path) -> bool:
    with path.open("rb") as file:
        return bool(
            _BEGINS.match(file.read(200).replace(b"\0", b"").lstrip(b"\xef\xbb\xbf\xff\xfe"))
        )


def _boxes(path: Path, size: tuple[int, int], names: YoloNames, default_class: str) -> Boxes:
    width, height = size
    boxes: Boxes = []
    for number, line in enumerate(read_text(path).splitlines(), 1):
        if line.strip():
            where = f"line {number} of {path}"
            index, (left, top, right, bottom) = _object(line, where, names.keypoint_numbers)
            box = left * width, top * height, right * width, bottom * height
            boxes.append((box, _named(names, index, default_class, where)))
    return boxes


def _object(line: str, where: str, keypoint_numbers: int) -> tuple[int, Box]:
    """Return the class and the box, in shares."""
    try:
        index, *numbers = (float(word) for word in line.split())
    except ValueError:
        index, numbers = 0.0, []
    if keypoint_numbers and len(numbers) == 4 + keypoint_numbers:
        numbers = numbers[:4]
    if len(numbers) == 5:
        raise ModelError(
            f"the file {where} has a number after its box, as predictions have a score: labels are "
            "class x y width height"
        )
    if len(numbers) != 4 and (len(numbers) % 2 or len(numbers) < 2 * _FEWEST_POINTS):
        raise ModelError(
            f"the file {where} is not of the form: class x y width height, or class and the x y of "
            "at least three points"
        )
    in_image = all(-_SLACK <= number <= 1 + _SLACK for number in numbers)
    if index < 0 or not index.is_integer() or not in_image:
        raise ModelError(
            f"the file {where} does not fit its image: after the class, a whole number, come "
            "shares of width and height"
        )
    if len(numbers) == 4:
        x, y, w, h = numbers
        return int(index), (x - w / 2, y - h / 2, x + w / 2, y + h / 2)
    return int(index), box_around(zip(numbers[::2], numbers[1::2], strict=True))


def _named(told: YoloNames, index: int, default_class: str, where: str) -> str:
    if not told.names:
        return default_class if index == 0 else f"class {index}"
    if index not in told.names:
        raise ModelError(
            f"the file {where} has class {index}, but {told.file} names only {len(told.names)} "
            "others: add its name there"
        )
    return told.names[index]
