"""Sequences of the Cell Tracking Challenge: ``01`` with an image a frame beside ``01_GT``.

The format is described at https://celltrackingchallenge.net/datasets/: ``TRA/man_track.txt`` lists
label, first frame, last frame and parent of each track, ``TRA/man_trackNNN.tif`` are label maps.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ..arrays import Floats
from ..errors import ModelError
from ..images import Recording, open_recording
from .label_images import objects_in, read_label_image
from .text import read_text
from .track_files import Tracks
from .track_tables import PIXEL

_Place = tuple[int, float, float, float]
"""Frame, x, y and size."""
_NAME = re.compile(r"(.*?)(\d+)\.tiff?", re.IGNORECASE)
"""Of an image: what stands before its number, and that."""
_LEAST_MASK_PX = 3.0
"""Mean side of the labels from which they are masks; smaller ones are mere markers."""
_MARKER_SPREAD = 0.05
"""Standard deviation of the logarithm of the size below which labels are markers: bodies differ by
more than a twentieth."""


def sequences(folder: Path) -> Iterator[tuple[Path, Path]]:
    """Yield each folder of images in a folder, and where its tracks are."""
    for images in sorted(path for path in folder.iterdir() if path.is_dir()):
        truth = folder / f"{images.name}_GT" / "TRA"
        if truth.is_dir():
            yield images, truth


def open_sequence(folder: Path) -> Recording:
    """Open the images of a folder, in the order of the numbers in their names, as one movie.

    Raises
    ------
    ModelError
        If there is none, one is missing, or they have more than one plane.
    """
    files = _by_frame(folder, "")
    numbers = sorted(files)
    if not files:
        raise ModelError(
            f"the folder {folder} has no images: it needs t000.tif, t001.tif and so on"
        )
    if numbers[-1] - numbers[0] != len(numbers) - 1:
        gap = next(n for n in range(numbers[0], numbers[-1]) if n not in files)
        raise ModelError(f"the folder {folder} has no image of frame {gap}: add it")
    first = open_recording(files[numbers[0]])
    if len(first) > 1:
        raise ModelError(
            f"the image {first.path} has {len(first)} planes: only sequences of flat images, "
            "as those of 2D+t, can be read"
        )
    shape = first.height_px, first.width_px
    return Recording(
        folder,
        _Images([files[n] for n in numbers], shape, first[0].dtype),
        *(first.pixel_um, first.interval_s),
        step_um=None,
        assumed=first.assumed,
    )


class _Images:
    """Images of one size from files, read when indexed."""

    def __init__(self, files: Sequence[Path], shape: tuple[int, int], dtype: np.dtype) -> None:
        self._files, self.shape, self.dtype = files, (len(files), *shape), dtype

    def __getitem__(self, index: int) -> NDArray:
        return open_recording(self._files[index])[0]


def read_challenge_tracks(images: Path, folder: Path, sides_px: tuple[int, int]) -> Tracks:
    """Read label maps and ``man_track.txt``; times are frames, lengths are pixels.

    Frames count from the first of the ``images``. The maps are as wide and high as these,
    ``sides_px``. Sizes are those of the labels, NaN where these are markers, all of about one size.

    Raises
    ------
    ModelError
        If the folder is incomplete, or a map is of another size.
    """
    spans = _spans(folder / "man_track.txt")
    maps = _by_frame(folder, "man_track")
    if not maps:
        raise ModelError(f"the folder {folder} has no label maps man_track000.tif and so on")
    if gap := next((n for n in range(min(maps), max(maps)) if n not in maps), None):
        raise ModelError(f"the folder {folder} has no label map of frame {gap}: add it")
    first = min(_by_frame(images, ""))
    seen: dict[int, list[_Place]] = {label: [] for label in spans}
    for frame, file in sorted(maps.items()):
        labels = read_label_image(file)
        if labels.shape != sides_px[::-1]:
            raise ModelError(
                f"the label map {file} has {labels.shape[1]} × {labels.shape[0]} px, the pictures "
                f"have {sides_px[0]} × {sides_px[1]}: they belong to another sequence"
            )
        for label, x, y, size in _labels(labels):
            if label in seen:
                seen[label].append((frame - first, x, y, size))
    _check_complete(folder, spans, seen, max(maps))
    places = [np.array(track) for track in seen.values()]
    sizes = np.concatenate([track[:, 3] for track in places])
    spread = np.std(np.log(sizes)) if len(sizes) else 0.0
    are_masks = np.mean(sizes) > _LEAST_MASK_PX and spread > _MARKER_SPREAD
    return Tracks(
        f"{folder.parent.name}/{folder.name}",
        tuple(track[:, 0].astype(np.float64) for track in places),
        tuple(track[:, 1:3] for track in places),
        1.0,
        sizes=tuple(_if(are_masks, track[:, 3]) for track in places),
        unit=PIXEL,
        in_frames=True,
    )


def _by_frame(folder: Path, prefix: str) -> dict[int, Path]:
    """Return the TIFF files whose names begin so, by the number at their end."""
    named = [(_NAME.fullmatch(path.name), path) for path in sorted(folder.iterdir())]
    return {int(name[2]): path for name, path in named if name and name[1].startswith(prefix)}


def _spans(table: Path) -> dict[int, tuple[int, int]]:
    """Read the first and the last frame of each label."""
    try:
        lines = [line.split() for line in read_text(table).splitlines()]
        rows = [[int(cell) for cell in line] for line in lines if line]
        spans = {label: (first, last) for label, first, last, _ in rows}
    except ValueError as error:
        problem = "cannot be read" if table.exists() else "are missing"
        raise ModelError(
            f"the tracks {table} {problem}: write a line with label, first frame, last frame and "
            "parent (0 if none) for each"
        ) from error
    if not spans:
        raise ModelError(f"the tracks {table} are none: name another sequence")
    return spans


def _check_complete(
    folder: Path,
    spans: Mapping[int, tuple[int, int]],
    seen: Mapping[int, Sequence[_Place]],
    last_map: int,
) -> None:
    """Refuse labels that are in no map, or go on after the last; a track may have gaps."""
    for label, (first, last) in spans.items():
        if not seen[label] or last > last_map:
            what = "it is in none" if not seen[label] else f"the last map is of frame {last_map}"
            raise ModelError(
                f"the label maps in {folder} are incomplete: man_track.txt has label {label} from "
                f"frame {first} to {last}, and {what}: add its masks, or correct man_track.txt"
            )


def _labels(labels: NDArray) -> Iterator[tuple[int, float, float, float]]:
    """Yield label, x, y and root of the area of the box of each object."""
    for label, place, mask in objects_in(labels):
        rows, columns = np.nonzero(mask)
        height, width = mask.shape
        x, y = place[1].start + columns.mean(), place[0].start + rows.mean()
        yield label, float(x), float(y), float(np.sqrt(height * width))


def _if(known: bool | np.bool_, sizes: Floats) -> Floats:
    return sizes if known else np.full(len(sizes), np.nan)
