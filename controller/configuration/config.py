"""The configuration: one TOML file that describes a stand and a task."""

from __future__ import annotations

import difflib
import re
import types
import typing
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

import msgspec
import tomli_w
from msgspec import Meta

from ...drivers.settings import (
    CameraSettings,
    FocusSettings,
    LimitSettings,
    Settings,
    StageSettings,
    StandSettings,
)
from ..focus import FocusingSettings
from ..loop import AttentionSettings
from ..policies import AnyLaw, Predictive
from ..targets import TargetSettings
from ..tracking import TrackingSettings


class ConfigError(ValueError):
    """A configuration cannot be used; the text is one sentence for the user."""


class MicroscopeSettings(Settings, frozen=True):
    """Which microscope: at most one of the first three.

    Attributes
    ----------
    mm_config : str, optional
        Micro-Manager configuration file of real hardware.
    scenario : str, optional
        Name or file of a simulated scenario.
    specimen : str, optional
        Recorded movie that a simulated field moves across.
    interval_s : float, optional
        Time between the frames of that movie, if its file does not tell.
    start_px : (x, y), optional
        Pixel of that movie where the middle of the field is at first.
    field_px : int
        Width and height of the field on that movie.
    """

    mm_config: str | None = None
    scenario: str | None = None
    specimen: str | None = None
    interval_s: Annotated[float, Meta(gt=0, le=1e9)] | None = None
    start_px: tuple[float, float] | None = None
    field_px: Annotated[int, Meta(ge=16, le=8192)] = 256

    def __post_init__(self) -> None:
        given = [n for n in ("mm_config", "scenario", "specimen") if getattr(self, n) is not None]
        if len(given) > 1:
            raise ValueError(f"{' and '.join(given)} exclude each other: keep one")


class SessionSettings(Settings, frozen=True):
    """How long to follow.

    Attributes
    ----------
    seconds : float, optional
        Without it, as long as the scenario or movie lasts, or until Ctrl-C.
    seed : int
        Of everything random in a simulated microscope.
    """

    seconds: Annotated[float, Meta(gt=0, le=1e9)] | None = None
    seed: Annotated[int, Meta(ge=0)] = 0


class Config(Settings, frozen=True):
    """All tables of a configuration file.

    ``detector`` and ``predictor`` hold a name and that model's own options. An option that
    ends in ``_px`` may be given in µm under the same name ending in ``_um``.
    """

    microscope: MicroscopeSettings = MicroscopeSettings()
    camera: CameraSettings = CameraSettings()
    stage: StageSettings = StageSettings()
    focus: FocusSettings = FocusSettings()
    limits: LimitSettings = LimitSettings()
    detector: dict[str, Any] = msgspec.field(default_factory=lambda: {"name": "yolo"})
    predictor: dict[str, Any] = msgspec.field(default_factory=lambda: {"name": "auto"})
    attention: AttentionSettings = AttentionSettings()
    tracking: TrackingSettings = TrackingSettings()
    policy: AnyLaw = Predictive()
    target: TargetSettings = TargetSettings()
    focusing: FocusingSettings = FocusingSettings()
    session: SessionSettings = SessionSettings()

    def __post_init__(self) -> None:
        for table in ("detector", "predictor"):
            if not isinstance(getattr(self, table).get("name"), str):
                raise ValueError(f"{table}.name must be the name of a {table}")
        for key, value in self.detector.items():
            if key.endswith("_um") and not isinstance(value, int | float):
                raise ValueError(f"detector.{key} must be a number of µm")

    def stand(self, name: str) -> StandSettings:
        """The part that drivers need."""
        return StandSettings(name, self.camera, self.stage, self.focus, self.limits)

    def toml(self) -> str:
        """Write out every setting, so that a session can be repeated exactly."""
        return tomli_w.dumps(without_none(msgspec.to_builtins(self)))


def as_sentence(error: Exception) -> str:
    """Turn the clause that a model's error is into a sentence; names of files stay as they are."""
    text = str(error)
    first = text.partition(" ")[0]
    return f"{text[:1].upper() if first.isalpha() else text[:1]}{text[1:]}."


def read_tables(path: Path) -> dict[str, Any]:
    """Read a TOML file without judging it.

    Raises
    ------
    ConfigError
        If there is no such file or it is not TOML.
    """
    try:
        return msgspec.toml.decode(path.read_text("utf-8-sig"))
    except OSError as error:
        raise ConfigError(f"{path} cannot be read: {error.strerror}.") from error
    except UnicodeDecodeError as error:
        raise ConfigError(f"{path} is not text in UTF-8: save it with that encoding.") from error
    except msgspec.MsgspecError as error:
        raise ConfigError(f"{path} is not valid TOML: {error}.") from error


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


def make_config(tables: Mapping[str, Any]) -> Config:
    """Check tables and return the configuration.

    Raises
    ------
    ConfigError
        If a key is unknown (naming the nearest known one) or a value is wrong.
    """
    try:
        return msgspec.convert(merge(_NAMES, tables), Config)
    except msgspec.ValidationError as error:
        raise ConfigError(_explain(str(error))) from error


_NAMES = {
    "detector": {"name": "yolo"},
    "predictor": {"name": "auto"},
    "policy": {"name": "predictive"},
}
"""Lets a table change an option without repeating which model it is for."""


def _explain(error: str) -> str:
    """Turn a validation error into a sentence that names the key and the nearest known one."""
    match = re.fullmatch(r"(?P<what>.*?)(?: - at `\$\.?(?P<where>.*)`)?", error, re.DOTALL)
    assert match is not None
    what, where = match["what"], match["where"] or ""
    if unknown := re.search(r"unknown field `(.*?)`", what):
        table = f" in [{where}]" if where else ""
        return f"The key {unknown[1]!r}{table} is not known: {_hint(unknown[1], _keys(where))}"
    if unknown := re.search(r"Invalid (?:enum )?value '(.*?)'", what):
        return f"{unknown[1]!r} is no value of {where}: {_hint(unknown[1], _values(where))}"
    return f"The configuration is wrong{f' at {where}' if where else ''}: {what}."


def _hint(word: str, known: list[str]) -> str:
    near = difflib.get_close_matches(word, known, n=1, cutoff=0.4)
    return f"did you mean {near[0]!r}?" if near else f"known are {', '.join(known)}."


def _kinds(where: str) -> tuple[Any, ...]:
    """Types that a table can have."""
    kind: Any = Config
    for name in filter(None, where.split(".")):
        kind = typing.get_type_hints(kind).get(name)
    return typing.get_args(kind) if isinstance(kind, types.UnionType) else (kind,)


def _keys(where: str) -> list[str]:
    """Names of the keys that a table can have."""
    kinds = _kinds(where)
    tags = {kind.__struct_config__.tag_field for kind in kinds} - {None}
    return sorted(tags.union(*(kind.__struct_fields__ for kind in kinds)))


def _values(where: str) -> list[str]:
    """Words that a key can have for a value."""
    table, _, key = where.rpartition(".")
    kinds = _kinds(table)
    tags = [k.__struct_config__.tag for k in kinds if k.__struct_config__.tag_field == key]
    return tags or [*typing.get_args(typing.get_type_hints(kinds[0])[key])]


def without_none(tables: dict[str, Any]) -> dict[str, Any]:
    """Leave out what is None, at any depth: TOML has no word for it."""
    return {
        key: without_none(value) if isinstance(value, dict) else value
        for key, value in tables.items()
        if value is not None
    }
