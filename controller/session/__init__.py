"""A session from beginning to end.

In: a configuration. Out: processes that run together, and a folder with all that happened.
"""

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
