"""Label images of objects: an integer for each, or a mask of all."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from ...errors import ModelError
from ...images import IMAGE_SUFFIXES, size_px
from ..label_images import Place, objects_in, pieces_of, read_label_image
from .boxes import Annotations, Box, Boxes
from .cellpose import SUFFIX, read_seg
from .layout import Layout

_SIGNIFICANT = 0.1
"""Area of a piece, over that of the largest, from which it is no speck. Chosen."""
_MOSTLY = 0.5


@dataclass(frozen=True, slots=True)
class _Label:
    """What has one number in a label image: its box, those of its pieces, and the large ones."""

    number: int
    box: Box
    pieces: list[Box]
    large_pieces: int


def read_label_maps(layout: Layout, default_class: str) -> Annotations | None:
    """Read the label images of a folder; None if it has none.

    Raises
    ------
    ModelError
        If one does not fit its image, or numbers stand for classes and not for objects.
    """
    files = layout.labels(*IMAGE_SUFFIXES, SUFFIX)
    if not files:
        return None
    pairs, notes = layout.pairs(files)
    maps = [(image, _labels(image, path)) for image, path in pairs]
    labels = [label for _, found in maps for label in found]
    scattered = [label for label in labels if label.large_pieces > 1]
    is_mask = bool(scattered) and len({label.number for label in labels}) == 1
    if is_mask:
        notes.append(
            f"all objects have the same number, {labels[0].number}: each connected piece is taken "
            "for one, and objects that touch are one"
        )
    elif len(scattered) > _MOSTLY * len(labels):
        raise ModelError(
            f"the label images in {layout.folder} have numbers for classes, not for objects, as "
            "most are in several pieces: give each object a number of its own"
        )
    return Annotations(
        [(image, _boxes(found, is_mask, default_class)) for image, found in maps], notes
    )


def _labels(image: Path, path: Path) -> list[_Label]:
    labels = read_seg(path) if path.suffix == SUFFIX else read_label_image(path)
    if labels.shape != (size := size_px(image))[::-1]:
        raise ModelError(f"the file {path} does not fit its image, which is {size[0]} × {size[1]}")
    found = []
    for number, place, mask in objects_in(labels):
        pieces = pieces_of(mask)
        large = _SIGNIFICANT * max(area for _, area in pieces)
        top, left = place[0].start, place[1].start
        found.append(
            _Label(
                number,
                _box(place),
                [_box(piece, left, top) for piece, _ in pieces],
                sum(area >= large for _, area in pieces),
            )
        )
    return found


def _box(place: Place, left: int = 0, top: int = 0) -> Box:
    y, x = place
    return left + x.start, top + y.start, left + x.stop, top + y.stop


def _boxes(labels: list[_Label], is_mask: bool, name: str) -> Boxes:
    if is_mask:
        return [(piece, name) for label in labels for piece in label.pieces]
    return [(label.box, name) for label in labels]
