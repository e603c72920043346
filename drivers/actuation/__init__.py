"""Moves carried out: the only code that commands a stage.

In: moves. Out: commands within limits to a `StageDevice`, position readings, reports.
"""

from __future__ import annotations

from .acquisitions import checked_events, read_sequence
from .brake import Brake
from .device import StageDevice
from .executor import MoveExecutor
from .guard import refuse_non_finite
from .worker import StageWorker

__all__ = [
    "Brake",
    "MoveExecutor",
    "StageDevice",
    "StageWorker",
    "checked_events",
    "read_sequence",
    "refuse_non_finite",
]
