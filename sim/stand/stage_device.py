"""The simulated stage and focus drive in virtual time, for the code that carries out moves."""

from __future__ import annotations

from ...drivers.clock import Clock
from .stage import SimStage


class SimStageDevice:
    """A `StageDevice` made of numbers, whose calls take no time.

    Parameters
    ----------
    xy, focus : SimStage
        With two axes and with one.
    clock : Clock
    takes_velocity : bool
    """

    def __init__(self, xy: SimStage, focus: SimStage, clock: Clock, takes_velocity: bool) -> None:
        self._xy, self._focus, self._clock = xy, focus, clock
        self.takes_velocity = takes_velocity

    def xy_busy(self) -> bool:
        """Whether the stage is on its way."""
        return self._xy.busy(self._clock.now_ns())

    def focus_busy(self) -> bool:
        """Whether the focus drive is on its way."""
        return self._focus.busy(self._clock.now_ns())

    def send_xy(self, x_um: float, y_um: float) -> None:
        """Start to move the stage."""
        self._xy.command(self._clock.now_ns(), x_um, y_um)

    def send_focus(self, z_um: float) -> None:
        """Start to move the focus drive."""
        self._focus.command(self._clock.now_ns(), z_um)

    def set_velocity(self, x_um_s: float, y_um_s: float) -> None:
        """Give both axes a velocity."""
        self._xy.set_velocity(self._clock.now_ns(), x_um_s, y_um_s)

    def stop_xy(self) -> None:
        """Brake the stage."""
        self._xy.halt(self._clock.now_ns())

    def stop_focus(self) -> None:
        """Brake the focus drive."""
        self._focus.halt(self._clock.now_ns())

    def read_xy(self) -> tuple[float, float]:
        """Ask the encoders of the stage."""
        x, y = self._xy.encoder_um(self._clock.now_ns())
        return x, y

    def read_focus(self) -> float:
        """Ask the encoder of the focus drive."""
        return self._focus.encoder_um(self._clock.now_ns())[0]
