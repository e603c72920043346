"""Focus: where the target lies along the optical axis, and where the focal plane goes."""

import math

from ...drivers.messages import Description, Dynamics, Frame
from ...drivers.stage import travel_ms
from ...models.arrays import Image
from ...models.detectors import Window
from ...models.focus import LearnedDefocus, Lens, NoPeak, Sharpness, sharpness
from ...models.predictors import Prediction
from .methods import Cutter, Dither, LightMeter
from .settings import FocusingSettings, FocusState, Measured
from .sweeps import Sweeps

Offset = tuple[float, float]
"""Where the target is, relative to its presumed focus, and the standard deviation; in µm."""

_MOST_WIDTH_RATIO = 1.5
"""Ratio by which the width of a sharpness curve may differ from what the target's size makes
likely. Chosen: objects of one size differ by about as much; a sweep over one that moved may be far
off."""
_MOST_FAILURES = 4
"""Frames of dithering in a row that tell nothing, from which the focus is lost. Chosen: one period
of the shortest dither."""
_DITHER_SHARE = 0.8
"""Part of the light for focusing that dithering may use. Chosen: the rest is left for sweeps."""


class Focus:
    """Measures the focus of the target and says where the focal plane goes.

    For each frame `see`, whose result goes into the track, then `plan` with its prediction.

    Attributes
    ----------
    note : str
        How the method was chosen, where a user should know; mostly empty.
    state : FocusState
    reason : str
        Why the state changed in the last frame, or what a sweep found; empty otherwise.

    Raises
    ------
    ModelError
        If the weights of the learned method cannot be used.
    """

    def __init__(
        self, settings: FocusingSettings, description: Description, drive: Dynamics
    ) -> None:
        self.settings = settings
        light = settings.na, settings.wavelength_um, settings.index
        self.lens = Lens(*light, description.pixel_um, settings.astigmatism_um)
        depth_um = self.lens.depth_of_field_um
        self._light = LightMeter(settings.light_share, depth_um)
        swing_um = self._light.swing_um(_DITHER_SHARE * settings.light_share)
        moving_ms = travel_ms(2 * swing_um, drive) - drive.delay_ms + drive.settle_ms
        self._hold = max(1, math.ceil(moving_ms / description.interval_ms))
        self._swing_um = swing_um
        self._network: LearnedDefocus | None = None
        self.reason = ""
        self.state, self._resting, self.note = self._begin(bool(description.focus))
        self._forget()

    @property
    def share_of_light(self) -> float:
        """Share of all light so far that was given up to focusing."""
        return self._light.share

    def see(
        self, frame: Frame, window: Window | None, prediction: Prediction | None
    ) -> Measured | None:
        """Measure in a frame where the target lies; None where it tells nothing new.

        Parameters
        ----------
        frame : Frame
        window : Window, optional
            Around the target, one and a half of its sizes to either side; None if it was not seen.
        prediction : Prediction, optional
            Where the target was at the exposure, without this frame; None without a target.
        """
        self.reason = ""
        if self._passive() or prediction is None:
            return None
        presumed_um = self._presumed_um(prediction)
        offset_um = frame.pose.z_um - presumed_um
        if not math.isfinite(offset_um):
            return None
        image = self._cutter.cut(frame.image, window, keep_size=self._sweeps.running is not None)
        measured = self._offset_of(image, frame, offset_um)
        if measured is None:
            return None
        self._held_um, self._last_um = None, presumed_um + measured[0]
        return Measured(self._last_um, measured[1])

    def plan(self, prediction: Prediction | None, frame: Frame) -> float | None:
        """Say where the focal plane goes for the exposure after a frame, in µm of its drive.

        No farther from where it was than ``max_step_um``; None leaves it alone. The prediction is
        for that exposure, None without a target.
        """
        offset_um = 0.0 if self._passive() else self._offset_um(prediction, frame)
        self._light.note(frame.exposure_ms, offset_um)
        if self._passive() or prediction is None:
            return None
        z_um, from_um = self._presumed_um(prediction) + offset_um, frame.pose.z_um
        if not (math.isfinite(z_um) and math.isfinite(from_um)):
            return None
        most_um = self.settings.max_step_um
        return min(max(z_um, from_um - most_um), from_um + most_um)

    def _begin(self, has_drive: bool) -> tuple[FocusState, FocusState, str]:
        """Return the first state, that between sweeps, and why."""
        method = self.settings.method
        if method == "off":
            return FocusState.OFF, FocusState.OFF, ""
        if method == "hardware":
            note = "the microscope's own autofocus is in charge"
            return FocusState.HARDWARE, FocusState.HARDWARE, note
        if not has_drive:
            return FocusState.OFF, FocusState.OFF, "the microscope has no focus drive"
        note, resting = "", FocusState.HOLDING if method == "sweep" else FocusState.DITHERING
        if method == "learned" and self.lens.astigmatism_um:
            self._network = LearnedDefocus(self.lens, self.settings.weights)
            resting = FocusState.WATCHING
        elif method == "learned":
            note = (
                "dithering instead of the learned method: without astigmatism one image tells "
                "the size of the defocus but not its sign"
            )
        return FocusState.WAITING, resting, note

    def _forget(self) -> None:
        """Forget what was learned of a target."""
        self._cutter = Cutter()
        self._sweeps = Sweeps(self.settings, self.lens.depth_of_field_um, self._light)
        self._dither = Dither(self._swing_um, self._hold)
        self._held_um: float | None = None
        self._last_um: float | None = None

    def _presumed_um(self, prediction: Prediction) -> float:
        """Where the target is looked for: while it is lost, where it was last in focus."""
        return float(prediction.mean_um[2]) if self._held_um is None else self._held_um

    def _passive(self) -> bool:
        return self.state in (FocusState.OFF, FocusState.HARDWARE)

    def _change(self, state: FocusState, reason: str) -> None:
        self.state = state
        self.reason = f"{self.reason}; {reason}" if self.reason else reason

    def _offset_of(self, image: Image | None, frame: Frame, offset_um: float) -> Offset | None:
        """Return what an image, taken at an offset from the presumed focus, tells of the target."""
        if self._sweeps.running is not None:
            return self._swept(_sharpness(image), offset_um)
        if self.state is FocusState.DITHERING:
            presumed_um = frame.pose.z_um - offset_um
            found = self._dither.add(frame, _sharpness(image), self._curve_um(), presumed_um)
            if found is None:
                return None
            if self._light.share <= self.settings.light_share:
                self._sweeps.allow_early()
            return found.z_um - presumed_um, found.sigma_um
        if self._network is None or image is None:
            return None
        defocus = self._network.estimate(image)
        return None if defocus is None else (offset_um + defocus.um, defocus.sigma_um)

    def _curve_um(self) -> float:
        """Width of the sharpness curve: from the last sweep, within what is likely."""
        usual_um = self._cutter.usual_width_um(self.lens)
        least_um, most_um = usual_um / _MOST_WIDTH_RATIO, usual_um * _MOST_WIDTH_RATIO
        return min(max(self._sweeps.width_um or usual_um, least_um), most_um)

    def _swept(self, seen: Sharpness | None, offset_um: float) -> Offset | None:
        peak = self._sweeps.add(offset_um, seen)
        if peak is None:
            return None
        self._dither.failures = 0
        if isinstance(peak, NoPeak):
            self._change(self._resting, f"swept: {peak.reason}")
            return None
        self._change(self._resting, f"swept: in focus to ± {peak.sigma_um:.2g} µm")
        moved_um = self.lens.depth_of_field_um / 2 if self._sweeps.found == 1 else 0.0
        return peak.z_um, math.hypot(peak.sigma_um, moved_um)

    def _offset_um(self, prediction: Prediction | None, frame: Frame) -> float:
        """Return how far from the target the focal plane is put in the next exposure."""
        if prediction is None:
            if self.state is not FocusState.WAITING:
                self._forget()
                self._change(FocusState.WAITING, "no target")
            return 0.0
        if self.state is FocusState.WAITING:
            self._change(self._resting, "a target")
        sigma_um = math.sqrt(max(float(prediction.cov_um2[2, 2]), 0.0))
        if self._sweeps.running is None:
            self._consider_sweep(sigma_um, frame.exposure_ms)
        if self._sweeps.running is not None:
            return self._sweeps.running.next_um()
        return self._dither.next_um() if self.state is FocusState.DITHERING else 0.0

    def _consider_sweep(self, sigma_um: float, exposure_ms: float) -> None:
        """Begin a sweep if only that can tell where the target is."""
        lost = self._dither.failures >= _MOST_FAILURES
        due = lost or self._sweeps.due(sigma_um, alone=self.state is FocusState.HOLDING)
        if due and self._sweeps.begin(exposure_ms, lost):
            self._held_um = self._last_um if lost else self._held_um
            reason = "the focus is lost" if lost else "the focus is uncertain"
            self._change(FocusState.SWEEPING, reason)


def _sharpness(image: Image | None) -> Sharpness | None:
    return None if image is None else sharpness(image)
