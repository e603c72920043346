"""A session from beginning to end.

In: a configuration, and observers. Out: processes that run together, and a folder with all that
happened.
"""

from __future__ import annotations

from .ending import Interrupted, SessionError
from .files import FrameStream, ZarrStream
from .following import Acquisitions, Follows
from .observers import Observer
from .parent import hear_parent, reserve_stdout, switch_threads_often, tell_parent, when_parent_ends
from .processes import ProcessError
from .progress import Progress, print_summary
from .recorder import Recorder
from .recorder_process import RecorderProcess
from .report import Rows, Series, entries, how_it_ended, in_hand, is_held
from .session import run_live, run_lockstep

__all__ = [
    "Acquisitions",
    "Follows",
    "FrameStream",
    "Interrupted",
    "Observer",
    "ProcessError",
    "Progress",
    "Recorder",
    "RecorderProcess",
    "Rows",
    "Series",
    "SessionError",
    "ZarrStream",
    "entries",
    "hear_parent",
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
