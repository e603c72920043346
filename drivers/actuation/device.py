"""What the code that carries out moves asks of hardware."""

from __future__ import annotations

from typing import Protocol


class StageDevice(Protocol):
    """An XY stage, and a focus drive if there is one.

    Any call may block for as long as the hardware takes, and raise `RuntimeError` if the
    hardware refuses or does not answer.
    """

    @property
    def takes_velocity(self) -> bool:
        """Whether `set_velocity` works."""
        ...

    def xy_busy(self) -> bool:
        """Whether the stage is on its way."""
        ...

    def focus_busy(self) -> bool:
        """Whether the focus drive is on its way; False without one."""
        ...

    def send_xy(self, x_um: float, y_um: float) -> None:
        """Start to move the stage to a position."""
        ...

    def send_focus(self, z_um: float) -> None:
        """Start to move the focus drive; nothing without one."""
        ...

    def set_velocity(self, x_um_s: float, y_um_s: float) -> None:
        """Give both axes a velocity, the second even if the first fails."""
        ...

    def stop_xy(self) -> None:
        """Halt the stage."""
        ...

    def stop_focus(self) -> None:
        """Halt the focus drive; nothing without one."""
        ...

    def read_xy(self) -> tuple[float, float]:
        """Ask the stage where it is."""
        ...

    def read_focus(self) -> float:
        """Ask the focus drive where it is; 0 without one."""
        ...
