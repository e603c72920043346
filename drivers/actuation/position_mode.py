"""Position mode: a stage is sent to places, in several commands where one might block."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from ..clock import Clock
from ..stage import PoseModel
from .command_reach import CommandReach
from .device import StageDevice


class PositionMode:
    """Sends the drives of a stage to positions within its limits.

    Used by the stage's thread alone.

    Parameters
    ----------
    device : StageDevice
    pose : PoseModel
        Told of every command.
    clock : Clock
    """

    def __init__(self, device: StageDevice, pose: PoseModel, clock: Clock) -> None:
        self._device, self._pose, self._clock = device, pose, clock
        self._xy, self._z = CommandReach(clock), CommandReach(clock)

    def send(
        self,
        x_um: float | None,
        y_um: float | None,
        z_um: float | None,
        superseded: Callable[[], bool],
    ) -> None:
        """Send the drives to a position; an axis that is None goes on with what it does.

        Parameters
        ----------
        x_um, y_um, z_um : float or None
        superseded : callable
            Whether to leave it at the commands that were given so far.
        """
        now_ns = self._clock.now_ns()
        (x, _), (y, _) = self._pose.states(now_ns)
        to_x, to_y, _ = self._pose.target_um
        if x_um is not None or y_um is not None:
            target_um = (to_x if x_um is None else x_um, to_y if y_um is None else y_um)
            self._approach(self._xy, (x, y), target_um, superseded)
        if z_um is not None:
            z = self._pose.pose(now_ns).z_um
            self._approach(self._z, (z,), (z_um,), superseded)

    def _approach(
        self,
        reach: CommandReach,
        at_um: tuple[float, ...],
        target_um: tuple[float, ...],
        superseded: Callable[[], bool],
    ) -> None:
        is_xy = reach is self._xy
        command = self._device.send_xy if is_xy else self._device.send_focus
        busy = self._device.xy_busy if is_xy else self._device.focus_busy
        axes = () if is_xy else (None, None)
        arrived = False
        while not arrived:
            at_um = reach.toward(at_um, target_um)
            reach.send(partial(command, *at_um), busy)
            self._pose.commanded(self._clock.now_ns(), *axes, *at_um)
            arrived = at_um == target_um or superseded()
