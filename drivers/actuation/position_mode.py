"""Position mode: a stage is sent to places, in several commands where one might block."""

from __future__ import annotations

import math
from collections.abc import Callable
from contextlib import suppress
from functools import partial

from ..clock import NS_PER_MS, CallTime, Clock
from ..stage import PoseModel
from .device import StageDevice

_FIRST_UM = 10.0
"""Length of the first command. Chosen: little against a field, and seen by every encoder."""
_LEAST_UM = 1.0
"""Least length, so that a move comes to an end. Chosen: no objective is harmed by it."""
_BLOCKED_NS = 20 * NS_PER_MS
"""How long a command may block: a stop waits that long for it. Chosen: nobody notices it."""


class CommandReach:
    """Learns whether commands return before the drive has arrived, and limits them until then.

    Some adapters (Nikon's Ti2: mmCoreAndDevices issue 568) return from a command only when the
    drive has arrived, and take no stop meanwhile. A drive that says that it is busy after a
    command has returned is none of these, and is sent anywhere at once. Any other is sent by so
    much at a time as it travels in the time that a stop may wait.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._reach_um = _FIRST_UM
        self._quickest_ns = math.inf

    def toward(self, from_um: tuple[float, ...], to_um: tuple[float, ...]) -> tuple[float, ...]:
        """Return the place on the way to a target up to which one command may go."""
        distance_um = math.dist(from_um, to_um)
        if distance_um <= self._reach_um:
            return to_um
        share = self._reach_um / distance_um
        return tuple(a + share * (b - a) for a, b in zip(from_um, to_um, strict=True))

    def send(self, command: Callable[[], None], busy: Callable[[], bool]) -> None:
        """Give a command, and learn from how long it takes and what the drive says then."""
        if math.isinf(self._reach_um):
            command()
            return
        began_ns = self._clock.now_ns()
        command()
        took_ns = self._clock.now_ns() - began_ns
        self._quickest_ns = min(self._quickest_ns, took_ns)
        with suppress(RuntimeError):
            if busy():
                self._reach_um = math.inf
        if took_ns - self._quickest_ns > _BLOCKED_NS:
            self._reach_um = max(self._reach_um / 2, _LEAST_UM)
        elif took_ns - self._quickest_ns < _BLOCKED_NS / 2:
            self._reach_um *= 2


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
        self._xy_time = CallTime()

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
            began_ns = self._clock.now_ns()
            reach.send(partial(command, *at_um), busy)
            now_ns = self._clock.now_ns()
            self._pose.commanded(now_ns, *axes, *at_um)
            if is_xy:
                self._pose.command_late(now_ns, self._xy_time.late_ns(began_ns, now_ns))
            arrived = at_um == target_um or superseded()
