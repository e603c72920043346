"""OME-Zarr folders; chunks are read when they are asked for."""

from pathlib import Path
from typing import Any

import tensorstore
import yaozarrs

from ...errors import ModelError
from . import FileContent, in_unit


def read(path: Path) -> FileContent:
    """Open the first image of a folder at its full size."""
    try:
        group = yaozarrs.open_group(path)
        image: Any = group.ome_metadata()
        axes = image.multiscales[0].axes
        level = image.multiscales[0].datasets[0]
        array: Any = group[level.path]
        spec = array.to_tensorstore().spec().to_json()
        spec["fill_missing_data_reads"] = False
        pixels = tensorstore.open(spec).result()
    except Exception as error:
        raise ModelError(f"the folder {path} is not an OME-Zarr image: give a movie") from error
    scales = {
        axis.name.upper(): (scale, axis.unit or "")
        for axis, scale in zip(axes, level.scale_transform.scale, strict=True)
        if axis.type in ("space", "time")
    }
    return FileContent(pixels, "".join(axis.name.upper() for axis in axes), in_unit(**scales))
