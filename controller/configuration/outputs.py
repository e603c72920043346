"""What commands may write to: nothing that is there already; and files that are whole or not there.

What can be known before the work is refused before it.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


def check_new_folder(folder: Path, option: str = "--out") -> None:
    """Refuse a folder for results that is there already, but for an empty one, or cannot be made.

    Raises
    ------
    FileExistsError
        If it is a file, lies below one, or is not empty.
    PermissionError
        If nothing can be written there.
    """
    if folder.is_dir() and any(folder.iterdir()):
        raise FileExistsError(f"{folder} is not empty: choose another folder with {option}.")
    _check_place(folder, option)


def check_new_file(path: Path, option: str = "--out") -> None:
    """Refuse a file for results that is there already, or cannot be written.

    Raises
    ------
    FileExistsError
        If it is there, is a folder, or lies below a file.
    PermissionError
        If nothing can be written there.
    """
    if path.is_dir():
        raise FileExistsError(f"{path} is a folder: name a file in it with {option}.")
    if path.exists():
        raise FileExistsError(f"{path} exists already: choose another name with {option}.")
    _check_place(path, option)


def named_after(path: Path) -> str:
    """Return the name of a file or folder without its suffix, for what is made of it."""
    name = path.resolve().name
    whole = [s for s in (".ome.tif", ".ome.tiff", ".ome.zarr") if name.lower().endswith(s)]
    return (name[: -len(whole[0])] if whole else Path(name).stem) or "movie"


@contextmanager
def written_whole(*paths: Path) -> Iterator[tuple[Path, ...]]:
    """Give names to write to: they become ``paths`` at the end, and are removed if it fails."""
    parts = tuple(path.with_name(f"{path.stem}.part{path.suffix}") for path in paths)
    for path in paths:
        path.parent.mkdir(parents=True, exist_ok=True)
    try:
        yield parts
        for part, path in zip(parts, paths, strict=True):
            part.replace(path)
    finally:
        for part in parts:
            part.unlink(missing_ok=True)


def _check_place(path: Path, option: str) -> None:
    """Make and remove a file in the lowest folder above ``path``, or ``path`` itself, there is."""
    path = path.absolute()
    place = next(above for above in (path, *path.parents) if above.exists())
    if not place.is_dir():
        raise FileExistsError(
            f"{place} is a file, not a folder: choose another folder with {option}."
        )
    probe = place / f".pursuit-{os.getpid()}"
    try:
        probe.touch()
        probe.unlink()
    except OSError as error:
        raise PermissionError(
            f"Nothing can be written in {place} ({error.strerror}): choose another place with "
            f"{option}."
        ) from error
