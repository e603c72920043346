"""Names to models: built-in or a user's own, options checked, imported only when asked for."""

from __future__ import annotations

import difflib
import importlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

import msgspec

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Registry(Generic[T]):
    """Models of one kind.

    A model is a class or another callable that returns one. If it has an attribute
    ``Options``, a ``msgspec.Struct`` type, it is called with one such struct, validated;
    otherwise it is called with the options as keyword arguments.

    Attributes
    ----------
    kind : str
        For messages: ``"detector"`` or ``"predictor"``.
    builtin : mapping of str to str
        Name to import path, ``"package.module:attribute"``.
    """

    kind: str
    builtin: Mapping[str, str]

    def create(self, name: str, options: Mapping[str, Any] | None = None) -> T:
        """Make the model called ``name``.

        Parameters
        ----------
        name : str
            A built-in name, or ``"package.module:attribute"`` for a model of your own.
        options : mapping of str to object, optional
            What the model can be told; the rest keeps its default.

        Raises
        ------
        ValueError
            If the name or an option is not known, or a value is not allowed.
        """
        model = self._load(name)
        given = dict(options or {})
        struct = getattr(model, "Options", None)
        if struct is not None:
            return model(self._validated(name, struct, given))
        try:
            return model(**given)
        except TypeError as error:
            raise ValueError(f"{self.kind} {name!r} refuses its options: {error}") from error

    def _load(self, name: str) -> Any:
        if ":" not in name and name not in self.builtin:
            raise ValueError(f"unknown {self.kind} {name!r}{_hint(name, self.builtin)}")
        module, _, attribute = self.builtin.get(name, name).partition(":")
        try:
            return getattr(importlib.import_module(module), attribute)
        except (ImportError, AttributeError, ValueError) as error:
            raise ValueError(f"{self.kind} {name!r} cannot be imported: {error}") from error

    def _validated(self, name: str, struct: type[msgspec.Struct], given: dict[str, Any]) -> Any:
        known = [option.encode_name for option in msgspec.structs.fields(struct)]
        for option in given:
            if option not in known:
                hint = _hint(option, known)
                raise ValueError(f"unknown option {option!r} of {self.kind} {name!r}{hint}")
        try:
            return msgspec.convert(given, struct)
        except msgspec.ValidationError as error:
            what, _, where = str(error).partition(" - at `$.")
            option = f" option {where.rstrip('`')}" if where else ""
            reason = what[:1].lower() + what[1:]
            raise ValueError(f"{self.kind} {name!r}{option}: {reason}") from error


def _hint(word: str, known: Iterable[str]) -> str:
    names = sorted(known)
    near = difflib.get_close_matches(str(word), names, n=1, cutoff=0.5)
    question = f"; did you mean {near[0]!r}?" if near else ";"
    return f"{question} known: {', '.join(names)}"
