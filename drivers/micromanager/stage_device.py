"""The stage and focus drive of a loaded core, for the code that carries out moves."""

from __future__ import annotations

from pymmcore_plus import CMMCorePlus

from ..settings import StageSettings


class CoreStageDevice:
    """A `StageDevice` over devices of Micro-Manager.

    Parameters
    ----------
    core : CMMCorePlus
        Owns the devices.
    xy_stage, focus : str
        Labels; an empty focus means that there is none.
    settings : StageSettings
        Names the properties that set a velocity, and their units.
    """

    def __init__(
        self, core: CMMCorePlus, xy_stage: str, focus: str, settings: StageSettings
    ) -> None:
        self._core, self._xy, self._focus = core, xy_stage, focus
        self._properties = settings.velocity_properties
        self._units = settings.velocity_unit_um_s
        self.takes_velocity = self._properties is not None

    def xy_busy(self) -> bool:
        """Whether the stage is on its way."""
        return self._core.deviceBusy(self._xy)

    def focus_busy(self) -> bool:
        """Whether the focus drive is on its way; False without one."""
        return bool(self._focus) and self._core.deviceBusy(self._focus)

    def send_xy(self, x_um: float, y_um: float) -> None:
        """Start to move the stage to a position."""
        self._core.setXYPosition(self._xy, x_um, y_um)

    def send_focus(self, z_um: float) -> None:
        """Start to move the focus drive, if there is one."""
        if self._focus:
            self._core.setPosition(self._focus, z_um)

    def set_velocity(self, x_um_s: float, y_um_s: float) -> None:
        """Set both properties, the second even if the first fails."""
        assert self._properties is not None
        failure: Exception | None = None
        for (device, name), velocity, unit in zip(
            self._properties, (x_um_s, y_um_s), self._units, strict=True
        ):
            try:
                self._core.setProperty(device, name, velocity / unit)
            except Exception as error:
                failure = failure or error
        if failure is not None:
            raise failure

    def stop_xy(self) -> None:
        """Halt the stage."""
        self._core.stop(self._xy)

    def stop_focus(self) -> None:
        """Halt the focus drive, if there is one."""
        if self._focus:
            self._core.stop(self._focus)

    def read_xy(self) -> tuple[float, float]:
        """Ask the stage where it is."""
        x, y = self._core.getXYPosition(self._xy)
        return x, y

    def read_focus(self) -> float:
        """Ask the focus drive where it is; 0 without one."""
        return self._core.getPosition(self._focus) if self._focus else 0.0
