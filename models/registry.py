"""Names to classes: built in, from another installed package, or a user's own.

Nothing is imported before it is asked for.
"""

import difflib
import importlib
import inspect
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from importlib.metadata import EntryPoint, entry_points
from typing import Any, Generic, TypeVar

import msgspec

from . import plugins

T = TypeVar("T")

_LEAST_SIMILARITY = 0.6
"""Of a misspelt name to the one that is suggested (ratio of `difflib`, and its own default):
``limit`` finds ``limits``, and ``nested`` does not find ``stage``."""
_BY_KEYWORD = (inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.KEYWORD_ONLY)


@dataclass(frozen=True, slots=True)
class Registry(Generic[T]):
    """Everything of one kind that can be chosen by its name.

    What a name stands for is a class or another callable that returns an instance. If it has an
    attribute ``Options``, a ``msgspec.Struct`` type, it is called with one such struct,
    validated; otherwise it is called with the options as keyword arguments.

    Attributes
    ----------
    kind : str
        For messages: ``"detector"``.
    group : str
        Of the entry points by which other packages add names: ``"pursuit.detectors"``. A name
        that is built in cannot be replaced.
    builtin : mapping of str to str
        Name to import path, ``"package.module:attribute"``.
    protocol : type
        What an instance has to have.
    """

    kind: str
    group: str
    builtin: Mapping[str, str]
    protocol: type = object

    def names(self) -> list[str]:
        """Names that are built in or that installed packages add, sorted."""
        return sorted({*self.builtin, *entry_points(group=self.group).names})

    def create(self, name: str, options: Mapping[str, Any] | None = None) -> T:
        """Make an instance of what ``name`` stands for.

        Parameters
        ----------
        name : str
            As `load`.
        options : mapping of str to object, optional
            Those that are not given keep their defaults.

        Raises
        ------
        ValueError
            As `load`; or if an option is not known, or a value is not allowed.
        """
        made = self.load(name)
        given = dict(options or {})
        struct = getattr(made, "Options", None)
        if struct is None:
            self._refuse_unfitting(name, made, given)
        checked = None if struct is None else self._validated(name, struct, given)
        try:
            instance = made(**given) if struct is None else made(checked)
        except (Exception, SystemExit) as error:
            if name in self.builtin:
                raise
            what = plugins.described(error)
            raise ValueError(f"{self.kind} {name!r} cannot be made: {what}") from error
        if name not in self.builtin:
            self._refuse_incomplete(name, instance)
        return instance

    def load(self, name: str) -> Any:
        """Import what a name stands for.

        Parameters
        ----------
        name : str
            Built in, of an entry point, or ``"package.module:attribute"``.

        Raises
        ------
        ValueError
            If the name is not known, or what it stands for cannot be imported.
        """
        if plugins.is_plugin(name):
            return plugins.load(name, self.kind)
        if name in self.builtin:
            return self._imported(name)
        for entry in entry_points(group=self.group, name=name):
            return self._of_package(entry)
        raise ValueError(f"unknown {self.kind} {name!r}; {_choices(name, self.names())}")

    def _refuse_incomplete(self, name: str, instance: object) -> None:
        members = {**vars(self.protocol), **getattr(self.protocol, "__annotations__", {})}
        public = sorted(member for member in members if not member.startswith("_"))
        if missing := [member for member in public if not hasattr(instance, member)]:
            raise ValueError(
                f"{self.kind} {name!r} has no {', '.join(missing)}; it needs {', '.join(public)}"
            )

    def _imported(self, name: str) -> Any:
        module, _, attribute = self.builtin[name].partition(":")
        try:
            return getattr(importlib.import_module(module), attribute)
        except (ImportError, ValueError) as error:
            raise ValueError(f"{self.kind} {name!r} cannot be imported: {error}") from error

    def _of_package(self, entry: EntryPoint) -> Any:
        plugins.note(entry.module, entry.attr, f"{self.kind} {entry.name!r}")
        try:
            return entry.load()
        except (Exception, SystemExit) as error:  # Another package's code runs here.
            package = f" of the package {entry.dist.name}" if entry.dist else ""
            raise ValueError(
                f"{self.kind} {entry.name!r}{package} cannot be loaded from {entry.value}: "
                f"{type(error).__name__}: {error}"
            ) from error

    def _refuse_unfitting(self, name: str, made: Any, given: dict[str, Any]) -> None:
        """Refuse keyword arguments that a callable does not take, and those that it lacks."""
        try:
            parameters = inspect.signature(made).parameters.values()
        except (TypeError, ValueError):  # What is compiled may not tell.
            return
        named = [one for one in parameters if one.kind in _BY_KEYWORD]
        if not any(one.kind is inspect.Parameter.VAR_KEYWORD for one in parameters):
            self._refuse_unknown(name, given, sorted(one.name for one in named))
        for one in named:
            if one.default is inspect.Parameter.empty and one.name not in given:
                raise self._needs(name, one.name)

    def _refuse_unknown(self, name: str, given: dict[str, Any], known: list[str]) -> None:
        for option in given:
            if option not in known:
                choices = _choices(option, known) if known else "it takes none"
                raise ValueError(f"unknown option {option!r} of {self.kind} {name!r}; {choices}")

    def _needs(self, name: str, option: str) -> ValueError:
        key = f"{self.kind}.{option}"
        return ValueError(
            f"{self.kind} {name!r} needs {key}: give it with --set {key}=VALUE or in the "
            "configuration"
        )

    def _validated(self, name: str, struct: type[msgspec.Struct], given: dict[str, Any]) -> Any:
        known = sorted(option.encode_name for option in msgspec.structs.fields(struct))
        self._refuse_unknown(name, given, known)
        try:
            return msgspec.convert(given, struct)
        except msgspec.ValidationError as error:
            what, _, where = str(error).partition(" - at `$.")
            if (missing := re.search("missing required field `(.*)`", what)) and not where:
                raise self._needs(name, missing[1]) from error
            option = f" option {where.rstrip('`')}" if where else ""
            reason = what[:1].lower() + what[1:]
            raise ValueError(f"{self.kind} {name!r}{option}: {reason}") from error


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """Ask for the known word nearest to one that is not known; empty if none is near."""
    names = {name.lower(): name for name in known}
    near = difflib.get_close_matches(str(word).lower(), names, n=1, cutoff=_LEAST_SIMILARITY)
    return f"did you mean {names[near[0]]!r}?" if near else ""


def _choices(word: str, known: Iterable[str]) -> str:
    return f"{did_you_mean(word, known)} known: {', '.join(known)}".lstrip()
