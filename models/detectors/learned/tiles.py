"""Large images in overlapping tiles, and the boxes of several tiles merged."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.sparse.csgraph import connected_components

from ...boxes import areas, intersection_over_union, shared_areas
from .decoding import ScoredBoxes, nms
from .scale import Grid, Region

EDGE_PX, EDGE_SHARE = 2.0, 0.05
"""A box that ends within so many network pixels, or this share of its size, of an inner edge may
be cut. Chosen: about the error of the edges of boxes."""

COVERED = 0.7
"""Share of a box that lies in another one, from which they show the same object. Chosen: a part
of an object lies nearly wholly in its box, a neighbour seldom by half."""

AGREE = 0.5
"""Intersection over union, where two tiles overlap, of parts of the same object. Chosen: the least
overlap at which COCO counts a box as found."""

_INWARDS = np.array([1, 1, -1, -1], np.float32)
"""Signs that turn differences of left, top, right and bottom into distances inwards."""


def tiles_of(grid: Grid, most: tuple[int, int], overlap: int, fixed: bool) -> list[Region]:
    """Cover a grid with equal tiles.

    Parameters
    ----------
    most : tuple of int
        Rows and columns of cells that a tile may have.
    overlap : int
        Cells that neighbours share at least; at most half a tile.
    fixed : bool
        Tiles must have just that size, and may then reach beyond the grid; otherwise they
        are as small as their number allows.
    """
    rows, tops = _spread(grid.rows, most[0], overlap, fixed)
    cols, lefts = _spread(grid.cols, most[1], overlap, fixed)
    return [Region(top, left, rows, cols) for top in tops for left in lefts]


def region_around(
    grid: Grid, crop: tuple[int, int, int, int], sizes: Sequence[tuple[int, int]]
) -> Region | None:
    """Choose the cells to look at for a crop of the image: None if only the whole grid holds it.

    Parameters
    ----------
    crop : tuple of int
        Left, top, right, bottom in image pixels, the latter two exclusive.
    sizes : sequence of tuple of int
        Rows and columns that a region may have, ascending; the first that holds it is taken.
    """
    cell = grid.cell_px
    left, top = crop[0] // cell, crop[1] // cell
    right, bottom = -(-crop[2] // cell), -(-crop[3] // cell)
    for rows, cols in sizes:
        if rows >= bottom - top and cols >= right - left:
            if rows >= grid.rows and cols >= grid.cols:
                return None
            return Region(
                _within(top, bottom, rows, grid.rows), _within(left, right, cols, grid.cols),
                min(rows, grid.rows), min(cols, grid.cols),
            )  # fmt: skip
    return None


def uncut(found: ScoredBoxes, grid: Grid, region: Region) -> ScoredBoxes:
    """Leave out what the inner edges of a region cut; boxes in network pixels of the field."""
    sides = np.array([_inner_sides(grid, region)], np.float32)
    return found.pick(~_cut(found.boxes, sides)[:, 0])


def placed(found: ScoredBoxes, grid: Grid, region: Region) -> ScoredBoxes:
    """Move boxes from the network pixels of a region to those of the field, cut to the region."""
    size = np.array([region.cols, region.rows] * 2, np.float32) * grid.stride
    corner = np.array([region.left, region.top] * 2, np.float32) * grid.stride
    boxes = np.minimum(np.maximum(found.boxes, 0), size)
    return found._replace(boxes=boxes + corner)


def merged(parts: Sequence[tuple[Region, ScoredBoxes]], grid: Grid, iou: float) -> ScoredBoxes:
    """Put together, best first, what was found in overlapping tiles; an object comes out once.

    What an inner edge of a tile cuts is left to a neighbour in which it is whole. Parts of what
    is whole in no tile are joined, if they agree where their tiles overlap. Of several boxes of
    one object the one deepest in its tile counts. Boxes are in network pixels of the field;
    those of one class that overlap by more than ``iou`` are one object.
    """
    if len(parts) == 1:
        return parts[0][1]
    tile = np.repeat(np.arange(len(parts)), [len(found.scores) for _, found in parts])
    every = _stacked([found for _, found in parts])
    sides = np.array([_inner_sides(grid, region) for region, _ in parts], np.float32)
    cuts = _cut(every.boxes, sides)
    cut = cuts[np.arange(len(tile)), tile]
    keep = ~(cut & (~cuts).any(axis=1))
    shared = np.flatnonzero(
        keep & ((shared_areas(every.boxes[:, None], sides) > 0).sum(axis=1) > 1)
    )
    keep[shared] = False
    deepest = shared[~_seen_deeper(every.pick(shared), tile[shared], cut[shared], sides)]
    joined = _joined(every.pick(deepest), tile[deepest], cut[deepest], sides)
    together = _stacked([every.pick(keep), joined])
    together = together.pick(np.argsort(-together.scores, kind="stable"))
    return together.pick(nms(together, iou))


def _stacked(parts: Sequence[ScoredBoxes]) -> ScoredBoxes:
    return ScoredBoxes(*(np.concatenate(column) for column in zip(*parts, strict=True)))


def _spread(cells: int, most: int, overlap: int, fixed: bool) -> tuple[int, list[int]]:
    """Size and starts of the tiles along one axis."""
    if cells <= most:
        return (most if fixed else cells), [0]
    overlap = min(overlap, most // 2)
    count = -(-(cells - overlap) // (most - overlap))
    size = most if fixed else -(-(cells + (count - 1) * overlap) // count)
    return size, [index * (cells - size) // (count - 1) for index in range(count)]


def _within(start: int, end: int, size: int, cells: int) -> int:
    """Start of ``size`` cells about the middle of some, inside the grid."""
    return min(max((start + end - size) // 2, 0), max(cells - size, 0))


def _inner_sides(grid: Grid, region: Region) -> list[float]:
    """Left, top, right, bottom of a region in network pixels; infinite at the field's border."""
    bottom, right = region.top + region.rows, region.left + region.cols
    return [
        region.left * grid.stride if region.left else -np.inf,
        region.top * grid.stride if region.top else -np.inf,
        right * grid.stride if right < grid.cols else np.inf,
        bottom * grid.stride if bottom < grid.rows else np.inf,
    ]


