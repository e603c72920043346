"""Sweeps and dither: the focal plane displaced on purpose, and the light that this costs."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Sequence

import numpy as np

from ...drivers.clock import NS_PER_S
from ...drivers.messages import Frame
from ...models.arrays import Image
from ...models.detectors import Window
from ...models.focus import (
    LEAST_EDGE_PX,
    Lens,
    LockedIn,
    NoPeak,
    Peak,
    Sharpness,
    fit_peak,
    lock_in,
)

_MOST_FRAMES_LATE = 12
"""Frames to wait for the drive to arrive at the end of a sweep. Chosen: slower drives than that are
taken to have stopped short."""
_DITHER_IMAGES, _LEAST_DITHER_IMAGES = 4, 3
"""Images that are demodulated together, in exposures on one side. Chosen: one period of four sides,
and the least that tells a slope from a drift."""
_LEAST_SWEPT = 6
"""Exposures after which a sweep may end early. Chosen: one more than a fit of a peak needs."""
_CLEAR_SIGMAS = 8.0
"""Standard deviations that a peak must stand out by for a sweep to end early. Chosen: far above
what the largest of some ten noisy values reaches."""
_FOLLOW_ON_STEP = 1.5
"""How much larger the steps are of a sweep that goes on past the end of another. Chosen: a target
that was not found may be moving away."""
_OVERLAP = 2
"""Steps by which a sweep that goes on overlaps the one before. Chosen: the edge of a peak needs
two."""
_NEW_SIZE = 1.5
"""Ratio by which a target's size must have changed for the window to change. Chosen: above a
detector's errors, as sharpness is comparable only in windows of one size."""
_WIDTH_OF_BLUR = 0.8
"""Width of a sharpness curve over the defocus whose blur has as much variance as the object.
Measured on simulated spots and cells."""


