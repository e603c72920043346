"""Annotated images in the formats of other programs.

In: a folder. Out: its images with boxes, and notes on what a person should know.
"""

from pathlib import Path

from ...errors import ModelError
from .boxes import Annotations, Boxes
from .coco import read_coco
from .label_maps import read_label_maps
from .layout import Layout
from .pascal_voc import read_pascal_voc
from .yolo import read_yolo

__all__ = ["Annotations", "Boxes", "read_annotations"]

_READERS = (read_coco, read_pascal_voc, read_yolo, read_label_maps)


def read_annotations(folder: Path, default_class: str) -> Annotations:
    """Read the annotations in a folder; the class is that of labels that name none.

    Raises
    ------
    ModelError
        If there are none, or they cannot be read or do not fit their images.
    """
    layout = Layout(folder)
    for read in _READERS:
        found = read(layout, default_class)
        if found is not None:
            return found
    raise ModelError(
        f"the folder {folder} has no labels that can be read: it needs images/ beside labels/ "
        "with label images or YOLO text files, annotations/ with Pascal VOC files, or a COCO "
        ".json file"
    )
