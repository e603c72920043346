"""TIFF files, with the scales that OME and ImageJ write into them."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import tifffile

from ...errors import ModelError
from . import FileContent, in_unit


def read(path: Path) -> FileContent:
    """Read a file; plain pixels stay on disk, as a movie may not fit in memory."""
    try:
        with _lost_pages_refused(), tifffile.TiffFile(path) as tif:
            series = tif.series[0]
            if len(series.pages) == 1 and len(tif.pages) > 1:
                pixels, axes = tif.asarray(key=slice(None)), f"T{series.axes}"
            else:
                pixels, axes = _mapped_or_decoded(path, tif, series), series.axes
            return FileContent(pixels, axes, _scales(tif))
    except Exception as error:
        raise ModelError(
            f"the movie {path} cannot be read: it is damaged, cut short or no TIFF ({error})"
        ) from error


def _mapped_or_decoded(
    path: Path, tif: tifffile.TiffFile, series: tifffile.TiffPageSeries
) -> np.ndarray:
    if series.dataoffset is None or series.keyframe.is_tiled:
        return series.asarray()
    dtype = series.dtype.newbyteorder(tif.byteorder)
    return np.memmap(path, dtype, "r", series.dataoffset, series.shape)


@contextmanager
def _lost_pages_refused() -> Iterator[None]:
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


def _scales(tif: tifffile.TiffFile) -> dict[str, float]:
    """Scales from OME or ImageJ metadata.

    OME-XML is read without ome-types, which takes 0.4 s to import and refuses files that break
    its schema elsewhere.
    """
    if tif.ome_metadata:
        image = tifffile.xml2dict(tif.ome_metadata)["OME"]["Image"]
        pixels = (image[0] if isinstance(image, list) else image)["Pixels"]
        return in_unit(
            X=(pixels.get("PhysicalSizeX"), pixels.get("PhysicalSizeXUnit", "µm")),
            Z=(pixels.get("PhysicalSizeZ"), pixels.get("PhysicalSizeZUnit", "µm")),
            T=(pixels.get("TimeIncrement"), pixels.get("TimeIncrementUnit", "s")),
        )
    if tif.imagej_metadata:
        told, resolution = tif.imagej_metadata, tif.pages.first.tags.get("XResolution")
        per_unit, one = resolution.value if resolution else (0, 1)
        unit = told.get("unit", "")
        return in_unit(
            X=(one / per_unit if per_unit else None, unit),
            Z=(told.get("spacing"), unit),
            T=(told.get("finterval"), told.get("tunit", "s")),
        )
    return {}
