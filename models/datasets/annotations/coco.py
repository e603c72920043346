"""COCO: one JSON file for many images (https://cocodataset.org/#format-data)."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path, PureWindowsPath
from typing import Any

from ...errors import ModelError
from ..text import read_text
from .boxes import Annotations, Box, Boxes, box_around, check_size, listed
from .layout import Layout
from .run_length import box_of_runs

_MARKS = b'"annotations"', b'"images"'
_INSTANCES = "instances"
"""How files begin that hold objects, beside those with captions and key points of the same images
(the layout of COCO itself, and of CVAT)."""


def read_coco(layout: Layout, default_class: str) -> Annotations | None:
    """Read all COCO files of a folder; None if it has none."""
    files = [path for path in layout.files if _is_coco(path)]
    files = [path for path in files if path.name.startswith(_INSTANCES)] or files
    if not files:
        return None
    found: dict[Path, Boxes] = {}
    names: set[str] = set()
    missing: list[str] = []
    crowds = 0
    for path in files:
        content = _File(path, default_class)
        names |= set(content.names.values())
        crowds += content.crowds
        for entry, boxes in content.images.values():
            image = _image_of(entry["file_name"], path, layout)
            if image is None:
                missing.append(entry["file_name"])
                continue
            if image in found:
                raise ModelError(f"the image {image} is annotated twice, also by {path}: keep one")
            check_size(path, image, (entry.get("width") or 0, entry.get("height") or 0))
            found[image] = boxes
    if not found:
        named = listed(missing) if missing else "no image"
        raise ModelError(
            f"the file {files[0]} names {named}, of which none is in {layout.folder}: put the "
            "images there"
        )
    notes = []
    if missing:
        notes.append(f"annotated images that are not there ({listed(missing)}): left out")
    if crowds:
        notes.append(f"regions of crowds (iscrowd), {crowds} in all: each counts as an object")
    return Annotations(list(found.items()), notes, tuple(sorted(names)))


def _is_coco(path: Path) -> bool:
    if path.suffix.lower() != ".json":
        return False
    content = path.read_bytes().replace(b"\0", b"")
    return all(mark in content for mark in _MARKS)


class _File:
    """The content of a file: names of its classes, entries of its images with their boxes."""

    def __init__(self, path: Path, default_class: str) -> None:
        self.images: dict[str, tuple[dict[str, Any], Boxes]] = {}
        self.crowds = 0
        try:
            content = json.loads(read_text(path))
            if not isinstance(content, dict):
                raise ValueError("it is not of the form {...}")
            self.names = {str(e["id"]): str(e["name"]) for e in content.get("categories") or ()}
            for entry in content["images"]:
                if self.images.setdefault(str(entry["id"]), (entry, []))[0] is not entry:
                    raise ValueError(f"two images have the id {entry['id']}")
            several = len({e.get("category_id") for e in content["annotations"]}) > 1
            for entry in content["annotations"]:
                image_id = str(entry["image_id"])
                if image_id not in self.images:
                    raise ValueError(f"it lists no image with the id {image_id}")
                name = self._name(entry.get("category_id"), default_class, several)
                self.images[image_id][1].append((_box(entry), name))
                self.crowds += bool(entry.get("iscrowd"))
        except ModelError:
            raise
        except KeyError as error:
            raise ModelError(f"the file {path} is not a COCO file: {error} is missing") from error
        except (AttributeError, TypeError, ValueError) as error:
            raise ModelError(f"the file {path} is not a COCO file: {error}") from error

    def _name(self, category: Any, default_class: str, several: bool) -> str:
        if str(category) in self.names:
            return self.names[str(category)]
        if self.names:
            raise ValueError(f"it names no category with the id {category}")
        return f"class {category}" if several else default_class


def _box(entry: dict[str, Any]) -> Box:
    """Return the box of an object, or the one around its segmentation."""
    if entry.get("bbox") and (any(entry["bbox"]) or not entry.get("segmentation")):
        x, y, w, h = (float(number) for number in entry["bbox"])
        return x, y, x + w, y + h
    shape = entry.get("segmentation")
    if not shape:
        raise ValueError("an object has neither bbox nor segmentation")
    if isinstance(shape, dict):
        return box_of_runs(shape)
    outlines: Sequence[Sequence[float]] = shape if isinstance(shape[0], list) else [shape]
    return box_around(
        (float(x), float(y))
        for outline in outlines
        for x, y in zip(outline[::2], outline[1::2], strict=True)
    )


def _image_of(file_name: str, path: Path, layout: Layout) -> Path | None:
    """Return the image that a file means: by its whole path, else its name, else beside the file.

    ModelError if several are called so.
    """
    wanted = PureWindowsPath(file_name).parts
    split = path.stem.removeprefix(_INSTANCES).strip("_")
    same = [image for image in layout.images if image.name == wanted[-1]]
    for fits in (
        lambda image: image.parts[-len(wanted) :] == wanted,
        lambda image: split in image.relative_to(layout.folder).parts,
        lambda image: image.is_relative_to(path.parent),
    ):
        same = [image for image in same if fits(image)] or same
    if len(same) > 1:
        raise ModelError(
            f"the file {path} names {file_name}, and there are {len(same)} images of that name "
            f"({listed([str(image) for image in same])}): keep one data set in a folder"
        )
    return same[0] if same else None
