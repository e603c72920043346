"""From a plan to a move: how long it is good for, and that a driven stage comes to rest."""

from __future__ import annotations

import numpy as np

from ...drivers.clock import NS_PER_MS
from ...drivers.messages import Frame, Move
from ...drivers.microscope import Microscope
from ..policies import Horizon, Plan

_LEAST_LIFE_NS = 250 * NS_PER_MS
_LEAST_DRIVE_NS = 100 * NS_PER_MS
_LIFE_INTERVALS = 3


class MoveSender:
    """Sends moves to the microscope.

    Parameters
    ----------
    microscope : Microscope
    horizon : Horizon
        Told of every move that is sent.
    """

    def __init__(self, microscope: Microscope, horizon: Horizon) -> None:
        self._microscope, self._horizon = microscope, horizon
        self._driven = False

    def carry_out(self, plan: Plan, z_um: float | None, frame: Frame) -> None:
        """Send what a plan wants in the plane, and where the focal plane shall go."""
        velocity = plan.velocity_um_s
        if plan.move_um is None and velocity is None and self._driven:
            velocity = np.zeros(2)
        if plan.move_um is None and velocity is None and z_um is None:
            return
        least_ns = _LEAST_LIFE_NS if velocity is None else _LEAST_DRIVE_NS
        life_ns = max(round(_LIFE_INTERVALS * self._horizon.interval_ns), least_ns)
        x, y = (None, None) if plan.move_um is None else map(float, plan.move_um)
        driven = None if velocity is None else (float(velocity[0]), float(velocity[1]))
        move = Move(x, y, z_um, frame.readable_ns + life_ns, frame.index, driven)
        self._microscope.move(move)
        self._horizon.sent(move)
        self._driven = driven is not None and any(driven)
