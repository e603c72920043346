"""What to follow with at a microscope that runs already: it says itself what it is."""

from collections.abc import Mapping
from pathlib import PureWindowsPath
from typing import Any

import msgspec

from ...models.detectors import DETECTORS
from ...models.plugins import is_plugin
from ..configuration import MODELS, Config, ConfigError, make_config, merge

STAND = ("microscope", "camera", "stage", "focus", "limits")
"""Tables of the stand: only who opens it can set them."""
_FILES = ("mm_config", "specimen")
"""Settings that name a file, which lies elsewhere on another computer."""
_OF_ALL = ("diameter_um", "diameter_px")
"""Options that every detector of Pursuit has."""


def complete_for_remote(tables: dict[str, Any], settings: str, where: str) -> Config:
    """Lay what a client wants over the configuration of a microscope that runs already.

    The stand is the microscope's, and so is what it suggests for following, unless that is code.

    Parameters
    ----------
    tables : dict
        Of the client.
    settings : str
        The microscope's configuration in TOML; empty if it has none.
    where : str
        The microscope's address, for people.

    Raises
    ------
    ConfigError
        If the client's tables are wrong, or tell of another stand.
    """
    theirs: dict[str, Any] = msgspec.toml.decode(settings) if settings else {}
    given = {table: tables[table] for table in STAND if table in tables}
    if "seed" in tables.get("session", {}):
        given["session"] = {"seed": tables["session"]["seed"]}
    _refuse_other_stand(given, make_config(tables), make_config(theirs), where)
    suggested = {key: value for key, value in theirs.items() if key != "session"}
    for table in MODELS:
        suggested[table] = _suggested_model(table, tables.get(table, {}), theirs.get(table, {}))
    return make_config(merge(suggested, {k: v for k, v in tables.items() if k not in STAND}))


def _refuse_other_stand(
    given: Mapping[str, Mapping[str, Any]], ours: Config, theirs: Config, where: str
) -> None:
    """Refuse settings of the stand that the microscope was not opened with."""
    for table, keys in given.items():
        for key in keys:
            here, there = (getattr(getattr(each, table), key) for each in (ours, theirs))
            if key in _FILES and here and there:
                here, there = _file_name(here), _file_name(there)
            if here != there:
                was = "without one" if there in (None, "", {}) else f"with {_text(there)}"
                raise ConfigError(
                    f"{table}.{key} is {_text(here)} here, but the microscope at {where} was "
                    f"opened {was}: leave it out here, or open the microscope with it."
                )


def _file_name(path: str) -> str:
    """Name of a file on this or another system, without its folder."""
    return PureWindowsPath(path).name


def _text(value: Any) -> str:
    return str(list(value) if isinstance(value, tuple) else value)


def _suggested_model(
    table: str, wanted: Mapping[str, Any], theirs: Mapping[str, Any]
) -> dict[str, Any]:
    """What the microscope's configuration suggests for a model: of the one that is wanted."""
    name = str(theirs.get("name", ""))
    if is_plugin(name) or is_plugin(theirs.get("function")):
        return {}
    options = dict(theirs)
    if (chosen := wanted.get("name", name)) != name:
        keys = _OF_ALL if table == "detector" and chosen in DETECTORS.builtin else ()
        options = {key: theirs[key] for key in keys if key in theirs}
    if any(key in wanted for key in _OF_ALL):
        options = {key: value for key, value in options.items() if key not in _OF_ALL}
    return options
