"""Tables of a configuration, before they are judged: read, merged, given on the command line."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec

from ...models.images import IMAGE_SUFFIXES

_THEIRS = ".cfg"
"""Suffix of Micro-Manager's files."""
_OTHERS = (_THEIRS, ".zarr", *IMAGE_SUFFIXES)
"""Suffixes of files that people give in the place of a configuration."""


class ConfigError(ValueError):
    """A configuration cannot be used; the text is one sentence for the user."""


def read_tables(path: Path) -> dict[str, Any]:
    """Read a TOML file without judging it.

    Raises
    ------
    ConfigError
        If there is no such file, it is not TOML, or holds anything but tables.
    """
    if path.suffix.lower() in _OTHERS and path.exists():
        raise ConfigError(f"{path} is no configuration: {_advice(path)}.")
    try:
        tables = msgspec.toml.decode(path.read_text("utf-8-sig"))
    except OSError as error:
        raise ConfigError(f"{path} cannot be read: {error.strerror}.") from error
    except UnicodeDecodeError as error:
        raise ConfigError(f"{path} is not text in UTF-8: save it with that encoding.") from error
    except msgspec.MsgspecError as error:
        raise ConfigError(f"{path} is not valid TOML: {error}.") from error
    for key, content in tables.items():
        if not isinstance(content, dict):
            raise ConfigError(
                f"{path}: {key} = {content!r} is in no table: settings stand below the name of "
                "theirs, such as [camera]."
            )
    return tables


def _advice(path: Path) -> str:
    """Say what to do with a file that is not a configuration."""
    if path.suffix.lower() == _THEIRS:
        return (
            "it is of Micro-Manager, so make one of it with `pursuit init`, or name it with "
            "--mm-config"
        )
    return "follow in a movie with --specimen"


def merge(*layers: Mapping[str, Any]) -> dict[str, Any]:
    """Lay tables over each other; what comes later wins, key by key."""
    merged: dict[str, Any] = {}
    for layer in layers:
        for key, value in layer.items():
            old = merged.get(key)
            both = isinstance(old, Mapping) and isinstance(value, Mapping)
            merged[key] = merge(old, value) if both else value  # type: ignore[arg-type]
    return merged


def assignment(text: str) -> dict[str, Any]:
    """Turn ``table.key=value`` into nested tables; the value is TOML, or else plain text.

    Raises
    ------
    ConfigError
        If it has another form.
    """
    dotted, equals, value = text.partition("=")
    keys = [key.strip() for key in dotted.split(".")]
    if not equals or len(keys) < 2 or not all(keys):
        raise ConfigError(f"--set {text} is not of the form table.key=value.")
    parsed: Any
    try:
        parsed = msgspec.toml.decode(f"value = {value}")["value"]
    except msgspec.MsgspecError:
        parsed = value.strip()
    for key in reversed(keys):
        parsed = {key: parsed}
    return parsed


def without_none(tables: dict[str, Any]) -> dict[str, Any]:
    """Leave out what is None, at any depth: TOML has no word for it."""
    return {
        key: without_none(value) if isinstance(value, dict) else value
        for key, value in tables.items()
        if value is not None
    }
