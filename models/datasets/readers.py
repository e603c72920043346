"""Annotated images from a folder: label maps, YOLO, Pascal VOC or COCO."""

from functools import partial
from pathlib import Path

import numpy as np

from ..errors import ModelError
from ..images import read_grey, size_px
from .annotations import Boxes, format_of, yolo_names
from .dataset import Dataset, Sample

_SLACK_PX = 2.0
"""How far a box may reach out of its image. Chosen: what rounding in other programs does."""
_COPY_MARK = "_png"
"""After the name of an image in those of its augmented copies, as Roboflow writes them."""


def read_dataset(folder: Path, default_class: str = "object") -> Dataset:
    """Read a folder of annotated images.

    Label maps: ``images/`` and ``labels/NAME.png`` or ``.tif`` with one integer for each
    object. YOLO: ``images/`` and ``labels/NAME.txt``, names in ``data.yaml`` or
    ``classes.txt``. Pascal VOC: ``annotations/NAME.xml``. COCO: a ``.json`` file in the folder
    or in ``annotations/``.

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
    labelled = list(format_of(folder)(folder, default_class))
    if not labelled:
        raise ModelError(f"no image in {folder} has labels")
    names = _class_names(folder, labelled)
    samples = tuple(_sample(path, boxes, names) for path, boxes in labelled)
    return Dataset(folder.name, names, samples, _licence(folder))


def _sample(path: Path, boxes: Boxes, names: tuple[str, ...]) -> Sample:
    corners = np.array(boxes.corners, np.float32).reshape(-1, 4)
    classes = np.array([names.index(name) for name in boxes.classes], np.int64)
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
    return Sample(path.stem, partial(read_grey, path), boxes_px, classes[good], group)


def _class_names(folder: Path, labelled: list[tuple[Path, Boxes]]) -> tuple[str, ...]:
    """Names in the order in which the data set lists them, else by the alphabet."""
    used = {name for _, boxes in labelled for name in boxes.classes}
    listed = [name for name in yolo_names(folder) if name in used]
    return tuple(listed + sorted(used - set(listed)))


def _licence(folder: Path) -> str:
    """First line of a licence file, if there is one."""
    for path in sorted(folder.glob("LICEN[CS]E*")):
        return path.read_text("utf-8", errors="replace").strip().partition("\n")[0]
    return ""
