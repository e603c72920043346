"""The first moves: how far the stage must go to be seen to move, roughly, from nothing known."""

from __future__ import annotations

from itertools import pairwise
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ...drivers.messages import Frame
from ...models.images import BLUR_PX, Reference
from .probe import NotCalibratedError, Probe

Floats = NDArray[np.float64]

_FIRST_UM, _MOST_UM = 0.05, 300.0
"""First and longest move before motion is seen. Chosen: below what any objective resolves, and
well within one well or coverslip."""
_SEEN = 0.03
"""Share of the field by which the image must shift to count as moved. Chosen: moves are doubled,
so that this is exceeded by little more than a factor of two."""
_REST_S = 0.6
"""For which the specimen is watched at first. Chosen: about as long as each of the moves takes."""
_SIGMAS, _TIMES_REST = 8.0, 4.0
"""By which a shift must exceed the noise, and what the specimen does by itself. Chosen."""
_RESTLESS = 0.03
"""Share of the field that a specimen may move by itself in `_REST_S`. Chosen: more than that would
leave the field during the calibration."""
_BLURS_PX = (BLUR_PX, 2.5, 5.0)
"""To choose from: what is registered best depends on size and brightness of what is seen."""
_SETTLE_S, _STILL_S, _PATIENCE_S = 0.25, 0.1, 3.0
"""After a move; between looks whether the image is still; and how long to look. Chosen: slow
serial lines and drives together take less."""
_TRIES = 3
"""Repetitions until two moves alike shift the image alike."""


class Rough(NamedTuple):
    """What the first moves have shown.

    Attributes
    ----------
    gain : (2, 2)
        Shift of the image in px (right, down) by a move of the stage by 1 µm; a column for x and
        one for y.
    backlash_um : (2,)
    blur_px : float
        With which the image is registered best.
    noise_px : float
        Standard deviation of a registered shift along one axis.
    interval_s : float
        From frame to frame.
    """

    gain: Floats
    backlash_um: Floats
    blur_px: float
    noise_px: float
    interval_s: float


def search(probe: Probe) -> Rough:
    """Find the step size, one axis after the other; the stage is back at its start in the end.

    Raises
    ------
    NotCalibratedError
        If there is no texture, the specimen moves too fast, or the stage is not seen to move.
    """
    frames = probe.watch(_REST_S, least=8)
    blur_px, noise_px, wander_px = _at_rest(frames, probe.field_px)
    times = np.array([frame.exposed_ns for frame in frames])
    seen_px = max(_SEEN * probe.field_px, _SIGMAS * noise_px, _TIMES_REST * wander_px)
    look = _Look(probe, blur_px, noise_px, seen_px)
    axes = [look.axis(0), look.axis(1)]
    gain = np.stack([each for each, _ in axes], axis=1)
    lengths = np.hypot(*gain)
    if abs(np.linalg.det(gain)) < 0.5 * lengths.prod():
        raise NotCalibratedError(
            "Both axes of the stage move the image in nearly the same direction: check that it is "
            "the XY stage that moves, and choose a specimen that lies still."
        )
    backlash = np.array([each for _, each in axes])
    interval_s = float(np.median(np.diff(times))) / 1e9
    return Rough(gain, backlash, blur_px, noise_px, interval_s)


