"""The files of a session folder: frames, and tables of all that is told about them.

In: frames, decisions, reports. Out: OME-Zarr, CSV and JSON lines that other programs read.
"""

from .frames import FrameStream, OpenStream, SessionFrames, is_disk_full
from .tables import Seconds, Tables
from .zarr_stream import ZarrStream

__all__ = [
    "FrameStream",
    "OpenStream",
    "Seconds",
    "SessionFrames",
    "Tables",
    "ZarrStream",
    "is_disk_full",
]
