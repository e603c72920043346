"""Which microscopes run on this computer, so that they can be stopped without an address."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import msgspec
import platformdirs

LOOPBACK = "127.0.0.1"
"""Address at which this computer reaches itself."""


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
        path.unlink(missing_ok=True)


def _folder() -> Path:
    return platformdirs.user_runtime_path("pursuit") / "microscopes"
