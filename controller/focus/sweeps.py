"""When the focal plane sweeps through the target, and how widely."""

from ...models.focus import LEAST_POINTS, NoPeak, Peak, Sharpness
from .methods import LightMeter, Sweep
from .settings import FocusingSettings

_SIGMA_ALONE = 0.25
"""Standard deviation of z, in depths of field, at which a sweep is worth its light. Chosen: two of
them on either side fill the depth of field."""
_SIGMA_BESIDE = 1.0
"""The same where other frames tell of the focus too. Chosen: they then tell nothing any more."""
_FRAMES_UNSURE = 10
"""Frames in which they may still do so, or between early sweeps, for each that was made. Chosen:
two periods of dither."""
_EARLY, _CHEAP = 3, 3.0
"""Sweeps that need not wait for their light: to find a target that is new or lost, or, as one
position does not tell how it moves, those that cost no more than so many exposures. Chosen: three
positions tell a velocity and whether it lasts."""
_SWEEP_DEPTHS, _LEAST_DEPTHS = 2.0, 0.6
"""Half a sweep in depths of field: the first for a target, and the least of later ones. Chosen: a
detector hardly sees what is farther out of focus; a narrower sweep sees no fall of the
sharpness."""
_WIDER, _WIDEST = 2.0, 8.0
"""Factor on a sweep after one that saw nothing, and the greatest. Chosen: three sweeps to cover all
that a drive of some hundred µm can reach with an objective of low aperture."""


class Sweeps:
    """The sweeps for one target, one after the other.

    Attributes
    ----------
    running : Sweep or None
        The one that is being made.
    found : int
        How many found the focus.
    width_um : float or None
        Width of the curve of sharpness in the last that did.
    """

    def __init__(self, settings: FocusingSettings, depth_um: float, light: LightMeter) -> None:
        self._settings, self._depth_um, self._light = settings, depth_um, light
        self.running: Sweep | None = None
        self.found = 0
        self.width_um: float | None = None
        self._early = self._unsure_frames = 0
        self._follow_on: Sweep | None = None
        self._wider = 1.0

    def due(self, sigma_um: float, alone: bool) -> bool:
        """Whether only a sweep can tell where the target is; asked once a frame.

        It depends on the standard deviation of the predicted z, and on whether sweeps ``alone``
        tell of the focus.
        """
        most_um = (_SIGMA_ALONE if alone else _SIGMA_BESIDE) * self._depth_um
        self._unsure_frames = self._unsure_frames + 1 if sigma_um >= most_um else 0
        return self._unsure_frames > _FRAMES_UNSURE * (min(self.found, _EARLY) if alone else 1)

    def begin(self, exposure_ms: float, lost: bool) -> bool:
        """Begin a sweep if there is light for it, wide for a lost focus; return whether it is."""
        sweep = self._follow_on or self._new(lost)
        cheap = self._light.frames(sweep.offsets_um) <= _CHEAP
        early = self._early < _EARLY and (cheap or lost or not self.found)
        if not early and not self._light.allows(exposure_ms, sweep.offsets_um):
            return False
        self.running, self._follow_on = sweep, None
        self._early += 1
        return True

    def allow_early(self) -> None:
        """Let the next ones be early again, as the light for those before has come in."""
        self._early = 0

    def add(self, offset_um: float, seen: Sharpness | None) -> Peak | NoPeak | None:
        """Take in an exposure of the running sweep; return its peak once it is complete."""
        if self.running is None or not self.running.add(offset_um, seen):
            return None
        sweep, self.running = self.running, None
        self._unsure_frames = 0
        peak = sweep.peak()
        if isinstance(peak, NoPeak):
            self._follow_on = sweep.beyond(peak.side) if peak.side else None
            self._wider = 1.0 if peak.side else min(self._wider * _WIDER, _WIDEST)
        else:
            self.found += 1
            self.width_um, self._wider = peak.width_um, 1.0
        return peak

    def _new(self, lost: bool) -> Sweep:
        """Return a wide sweep, or a narrow one, which costs less, where the last found the focus.

        If the target has left a narrow one meanwhile, that shows on which side it is.
        """
        most, given_um = self._settings.sweep_steps, self._settings.sweep_um
        half_um = most_um = (given_um or _SWEEP_DEPTHS * self._depth_um) * self._wider
        if self.width_um is not None and not lost:
            half_um = min(max(_LEAST_DEPTHS * self._depth_um, self.width_um / 2), most_um)
        return Sweep(-half_um, half_um, max(LEAST_POINTS, round(most * half_um / most_um)))
