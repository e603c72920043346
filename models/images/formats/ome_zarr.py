"""OME-Zarr folders, 0.4 and 0.5; chunks are read when they are asked for."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import tensorstore
import yaozarrs
from numpy.typing import NDArray

from ...errors import ModelError
from . import FileContent, chosen
from .units import in_unit

_VERSIONS = ("0.4", "0.5")
_LETTERS = {"time": "T", "channel": "C"}


def read(path: Path, position: int | str | None = None) -> FileContent:
    """Open an image of a folder at its full size."""
    try:
        groups = _images(path)
    except Exception as error:
        raise ModelError(f"the folder {path} {_why_not(path)}") from error
    group = groups[[*groups][chosen(path, "position", [*groups], position)]]
    try:
        return _content(group)
    except Exception as error:
        reason = str(error).partition("\n")[0]
        raise ModelError(f"the OME-Zarr folder {path} cannot be read: {reason}") from error


def _images(path: Path) -> dict[str, Any]:
    """Groups that are images, by name: of a single one, of several fields, of a plate."""
    group = yaozarrs.open_group(path)
    about: Any = _about(group)
    if hasattr(about, "multiscales"):
        return {"": group}
    if hasattr(about, "plate"):
        wells = [well.path for well in about.plate.wells]
        fields = {well: _about(yaozarrs.open_group(path / well)).well.images for well in wells}
        names = [f"{well}/{field.path}" for well, images in fields.items() for field in images]
    else:
        names = sorted((p.name for p in path.iterdir() if p.is_dir()), key=_as_numbers)
    found = {name: yaozarrs.open_group(path / name) for name in names if name != "OME"}
    images = {name: one for name, one in found.items() if hasattr(_about(one), "multiscales")}
    if not images:
        raise ValueError("there is no image in it")
    return images


def _why_not(path: Path) -> str:
    """Say what a folder is that cannot be opened, and what to do."""
    told = [_json(path / name) for name in ("zarr.json", ".zarray", ".zattrs", ".zgroup")]
    if (path / ".zarray").exists() or told[0].get("node_type") == "array":
        return "is a Zarr array, which does not say what its axes are: write it as OME-Zarr"
    if not any(told):
        return "is not an OME-Zarr image: give a movie"
    attributes = told[0].get("attributes", {}).get("ome", told[2])
    images = attributes.get("multiscales") or [{}]
    version = str(attributes.get("version") or images[0].get("version") or "")
    if images[0] and version not in _VERSIONS:
        return (
            f"is OME-Zarr {version or 'of a version that it does not tell'}, and "
            f"{' and '.join(_VERSIONS)} are read: convert it"
        )
    if images[0]:
        return f"is OME-Zarr {version}, but not as its specification says: write it anew"
    return "holds Zarr, but no image of OME-Zarr: give the folder of an image"


def _json(path: Path) -> dict[str, Any]:
    """What a file of metadata holds; nothing if it is not there or broken."""
    try:
        content = json.loads(path.read_text("utf-8"))
    except (OSError, ValueError):
        return {}
    return content if isinstance(content, dict) else {}


def _about(group: yaozarrs.ZarrGroup) -> Any:
    about: Any = group.ome_metadata()
    return getattr(about, "ome", about)


def _as_numbers(name: str) -> tuple[int, str]:
    return (int(name), "") if name.isdecimal() else (2**31, name)


def _content(group: yaozarrs.ZarrGroup) -> FileContent:
    about = _about(group)
    image = about.multiscales[0]
    level = image.datasets[0]
    array: Any = group[level.path]
    axes = _axes([(axis.name, axis.type) for axis in image.axes])
    scale = np.ones(len(axes))
    for step in (*level.coordinateTransformations, *(image.coordinateTransformations or ())):
        if step.type == "scale":
            scale *= step.scale
    units = [axis.unit or "" for axis in image.axes]
    told = {a: (s, u) for a, s, u in zip(axes, scale.tolist(), units, strict=True) if a != "C"}
    names = tuple(channel.label or "" for channel in about.omero.channels) if about.omero else ()
    return FileContent(_Chunks(array.to_tensorstore()), axes, in_unit(**told), names)


def _axes(named: list[tuple[str, str | None]]) -> str:
    """Return letters of axes by their types; those in space are the last ones of Z, Y, X."""
    space = iter("ZYX"[-sum(kind == "space" for _, kind in named) :])
    return "".join(
        next(space) if kind == "space" else _LETTERS.get(kind or "", name[:1].upper())
        for name, kind in named
    )


class _Chunks:
    """Pixels in chunks; one that is not there is of the value that the folder says.

    Programs leave out chunks that are dark throughout. But an image without any is lost.
    """

    def __init__(self, array: Any) -> None:
        spec = array.spec().to_json()
        self._filled = array
        self._strict: Any = tensorstore.open(spec | {"fill_missing_data_reads": False}).result()
        self.shape, self.dtype = tuple(array.shape), array.dtype.numpy_dtype

    def __getitem__(self, key: tuple[int | slice, ...]) -> NDArray:
        image = np.asarray(self._filled[key].read().result())
        if image.min() == image.max():
            self._strict[key].read().result()
        return image
