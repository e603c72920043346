"""Move sender: from a plan to a move, with an expiry, and a stop after velocity mode."""

from __future__ import annotations

import numpy as np

from ...drivers.clock import NS_PER_MS
from ...drivers.messages import Frame, Move
from ...drivers.microscope import Microscope, MoveRefused
from ..policies import Horizon, Plan

_INTERVALS = 3
"""Frame intervals after which a move expires. Chosen: two frames may be dropped."""
_LEAST_POSITION_NS = 250 * NS_PER_MS
"""Least time from the plan until a move to a position expires. Chosen: longer than any hiccup of a
host; a late move to a place does no harm."""
_LEAST_VELOCITY_NS = 100 * NS_PER_MS
"""The same of a velocity. Chosen: shorter, as a stage without further commands runs on until
then."""


class MoveSender:
    """Sends moves to the microscope.

    Parameters
    ----------
    microscope : Microscope
    horizon : Horizon
        Told of every move that is sent.
    dry_run : bool
        Send nothing.

    Attributes
    ----------
    refusal : str
        Why the last move was refused; empty if it was not.
    """

    def __init__(self, microscope: Microscope, horizon: Horizon, dry_run: bool = False) -> None:
        self._microscope, self._horizon, self._dry_run = microscope, horizon, dry_run
        self.refusal = ""
        self._is_in_velocity_mode = False

    def carry_out(self, plan: Plan, z_um: float | None, frame: Frame) -> None:
        """Send what a plan wants in the plane, and where the focal plane shall go."""
        velocity = plan.velocity_um_s
        if plan.move_um is None and velocity is None and self._is_in_velocity_mode:
            velocity = np.zeros(2)
        self.refusal = ""
        if self._dry_run or (plan.move_um is None and velocity is None and z_um is None):
            return
        least_ns = _LEAST_POSITION_NS if velocity is None else _LEAST_VELOCITY_NS
        life_ns = max(round(_INTERVALS * self._horizon.interval_ns), least_ns)
        x, y = (None, None) if plan.move_um is None else map(float, plan.move_um)
        given = None if velocity is None else (float(velocity[0]), float(velocity[1]))
        move = Move(x, y, z_um, self._horizon.planned_ns(frame) + life_ns, frame.index, given)
        try:
            self._microscope.move(move)
        except MoveRefused as refused:
            self.refusal = str(refused)
            return
        self._horizon.sent(move)
        self._is_in_velocity_mode = given is not None and any(given)
