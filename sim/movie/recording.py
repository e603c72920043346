"""Reading recorded movies: TIFF files and OME-Zarr folders as frames (T, Y, X) with scales."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple
from xml.etree import ElementTree

import numpy as np
import tifffile

UM = {
    "nm": 1e-3, "nanometer": 1e-3,
    "µm": 1.0, "μm": 1.0, "um": 1.0, "micron": 1.0, "microns": 1.0, "micrometer": 1.0,
    "\\u00B5m": 1.0,
    "mm": 1e3, "millimeter": 1e3,
}  # fmt: skip
SECONDS = {
    "ms": 1e-3, "msec": 1e-3, "millisecond": 1e-3,
    "s": 1.0, "sec": 1.0, "second": 1.0,
    "min": 60.0, "minute": 60.0,
    "h": 3600.0, "hour": 3600.0,
}  # fmt: skip


class MovieError(ValueError):
    """A movie cannot be used; the text is one sentence for the user."""


class Recording(NamedTuple):
    """What a file holds.

    Attributes
    ----------
    frames : (T, Y, X) array
        Read when indexed, where the file allows it; uint8 or uint16 of either byte order.
    pixel_um, interval_s : float or None
        Scales, where the file tells them.
    """

    frames: Any
    pixel_um: float | None
    interval_s: float | None


def read_recording(path: Path) -> Recording:
    """Read a TIFF file or an OME-Zarr folder.

    Raises
    ------
    MovieError
        If it is missing, damaged, or not a movie of one grey channel.
    """
    if not path.exists():
        raise MovieError(f"There is no movie {path}: check the path.")
    return _read_zarr(path) if path.is_dir() else _read_tiff(path)


def _read_tiff(path: Path) -> Recording:
    try:
        with _no_page_lost(), tifffile.TiffFile(path) as tif:
            series = tif.series[0]
            if len(series.pages) == 1 and len(tif.pages) > 1:
                frames, axes = tif.asarray(key=slice(None)), f"T{series.axes}"
            else:
                frames, axes = _map_or_read(path, tif, series), series.axes
            return Recording(_time_y_x(path, frames, axes), *_tiff_scales(tif))
    except MovieError:
        raise
    except Exception as error:
        raise MovieError(
            f"The movie {path} cannot be read: it is damaged, cut short or no TIFF ({error})."
        ) from error


def _map_or_read(path: Path, tif: tifffile.TiffFile, series: tifffile.TiffPageSeries) -> np.ndarray:
    """Leave plain pixels on disk, as a recording may not fit in memory; decode others."""
    if series.dataoffset is None or series.keyframe.is_tiled:
        return series.asarray()
    dtype = series.dtype.newbyteorder(tif.byteorder)
    return np.memmap(path, dtype, "r", series.dataoffset, series.shape)


@contextmanager
def _no_page_lost() -> Iterator[None]:
    """Turn what tifffile logs of missing or damaged pages into an error, and keep it quiet."""
    log, lost = logging.getLogger("tifffile"), []

    def keep(record: logging.LogRecord) -> bool:
        damaged = record.levelno >= logging.ERROR
        lost.append(damaged or "invalid page offset" in record.getMessage())
        return False

    log.addFilter(keep)
    try:
        yield
    finally:
        log.removeFilter(keep)
    if any(lost):
        raise ValueError("pages are missing at its end")


def _time_y_x(path: Path, frames: Any, axes: str) -> Any:
    """Bring frames with the given axes to (T, Y, X), or tell why it cannot be."""
    keep = [
        i for i, (n, a) in enumerate(zip(frames.shape, axes, strict=True)) if n > 1 or a in "YX"
    ]
    axes = "".join("T" if axes[i] in "TIQ" else axes[i] for i in keep)
    frames = frames[tuple(slice(None) if i in keep else 0 for i in range(len(frames.shape)))]
    if axes in ("TYXS", "YXS"):
        frames = np.stack([_grey(image) for image in frames.reshape(-1, *frames.shape[-3:])])
        axes = "TYX"
    if axes not in ("TYX", "YX"):
        raise MovieError(
            f"The movie {path} has no single time axis (its axes are {axes}): "
            "save one channel of one plane as T, Y, X."
        )
    dtype = np.dtype(frames.dtype if isinstance(frames, np.ndarray) else frames.dtype.numpy_dtype)
    if dtype.newbyteorder("=") not in (np.uint8, np.uint16):
        raise MovieError(f"The movie {path} has {dtype} pixels: save it with 8 or 16 bits.")
    return frames if axes == "TYX" else frames[None]


def _grey(image: np.ndarray) -> np.ndarray:
    return np.round(image[..., :3].mean(axis=-1)).astype(image.dtype)


def _tiff_scales(tif: tifffile.TiffFile) -> tuple[float | None, float | None]:
    """Pixel size and frame interval from OME or ImageJ metadata."""
    if tif.ome_metadata:
        root = ElementTree.fromstring(tif.ome_metadata)
        pixels = next(element for element in root.iter() if element.tag.endswith("}Pixels")).attrib
        return (
            _in_unit(pixels.get("PhysicalSizeX"), pixels.get("PhysicalSizeXUnit", "µm"), UM),
            _in_unit(pixels.get("TimeIncrement"), pixels.get("TimeIncrementUnit", "s"), SECONDS),
        )
    if tif.imagej_metadata:
        told, resolution = tif.imagej_metadata, tif.pages.first.tags.get("XResolution")
        per_unit, one = resolution.value if resolution else (0, 1)
        return (
            _in_unit(one / per_unit if per_unit else None, told.get("unit", ""), UM),
            _in_unit(told.get("finterval"), told.get("tunit", "s"), SECONDS),
        )
    return None, None


def _in_unit(value: Any, unit: str, units: dict[str, float]) -> float | None:
    """Convert to µm or seconds; None where the file leaves it open."""
    if value is None or unit not in units or not float(value) > 0:
        return None
    return float(value) * units[unit]


def _read_zarr(path: Path) -> Recording:
    import tensorstore
    import yaozarrs

    try:
        group = yaozarrs.open_group(path)
        image: Any = group.ome_metadata()
        axes = image.multiscales[0].axes
        level = image.multiscales[0].datasets[0]
        array: Any = group[level.path]
        spec = array.to_tensorstore().spec().to_json()
        spec["fill_missing_data_reads"] = False
        frames = tensorstore.open(spec).result()
    except Exception as error:
        raise MovieError(f"The folder {path} is not an OME-Zarr image: give a movie.") from error
    scales = {
        axis.name: _in_unit(scale, axis.unit or "", UM | SECONDS)
        for axis, scale in zip(axes, level.scale_transform.scale, strict=True)
        if axis.type in ("space", "time")
    }
    names = "".join(axis.name.upper() for axis in axes)
    return Recording(_time_y_x(path, frames, names), scales.get("x"), scales.get("t"))
