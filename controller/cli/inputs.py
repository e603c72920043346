"""What commands read: annotated images and tables of tracks."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from ...models.datasets import Dataset, Tracks

DATA = typer.Argument(
    metavar="DATA...",
    help="Folders with images and labels: label maps, YOLO, Pascal VOC or COCO; "
    "CLASS=FOLDER names the only class of a folder whose labels name none.",
)
Columns = Annotated[
    str,
    typer.Option(
        metavar="KEY=NAME,...",
        help="What the columns track, t, x, y and z are called in the files.",
    ),
]


def read_source(text: str) -> Dataset:
    """Read the data set that an argument names.

    Raises
    ------
    ModelError
        If there is none, or it does not fit.
    """
    from ...models.datasets import read_dataset

    name, equals, folder = text.partition("=")
    if equals and not Path(text).exists():
        return read_dataset(Path(folder), name)
    return read_dataset(Path(text))


def read_all_tracks(paths: list[Path], columns: str) -> list[Tracks]:
    """Read files of tracks; ``columns`` is ``KEY=NAME``, separated by commas.

    Raises
    ------
    ModelError
        If a file or ``columns`` cannot be used.
    """
    from ...models.datasets import read_tracks
    from ...models.errors import ModelError

    names: dict[str, str] = {}
    for pair in filter(None, columns.split(",")):
        key, equals, name = pair.partition("=")
        if not equals or not name:
            raise ModelError(f"--columns takes KEY=NAME, separated by commas, not {pair!r}")
        names[key.strip()] = name.strip()
    return [read_tracks(path, names) for path in paths]
