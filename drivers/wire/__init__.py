"""The protocol between processes, over ZMQ.

In: a `Microscope` in one process. Out: the same `Microscope` in another.
"""

from __future__ import annotations

from .client import RemoteMicroscope
from .decoding import unpack
from .server import MicroscopeServer
from .sockets import bind, connect, is_listening, own_address
from .stopping import send_stop
from .topics import DECISIONS, STOP_OFFSET

__all__ = [
    "DECISIONS",
    "STOP_OFFSET",
    "MicroscopeServer",
    "RemoteMicroscope",
    "bind",
    "connect",
    "is_listening",
    "own_address",
    "send_stop",
    "unpack",
]
