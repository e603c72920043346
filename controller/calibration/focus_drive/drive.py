"""The focus drive under calibration: tiny steps near where it began, and images at rest."""

from __future__ import annotations

import math
from collections.abc import Sequence
from types import TracebackType

from ....drivers.clock import NS_PER_S
from ....drivers.envelope import Envelope
from ....drivers.messages import Frame, Image
from ....drivers.microscope import MicroscopeError, MoveRefused
from ..probe import NotCalibratedError, Probe

_REACH, _SLACK_UM = 5.0, 5.0
"""Depths of field that the drive may go to either side of where it began, and how much more to take
up its backlash. Chosen: the sharpness of objects a few depths of field thick falls within that, and
less than a tenth of the working distance of objectives with a high numerical aperture."""
_LONGEST = 0.5
"""Longest step in depths of field. Chosen: an image changes little by it."""
_WITHIN = 0.99
"""Of the longest step that the limits allow: the microscope counts it from where it reads the
drive. Chosen: more than encoders round."""
_SETTLE_S = 0.2
"""From a command until images count. Chosen: twice what slow drives need for steps that short."""


class FocusDrive:
    """Moves a focus drive in short steps within bounds, and brings it back.

    A context manager: leaving it, for whatever reason, sends the drive to where it began, in steps
    no longer than all others.

    Parameters
    ----------
    probe : Probe
        Already entered.
    depth_um, max_step_um : float
        Depth of field as configured, and the longest step.

    Attributes
    ----------
    at_um, home_um : float
        Where the drive was sent last, and where it began.
    furthest_um : float
        How far it went from there.
    longest_um : float
        Longest step: half a depth of field, or what the settings allow.

    Raises
    ------
    NotCalibratedError
        If the microscope stands outside its limits: nothing is moved then.
    """

    def __init__(self, probe: Probe, depth_um: float, max_step_um: float) -> None:
        self.probe, self.depth_um = probe, depth_um
        self.home_um = self.at_um = self._before_um = probe.home_z_um
        self.furthest_um = 0.0
        x_um, y_um = probe.home_um.tolist()
        envelope = Envelope.of(probe.about)
        if outside := envelope.lies_outside((x_um, y_um, self.home_um)):
            raise NotCalibratedError(
                f"The stage stands outside, {outside}: bring it inside by hand."
            )
        most_um = envelope.restrictions.focus_step_um or math.inf
        self.longest_um = min(_LONGEST * depth_um, max_step_um, _WITHIN * most_um)
        reach_um = _REACH * depth_um + _SLACK_UM
        low_um, high_um = envelope.z_um
        self._low_um = max(low_um, self.home_um - reach_um)
        self._high_um = min(high_um, self.home_um + reach_um)
        self.near = self._high_um - self._low_um < 2 * reach_um * (1 - 1e-9)

    def __enter__(self) -> FocusDrive:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        at: TracebackType | None,
    ) -> None:
        try:
            self._return_home()
        except MicroscopeError:
            if error is None:  # one that was stopped stays where it is
                raise

    def room_um(self, direction: int) -> float:
        """How far the drive may still go up (1) or down (-1)."""
        return self._high_um - self.at_um if direction > 0 else self.at_um - self._low_um

    def go(self, to_um: float) -> int:
        """Send the drive to a position, in several steps if it is far; return when it was told.

        Raises
        ------
        NotCalibratedError
            If the position is out of bounds, or the drive takes no commands.
        """
        if not self._low_um <= to_um <= self._high_um:
            nearer = " within the limits under [limits]" if self.near else ""
            raise NotCalibratedError(
                f"The image has not become unsharp from {self._low_um:.4g} to {self._high_um:.4g} "
                f"µm, as far as the focus drive may go{nearer}: focus on flat objects, and see "
                "that it is switched on, and na under [focusing] that of the objective."
            )
        issued_ns = 0
        for each_um in self._steps_um(to_um):
            if issued_ns:
                self.probe.wait(_SETTLE_S)
            self._before_um, self.at_um = self.at_um, each_um
            self.furthest_um = max(self.furthest_um, abs(each_um - self.home_um))
            try:
                issued_ns, _ = self.probe.send(None, None, each_um)
            except MoveRefused as refused:
                raise NotCalibratedError(str(refused)) from refused
        return issued_ns

    def settle(self, to_um: float) -> None:
        """Send the drive to a position, and wait until it is there."""
        self.go(to_um)
        self.probe.wait(_SETTLE_S)

    def images(self, count: int) -> list[Image]:
        """Return images of the drive at rest."""
        self.probe.wait(_SETTLE_S)
        return [self.probe.frame().image for _ in range(count)]

    def frames(self, since_ns: int, seconds: float) -> list[Frame]:
        """Return all frames until a time after an instant."""
        taken = [self.probe.frame()]
        while taken[-1].exposed_ns < since_ns + seconds * NS_PER_S:
            taken.append(self.probe.frame())
        return taken

    def _return_home(self) -> None:
        """Go home without a look at frames, which may have ended.

        By way of the last place but one: whether the last move was taken need not be known.
        """
        if self.furthest_um == 0:
            return
        self.at_um = self._before_um
        for each_um in (self.at_um, *self._steps_um(self.home_um)):
            self.probe.order(None, None, each_um)
            self.probe.wait(_SETTLE_S)
        self.at_um = self.home_um

    def _steps_um(self, to_um: float) -> Sequence[float]:
        way_um = to_um - self.at_um
        count = math.ceil(abs(way_um) / self.longest_um * (1 - 1e-9))
        return [self.at_um + way_um * i / count for i in range(1, count)] + ([to_um] * (count > 0))