def _at_rest(frames: list[Frame], field_px: int) -> tuple[float, float, float]:
    """Return the best blur, the noise of a shift with it, and the way that the specimen goes."""
    found: list[tuple[float, float, float]] = []
    for blur_px in _BLURS_PX:
        reference = Reference(frames[0].image, blur_px)
        shifts = [reference.shift(frame.image) for frame in frames[1:]]
        good = np.array([shift.px for shift in shifts if shift.found])
        if len(good) < max(4, len(shifts) // 2):
            continue
        second = good[2:] - 2 * good[1:-1] + good[:-2]
        noise_px = 1.4826 * float(np.median(np.abs(second))) / np.sqrt(6)
        found.append((noise_px, blur_px, float(np.hypot(*(good[-2:].mean(axis=0))))))
    if not found:
        raise NotCalibratedError(
            "No texture: two images of the same place have nothing in common; focus on something "
            "with contrast, and see that light and exposure suffice."
        )
    noise_px, blur_px, way_px = min(found)
    if way_px > _RESTLESS * field_px:
        raise NotCalibratedError(
            f"The specimen moved by {way_px:.0f} px in {_REST_S:g} s while the stage stood: choose "
            "one that lies still."
        )
    return blur_px, max(noise_px, 1e-3), way_px


class _Look:
    """Moves along one axis, seen through the camera."""

    def __init__(self, probe: Probe, blur_px: float, noise_px: float, seen_px: float) -> None:
        self._probe, self._blur_px = probe, blur_px
        self._noise_px, self._seen_px = noise_px, seen_px

    def axis(self, axis: int) -> tuple[Floats, float]:
        """Return the shift by a move of 1 µm along an axis, (2,), and its rough backlash in µm."""
        probe = self._probe
        ahead = 1 if probe.room_um(axis, 1) >= probe.room_um(axis, -1) else -1
        step_um = self._first_seen_um(axis, ahead)
        for _ in range(_TRIES):
            first, again = (self._step(axis, ahead * step_um) for _ in range(2))
            if np.hypot(*(again - first)) < 0.1 * np.hypot(*first) + 4 * self._noise_px:
                break
        else:
            raise NotCalibratedError(
                "The same move shifts the image differently each time: choose a specimen that lies "
                "still, and check that nothing else moves the stage."
            )
        gain = (first + again) / (2 * ahead * step_um)
        moved_um, back_um = 0.0, 0.0
        while moved_um < step_um / 4:
            moved = -ahead * self._step(axis, -ahead * step_um) @ gain / (gain @ gain)
            moved_um, back_um = moved_um + float(moved), back_um + step_um
            if back_um > 8 * step_um:
                raise NotCalibratedError("The stage moves one way but not back: check its drive.")
        probe.go(probe.home_um)
        probe.wait(_SETTLE_S)
        return gain, max(back_um - moved_um, 0.0)

    def _first_seen_um(self, axis: int, ahead: int) -> float:
        """Double a move until the image shifts; return its length."""
        step_um = _FIRST_UM
        while True:
            if step_um > _MOST_UM:
                raise NotCalibratedError(
                    f"The stage did not move: the image is the same after {step_um / 2:.0f} µm "
                    f"along {'xy'[axis]}; switch the stage on, and see that it is the specimen "
                    "that the camera shows."
                )
            shift = self._step(axis, ahead * step_um)
            if np.hypot(*shift) > self._seen_px:
                return step_um
            step_um *= 2

    def _step(self, axis: int, by_um: float) -> Floats:
        """Move along one axis; return the shift of the image, (2,), when it is still again."""
        probe = self._probe
        reference = Reference(probe.frame().image, self._blur_px)
        to_um = probe.at_um.copy()
        to_um[axis] += by_um
        probe.go(to_um)
        probe.wait(_SETTLE_S)
        until_s = probe.elapsed_s + _PATIENCE_S
        shifts: list[Floats] = []
        while probe.elapsed_s < until_s:
            shift = reference.shift(probe.frame().image)
            if shift.found:
                shifts.append(shift.px)
                close = 4 * self._noise_px + self._seen_px / 20
                if len(shifts) > 2 and all(
                    np.hypot(*(b - a)) < close for a, b in pairwise(shifts[-3:])
                ):
                    return np.mean(shifts[-3:], axis=0)
            probe.wait(_STILL_S / 2)
        raise NotCalibratedError(
            f"After a move of {abs(by_um):.3g} µm what was seen was not found again: choose a "
            "specimen that lies still and fills more of the field."
        )
