"""``pursuit init``: a configuration file for a stand, drawn from what Micro-Manager knows."""

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from pymmcore_plus import DeviceType

from ...drivers.messages import Description
from ...drivers.micromanager import MMCoreMicroscope, load_core
from ...drivers.settings import CameraSettings, StandSettings
from .outputs import check_new_file, written_whole
from .reference import REGISTRIES, Setting, options_of, settings_of, tables, toml
from .settings import MODELS, Config

_STAND_IN_UM = 1.0
"""Edge of a pixel with which a stand of unknown pixels is described; nothing of it is written."""
_STAND_IN_MS = 10.0
"""Exposure that is written for a camera that has none; chosen: of a usual camera in fluorescence,
and what new cameras have in Micro-Manager."""

_HEAD = """\
# A stand and a task for `pursuit follow {file}`.
# Lines that begin with # are settings at their defaults, or examples where there is none: remove
# the # to change one. All settings, with those for experts, are in docs/configuration.md.
# Check [limits] before the first session: no move leaves them. Circles, polygons, zones to keep out
# of, longest steps and greatest speeds can be set there too.
"""
_COMMENT_COLUMN = 32
"""Where remarks begin; chosen: all but the longest keys fit before it."""
_NOT_KNOWN = "NOT KNOWN to Micro-Manager: pursuit calibrate measures it"
"""Remark on the edge of a pixel if the Micro-Manager file says nothing of it."""
_NO_EXPOSURE = "A GUESS, to be set, as the camera has none in Micro-Manager"
"""Remark on the exposure if that is 0."""

Values = Mapping[str, Mapping[str, Any]]
"""Values by table and key."""


class Stand(NamedTuple):
    """What a Micro-Manager configuration describes.

    Attributes
    ----------
    about : Description
    knows_pixel : bool
        Whether the size of a pixel is known; that in the description is of no meaning otherwise.
    xy_stages : tuple of str
        Labels of all there are.
    knows_exposure : bool
        Whether the camera has an exposure; that in the description is a guess otherwise.
    """

    about: Description
    knows_pixel: bool
    xy_stages: tuple[str, ...]
    knows_exposure: bool


def write_scope(mm_config: Path, out: Path) -> Stand:
    """Load a Micro-Manager configuration and write a configuration file for it.

    Raises
    ------
    FileExistsError
        If ``out`` exists.
    MicroscopeError
        If Micro-Manager cannot load the file, or there is no camera or stage in it.
    """
    check_new_file(out)
    core = load_core(mm_config)
    knows_pixel = core.getPixelSizeUm() > 0
    xy_stages = tuple(core.getLoadedDevicesOfType(DeviceType.XYStage))
    knows_exposure = not core.getCameraDevice() or core.getExposure() > 0
    camera = CameraSettings(
        pixel_um=None if knows_pixel else _STAND_IN_UM,
        exposure_ms=None if knows_exposure else _STAND_IN_MS,
    )
    with MMCoreMicroscope(core, StandSettings(mm_config.stem, camera)) as microscope:
        about = microscope.describe()
    given, told = _of_stand(mm_config, about, knows_pixel)
    remarks = {} if knows_exposure else {"exposure_ms": _NO_EXPOSURE}
    text = "\n".join([_HEAD.format(file=out.name), *_lines(given, told, remarks), ""])
    with written_whole(out) as (part,):
        part.write_text(text, "utf-8")
    return Stand(about, knows_pixel, xy_stages, knows_exposure)


def _of_stand(mm_config: Path, about: Description, knows_pixel: bool) -> tuple[Values, Values]:
    """Values that the file sets, and values that it shows as Micro-Manager's or as nominal."""
    limits: dict[str, Any] = dict(zip(("x_um", "y_um", "z_um"), about.limits_um, strict=True))
    given: dict[str, dict[str, Any]] = {
        "microscope": {"mm_config": str(mm_config.resolve())},
        "camera": {"label": about.camera, "exposure_ms": about.exposure_ms},
        "stage": {"label": about.xy_stage},
        "focus": {"label": about.focus} if about.focus else {},
        "limits": limits,
    }
    told = {"camera": {"affine": about.affine, "pixel_um": about.pixel_um} if knows_pixel else {}}
    dynamics = {name: getattr(about.dynamics, name) for name in about.dynamics.__struct_fields__}
    return given, {**told, "stage": dynamics}


def _lines(given: Values, told: Values, remarks: Mapping[str, str]) -> Iterator[str]:
    """Write every table: what is given, and as comments what else a person sets.

    A remark on a key takes the place of its meaning.
    """
    structs = tables()
    for table in Config.__struct_fields__:
        if table in MODELS:
            body = [*_model(table)]
        else:
            live, shown = given.get(table, {}), told.get(table, {})
            body = [
                line
                for setting in settings_of(structs[table])
                if (
                    line := _line(
                        setting._replace(meaning=remarks.get(setting.key, setting.meaning)),
                        live.get(setting.key),
                        shown.get(setting.key),
                    )
                )
            ]
        if body and (table != "focus" or given["focus"]):
            yield from (f"[{table}]", *body, "")


def _model(table: str) -> Iterator[str]:
    """Write a table that names a model, with the options of the one that is the default."""
    name = MODELS[table]
    others = [toml(other) for other in REGISTRIES[table].builtin if other != name]
    yield _remarked(f"name = {toml(name)}", f"or {', '.join(others)}")
    for setting in settings_of(options_of(table, name)):
        if line := _line(setting):
            yield line


def _line(setting: Setting, given: Any = None, told: Any = None) -> str:
    """Write one setting; nothing if it is for experts, or if there is no value to show."""
    remark = re.split(r"[.;:](?:\s|$)", setting.meaning)[0].replace("`", "")
    if others := [toml(word) for word in setting.choices if word != setting.default]:
        remark = f"{remark}; or {', '.join(others)}"
    if given is not None:
        return _remarked(f"{setting.key} = {toml(given)}", remark)
    if setting.key == "pixel_um" and told is None:
        remark = _NOT_KNOWN
    value = next((v for v in (told, setting.default, setting.example) if v is not None), None)
    if setting.is_expert or value is None:
        return ""
    return _remarked(f"# {setting.key} = {toml(value)}", remark)


def _remarked(text: str, remark: str) -> str:
    if len(text) > 2 * _COMMENT_COLUMN:
        return text
    return f"{text:<{_COMMENT_COLUMN - 1}} # {remark}"
