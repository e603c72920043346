"""Scales and names of channels that OME, ImageJ and plain tags tell of a TIFF file."""

from __future__ import annotations

from itertools import pairwise
from statistics import median
from typing import Any

import tifffile

from .units import in_unit, number, unit_of

_RESOLUTION_UNITS = {2: "inch", 3: "cm"}
"""Of the tag ResolutionUnit (TIFF 6.0, page 38)."""
_MICROMANAGER_TAG, _DATED_PAGES = 51123, 200
"""Of Micro-Manager's JSON about a page, and pages that are asked for it. Chosen: enough for a
median of any camera, in a tenth of a second."""
_PAPER_UNITS = ("inch", "in", "cm")
_LARGEST_UM = 20.0
"""Edge of the largest pixel that is believed in these units. Chosen: beyond it lie the 72 to 1200
dots per inch that programs write of pictures for paper."""
_SAME_TIME = 0.1
"""Difference of the interval that was planned from the measured one, over that, up to which it is
believed. Chosen: delays of cameras are less."""

Table = dict[str, Any]


def scales_of(tif: tifffile.TiffFile, which: int) -> dict[str, float]:
    """Scales of a series from OME or ImageJ metadata, or plain tags.

    OME-XML is read without ome-types, which takes 0.4 s to import and refuses files that break
    its schema elsewhere.
    """
    if tif.ome_metadata:
        return _ome_scales(_ome_pixels(tif.ome_metadata, which))
    if tif.imagej_metadata:
        return _imagej_scales(tif, tif.imagej_metadata)
    unit = tif.pages.first.tags.valueof(296, 2)
    scales = _edges_um(tif, _RESOLUTION_UNITS.get(int(unit), ""))
    return scales | in_unit(T=(_elapsed_step_ms(tif), "ms")) if tif.is_micromanager else scales


def channels_of(tif: tifffile.TiffFile, which: int) -> tuple[str, ...]:
    """Names of the channels of a series, empty if none are told."""
    if tif.ome_metadata:
        channels = _listed(_ome_pixels(tif.ome_metadata, which).get("Channel"))
        return tuple(str(channel.get("Name", "")) for channel in channels)
    about = tif.micromanager_metadata or {}
    return tuple(map(str, about.get("Summary", {}).get("ChNames", ())))


def _ome_pixels(xml: str, which: int) -> Table:
    images = _listed(tifffile.xml2dict(xml)["OME"].get("Image"))
    return images[which].get("Pixels", {}) if which < len(images) else {}


def _ome_scales(pixels: Table) -> dict[str, float]:
    told = {
        axis: (pixels.get(f"PhysicalSize{axis}"), pixels.get(f"PhysicalSize{axis}Unit", "µm"))
        for axis in "XYZ"
    }
    told["T"] = (pixels.get("TimeIncrement"), pixels.get("TimeIncrementUnit", "s"))
    scales, measured = in_unit(**told), in_unit(T=(_step_s(_listed(pixels.get("Plane"))), "s"))
    planned_s, measured_s = scales.get("T"), measured.get("T")
    if measured_s and not (planned_s and abs(planned_s - measured_s) < _SAME_TIME * measured_s):
        return scales | measured
    return scales


def _step_s(planes: list[Table]) -> float | None:
    """Usual time from image to image by what each plane tells, of the first plane of each time."""
    times_s: dict[int, float] = {}
    for plane in planes:
        value, unit = number(plane.get("DeltaT")), unit_of(plane.get("DeltaTUnit", "s"))
        if value is not None and unit is not None:
            times_s.setdefault(int(plane.get("TheT", 0)), value * unit)
    return _usual_step(times_s)


def _elapsed_step_ms(tif: tifffile.TiffFile) -> float | None:
    """Usual time from frame to frame, of those that Micro-Manager dates in the first pages."""
    times_ms: dict[int, float] = {}
    for page in tif.pages[:_DATED_PAGES]:
        about = page.aspage().tags.valueof(_MICROMANAGER_TAG)
        told = about if isinstance(about, dict) else {}
        at_ms, frame = number(told.get("ElapsedTime-ms")), number(told.get("FrameIndex"))
        if at_ms is not None and frame is not None:
            times_ms.setdefault(int(frame), at_ms)
    return _usual_step(times_ms)


def _usual_step(times: dict[int, float]) -> float | None:
    """Median step from one to the next of what is dated; None of fewer than two."""
    steps = [(times[b] - times[a]) / (b - a) for a, b in pairwise(sorted(times))]
    return median(steps) if steps else None


def _imagej_scales(tif: tifffile.TiffFile, told: Table) -> dict[str, float]:
    unit = told.get("unit", "")
    rate = number(told.get("fps"))
    interval = number(told.get("finterval")) or (1 / rate if rate else None)
    others = in_unit(Z=(told.get("spacing"), unit), T=(interval, told.get("tunit", "s")))
    return _edges_um(tif, unit) | others


def _edges_um(tif: tifffile.TiffFile, unit: str) -> dict[str, float]:
    """Edges of a pixel by the tags for resolution; none if it is that of a picture on paper."""
    scales = in_unit(**_resolutions(tif, unit))
    on_paper = unit.lower() in _PAPER_UNITS and any(um >= _LARGEST_UM for um in scales.values())
    return {} if on_paper else scales


def _resolutions(tif: tifffile.TiffFile, unit: str) -> dict[str, tuple[float | None, str]]:
    """Edges of a pixel in a unit, by the tags that tell pixels per unit."""
    edges: dict[str, tuple[float | None, str]] = {}
    for axis, tag in (("X", 282), ("Y", 283)):
        per_unit, one = tif.pages.first.tags.valueof(tag, (0, 1))
        edges[axis] = (one / per_unit if per_unit else None, unit)
    return edges


def _listed(value: Any) -> list[Table]:
    """Return elements of which an XML dictionary holds none, one, or a list."""
    if value is None:
        return []
    return value if isinstance(value, list) else [value]
