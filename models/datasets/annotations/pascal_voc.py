"""Pascal VOC: an XML file for each image, a box or an outline for each object.

Boxes are of whole pixels, the first of which is 1 (http://host.robots.ox.ac.uk/pascal/VOC/).
"""

from __future__ import annotations

import math
from pathlib import Path
from xml.etree import ElementTree

from ...errors import ModelError
from .boxes import Annotations, Box, Boxes, box_around, check_size
from .layout import Layout
from .yolo_names import yolo_names

_ROOT = b"<annotation"


def read_pascal_voc(layout: Layout, default_class: str) -> Annotations | None:
    """Read the annotations of a folder; None if it has none."""
    files = [
        path for path in layout.labels(".xml") if _ROOT in path.read_bytes().replace(b"\0", b"")
    ]
    if not files:
        return None
    pairs, notes = layout.pairs(files)
    images = [(image, _boxes(path, image, default_class)) for image, path in pairs]
    listed = tuple(name for _, name in sorted(yolo_names(layout.folder).names.items()))
    return Annotations(images, notes, listed)


def _boxes(path: Path, image: Path, default_class: str) -> Boxes:
    try:
        root = ElementTree.parse(path).getroot()
        told = (float(root.findtext(f"size/{side}") or 0) for side in ("width", "height"))
        width, height = told
        boxes: Boxes = [
            (_box(entry), (entry.findtext("name") or "").strip() or default_class)
            for entry in root.iter("object")
            if entry.findtext("deleted", "0").strip() != "1"
        ]
    except (ElementTree.ParseError, ValueError) as error:
        raise ModelError(f"the file {path} is not a Pascal VOC annotation: {error}") from error
    check_size(path, image, (width, height))
    return boxes


def _box(entry: ElementTree.Element) -> Box:
    """Return the box of an object, or the one around its oriented box or its outline.

    Where it ends as it begins, as editors write a click, it is empty.
    """
    if (box := entry.find("bndbox")) is not None:
        left, top, right, bottom = _numbers(box, "xmin", "ymin", "xmax", "ymax")
    elif (box := entry.find("robndbox")) is not None:
        left, top, right, bottom = _around_oriented(box)
    elif (outline := entry.find("polygon")) is not None:
        left, top, right, bottom = box_around(_points(outline))
    else:
        raise ValueError("an object has neither bndbox nor polygon")
    if right <= left or bottom <= top:
        return left, top, left, top
    return left - 1, top - 1, right, bottom


def _numbers(entry: ElementTree.Element, *names: str) -> list[float]:
    try:
        return [float(entry.findtext(name, "")) for name in names]
    except ValueError:
        raise ValueError(f"{entry.tag} of an object needs numbers {', '.join(names)}") from None


def _around_oriented(box: ElementTree.Element) -> Box:
    """Box around one that is turned by an angle in radians, as roLabelImg writes it."""
    x, y, w, h, angle = _numbers(box, "cx", "cy", "w", "h", "angle")
    cos, sin = abs(math.cos(angle)), abs(math.sin(angle))
    half_width, half_height = (w * cos + h * sin) / 2, (w * sin + h * cos) / 2
    return x - half_width, y - half_height, x + half_width, y + half_height


def _points(outline: ElementTree.Element) -> list[tuple[float, float]]:
    """Points as LabelMe writes them (``pt`` with ``x`` and ``y``), or numbered (``x1``, ``y1``)."""
    each = [_numbers(point, "x", "y") for point in outline.iter("pt")]
    count = sum(1 for entry in outline if entry.tag.startswith("x"))
    each += [_numbers(outline, f"x{n}", f"y{n}") for n in range(1, count + 1)]
    if not each:
        raise ValueError("a polygon has no points")
    return [(x, y) for x, y in each]
