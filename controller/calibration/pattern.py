"""The pattern of moves: small steps to see the motion itself, longer ones to see where it ends."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ...drivers.messages import Frame
from ...models.arrays import FloatImage
from ...models.images import LARGEST_PX, Reference
from .moves import Segment
from .probe import Probe
from .search import Rough
from .wander import Series

Floats = NDArray[np.float64]

_PURE, _AFTER_REVERSAL = 0.13, 0.05
"""Shift by a move that goes on in the same direction, and by one that has reversed, in shares of
the field: together a fifth of it. The longer, the more exact; what is seen must stay in view."""
_SMALL_PX = 6.0
"""Shift by a small step. Chosen: a hundred times the usual noise of a shift, and the smear of an
exposure still no wider than what is seen."""
_SPARE = 1.15
"""On the rough backlash, so that a reversal surely takes it up."""
_SWEEPS = 6
"""Of four small steps each. Chosen: times between exposures are then covered evenly."""
_GOLDEN = 0.618034
"""Fraction of the golden ratio: its multiples are spread most evenly over a period."""
_BEFORE, _SMALL_AFTER = (0.12, 4), (0.45, 10)
"""How long (s), and how many frames at least, before and after a move."""
_AFTER = (0.2, 8)
"""The same after a long move, once the stage has settled."""
_MOST_MOVING, _MOST_BEFORE, _MOST_AFTER = 24, 6, 8
"""Frames of a segment that are registered: while the stage may move, before, and once it has
settled; more are thinned evenly. Chosen: a bound on computing."""


class Step(NamedTuple):
    """A move of the pattern.

    Attributes
    ----------
    segment : Segment
    reverses : bool
        Whether it goes against the one before, so that the backlash is taken up.
    engaged : bool
        Whether the load was surely pushed along by the move before.
    """

    segment: Segment
    reverses: bool
    engaged: bool


def small_steps(probe: Probe, rough: Rough) -> Iterator[Step]:
    """Step both axes at once, three steps on after each reversal."""
    step_um = small_step_px(probe) / np.hypot(*rough.gain)
    for number in range(4 * _SWEEPS):
        sweep, within = divmod(number, 4)
        ahead = -1 if sweep % 2 else 1
        backlash_um = 0.0 if within else _SPARE * rough.backlash_um
        segment = probe.record(
            probe.at_um + ahead * (step_um + backlash_um),
            phase_s=rough.interval_s * (number * _GOLDEN % 1),
            before=_BEFORE,
            after=_SMALL_AFTER,
        )
        yield Step(segment, within == 0, number > 0)
    probe.go(probe.home_um)


def long_steps(probe: Probe, rough: Rough, settle_s: float) -> Iterator[Step]:
    """Go to and fro along x, then y, about the start: twice, in two moves each way."""
    fields_um = probe.field_px / np.hypot(*rough.gain)
    for axis in range(2):
        along = np.eye(2)[axis]
        reverse_um = _SPARE * rough.backlash_um[axis] + _AFTER_REVERSAL * fields_um[axis]
        pure_um = _PURE * fields_um[axis]
        probe.go(probe.home_um - along * (reverse_um + pure_um) / 2)
        probe.wait(settle_s)
        for number in range(8):
            ahead = -1 if number // 2 % 2 else 1
            by_um = pure_um if number % 2 else reverse_um
            segment = probe.record(
                probe.at_um + ahead * by_um * along,
                phase_s=rough.interval_s * ((number + 8 * axis) * _GOLDEN % 1),
                before=_BEFORE,
                after=(settle_s + max(_AFTER[0], _AFTER[1] * rough.interval_s), 0),
            )
            yield Step(segment, number % 2 == 0, number > 0)
        probe.go(probe.home_um)
        probe.wait(settle_s)


def small_step_px(probe: Probe) -> float:
    """Shift by a small step along one axis, in pixels of the camera."""
    return _SMALL_PX * max(max(probe.about.width_px, probe.about.height_px) / LARGEST_PX, 1.0)


def series(segment: Segment, blur_px: float, settled_s: float) -> tuple[Series, Floats]:
    """Register the frames of a segment to the mean of those before its move.

    Parameters
    ----------
    segment : Segment
    blur_px : float
    settled_s : float
        When the stage has surely settled, after the command.

    Returns
    -------
    Series
        Shifts in px, of the frames in which the reference was found again.
    exposures_s : (N, 2)
        Beginning and end of each, since the command.
    """
    frames = segment.frames
    half_ns = round(frames[0].exposure_ms * 5e5)
    before = [f for f in frames if f.exposed_ns + half_ns <= segment.command_ns]
    after = [f for f in frames if f.exposed_ns + half_ns > segment.command_ns]
    settled_ns = segment.command_ns + round(settled_s * 1e9)
    moving = [f for f in after if f.exposed_ns - half_ns <= settled_ns]
    still = [f for f in after if f.exposed_ns - half_ns > settled_ns]
    reference = Reference(mean_image(before), blur_px)
    times, shifts = [], []
    for frame in (
        *_thinned(before, _MOST_BEFORE),
        *_thinned(moving, _MOST_MOVING),
        *_thinned(still, _MOST_AFTER),
    ):
        shift = reference.shift(frame.image)
        if shift.found:
            times.append((frame.exposed_ns - segment.command_ns) / 1e9)
            shifts.append(shift.px)
    at_s = np.array(times)
    half_s = half_ns / 1e9
    return (
        Series(at_s, np.array(shifts).reshape(-1, 2)),
        np.stack([at_s - half_s, at_s + half_s], axis=1),
    )


def _thinned(frames: list[Frame], most: int) -> list[Frame]:
    """Return so many frames at most, evenly spread."""
    if len(frames) <= most:
        return frames
    return [frames[i] for i in np.linspace(0, len(frames) - 1, most).round().astype(int)]


def mean_image(frames: Sequence[Frame]) -> FloatImage:
    """Return the mean of images of one place, (H, W)."""
    total = np.zeros(frames[0].image.shape, np.float32)
    for frame in frames:
        total += frame.image
    return total / np.float32(len(frames))
