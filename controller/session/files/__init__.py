"""The files of a session folder: frames, and tables of all that is told about them.

In: frames, decisions, reports. Out: OME-Zarr, CSV and JSON lines that other programs read.
"""

from .attempts import Attempts
from .backlog import Backlog
from .disk import FreeSpace, forecast
from .frames import FrameStream, OpenStream
from .session_frames import SessionFrames
from .tables import Seconds, Tables
from .zarr_stream import ZarrStream

__all__ = [
    "Attempts",
    "Backlog",
    "FrameStream",
    "FreeSpace",
    "OpenStream",
    "Seconds",
    "SessionFrames",
    "Tables",
    "ZarrStream",
    "forecast",
]
