"""A session from beginning to end.

In: a configuration, and observers. Out: processes that run together, and a folder with all that
happened.
"""

from __future__ import annotations

from .files import FrameStream, ZarrStream
from .following import Acquisitions
from .observers import Observer
from .outcome import how_it_ended, in_hand
from .processes import (
    ProcessError,
    reserve_stdout,
    switch_threads_often,
    tell_parent,
    when_parent_ends,
)
from .progress import Progress, print_summary
from .recorder import Recorder
from .recorder_process import RecorderProcess
from .series import Rows
from .session import Interrupted, SessionError, run_live, run_lockstep
from .summary import entries, is_held

__all__ = [
    "Acquisitions",
    "FrameStream",
    "Interrupted",
    "Observer",
    "ProcessError",
    "Progress",
    "Recorder",
    "RecorderProcess",
    "Rows",
    "SessionError",
    "ZarrStream",
    "entries",
    "how_it_ended",
    "in_hand",
    "is_held",
    "print_summary",
    "reserve_stdout",
    "run_live",
    "run_lockstep",
    "switch_threads_often",
    "tell_parent",
    "when_parent_ends",
]
