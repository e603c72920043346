"""TIFF files: plain ones, and those of ImageJ, Micro-Manager and OME."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import tifffile
from numpy.typing import NDArray
from tifffile import PHOTOMETRIC

from ...errors import ModelError
from ..colours import luminance
from . import POSITIONS, FileContent, chosen
from .tiff_metadata import channels_of, scales_of

_COLOURS = {PHOTOMETRIC.RGB, PHOTOMETRIC.YCBCR, PHOTOMETRIC.CIELAB}
_PLANES_OR_TIMES = (
    "the {1} planes of {0} are taken as its colours: if they are times, save it as a movie "
    "(with tifffile, give photometric='minisblack')"
)
_LOST = ("invalid page offset", "failed to read", "is missing")
"""What tifffile warns of pages that are not there, and fills with zeros."""
_NO_PIXELS = "read_micromanager_metadata"
"""Where it warns of what Micro-Manager writes at the end of a recording: an index, settings of the
display, comments."""


def read(path: Path, position: int | str | None = None) -> FileContent:
    """Read a file; plain pixels stay on disk, as a movie may not fit in memory."""
    try:
        with _lost_pages_refused(path), tifffile.TiffFile(path) as tif:
            return _content(path, tif, position)
    except ModelError:
        raise
    except Exception as error:
        raise ModelError(
            f"the movie {path} cannot be read: it is damaged, cut short or no TIFF ({error})"
        ) from error


def _content(path: Path, tif: tifffile.TiffFile, position: int | str | None) -> FileContent:
    which = 0
    if _is_one_page_each(tif):
        pixels, axes = tif.asarray(key=slice(None)), f"T{tif.series[0].axes}"
    else:
        series = tif.series[0]
        if len(tif.series) > 1 or not {*POSITIONS} & {*series.axes}:
            names = [one.name for one in tif.series] if len(tif.series) > 1 else [""]
            which = chosen(path, "position", names, position)
            series = tif.series[which]
        pixels, axes = _mapped_or_decoded(path, tif, series), series.axes
    page, note = tif.series[which].keyframe, ""
    if page.photometric not in _COLOURS:
        axes = axes.replace("S", "C")
    if axes == "SYX":
        note = _PLANES_OR_TIMES.format(path.name, len(pixels))
    return FileContent(
        pixels,
        axes,
        scales_of(tif, which),
        channels_of(tif, which),
        _to_grey(page, "S" in axes),
        note,
    )


def _is_one_page_each(tif: tifffile.TiffFile) -> bool:
    """Whether it is a movie whose frames are series of their own, all alike."""
    shapes = {(series.shape, series.dtype) for series in tif.series}
    pages = {len(series.pages) for series in tif.series}
    return not tif.is_ome and len(tif.pages) > 1 and pages == {1} and len(shapes) == 1


def _to_grey(page: Any, has_colours: bool) -> Callable[[NDArray], NDArray] | None:
    """What turns pixels as they are stored into what is bright where light was."""
    if has_colours:
        return luminance
    if page.photometric == PHOTOMETRIC.MINISWHITE:
        return lambda image: np.negative(image) if image.dtype.kind in "if" else np.invert(image)
    if page.photometric == PHOTOMETRIC.PALETTE and page.colormap is not None:
        grey = luminance(page.colormap.T[None])[0]
        return lambda image: grey[image]
    return None


def _mapped_or_decoded(
    path: Path, tif: tifffile.TiffFile, series: tifffile.TiffPageSeries
) -> NDArray:
    if series.dataoffset is None or series.keyframe.is_tiled:
        return series.asarray()
    dtype = series.dtype.newbyteorder(tif.byteorder)
    return np.memmap(path, dtype, "r", series.dataoffset, series.shape)


@contextmanager
def _lost_pages_refused(path: Path) -> Iterator[None]:
    """Turn what tifffile logs of missing pages or files into an error, and keep it quiet."""
    log, lost = logging.getLogger("tifffile"), list[str]()

    def keep(record: logging.LogRecord) -> bool:
        text = record.getMessage()
        is_lost = record.levelno >= logging.ERROR or any(words in text for words in _LOST)
        if is_lost and _NO_PIXELS not in text:
            lost.append(text)
        return False

    log.addFilter(keep)
    try:
        yield
    finally:
        log.removeFilter(keep)
    if lost:
        raise ValueError(_missing_file(path, lost) or "pages are missing at its end")


def _missing_file(path: Path, said: list[str]) -> str:
    """Which other file of a set is not there, if that is what was said; else empty."""
    texts = [text.partition("failed to read ")[2] for text in said]
    named = [text.split("'")[1] for text in texts if text.startswith("'")]
    return f"{Path(named[0]).name}, a part of it, is not beside it" if named else ""
