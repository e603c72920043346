"""Scales and names of channels that OME, ImageJ and plain tags tell of a TIFF file."""

from __future__ import annotations

from typing import Any

import tifffile

from .units import UNITS, in_unit, number

_RESOLUTION_UNITS = {2: "inch", 3: "cm"}
"""Of the tag ResolutionUnit (TIFF 6.0, page 38)."""
_LARGEST_UM = 20.0
"""Edge of the largest pixel that a plain tag may tell. Chosen: beyond it lie the 72 to 1200 dots
per inch that programs write of pictures for paper."""

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
    scales = in_unit(**_resolutions(tif, _RESOLUTION_UNITS.get(int(unit), "")))
    return scales if all(edge_um < _LARGEST_UM for edge_um in scales.values()) else {}


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
    scales = in_unit(**told)
    if "T" not in scales:
        scales |= in_unit(T=(_mean_step_s(_listed(pixels.get("Plane"))), "s"))
    return scales


def _mean_step_s(planes: list[Table]) -> float | None:
    """Time from image to image by what each plane tells, of the first plane of each time."""
    times_s: dict[int, float] = {}
    for plane in planes:
        value, unit = number(plane.get("DeltaT")), plane.get("DeltaTUnit", "s")
        if value is not None and unit in UNITS:
            times_s.setdefault(int(plane.get("TheT", 0)), value * UNITS[unit])
    if len(times_s) < 2:
        return None
    first, last = min(times_s), max(times_s)
    return (times_s[last] - times_s[first]) / (last - first)


def _imagej_scales(tif: tifffile.TiffFile, told: Table) -> dict[str, float]:
    unit = told.get("unit", "")
    rate = number(told.get("fps"))
    interval = number(told.get("finterval")) or (1 / rate if rate else None)
    return in_unit(
        **_resolutions(tif, unit),
        Z=(told.get("spacing"), unit),
        T=(interval, told.get("tunit", "s")),
    )


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
