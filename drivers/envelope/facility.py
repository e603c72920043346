"""The facility's file: limits of one machine that no configuration may widen."""

from __future__ import annotations

import os
from pathlib import Path

import msgspec
from platformdirs import site_config_dir

from ..microscope import MicroscopeError, one_line
from .settings import LimitSettings

VARIABLE = "PURSUIT_FACILITY"
"""Environment variable with the path of the file; without it, `machine_wide` is looked at."""


class _File(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Content of the file: the table ``[limits]`` of a configuration file, and nothing else."""

    limits: LimitSettings


def machine_wide() -> list[Path]:
    """Where the file of this machine is looked for; the first that is there counts."""
    folders = site_config_dir("pursuit", multipath=True).split(os.pathsep)
    return [Path(folder) / "facility.toml" for folder in folders]


def facility_limits() -> tuple[str, LimitSettings] | None:
    """Read the facility's file; return its path and its limits, or None if there is none.

    Raises
    ------
    MicroscopeError
        If it is there but cannot be used, or the variable names a file that is not there.
    """
    named = os.environ.get(VARIABLE, "").strip()
    path = Path(named) if named else next(filter(_is_there, machine_wide()), None)
    if path is None:
        return None
    try:
        limits = msgspec.toml.decode(path.read_text("utf-8-sig"), type=_File).limits
    except OSError as error:
        raise _unusable(path, error.strerror or one_line(error)) from error
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise _unusable(path, one_line(error)) from error
    return str(path.resolve()), limits


def _is_there(path: Path) -> bool:
    """Whether there is a file, even one that may not be looked at."""
    try:
        path.lstat()
    except (FileNotFoundError, NotADirectoryError):
        return False
    except OSError:
        return True
    return True


def _unusable(path: Path, why: str) -> MicroscopeError:
    return MicroscopeError(
        f"The facility's file {path} cannot be used: {why}. Nothing moves without it: correct it, "
        f"or the variable {VARIABLE} if that names another file."
    )
