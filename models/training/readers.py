"""Annotated images from a folder: label maps, YOLO, Pascal VOC or COCO."""

from __future__ import annotations

import json
import xml.etree.ElementTree as ElementTree
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import msgspec
import numpy as np
from PIL import Image as PillowImage
from scipy import ndimage

from ..errors import ModelError
from ..pictures import IMAGE_SUFFIXES, read_grey, read_raw
from .dataset import Dataset, Sample

_SLACK_PX = 2.0
"""How far a box may stick out of its image by rounding."""
_COPY_MARK = "_png"
"""What separates the name of an image from that of one of its copies, as Roboflow writes it."""


@dataclass(slots=True)
class _Boxes:
    """Boxes of one image while they are read: corners in pixel edges, 0 at the left edge."""

    corners: list[tuple[float, float, float, float]] = field(default_factory=list)
    classes: list[str] = field(default_factory=list)

    def add(self, corners: Sequence[float], name: str) -> None:
        left, top, right, bottom = corners
        self.corners.append((left, top, right, bottom))
        self.classes.append(name)


Labelled = Iterator[tuple[Path, _Boxes]]


def read_dataset(folder: Path, default_class: str = "object") -> Dataset:
    """Read a folder of annotated images.

    Label maps: ``images/`` and ``labels/NAME.png`` or ``.tif`` with one integer for each
    object. YOLO: ``images/`` and ``labels/NAME.txt``, names in ``data.yaml`` or
    ``classes.txt``. Pascal VOC: ``annotations/NAME.xml``. COCO: a ``.json`` file in the folder
    or in ``annotations/``.

    Parameters
    ----------
    folder : Path
    default_class : str
        Name of the only class where the labels name none.

    Raises
    ------
    ModelError
        If there is nothing of that kind, or labels do not fit their images.
    """
    if not folder.is_dir():
        raise ModelError(f"there is no folder {folder} with annotated images")
    labelled = list(_reader(folder)(folder, default_class))
    if not labelled:
        raise ModelError(f"no image in {folder} has labels")
    names = _class_names(folder, labelled)
    samples = tuple(_sample(path, boxes, names) for path, boxes in labelled)
    return Dataset(folder.name, names, samples, _licence(folder))


def _reader(folder: Path) -> Callable[[Path, str], Labelled]:
    if _coco_file(folder):
        return _coco
    if any(_first(folder, "annotations", "Annotations", suffixes=(".xml",))):
        return _voc
    if any(_first(folder, "labels", suffixes=(".txt",))):
        return _yolo
    if any(_first(folder, "labels", "masks", suffixes=IMAGE_SUFFIXES)):
        return _label_maps
    raise ModelError(
        f"{folder} has no labels that can be read: it needs images/ beside labels/ with label "
        "maps or YOLO text files, annotations/ with Pascal VOC files, or a COCO .json file"
    )


def _label_maps(folder: Path, default_class: str) -> Labelled:
    labels = {
        path.stem: path for path in _first(folder, "labels", "masks", suffixes=IMAGE_SUFFIXES)
    }
    for image in _images(folder):
        if image.stem in labels:
            yield image, _boxes_of_map(image, labels[image.stem], default_class)


def _boxes_of_map(image: Path, path: Path, default_class: str) -> _Boxes:
    labels = read_raw(path)
    if labels.ndim != 2 or labels.dtype.kind not in "ui":
        raise ModelError(f"{path} is not a label map: it needs one channel of integers")
    if labels.shape != (size := _size(image))[::-1]:
        raise ModelError(f"{path} does not fit its image, which is {size[0]} × {size[1]}")
    boxes = _Boxes()
    for found in ndimage.find_objects(labels.astype(np.int32)):
        if found is not None:
            rows, columns = found
            boxes.add((columns.start, rows.start, columns.stop, rows.stop), default_class)
    return boxes


def _yolo(folder: Path, default_class: str) -> Labelled:
    names = _yolo_names(folder)
    labels = {path.stem: path for path in _first(folder, "labels", suffixes=(".txt",))}
    for image in _images(folder):
        if image.stem in labels:
            width, height = _size(image)
            boxes = _Boxes()
            for number, line in enumerate(labels[image.stem].read_text("utf-8").splitlines(), 1):
                if line.strip():
                    where = f"line {number} of {labels[image.stem]}"
                    index, x, y, w, h = _yolo_line(line, where)
                    corners = (x - w / 2) * width, (y - h / 2) * height
                    end = (x + w / 2) * width, (y + h / 2) * height
                    boxes.add((*corners, *end), _named(names, index, default_class, where))
            yield image, boxes


