"""Formats of annotated images: label maps, YOLO, Pascal VOC and COCO."""

import json
import xml.etree.ElementTree as ElementTree
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
from scipy import ndimage

from ..errors import ModelError
from ..images import IMAGE_SUFFIXES, read_labels, size_px

Boxes = list[tuple[tuple[float, float, float, float], str]]
"""Left, top, right and bottom in pixel edges, 0 at the left edge; and the name of the class."""

Labelled = Iterator[tuple[Path, Boxes]]
"""Images and the boxes in them."""


def format_of(folder: Path) -> Callable[[Path, str], Labelled]:
    """Return the reader of the annotations in a folder; it takes the folder and a class name.

    ModelError if there are none that can be read.
    """
    if _coco_file(folder):
        return _coco
    if any(_first(folder, "annotations", "Annotations", suffixes=(".xml",))):
        return _voc
    if any(_first(folder, "labels", suffixes=(".txt",))):
        return _yolo
    if any(_first(folder, "labels", "masks", suffixes=IMAGE_SUFFIXES)):
        return _label_maps
    raise ModelError(
        f"the folder {folder} has no labels that can be read: it needs images/ beside labels/ "
        "with label maps or YOLO text files, annotations/ with Pascal VOC files, or a COCO "
        ".json file"
    )


def _label_maps(folder: Path, default_class: str) -> Labelled:
    labels = {
        path.stem: path for path in _first(folder, "labels", "masks", suffixes=IMAGE_SUFFIXES)
    }
    for image in _images(folder):
        if image.stem in labels:
            yield image, _boxes_of_map(image, labels[image.stem], default_class)


def _boxes_of_map(image: Path, path: Path, default_class: str) -> Boxes:
    labels = read_labels(path)
    if labels.shape != (size := size_px(image))[::-1]:
        raise ModelError(f"the file {path} does not fit its image, which is {size[0]} × {size[1]}")
    places = [place for place in ndimage.find_objects(labels.astype(np.int32)) if place]
    return [((x.start, y.start, x.stop, y.stop), default_class) for y, x in places]


def _yolo(folder: Path, default_class: str) -> Labelled:
    names = yolo_names(folder)
    labels = {path.stem: path for path in _first(folder, "labels", suffixes=(".txt",))}
    for image in _images(folder):
        if image.stem in labels:
            width, height = size_px(image)
            boxes: Boxes = []
            for number, line in enumerate(labels[image.stem].read_text("utf-8").splitlines(), 1):
                if line.strip():
                    where = f"line {number} of {labels[image.stem]}"
                    index, x, y, w, h = _yolo_line(line, where)
                    corners = (x - w / 2) * width, (y - h / 2) * height
                    end = (x + w / 2) * width, (y + h / 2) * height
                    boxes.append(((*corners, *end), _named(names, index, default_class, where)))
            yield image, boxes


def _yolo_line(line: str, where: str) -> tuple[int, float, float, float, float]:
    try:
        index, *numbers = (float(word) for word in line.split())
        x, y, w, h = numbers
    except ValueError:
        raise ModelError(f"the file {where} is not of the form: class x y width height") from None
    if index != int(index) or index < 0 or not all(-0.01 <= v <= 1.01 for v in numbers):
        raise ModelError(
            f"the file {where} does not fit its image: x y width height are shares of it"
        )
    return int(index), x, y, w, h


def _named(names: Sequence[str], index: int, default_class: str, where: str) -> str:
    if not names:
        return default_class if index == 0 else f"class {index}"
    if index >= len(names):
        raise ModelError(
            f"the file {where} has class {index}, but data.yaml names only {len(names)}"
        )
    return names[index]


def yolo_names(folder: Path) -> tuple[str, ...]:
    """Names of the classes as files for YOLO list them; empty if there are none."""
    listed = folder / "classes.txt"
    if listed.is_file():
        return tuple(
            line.strip() for line in listed.read_text("utf-8").splitlines() if line.strip()
        )
    for path in (folder / "data.yaml", folder.parent / "data.yaml"):
        if path.is_file():
            names = msgspec.yaml.decode(path.read_bytes()).get("names", [])
            return tuple(names.values() if isinstance(names, dict) else names)
    return ()


def _voc(folder: Path, default_class: str) -> Labelled:
    images = {path.stem: path for path in _images(folder)}
    for path in _first(folder, "annotations", "Annotations", suffixes=(".xml",)):
        image = images.get(path.stem)
        if image is None:
            raise ModelError(f"the file {path} has no image of that name in {folder}")
        boxes: Boxes = []
        try:
            for entry in ElementTree.parse(path).getroot().iter("object"):
                left, top, right, bottom = (
                    float(entry.findtext(f"bndbox/{k}", ""))
                    for k in ("xmin", "ymin", "xmax", "ymax")
                )
                name = entry.findtext("name", default_class)
                boxes.append(((left - 1, top - 1, right, bottom), name))
        except (ElementTree.ParseError, ValueError) as error:
            raise ModelError(f"the file {path} is not a Pascal VOC annotation: {error}") from error
        yield image, boxes


def _coco(folder: Path, default_class: str) -> Labelled:
    path = _coco_file(folder)
    assert path is not None
    images = {image.name: image for image in _images(folder)}
    try:
        content = json.loads(path.read_text("utf-8"))
        names = {entry["id"]: entry["name"] for entry in content.get("categories", [])}
        labelled: dict[Any, tuple[str, Boxes]] = {
            entry["id"]: (entry["file_name"], []) for entry in content["images"]
        }
        for entry in content["annotations"]:
            x, y, w, h = entry["bbox"]
            name = names.get(entry.get("category_id"), default_class)
            labelled[entry["image_id"]][1].append(((x, y, x + w, y + h), name))
    except (KeyError, TypeError, ValueError) as error:
        raise ModelError(
            f"the file {path} is not a COCO file: {error!r} is missing or wrong"
        ) from error
    for file_name, boxes in labelled.values():
        image = images.get(Path(file_name).name)
        if image is None:
            raise ModelError(f"the file {path} names {file_name}, which is not in {folder}")
        yield image, boxes


def _coco_file(folder: Path) -> Path | None:
    for path in sorted((*folder.glob("*.json"), *folder.glob("annotations/*.json"))):
        with path.open("rb") as file:
            if b'"annotations"' in file.read():
                return path
    return None


def _images(folder: Path) -> list[Path]:
    return list(_first(folder, "images", "JPEGImages", ".", suffixes=IMAGE_SUFFIXES))


def _first(folder: Path, *names: str, suffixes: tuple[str, ...]) -> Iterator[Path]:
    """Files of a kind in the first of the folders that has any, by name."""
    for name in names:
        found = [p for p in sorted((folder / name).glob("*")) if p.suffix.lower() in suffixes]
        if found:
            yield from found
            return
