"""The stop button: which microscopes run on this computer, and how any of them is stopped.

It imports next to nothing, so that a stop takes no time.
"""

from __future__ import annotations

import os
import socket as network
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import msgspec
import platformdirs
import zmq

STANDS = b"OK"
"""Reply once the stage has been read to stand; any other is a sentence that says why it is not
known to."""
STOP_OFFSET = 3
"""By how much the port of the stop topic is greater than that of the commands."""
LOOPBACK = "127.0.0.1"
"""Address at which this computer reaches itself."""
_LISTENING_S = 0.5
"""How long a connection may take; chosen: many round trips of a local network."""


class Running(msgspec.Struct, frozen=True):
    """A microscope that listens at this computer.

    Attributes
    ----------
    name : str
        For people: the configuration or scenario.
    host, port : str, int
        Where it takes commands.
    """

    name: str
    host: str
    port: int


@contextmanager
def noted(microscope: Running) -> Iterator[None]:
    """Note that a microscope runs, for as long as the block does.

    Where that cannot be written it runs all the same, and is found by its address alone.
    """
    path = _folder() / f"{os.getpid()}-{microscope.port}.json"
    with suppress(OSError):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(msgspec.json.encode(microscope))
    try:
        yield
    finally:
        with suppress(OSError):
            path.unlink(missing_ok=True)


def is_listening(host: str, port: int) -> bool:
    """Whether some program listens at a port of a host."""
    try:
        with network.create_connection((host, port), timeout=_LISTENING_S):
            return True
    except OSError:
        return False


def running() -> list[Running]:
    """Return all that were noted; one whose process was killed may be among them."""
    found = []
    for path in sorted(_folder().glob("*.json")):
        with suppress(OSError, msgspec.MsgspecError):
            found.append(msgspec.json.decode(path.read_bytes(), type=Running))
    return found


def forget(microscope: Running) -> None:
    """Remove what was noted of a microscope that does not answer any more."""
    for path in _folder().glob(f"*-{microscope.port}.json"):
        with suppress(OSError):
            path.unlink(missing_ok=True)


def _folder() -> Path:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # platformdirs tells of folders that it does not take
        return platformdirs.user_runtime_path("pursuit") / "microscopes"


def send_stop(host: str, port: int, reason: str, timeout_ms: int) -> str:
    """Stop the microscope that listens at a port; return why it is not known to stand.

    Parameters
    ----------
    host, port : str, int
        Where it takes commands.
    reason : str
        For those whose moves are refused.
    timeout_ms : int
    """
    context = zmq.Context()
    try:
        socket = context.socket(zmq.DEALER)
        socket.linger = 0
        socket.connect(f"tcp://{host}:{port + STOP_OFFSET}")
        socket.send(reason.encode())
        if not socket.poll(timeout_ms):
            return f"Nobody at {host}:{port} answered the stop."
        answer = socket.recv()
        return "" if answer == STANDS else answer.decode("utf-8", "replace")
    finally:
        context.destroy(linger=0)