def _yolo_line(line: str, where: str) -> tuple[int, float, float, float, float]:
    try:
        index, *numbers = (float(word) for word in line.split())
        x, y, w, h = numbers
    except ValueError:
        raise ModelError(f"{where} is not of the form: class x y width height") from None
    if index != int(index) or index < 0 or not all(-0.01 <= v <= 1.01 for v in numbers):
        raise ModelError(f"{where} does not fit its image: x y width height are shares of it")
    return int(index), x, y, w, h


def _named(names: Sequence[str], index: int, default_class: str, where: str) -> str:
    if not names:
        return default_class if index == 0 else f"class {index}"
    if index >= len(names):
        raise ModelError(f"{where} has class {index}, but data.yaml names only {len(names)}")
    return names[index]


def _yolo_names(folder: Path) -> tuple[str, ...]:
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
            raise ModelError(f"{path} has no image of that name in {folder}")
        boxes = _Boxes()
        try:
            for thing in ElementTree.parse(path).getroot().iter("object"):
                box = [
                    float(thing.findtext(f"bndbox/{k}", ""))
                    for k in ("xmin", "ymin", "xmax", "ymax")
                ]
                boxes.add(
                    (box[0] - 1, box[1] - 1, box[2], box[3]), thing.findtext("name", default_class)
                )
        except (ElementTree.ParseError, ValueError) as error:
            raise ModelError(f"{path} is not a Pascal VOC annotation: {error}") from error
        yield image, boxes


def _coco(folder: Path, default_class: str) -> Labelled:
    path = _coco_file(folder)
    assert path is not None
    images = {image.name: image for image in _images(folder)}
    try:
        content = json.loads(path.read_text("utf-8"))
        names = {entry["id"]: entry["name"] for entry in content.get("categories", [])}
        labelled = {entry["id"]: (entry["file_name"], _Boxes()) for entry in content["images"]}
        for entry in content["annotations"]:
            x, y, w, h = entry["bbox"]
            name = names.get(entry.get("category_id"), default_class)
            labelled[entry["image_id"]][1].add((x, y, x + w, y + h), name)
    except (KeyError, TypeError, ValueError) as error:
        raise ModelError(f"{path} is not a COCO file: {error!r} is missing or wrong") from error
    for file_name, boxes in labelled.values():
        image = images.get(Path(file_name).name)
        if image is None:
            raise ModelError(f"{path} names {file_name}, which is not in {folder}")
        yield image, boxes


def _coco_file(folder: Path) -> Path | None:
    for path in sorted((*folder.glob("*.json"), *folder.glob("annotations/*.json"))):
        with path.open("rb") as file:
            if b'"annotations"' in file.read():
                return path
    return None


def _sample(path: Path, boxes: _Boxes, names: tuple[str, ...]) -> Sample:
    corners = np.array(boxes.corners, np.float32).reshape(-1, 4)
    classes = np.array([names.index(name) for name in boxes.classes], np.int64)
    width, height = _size(path)
    edge = np.array([width, height, width, height], np.float32)
    outside = (corners < -_SLACK_PX) | (corners > edge + _SLACK_PX) | ~np.isfinite(corners)
    if outside.any():
        box = corners[outside.any(axis=1)][0].round(1).tolist()
        raise ModelError(f"the labels of {path} do not fit: a box {box} in {width} × {height}")
    corners = np.minimum(np.maximum(corners, 0), edge)
    good = (corners[:, 2:] - corners[:, :2] >= 1).all(axis=1)
    group = path.stem.partition(_COPY_MARK)[0]
    boxes_px = (corners[good] - 0.5).astype(np.float32)
    return Sample(path.stem, partial(read_grey, path), boxes_px, classes[good], group)


def _class_names(folder: Path, labelled: list[tuple[Path, _Boxes]]) -> tuple[str, ...]:
    """Names in the order in which the data set lists them, else by the alphabet."""
    used = {name for _, boxes in labelled for name in boxes.classes}
    listed = [name for name in _yolo_names(folder) if name in used]
    return tuple(listed + sorted(used - set(listed)))


def _licence(folder: Path) -> str:
    """First line of a licence file, if there is one."""
    for path in sorted(folder.glob("LICEN[CS]E*")):
        return path.read_text("utf-8", errors="replace").strip().partition("\n")[0]
    return ""


def _images(folder: Path) -> list[Path]:
    return list(_first(folder, "images", "JPEGImages", ".", suffixes=IMAGE_SUFFIXES))


def _first(folder: Path, *names: str, suffixes: tuple[str, ...]) -> Iterator[Path]:
    """Files of a kind in the first of the folders that has any, by name."""
    for name in names:
        found = [p for p in sorted((folder / name).glob("*")) if p.suffix.lower() in suffixes]
        if found:
            yield from found
            return


def _size(path: Path) -> tuple[int, int]:
    """Width and height, without reading the pixels where the format allows."""
    try:
        with PillowImage.open(path) as image:
            return image.size
    except OSError:
        height, width = read_raw(path).shape[:2]
        return width, height
