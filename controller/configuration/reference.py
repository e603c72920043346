"""What every setting is: key, default, meaning and tier, as the structs say."""

import inspect
import json
import re
import types
import typing
from collections.abc import Iterator
from typing import Annotated, Any, Literal, NamedTuple

import msgspec

from ...models.detectors import DETECTORS
from ...models.predictors import PREDICTORS
from ..policies import POLICIES
from .settings import Config

REGISTRIES = {"detector": DETECTORS, "predictor": PREDICTORS, "policy": POLICIES}
"""What the name in a table that names a model can be."""

_TIERS = {"Attributes": False, "Other Parameters": True}
"""Sections of a docstring by the numpydoc standard, and whether what they list is for experts."""

_SECTION = re.compile(r"^(\w[\w ]*)\n-{3,}\n(.*?)(?=^\w[\w ]*\n-{3,}\n|\Z)", re.M | re.S)
"""A section of a numpy docstring: title and content."""
_ENTRY = re.compile(r"^(\w+) : [^\n]*\n((?:    [^\n]*\n?)+)", re.M)
"""An entry of such a section: name and description."""


class Setting(NamedTuple):
    """A key of a table, and whether it is for experts.

    The meaning is in Markdown, on one line. Choices are the words that it can be, none if it is of
    another kind; the example is for people who have to choose a value.
    """

    key: str
    default: Any
    meaning: str
    choices: tuple[str, ...]
    example: Any
    is_expert: bool


def tables() -> dict[str, type[msgspec.Struct]]:
    """Return the struct of every table that has always the same keys."""
    return {
        table: kind
        for table, kind in typing.get_type_hints(Config).items()
        if table not in REGISTRIES
    }


def options_of(table: str, model: str) -> type[msgspec.Struct]:
    """Return the struct with the options of a model that comes with the package.

    Raises
    ------
    ValueError
        If there is no such model, or it needs a package that is not installed.
    """
    return REGISTRIES[table].load(model).Options


def settings_of(struct: type[msgspec.Struct]) -> list[Setting]:
    """Return the settings of a struct, in the order in which its docstring lists them."""
    fields = {field.name: field for field in msgspec.structs.fields(struct)}
    hints = typing.get_type_hints(struct, include_extras=True)
    return [
        Setting(
            key,
            None if fields[key].default is msgspec.NODEFAULT else fields[key].default,
            meaning,
            tuple(_choices(hints[key])),
            next(_examples(hints[key]), None),
            is_expert,
        )
        for key, (meaning, is_expert) in _described(struct).items()
    ]


def toml(value: object) -> str:
    """Write a number, a text, a truth, or a list or a table of these on one line."""
    if isinstance(value, dict):
        return f"{{ {', '.join(f'{json.dumps(k)} = {toml(v)}' for k, v in value.items())} }}"
    return json.dumps(value, ensure_ascii=False)


def _described(struct: type) -> dict[str, tuple[str, bool]]:
    """Meaning and tier of every field that the docstrings of a struct and its bases list."""
    found: dict[str, tuple[str, bool]] = {}
    for kind in reversed(struct.__mro__):
        for section, body in _SECTION.findall(inspect.cleandoc(kind.__doc__ or "") + "\n"):
            if section in _TIERS:
                for key, text in _ENTRY.findall(body):
                    meaning = " ".join(text.replace("``", "`").split())
                    found[key] = meaning, _TIERS[section]
    return found


def _choices(hint: Any) -> Iterator[str]:
    """Words of every ``Literal`` in a type."""
    if typing.get_origin(hint) is Literal:
        yield from typing.get_args(hint)
    elif typing.get_origin(hint) in (Annotated, typing.Union, types.UnionType):
        for part in typing.get_args(hint):
            yield from _choices(part)


def _examples(hint: Any) -> Iterator[Any]:
    """Examples in every ``Meta`` in a type."""
    for part in typing.get_args(hint):
        if isinstance(part, msgspec.Meta):
            yield from part.examples or ()
        yield from _examples(part)