def _depths(boxes: NDArray, sides: NDArray) -> NDArray:
    """Way from the sides of boxes (N, 4) in to those of tiles (T, 4) out, (N, T, 4)."""
    return (boxes[:, None] - sides) * _INWARDS


def _cut(boxes: NDArray, sides: NDArray) -> NDArray[np.bool_]:
    """Whether each of T tiles may cut each of N boxes, (N, T)."""
    width, height = (boxes[:, 2:] - boxes[:, :2]).T
    near = np.maximum(np.array([width, height, width, height]).T * EDGE_SHARE, EDGE_PX)
    return np.logical_or.reduce(_depths(boxes, sides) < near[:, None], axis=2)


def _seen_deeper(
    found: ScoredBoxes, tile: NDArray, cut: NDArray, sides: NDArray
) -> NDArray[np.bool_]:
    """Whether a box lies in one of another tile that is deeper inside its tile.

    What is cut may lie in one of another class: a part is easily taken for something else.
    """
    depth = _depths(found.boxes, sides)[np.arange(len(tile)), tile].min(axis=1)
    depth[cut] = 0
    deeper = (tile[:, None] != tile) & (depth[:, None] < depth)
    deeper &= cut[:, None] | (found.classes[:, None] == found.classes)
    both = shared_areas(found.boxes[:, None], found.boxes)
    return (deeper & (both > COVERED * areas(found.boxes)[:, None])).any(axis=1)


def _joined(found: ScoredBoxes, tile: NDArray, cut: NDArray, sides: NDArray) -> ScoredBoxes:
    """Join cut boxes with those of their class that agree where their tiles overlap.

    The result is the box around them, with the best score.
    """
    if not cut.any():
        return found
    lows = np.maximum(sides[tile][:, None, :2], sides[tile][None, :, :2])
    highs = np.minimum(sides[tile][:, None, 2:], sides[tile][None, :, 2:])
    seen_by_both = np.concatenate([lows, highs], axis=2)
    here, there = (_clipped(found.boxes, seen_by_both, axis) for axis in (1, 0))
    agree = intersection_over_union(here, there) > AGREE
    agree &= (tile[:, None] != tile) & (found.classes[:, None] == found.classes)
    agree &= cut[:, None] | cut
    count, label = connected_components(agree, directed=False)
    boxes = np.tile(np.array([np.inf, np.inf, -np.inf, -np.inf], np.float32), (count, 1))
    scores, classes = np.zeros(count, np.float32), np.zeros(count, np.int32)
    np.minimum.at(boxes[:, :2], label, found.boxes[:, :2])
    np.maximum.at(boxes[:, 2:], label, found.boxes[:, 2:])
    np.maximum.at(scores, label, found.scores)
    classes[label] = found.classes
    return ScoredBoxes(boxes, scores, classes)


def _clipped(boxes: NDArray, to: NDArray, axis: int) -> NDArray:
    """Boxes (N, 4) along one axis of pairs, cut to what each pair (N, N, 4) shares."""
    wide = np.expand_dims(boxes, axis)
    low = np.maximum(wide[..., :2], to[..., :2])
    high = np.minimum(wide[..., 2:], to[..., 2:])
    return np.concatenate([low, np.maximum(high, low)], axis=2)
