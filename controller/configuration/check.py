"""From tables to a configuration, or one sentence that says what is wrong with them."""

import difflib
import re
import typing
from collections.abc import Mapping
from typing import Any

import msgspec

from ...models.registry import did_you_mean
from .reference import REGISTRIES
from .settings import MODELS, Config
from .tables import ConfigError, merge

RENAMED = {
    "tracking.births": "tracking.confirm_hits",
    "tracking.coast_frames": "tracking.max_misses",
    "tracking.sure_score": "tracking.high_score",
}
"""Keys that have another name now, as ``table.key``."""


def as_sentence(error: Exception) -> str:
    """Turn the clause that a model's error is into a sentence.

    Clauses begin with a word of their own, not with a name: that would be changed.
    """
    text = str(error)
    first = text.partition(" ")[0]
    return f"{text[:1].upper() if first.isalpha() else text[:1]}{text[1:]}."


def make_config(tables: Mapping[str, Any]) -> Config:
    """Check tables and return the configuration.

    Raises
    ------
    ConfigError
        If a key is unknown (naming the nearest known one), has another name now (naming that),
        or a value is wrong.
    """
    _refuse_renamed(tables)
    _refuse_misspelt_names(tables)
    named = {table: {"name": name} for table, name in MODELS.items()}
    try:
        return msgspec.convert(merge(named, tables), Config)
    except msgspec.ValidationError as error:
        raise ConfigError(_explain(error)) from error


def check_models(names: Mapping[str, str]) -> None:
    """Refuse models that are not there, before any work begins: names by their tables.

    Raises
    ------
    ConfigError
        If one is not known, or cannot be imported.
    """
    for table, name in names.items():
        try:
            REGISTRIES[table].load(name)
        except ValueError as error:
            raise ConfigError(as_sentence(error)) from error


def _refuse_renamed(tables: Mapping[str, Any]) -> None:
    given = {
        f"{table}.{key}"
        for table, content in tables.items()
        if isinstance(content, Mapping)
        for key in content
    }
    if old := [name for name in RENAMED if name in given]:
        changes = [f"{name} is now called {RENAMED[name]}" for name in old]
        raise ConfigError(f"{', '.join(changes)}: use the new name{'s' * (len(old) > 1)}.")


def _refuse_misspelt_names(tables: Mapping[str, Any]) -> None:
    """Refuse what was meant for ``name``, before it counts as an option of the default model."""
    for table in MODELS:
        given = tables.get(table)
        if isinstance(given, Mapping) and "name" not in given:
            for key in difflib.get_close_matches("name", given, n=1, cutoff=0.75):
                raise ConfigError(
                    f"The key {key!r} in [{table}] is not known: {_hint(key, ['name'])}"
                )


def _explain(error: Exception) -> str:
    """Turn a validation error into a sentence that names the key and the nearest known one."""
    match = re.fullmatch(r"(?P<what>.*?)(?: - at `\$\.?(?P<where>.*)`)?", str(error), re.DOTALL)
    assert match is not None
    what, where = match["what"], match["where"] or ""
    if unknown := re.search(r"unknown field `(.*?)`", what):
        table = f" in [{where}]" if where else ""
        return f"The key {unknown[1]!r}{table} is not known: {_hint(unknown[1], _keys(where))}"
    if unknown := re.search(r"Invalid enum value '(.*?)'", what):
        return f"{unknown[1]!r} is no value of {where}: {_hint(unknown[1], _values(where))}"
    if not where:
        return as_sentence(error)
    return f"The configuration is wrong at {where}: {what}."


def _hint(word: str, known: list[str]) -> str:
    return did_you_mean(word, known) or f"known are {', '.join(known)}."


def _keys(where: str) -> list[str]:
    """Names of the keys that a table can have, ``table`` or ``table.key[...]`` and so on."""
    kind: Any = Config
    for key in re.findall(r"[A-Za-z_]\w*", where):
        kind = _struct(typing.get_type_hints(kind)[key])
    return sorted(kind.__struct_fields__)


def _struct(hint: Any) -> Any:
    """The struct in a type such as ``tuple[Struct, ...] | None``."""
    if isinstance(hint, type) and issubclass(hint, msgspec.Struct):
        return hint
    return next((found for part in typing.get_args(hint) if (found := _struct(part))), None)


def _values(where: str) -> list[str]:
    """Words that a key, ``table.key``, can have for a value."""
    table, _, key = where.partition(".")
    kind = typing.get_type_hints(Config)[table]
    return [*typing.get_args(typing.get_type_hints(kind)[key])]
