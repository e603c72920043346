"""Moves as the camera has seen them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from .pattern import Step, series
from .wander import Series

Floats = NDArray[np.float64]

_LEAST_SETTLE_S, _MOST_SETTLE_S = 0.1, 0.5
"""Bounds of the time after which a move has surely ended."""
_SETTLED_PX = 0.2
"""Distance from rest at which a small step counts as ended: chosen, 2 % of it."""
_LEAST_FRAMES = 3
"""Frames on either side of a move without which it does not count."""


class Seen(NamedTuple):
    """A move of the pattern as the camera has seen it."""

    step: Step
    series: Series
    exposures_s: Floats


def seen_steps(steps: Iterable[Step], blur_px: float, settled_s: float) -> list[Seen]:
    """Register each step's frames as soon as they are taken, and forget the images."""
    found = []
    for step in steps:
        found.append(Seen(step, *series(step.segment, blur_px, settled_s)))
        step.segment.frames.clear()
    return found


def rested(seen: Seen, settle_s: float) -> Series:
    """Leave out the frames of the motion itself; empty if too few are left."""
    before = seen.exposures_s[:, 1] <= 0
    after = seen.exposures_s[:, 0] > settle_s
    if before.sum() < _LEAST_FRAMES or after.sum() < _LEAST_FRAMES:
        return Series(np.empty(0), np.empty((0, 2)))
    kept = before | after
    return Series(seen.series.at_s[kept], seen.series.shift[kept])


def whole(seen: Sequence[Seen], settle_s: float) -> list[Seen]:
    """Leave out moves with too few frames on either side."""
    return [each for each in seen if len(rested(each, settle_s).at_s)]


def settle_time_s(seen: Sequence[Seen]) -> float:
    """When small steps have ended: from then on nobody sees them move."""
    times, offs = [], []
    for each in seen:
        at_s, shift = each.series
        after = at_s > 0
        if after.sum() < _LEAST_FRAMES:
            continue
        last = shift[after][-max(int(after.sum()) // 3, 2) :]
        times.append(at_s[after])
        offs.append(np.hypot(*(shift[after] - np.median(last, axis=0)).T))
    if not times:
        return _MOST_SETTLE_S
    at_s, off = np.concatenate(times), np.concatenate(offs)
    late = at_s > np.quantile(at_s, 0.7)
    bins = np.arange(0.0, _MOST_SETTLE_S, 0.02)
    limit = 2 * float(np.median(off[late])) + _SETTLED_PX
    moving = [
        begin
        for begin in bins
        if (inside := (at_s >= begin) & (at_s < begin + 0.04)).any()
        and np.median(off[inside]) > limit
    ]
    settled = (moving[-1] if moving else 0.0) + 0.04
    return min(max(1.3 * settled, _LEAST_SETTLE_S), _MOST_SETTLE_S)
