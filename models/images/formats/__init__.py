"""Formats of image files, one module each, imported when the first such file is read.

In: a path. Out: pixels with their axes and scales, as the file has them. A new format is a
module with a function ``read(path, position)`` that returns a `FileContent`, and its suffixes in
`SUFFIXES`.
"""

from importlib import import_module
from pathlib import Path

from ...errors import ModelError
from .content import POSITIONS, FileContent, chosen

__all__ = ["IMAGE_SUFFIXES", "POSITIONS", "FileContent", "chosen", "read"]

SUFFIXES = {
    "tiff": (".tif", ".tiff"),
    "picture": (".png", ".jpg", ".jpeg", ".bmp", ".gif", ".webp"),
    "video": (".avi", ".m4v", ".mkv", ".mov", ".mp4", ".wmv"),
}
"""Module of a format to the suffixes of its files."""

IMAGE_SUFFIXES = tuple(suffix for suffixes in SUFFIXES.values() for suffix in suffixes)
"""Suffixes of all files that hold images, for who looks through a folder."""

_MAKERS = {
    ".czi": "Zeiss", ".zvi": "Zeiss", ".nd2": "Nikon", ".lif": "Leica", ".xlef": "Leica",
    ".oib": "Olympus", ".oif": "Olympus", ".oir": "Olympus", ".vsi": "Olympus", ".ims": "Imaris",
    ".dv": "DeltaVision", ".r3d": "DeltaVision",
}  # fmt: skip
"""Suffixes of formats that only their makers' programs and Bio-Formats read, and whose they are."""
_FOLDER = "ome_zarr"
"""Module of the only format that is a folder."""
_TIFF_SIGNATURES = (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")
"""How a TIFF or BigTIFF file begins, whatever it is called (TIFF 6.0, page 13, and BigTIFF)."""


def read(path: Path, position: int | str | None = None) -> FileContent:
    """Read what a file or folder holds, pixels later where the format allows it.

    Parameters
    ----------
    path : Path
    position : int or str, optional
        Which of several fields, by its number from 0 or its name.

    Raises
    ------
    ModelError
        If it cannot be read, or holds several fields and none is chosen.
    """
    maker = _MAKERS.get(path.suffix.lower())
    if maker is not None:
        raise ModelError(
            f"the movie {path} is a file of {maker}: save it as OME-TIFF, with the program that "
            "recorded it or with Fiji (File > Import > Bio-Formats, then File > Save As)"
        )
    return import_module(f".{_format_of(path)}", __name__).read(path, position)


def _format_of(path: Path) -> str:
    if path.is_dir():
        return _FOLDER
    for name, suffixes in SUFFIXES.items():
        if path.suffix.lower() in suffixes:
            return name
    with path.open("rb") as file:
        return "tiff" if file.read(4) in _TIFF_SIGNATURES else "picture"
