"""controller.session."""

from __future__ import annotations

from .processes import ProcessError, say, share_quickly, when_parent_ends
from .progress import Progress, print_summary
from .recorder import FrameStream, Recorder, open_zarr
from .recorder_process import RecorderProcess
from .session import Interrupted, SessionError, run_live, run_lockstep
from .summary import Rows, entries, is_held

__all__ = [
    "FrameStream",
    "Interrupted",
    "ProcessError",
    "Progress",
    "Recorder",
    "RecorderProcess",
    "Rows",
    "SessionError",
    "entries",
    "is_held",
    "open_zarr",
    "print_summary",
    "run_live",
    "run_lockstep",
    "say",
    "share_quickly",
    "when_parent_ends",
]
