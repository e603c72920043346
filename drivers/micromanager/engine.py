"""pymmcore-plus' acquisition engine, whose stage moves are carried out like all others."""

from __future__ import annotations

from collections.abc import Callable

import useq
from pymmcore_plus import CMMCorePlus
from pymmcore_plus.core import SequencedEvent
from pymmcore_plus.mda import MDAEngine


class StageEngine(MDAEngine):
    """Runs events; where the stage goes is left to the one who commands it.

    Parameters
    ----------
    core : CMMCorePlus
    send : callable
        Sends the stage to x, y and z, None for an axis that stays; raises if it must not go there.
    """

    def __init__(
        self, core: CMMCorePlus, send: Callable[[float | None, float | None, float | None], None]
    ) -> None:
        super().__init__(core)
        self._send = send

    def setup_event(self, event: useq.MDAEvent) -> None:
        """Send the stage to the position of an event, and set up all else."""
        if isinstance(event, SequencedEvent):
            self._send(None, None, None)
            super().setup_event(event)
            return
        z_um = event.z_pos
        if z_um is not None:
            z_um += self._z_correction.get(event.index.get("p"), 0.0)
        self._send(event.x_pos, event.y_pos, z_um)
        super().setup_event(event.replace(x_pos=None, y_pos=None, z_pos=None))
