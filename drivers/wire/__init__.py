"""The protocol between processes, over ZMQ.

In: a `Microscope` in one process. Out: the same `Microscope` in another.
"""

from __future__ import annotations

from .client import RemoteMicroscope, settings_of
from .decoding import unpack
from .server import MicroscopeServer
from .sockets import bind, connect, own_address
from .stopping import stoppable
from .topics import DECISIONS

__all__ = [
    "DECISIONS",
    "MicroscopeServer",
    "RemoteMicroscope",
    "bind",
    "connect",
    "own_address",
    "settings_of",
    "stoppable",
    "unpack",
]
