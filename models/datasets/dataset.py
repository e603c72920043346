"""Annotated images, read from a folder: what a detector learns from and is judged on."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cached_property, partial
from hashlib import sha256
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ..arrays import Image
from ..errors import ModelError
from ..images import read_grey, size_px
from .annotations import Annotations, Boxes, read_annotations

_USUAL_PX = 32.0
"""Size of objects in a data set that has none. Chosen: detectors are trained on about that."""
_SLACK_PX = 2.0
"""How far a box may reach out of its image. Chosen: what rounding in other programs does."""
_FULL = 0.9
"""Share of an image from which a box fills it. Chosen: no object of a field does that often."""
_COPY_MARK = "_png"
"""After the name of an image in those of its augmented copies, as Roboflow writes them."""


@dataclass(frozen=True, slots=True, eq=False)
class Sample:
    """One annotated image, read when it is needed.

    Attributes
    ----------
    name : str
        For people; with the name of its data set, unique.
    load : callable
        Returns the image, (H, W) uint8 or uint16.
    boxes_px : (N, 4) float32
        Left, top, right, bottom; the centre of the top left pixel is (0, 0).
    classes : (N,) int64
        Index into the classes of the data set.
    group : str
        Copies of one image share it, and stay on one side of a split.
    """

    name: str
    load: Callable[[], Image]
    boxes_px: NDArray[np.float32]
    classes: NDArray[np.int64]
    group: str

    @property
    def sizes_px(self) -> NDArray[np.float32]:
        """Root of the area of every box, (N,)."""
        return np.sqrt((self.boxes_px[:, 2:] - self.boxes_px[:, :2]).prod(axis=1))


@dataclass(frozen=True, eq=False)
class Dataset:
    """Samples of one source with the names of their classes.

    Attributes
    ----------
    licence : str
        Of the images; empty if unknown.
    notes : tuple of str
        What a person should know about it: what was left out, and what looks wrong.
    """

    name: str
    classes: tuple[str, ...]
    samples: tuple[Sample, ...]
    licence: str = ""
    notes: tuple[str, ...] = ()

    def __len__(self) -> int:
        return len(self.samples)

    @cached_property
    def object_px(self) -> float:
        """Median size of an object; `_USUAL_PX` if there is none."""
        sizes = [sample.sizes_px for sample in self.samples if len(sample.boxes_px)]
        return float(np.median(np.concatenate(sizes))) if sizes else _USUAL_PX

    def split(self, held_back: float) -> tuple[Dataset, Dataset]:
        """Split into what is learned from and what is held back.

        A group goes to one side by a hash of its name, which gives the same split on any
        computer and whatever else is in the data set.
        """
        back = [_fraction(f"{self.name}/{sample.group}") < held_back for sample in self.samples]
        parts = [
            tuple(s for s, is_back in zip(self.samples, back, strict=True) if is_back == side)
            for side in (False, True)
        ]
        return replace(self, samples=parts[0]), replace(self, samples=parts[1])


def _fraction(text: str) -> float:
    """Map texts evenly to 0 to 1, by a hash."""
    return int.from_bytes(sha256(text.encode()).digest()[:8], "big") / 2**64


def read_dataset(folder: Path, default_class: str = "object") -> Dataset:
    """Read a folder of annotated images.

    Label images: ``images/`` and ``labels/NAME.png`` or ``.tif`` with one integer for each
    object, or ``NAME_seg.npy`` of cellpose. YOLO: ``images/`` and ``labels/NAME.txt``, names in
    ``data.yaml`` or ``classes.txt``. Pascal VOC: ``annotations/NAME.xml``. COCO: a ``.json`` file
    in the folder or in ``annotations/``. Each may be divided into ``train``, ``val`` and so on,
    and labels may be beside their images.

    Parameters
    ----------
    default_class : str
        Name of the only class where the labels name none.

    Raises
    ------
    ModelError
        If there is nothing of that kind, or labels do not fit their images.
    """
    if not folder.is_dir():
        raise ModelError(f"there is no folder {folder} with annotated images")
    found = read_annotations(folder, default_class)
    if not found.images:
        if any(folder.glob("*/masks/*")):
            raise ModelError(
                f"the folder {folder} has a mask for each object, in a folder for each image: join "
                "those of an image in one label image, a number for each object, "
                "labels/NAME.png beside images/NAME.png"
            )
        raise ModelError(f"no image in {folder} has labels: {'; '.join(found.notes)}")
    names = _class_names(found)
    stems = Counter(path.stem for path, _ in found.images)
    samples = tuple(
        _sample(path, path.stem if stems[path.stem] == 1 else _path_in(folder, path), boxes, names)
        for path, boxes in found.images
    )
    notes = *found.notes, *_suspicions(folder, found, samples)
    return Dataset(folder.name, names, samples, _licence(folder), notes)


def _path_in(folder: Path, path: Path) -> str:
    return path.relative_to(folder).with_suffix("").as_posix()


def _sample(path: Path, name: str, boxes: Boxes, names: tuple[str, ...]) -> Sample:
    corners = np.array([corners for corners, _ in boxes], np.float32).reshape(-1, 4)
    classes = np.array([names.index(name) for _, name in boxes], np.int64)
    width, height = size_px(path)
    edge = np.array([width, height, width, height], np.float32)
    outside = (corners < -_SLACK_PX) | (corners > edge + _SLACK_PX) | ~np.isfinite(corners)
    if outside.any():
        box = corners[outside.any(axis=1)][0].round(1).tolist()
        raise ModelError(f"the labels of {path} do not fit: a box {box} in {width} × {height}")
    corners = np.minimum(np.maximum(corners, 0), edge)
    good = (corners[:, 2:] - corners[:, :2] >= 1).all(axis=1)
    group = path.stem.partition(_COPY_MARK)[0]
    boxes_px = (corners[good] - 0.5).astype(np.float32)
    return Sample(name, partial(read_grey, path), boxes_px, classes[good], group)


def _class_names(found: Annotations) -> tuple[str, ...]:
    """Names in the order in which the data set lists them, else by the alphabet."""
    used = {name for _, boxes in found.images for _, name in boxes}
    listed = dict.fromkeys(name for name in found.classes if name in used)
    return *listed, *sorted(used - set(listed))


def _suspicions(folder: Path, found: Annotations, samples: tuple[Sample, ...]) -> list[str]:
    """Say what of the labels is not used, or is probably not meant so."""
    notes = []
    told = sum(len(boxes) for _, boxes in found.images)
    kept = sum(len(sample.boxes_px) for sample in samples)
    if told and not kept:
        raise ModelError(
            f"the boxes in {folder} are all smaller than a pixel: their numbers have another unit "
            "or another order"
        )
    if kept < told:
        notes.append(f"{told - kept} of {told} boxes are less than a pixel wide or high: left out")
    used = {name for _, boxes in found.images for _, name in boxes}
    if unused := [name for name in dict.fromkeys(found.classes) if name not in used]:
        notes.append(f"no object is of the classes {', '.join(unused)}, which are named")
    if odd := sorted(name for name in used - set(found.classes) if found.classes):
        notes.append(f"the classes {', '.join(odd)} are used, but not named")
    full = [_fills(sample, path) for (path, _), sample in zip(found.images, samples, strict=True)]
    if np.mean(full) > 0.5:
        notes.append(
            "one object fills the image in most images: labels may be of the background, or of "
            "classes and not of objects"
        )
    return notes


def _fills(sample: Sample, path: Path) -> bool:
    width, height = size_px(path)
    return bool((sample.sizes_px**2 > _FULL * width * height).any())


def _licence(folder: Path) -> str:
    """First line of a licence file, if there is one."""
    for path in sorted(folder.glob("LICEN[CS]E*")):
        return path.read_text("utf-8", errors="replace").strip().partition("\n")[0]
    return ""
