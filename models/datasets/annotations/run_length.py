"""Masks of COCO as the lengths of runs of pixels outside and inside, column after column.

Compressed, the lengths are a text of 5 bits a character, of the differences to the last length but
one (https://github.com/cocodataset/cocoapi, ``common/maskApi.c``).
"""

from collections.abc import Mapping
from typing import Any

import numpy as np

from ...arrays import Indices
from .boxes import Box

_FIRST = 48
"""Character of the number 0."""
_MORE, _SIGN, _BITS = 0x20, 0x10, 5


def box_of_runs(mask: Mapping[str, Any]) -> Box:
    """Return the box around a mask with ``size`` (height, width) and ``counts``.

    Raises
    ------
    ValueError
        If the runs do not fill the size, or are all outside.
    """
    told, (height, width) = mask["counts"], mask["size"]
    counts = np.array(_decompressed(told) if isinstance(told, str) else told, np.int64)
    if (counts < 0).any() or counts.sum() != height * width:
        raise ValueError(f"a mask has runs that do not fill {width} × {height} px")
    starts, stops = _inside(counts)
    if not len(starts):
        raise ValueError("a mask is empty")
    left, right = starts // height, (stops - 1) // height
    one_column = left == right
    tops = np.where(one_column, starts % height, 0)
    bottoms = np.where(one_column, (stops - 1) % height, height - 1)
    return float(left.min()), float(tops.min()), float(right.max() + 1), float(bottoms.max() + 1)


def _inside(counts: Indices) -> tuple[Indices, Indices]:
    """First pixel of each run inside, and the pixel after its last."""
    ends = np.cumsum(counts)
    stops = ends[1::2]
    starts = ends[::2][: len(stops)]
    kept = stops > starts
    return starts[kept], stops[kept]


def _decompressed(text: str) -> list[int]:
    counts: list[int] = []
    value = shift = 0
    for character in text:
        code = ord(character) - _FIRST
        if not 0 <= code < 2 * _MORE:
            raise ValueError(f"a mask has {character!r} among its runs")
        value |= (code & (_MORE - 1)) << shift
        shift += _BITS
        if code & _MORE:
            continue
        if code & _SIGN:
            value -= 1 << shift
        counts.append(value + (counts[-2] if len(counts) > 2 else 0))
        value = shift = 0
    if shift:
        raise ValueError("a mask ends within a run")
    return counts
