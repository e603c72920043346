"""Tracks from TrackMate: the file that it saves itself, or its simplified export of tracks.

The elements are described at https://imagej.net/plugins/trackmate/.
"""

from __future__ import annotations

import math
from collections import defaultdict
from pathlib import Path
from xml.etree import ElementTree

import numpy as np

from ..errors import ModelError
from .track_files import Tracks
from .track_tables import PIXEL, PIXELS

_Place = tuple[float, float, float, float]
"""Frame, x, y and size."""


def read_trackmate(path: Path) -> Tracks:
    """Read tracks; times are frames, lengths are pixels.

    A track that divides is cut where it does: each branch is an object.

    Raises
    ------
    ModelError
        If the file cannot be read, or has no tracks.
    """
    try:
        root = ElementTree.parse(path).getroot()
        tracks = _simplified(root) if root.tag == "Tracks" else _saved(root)
    except (OSError, ElementTree.ParseError, KeyError, ValueError) as error:
        raise ModelError(f"the TrackMate file {path} cannot be read: {error}") from error
    places = [np.array(sorted(track)) for track in tracks if len(track) > 1]
    if not places:
        raise ModelError(f"the TrackMate file {path} has no tracks")
    return Tracks(
        f"{path.resolve().parent.name}/{path.name}",
        tuple(track[:, 0] for track in places),
        tuple(track[:, 1:3] for track in places),
        1.0,
        sizes=tuple(track[:, 3] for track in places),
        unit=PIXEL,
        in_frames=True,
    )


def _simplified(root: ElementTree.Element) -> list[list[_Place]]:
    """Of an export: its positions are in the unit of space, which nothing relates to pixels."""
    if root.get("spaceUnits", "pixel") not in PIXELS:
        raise ValueError("its positions are not in pixels: save the whole TrackMate file instead")
    return [
        [
            (float(at.attrib["t"]), float(at.attrib["x"]), float(at.attrib["y"]), math.nan)
            for at in particle.iter("detection")
        ]
        for particle in root.iter("particle")
    ]


def _saved(root: ElementTree.Element) -> list[list[_Place]]:
    width, height = _pixel(root)
    spots: dict[str, _Place] = {}
    for spot in root.iter("Spot"):
        told = spot.attrib
        x, y = float(told["POSITION_X"]) / width, float(told["POSITION_Y"]) / height
        size = 2 * float(told.get("RADIUS", "nan")) / width
        spots[told["ID"]] = float(told["FRAME"]), x, y, size
    kept = {track.attrib["TRACK_ID"] for track in root.iter("TrackID")}
    branches = []
    for track in root.iter("Track"):
        if not kept or track.attrib.get("TRACK_ID") in kept:
            edges = [
                (edge.attrib["SPOT_SOURCE_ID"], edge.attrib["SPOT_TARGET_ID"])
                for edge in track.iter("Edge")
            ]
            branches += [[spots[id] for id in branch] for branch in _branches(edges, spots)]
    return branches


def _pixel(root: ElementTree.Element) -> tuple[float, float]:
    """Width and height of a pixel in the unit of space."""
    image, model = next(root.iter("ImageData"), None), next(root.iter("Model"), None)
    if image is None:
        if model is not None and model.get("spatialunits", "pixel") not in PIXELS:
            raise ValueError("it does not tell the size of a pixel: save it with its image")
        return 1.0, 1.0
    width, height = (float(image.get(f"pixel{side}", 1.0)) for side in ("width", "height"))
    if not (width > 0 and height > 0):
        raise ValueError(f"a pixel is {width:g} × {height:g} in it")
    return width, height


def _branches(edges: list[tuple[str, str]], spots: dict[str, _Place]) -> list[list[str]]:
    """Cut the links of a track into lines that neither divide nor join."""
    after, before = defaultdict(list), defaultdict(list)
    for one, other in edges:
        first, second = sorted((one, other), key=lambda id: spots[id][0])
        after[first].append(second)
        before[second].append(first)
    straight = {id: next_[0] for id, next_ in after.items() if len(next_) == 1}
    straight = {id: next_ for id, next_ in straight.items() if len(before[next_]) == 1}
    lines, continued = [], set(straight.values())
    for id in sorted({id for edge in edges for id in edge} - continued):
        line = [id]
        while line[-1] in straight:
            line.append(straight[line[-1]])
        lines.append(line)
    return lines