class Cutter:
    """Cuts windows out of images, of one size as long as the target hardly changes its own."""

    def __init__(self) -> None:
        self._half_px = 0

    def cut(self, image: Image, window: Window | None, keep_size: bool) -> Image | None:
        """Return what lies in a window; None if there is none or it is not all in the image.

        With ``keep_size`` it is as large as the last one whatever the target does.
        """
        if window is None:
            return None
        wanted_px = max(round(window.half_px), LEAST_EDGE_PX // 2 + 1)
        alike = self._half_px / _NEW_SIZE < wanted_px < self._half_px * _NEW_SIZE
        if not self._half_px or not (keep_size or alike):
            self._half_px = wanted_px
        left, top = (round(at) - self._half_px for at in window.centre_px)
        right, bottom = left + 2 * self._half_px, top + 2 * self._half_px
        if min(left, top) < 0 or right > image.shape[1] or bottom > image.shape[0]:
            return None
        return image[top:bottom, left:right]

    def usual_width_um(self, lens: Lens) -> float:
        """Guess the width of the curve of sharpness from the size of the window.

        A ball a third as wide, with the point spread, has the variance of the defocus to which
        the width is proportional.
        """
        radius_um = self._half_px * lens.pixel_um / 3
        body_um = math.hypot(radius_um / 5**0.5, 0.225 * lens.wavelength_um / lens.na)
        return _WIDTH_OF_BLUR * body_um / lens.blur


class LightMeter:
    """Counts the light that is given up to focusing.

    A frame whose focal plane is displaced on purpose by ``d`` counts with the share
    ``(2 d / depth of field)²``, at most wholly: nothing is lost in focus, all at the edge of
    the depth of field.
    """

    def __init__(self, share: float, depth_um: float) -> None:
        self._share, self._depth_um = share, depth_um
        self._spent_ms = self._total_ms = 0.0

    @property
    def share(self) -> float:
        """Share of all light so far that was given up."""
        return self._spent_ms / self._total_ms if self._total_ms else 0.0

    def note(self, exposure_ms: float, offset_um: float) -> None:
        """Count an exposure with a displacement."""
        self._total_ms += exposure_ms
        self._spent_ms += exposure_ms * self._cost(offset_um)

    def frames(self, offsets_um: Sequence[float]) -> float:
        """Return the light of exposures with displacements, in exposures."""
        return sum(self._cost(offset_um) for offset_um in offsets_um)

    def allows(self, exposure_ms: float, offsets_um: Sequence[float]) -> bool:
        """Whether the share stays within its bound after exposures with displacements."""
        spent_ms = self._spent_ms + exposure_ms * self.frames(offsets_um)
        return spent_ms <= self._share * (self._total_ms + exposure_ms * len(offsets_um))

    def swing_um(self, share: float) -> float:
        """Displacement that costs a share of the light if made in every frame."""
        return self._depth_um / 2 * min(share, 1.0) ** 0.5

    def _cost(self, offset_um: float) -> float:
        return min((2 * offset_um / self._depth_um) ** 2, 1.0)


class Sweep:
    """One pass of the focal plane through the presumed focus, one step for each exposure.

    What counts are the focal positions at which the exposures really were made, relative to that.
    It ends early once the sharpness has risen and clearly fallen again.
    """

    def __init__(self, start_um: float, end_um: float, steps: int) -> None:
        self.offsets_um: list[float] = np.linspace(start_um, end_um, steps).tolist()
        self._commanded = self._waited = 0
        self._seen: list[tuple[float, float, float]] = []

    @property
    def step_um(self) -> float:
        """Distance between exposures, with its sign."""
        return self.offsets_um[1] - self.offsets_um[0]

    def next_um(self) -> float:
        """Return the offset for the next exposure; the last one again once all are made."""
        offset_um = self.offsets_um[min(self._commanded, len(self.offsets_um) - 1)]
        self._commanded += 1
        return offset_um

    def add(self, offset_um: float, seen: Sharpness | None) -> bool:
        """Take in an exposure, made at an offset; return whether it was the last."""
        if seen is not None:
            self._seen.append((offset_um, seen.value, seen.sigma))
        if self._commanded < len(self.offsets_um):
            return self._passed()
        self._waited += 1
        arrived = abs(offset_um - self.offsets_um[-1]) < abs(self.step_um) / 2
        return arrived or self._waited > _MOST_FRAMES_LATE

    def _passed(self) -> bool:
        if len(self._seen) < _LEAST_SWEPT:
            return False
        values = [value for _, value, _ in self._seen]
        best = max(range(len(values)), key=values.__getitem__)
        risen = values[0] < values[best] / 2 and values[best] > _CLEAR_SIGMAS * self._seen[best][2]
        return risen and best < len(values) - 2 and max(values[-2:]) < values[best] / 2

    def peak(self) -> Peak | NoPeak:
        """Fit what was seen; relative to the presumed focus."""
        return fit_peak(*np.array(self._seen).reshape(-1, 3).T)

    def beyond(self, side: int) -> Sweep:
        """Return the sweep that goes on past an end of this one, the lower (-1) or upper (1)."""
        step_um = side * _FOLLOW_ON_STEP * abs(self.step_um)
        end_um = max(self.offsets_um, key=lambda offset_um: side * offset_um)
        count = len(self.offsets_um)
        start_um = end_um - _OVERLAP * step_um
        return Sweep(start_um, start_um + (count - 1) * step_um, count)


class Dither:
    """The focal plane swings around the presumed focus; the sharpness is demodulated by it.

    It holds for some exposures on each side, so that the drive comes to rest.
    """

    def __init__(self, swing_um: float, hold: int) -> None:
        self.swing_um, self._hold = swing_um, hold
        self._count = 0
        self._seen: deque[tuple[float, float, Sharpness]] = deque(maxlen=_DITHER_IMAGES * hold)
        self._log_height: float | None = None
        self.failures = 0

    def next_um(self) -> float:
        """Return the offset for the next exposure; its mean over a time does not drift."""
        phase = self._count // self._hold % 4
        self._count += 1
        return self.swing_um if phase in (0, 3) else -self.swing_um

    def add(
        self, frame: Frame, seen: Sharpness | None, width_um: float, presumed_um: float
    ) -> LockedIn | None:
        """Take in a frame; return what the last ones tell together, as `lock_in` does."""
        if seen is None:
            return None
        self._seen.append((frame.exposed_ns / NS_PER_S, frame.pose.z_um, seen))
        if len(self._seen) < _LEAST_DITHER_IMAGES * self._hold:
            return None
        times_s, z_um, sharpnesses = zip(*self._seen, strict=True)
        found = lock_in(times_s, z_um, list(sharpnesses), width_um, presumed_um, self._log_height)
        self.failures = self.failures + 1 if found is None and self._faded() else 0
        if found is None:
            while len(self._seen) >= _LEAST_DITHER_IMAGES * self._hold:
                self._seen.popleft()
            return None
        if found.sigma_um < width_um / 2:
            self._log_height = found.log_height
        return found._replace(sigma_um=found.sigma_um * math.sqrt(len(self._seen) / 2))

    def _faded(self) -> bool:
        """Whether the target is far from focus, not only hard to tell from noise."""
        best = max(seen.value for _, _, seen in self._seen)
        return self._log_height is None or best < math.exp(self._log_height - 1)
