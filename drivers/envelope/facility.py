"""The facility's file: limits of one machine that no configuration may widen."""

from __future__ import annotations

import os
from pathlib import Path

import msgspec
from platformdirs import site_config_path

from ..microscope import MicroscopeError, one_line
from .settings import LimitSettings

VARIABLE = "PURSUIT_FACILITY"
"""Environment variable with the path of the file; without it, `machine_wide` is looked at."""


class _File(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Content of the file: the table ``[limits]`` of a configuration file, and nothing else."""

    limits: LimitSettings


def machine_wide() -> Path:
    """Where the file of this machine lies, if there is one."""
    return site_config_path("pursuit") / "facility.toml"


def facility_limits() -> tuple[str, LimitSettings] | None:
    """Read the facility's file; return its path and its limits, or None if there is none.

    Raises
    ------
    MicroscopeError
        If it is there but cannot be used, or the variable names a file that is not there.
    """
    named = os.environ.get(VARIABLE, "").strip()
    path = Path(named) if named else machine_wide()
    try:
        if not named and not path.exists():
            return None
        limits = msgspec.toml.decode(path.read_text("utf-8-sig"), type=_File).limits
    except OSError as error:
        raise _unusable(path, error.strerror or one_line(error)) from error
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise _unusable(path, one_line(error)) from error
    return str(path.resolve()), limits


def _unusable(path: Path, why: str) -> MicroscopeError:
    return MicroscopeError(
        f"The facility's file {path} cannot be used: {why}. Nothing moves without it: correct it, "
        f"or the variable {VARIABLE} if that names another file."
    )
