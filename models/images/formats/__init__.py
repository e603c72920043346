"""Formats of image files, one module each, imported when the first such file is read.

In: a path. Out: pixels with their axes and scales, as the file has them. A new format is a
module with a function ``read(path)`` that returns a `FileContent`, and its suffixes in `SUFFIXES`.
"""

from importlib import import_module
from pathlib import Path

from .content import FileContent, in_unit

__all__ = ["IMAGE_SUFFIXES", "FileContent", "in_unit", "read"]

SUFFIXES = {
    "tiff": (".tif", ".tiff"),
    "picture": (".png", ".jpg", ".jpeg", ".bmp"),
}
"""Module of a format to the suffixes of its files."""

IMAGE_SUFFIXES = tuple(suffix for suffixes in SUFFIXES.values() for suffix in suffixes)
"""Suffixes of all files that hold images, for who looks through a folder."""

_FOLDER = "ome_zarr"
"""Module of the only format that is a folder."""
_TIFF_SIGNATURES = (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")
"""How a TIFF or BigTIFF file begins, whatever it is called (TIFF 6.0, page 13, and BigTIFF)."""


def read(path: Path) -> FileContent:
    """Read what a file or folder holds, pixels later where the format allows it.

    Raises
    ------
    ModelError
        If it cannot be read.
    """
    content: FileContent = import_module(f".{_format_of(path)}", __name__).read(path)
    return content


def _format_of(path: Path) -> str:
    if path.is_dir():
        return _FOLDER
    for name, suffixes in SUFFIXES.items():
        if path.suffix.lower() in suffixes:
            return name
    with path.open("rb") as file:
        return "tiff" if file.read(4) in _TIFF_SIGNATURES else "picture"
